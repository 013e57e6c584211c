export { Crew, type Sight } from "./crew.ts";
export type { LoadEvent, Summary } from "./events.ts";
export type { Percentiles } from "./latencies.ts";
export { type Plan, type Scenario, scenarios } from "./plan.ts";
export { processesFor } from "./processes.ts";
export type { ToPublish } from "./publisher.ts";
export { Run, type RunOptions } from "./run.ts";
export { readSources } from "./sources.ts";
export { findTarget, type Target } from "./target.ts";
