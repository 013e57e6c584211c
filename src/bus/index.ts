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
export { MemoryBroker } from "./memory.ts";
