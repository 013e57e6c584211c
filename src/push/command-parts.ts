import { randomUUID } from "node:crypto";
import type { Broker } from "../bus/index.ts";
import { limits } from "../limits.ts";
import type { Log } from "../log.ts";
import { tellState } from "./channel-state.ts";
import { Channels } from "./channels.ts";
import type { Clients } from "./clients.ts";
import type { CommandParts } from "./command.ts";
import type { Exits } from "./exits.ts";
import { Expiries } from "./expiries.ts";
import type { Filters } from "./filters.ts";
import { makeGates } from "./gates/gates.ts";
import type { Hub } from "./hub.ts";
import { Identities } from "./identities.ts";
import type { Joins } from "./joins.ts";
import type { PushOptions } from "./push-options.ts";
import type { Recovery } from "./recovery.ts";
import { Revocations } from "./revocations.ts";
import { Subscriptions } from "./subscriptions.ts";
import { Tokens } from "./tokens.ts";
import { UpgradeHeaders } from "./upgrade-headers.ts";
import { countedBroker } from "./vitals/counted-broker.ts";
import type { PushCounts } from "./vitals/counts.ts";

/** What there is already when the parts of the commands are made. */
export interface Given {
  readonly options: PushOptions;
  readonly broker: Broker;
  readonly clients: Clients;
  readonly hub: Hub;
  readonly exits: Exits;
  readonly recovery: Recovery;
  readonly joins: Joins;
  readonly filters: Filters;
  readonly counts: PushCounts;
  readonly text: (fd: number, text: string) => void;
  /** The address of a client's socket. */
  readonly peer: (fd: number) => string;
  readonly log: Log;
}

/** Makes what commands use, but for the other nodes. */
export function makeCommandParts(given: Given): Omit<CommandParts, "survey"> {
  const { options, clients, hub, exits, counts, peer, log } = given;
  const { hooks = {}, allowSubscribe = false } = options;
  const broker = countedBroker(given.broker, counts.toBus);
  const channels = new Channels(options.channels);
  const gates = makeGates(options);
  const identities = new Identities((user) => gates.userRates?.forget(user));
  const now = () => Date.now() / 1000;
  const occupied = (channel: string) => tellState(hooks, log, channel, true);
  return {
    clients,
    identities,
    expiries: new Expiries(),
    hub,
    channels,
    subscriptions: new Subscriptions({ ...given, channels, identities, broker, now, occupied }),
    broker,
    hooks,
    tokens: new Tokens(options.tokens ?? {}, Date.now, log),
    revocations: new Revocations(now),
    headers: new UpgradeHeaders(),
    exits,
    node: randomUUID(),
    allowAnonymous: options.allowAnonymous ?? false,
    allowSubscribe: typeof allowSubscribe === "function" ? allowSubscribe : () => allowSubscribe,
    channelsPerClientMax: options.channelsPerClientMax ?? limits.channelsPerClientMax,
    connectionsPerUserMax: options.connectionsPerUserMax ?? limits.connectionsPerUserMax,
    counts,
    ...gates,
    remoteAddress: (fd) => exits.of(fd)?.remoteAddress ?? peer(fd),
    now,
  };
}
