/** The machine that results come from, and what ran on it. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly kernel: string;
  /** By name: node, belfry with its commit, and the version of each server that was measured against. */
  readonly versions: Readonly<Record<string, string>>;
}

/** What a measure came to for one of those who took part: a value for each round, or why there is none. */
export interface Row {
  readonly subject: string;
  readonly rounds: readonly number[];
  readonly skipped?: string;
}

/** A bound on the ratio of one's median to another's. */
export interface Bound {
  readonly subject: string;
  readonly of: string;
  readonly most: number;
}

/** One thing that was measured of several. */
export interface Measure {
  /** A word for files and links: `echo-32`. */
  readonly id: string;
  readonly title: string;
  /** Of the values: `bytes`, `µs`, `ms`, `1/s`. */
  readonly unit: string;
  readonly better: "less" | "more";
  /** How it was measured, in a sentence or two. */
  readonly note: string;
  readonly bounds?: readonly Bound[];
  readonly rows: readonly Row[];
}

/** What one command measured; the JSON files under docs/bench are this. */
export interface Results {
  readonly title: string;
  /** The command that gives them again. */
  readonly command: string;
  /** ISO 8601. */
  readonly date: string;
  readonly machine: Machine;
  readonly measures: readonly Measure[];
}
