import type { Percentiles } from "./latencies.ts";

/** What a run tells as it goes on; rates are of the second before, in a summary of the time after all were open. */
export type LoadEvent =
  | {
      readonly event: "opening" | "progress";
      readonly seconds: number;
      readonly connections: number;
      readonly failed: number;
      readonly received: number;
      readonly perSecond: number;
      readonly latencyMs: Percentiles | undefined;
      readonly errors: Readonly<Record<string, number>>;
    }
  | {
      readonly event: "open";
      readonly connections: number;
      readonly failed: number;
      readonly seconds: number;
      readonly perSecond: number;
      readonly openingMs: Percentiles | undefined;
    }
  | Summary;

/** What a run came to. */
export interface Summary {
  readonly event: "summary";
  readonly connections: number;
  readonly opened: number;
  readonly failed: number;
  readonly lost: number;
  readonly processes: number;
  readonly seconds: number;
  readonly published: number;
  readonly messages: number;
  readonly perSecond: number;
  readonly openingMs: Percentiles | undefined;
  readonly latencyMs: Percentiles | undefined;
  readonly errors: Readonly<Record<string, number>>;
  /** What kept it from being more, in a sentence. */
  readonly limitedBy: string;
}
