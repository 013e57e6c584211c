import type { ServerStats } from "../../server.ts";
import type { BusStatus } from "../bus-health.ts";
import type { PushCounts } from "./counts.ts";

/** What a node holds now. */
export interface NodeStats {
  readonly clients: number;
  readonly users: number;
  readonly channels: number;
  readonly subscriptions: number;
}

/** What the process takes, and how late its event loop was since it was asked before; times are in seconds. */
export interface ProcessStats {
  readonly startedAt: number;
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly heapBytes: number;
  readonly lag: { readonly p50: number; readonly p99: number; readonly max: number };
}

/** Where metrics come from: each function is called at a scrape, and only then. */
export interface MetricsSource {
  readonly version: string;
  readonly server: () => ServerStats;
  /** Descriptors that are held. */
  readonly connections: () => number;
  readonly node: () => NodeStats;
  readonly counts: () => PushCounts;
  /** Publications that are on their way to their subscribers. */
  readonly fanouts: () => number;
  readonly process: () => ProcessStats;
  readonly bus: () => BusStatus;
}
