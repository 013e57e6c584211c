import type { Bound, Measure, Row } from "./results.ts";

/** The middle of the values, or the mean of the two in the middle; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2;
}

/** The least and the most of the values. */
export interface Spread {
  readonly least: number;
  readonly most: number;
}

/** The spread of at least one value. */
export function spread(values: readonly number[]): Spread {
  return { least: Math.min(...values), most: Math.max(...values) };
}

/**
 * How many times another's rounds one's are: the median of the ratios of each round. Rounds are interleaved, so what a
 * machine does for a while slows both in a round, and falls out of its ratio; it does not fall out of a ratio of medians,
 * which is taken only where one has more rounds than the other. Undefined where that is no number, as with a 0 below.
 */
export function ratio(rounds: readonly number[], others: readonly number[]): number | undefined {
  if (rounds.length !== others.length) return ratioOfMedians(rounds, others);
  return finite(median(rounds.map((value, round) => value / (others[round] as number))));
}

/** How many times another's median one's is; undefined where that is no number. */
export function ratioOfMedians(rounds: readonly number[], others: readonly number[]): number | undefined {
  return finite(median(rounds) / median(others));
}

/** What became of a bound. */
export interface Judgement {
  readonly bound: Bound;
  readonly verdict: "reached" | "missed" | "not measured";
  /** Of the rounds, and of the medians; undefined if one of the two was not measured. */
  readonly ratio: number | undefined;
  readonly ofMedians: number | undefined;
}

/**
 * Judges a bound of a measure. It is reached only if both ratios keep it, that of the rounds and that of the medians: no
 * choice between them can turn a miss into a hit.
 */
export function judge({ rows }: Pick<Measure, "rows">, bound: Bound): Judgement {
  const [one, other] = [roundsOf(rows, bound.subject), roundsOf(rows, bound.of)];
  const [ofRounds, ofMedians] = [ratio(one, other), ratioOfMedians(one, other)];
  if (ofRounds === undefined || ofMedians === undefined) {
    return { bound, verdict: "not measured", ratio: undefined, ofMedians: undefined };
  }
  const verdict = Math.max(ofRounds, ofMedians) <= bound.most ? "reached" : "missed";
  return { bound, verdict, ratio: ofRounds, ofMedians };
}

function roundsOf(rows: readonly Row[], subject: string): readonly number[] {
  return rows.find((row) => row.subject === subject)?.rounds ?? [];
}

function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}
