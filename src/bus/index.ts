export type { Broker, Publication } from "./broker.ts";
export { MemoryBroker } from "./memory.ts";
