import type { Exit } from "../exits.ts";
import { Durations } from "./durations.ts";
import { Tally } from "./tally.ts";

/** How many messages of each kind, to the Bus or from it. */
export interface BusCounts {
  publications: number;
  joins: number;
  leaves: number;
  controls: number;
}

/**
 * What has happened in the notification API since its start. What happens for each message is a plain number that is
 * added to; what has labels happens for commands, and for ends of clients and subscriptions.
 */
export class PushCounts {
  readonly toBus: BusCounts = { publications: 0, joins: 0, leaves: 0, controls: 0 };
  readonly fromBus: BusCounts = { publications: 0, joins: 0, leaves: 0, controls: 0 };
  /** Clients that came, by transport; whether they may connect is decided later. */
  readonly clients: Record<Exit["transport"] | "websocket", number> = {
    websocket: 0,
    http_stream: 0,
    sse: 0,
    uni_sse: 0,
  };
  /** Messages of streams over HTTP, and their bytes; those of WebSockets are counted below, by the server. */
  readonly streams = { messagesReceived: 0, bytesReceived: 0, messagesSent: 0, bytesSent: 0 };
  subscriptions = 0;
  /** Subscriptions that were to recover from a position: how many could, how many could not. */
  recovered = 0;
  unrecovered = 0;
  /** What the server ended, by code. */
  readonly disconnects = new Tally();
  readonly unsubscribes = new Tally();
  /** Error replies by method and code, and how long commands took by method. */
  readonly errors = new Tally();
  readonly commands = new Durations();
  /** The same for the HTTP API. */
  readonly apiErrors = new Tally();
  readonly apiCommands = new Durations();

  /** Begins at 0 again: what came before was not the clients'. */
  clear(): void {
    for (const counts of [this.toBus, this.fromBus, this.clients, this.streams] as Record<string, number>[]) {
      for (const name of Object.keys(counts)) counts[name] = 0;
    }
    this.subscriptions = 0;
    this.recovered = 0;
    this.unrecovered = 0;
    for (const labelled of [this.disconnects, this.unsubscribes, this.errors, this.apiErrors]) labelled.clear();
    for (const durations of [this.commands, this.apiCommands]) durations.clear();
  }
}
