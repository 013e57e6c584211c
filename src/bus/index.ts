import type { NatsOptions } from "./connect-nats.ts";
import type { NatsBroker } from "./nats.ts";

export type {
  Broker,
  BrokerListener,
  ChannelEvent,
  History,
  HistoryOptions,
  HistoryQuery,
  Publication,
  PublishOptions,
  StreamPosition,
} from "./broker.ts";
export type { NatsOptions } from "./connect-nats.ts";
export { MemoryBroker } from "./memory.ts";
export type { NatsBroker } from "./nats.ts";

/**
 * Connects to a Bus that is beyond this process: `belfry bus`, or NATS. Its client is loaded only then. Rejects with
 * BELFRY_BAD_OPTION for an address that is none, and when nobody is there.
 */
export async function connectNats(options: NatsOptions): Promise<NatsBroker> {
  return await (await import("./connect-nats.ts")).connectNats(options);
}
