import type { Clients } from "./clients.ts";
import type { Hub } from "./hub.ts";
import type { Fields } from "./protocol.ts";

/** What commands may use. */
export interface CommandParts {
  readonly clients: Clients;
  readonly hub: Hub;
  /** Whether a connect without a token is let in. */
  readonly allowAnonymous: boolean;
  /** Whether a client may subscribe to a channel. */
  readonly allowSubscribe: (channel: string) => boolean;
  readonly channelsPerClientMax: number;
  /** The first subscriber of a channel has come: it is wanted of the Bus. */
  readonly occupied: (channel: string) => void;
}

/**
 * Carries out one command of the client on descriptor `fd`; returns its result, or throws ReplyError or
 * DisconnectError.
 */
export type Command = (parts: CommandParts, fd: number, fields: Fields) => object;
