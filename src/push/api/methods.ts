import { connections, disconnect, refresh } from "./connection.ts";
import { history, historyRemove } from "./history.ts";
import type { ApiMethod } from "./method.ts";
import { channels, info } from "./node.ts";
import { presence, presenceStats } from "./presence.ts";
import { broadcast, publish } from "./publication.ts";
import { revoke } from "./revoke.ts";
import { rpc } from "./rpc.ts";
import { subscribe, unsubscribe } from "./subscription.ts";

/** All methods of the HTTP API but `batch`, which is made of them, in the order in which a command is searched. */
export const methods: readonly ApiMethod[] = [
  publish,
  broadcast,
  subscribe,
  unsubscribe,
  disconnect,
  refresh,
  revoke,
  presence,
  presenceStats,
  history,
  historyRemove,
  channels,
  info,
  connections,
  rpc,
];
