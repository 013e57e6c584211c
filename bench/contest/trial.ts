import type { Measure } from "../report/results.ts";
import type { Contestant } from "./contestants.ts";

/** How large a contest is. */
export interface Size {
  /** That are open and silent, in `idle` and `latency`. */
  readonly connections: number;
  /** Of a fan-out. */
  readonly subscribers: number;
  /** That come back in a storm. */
  readonly clients: number;
  /** That send at once in an echo. */
  readonly busy: number;
  /** That an echo is measured for. */
  readonly seconds: number;
}

/** One way to load a server, and what is measured with it: the unit of `--only`. */
export interface Trial {
  readonly name: string;
  readonly measures: readonly Omit<Measure, "rows">[];
  /** Why it is nothing for a contestant; undefined where it is. */
  skips(contestant: Contestant): string | undefined;
  /** Starts a server and measures it once; a value for each of the measures, by id. */
  run(contestant: Contestant, size: Size): Promise<Readonly<Record<string, number>>>;
}
