import type { Measure } from "../report/results.ts";

/** What one subject came to in one round: a value for each measure of the part, by the measure's id. */
export type Values = Readonly<Record<string, number>>;

/** One of the article's tables: who takes part, what is measured of each, and how. */
export interface Part {
  readonly name: string;
  /** The first is what the others are compared with. */
  readonly subjects: readonly string[];
  readonly measures: readonly Omit<Measure, "rows">[];
  /** One round of one subject. */
  measure(subject: string): Promise<Values>;
}
