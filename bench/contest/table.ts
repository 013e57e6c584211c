import type { Measure } from "../report/results.ts";

/** The results as text: for each measure the medians, the lowest and highest, and the ratio of the first to each. */
export function tableOf(measures: readonly Measure[]): string {
  return measures.map(tableOfOne).join("\n");
}

function tableOfOne({ title, unit, rows, bounds = [] }: Measure): string {
  const first = median(rows[0]?.rounds ?? []);
  const width = Math.max(...rows.map(({ subject }) => subject.length));
  const lines = rows.map(({ subject, rounds, skipped }) => {
    const name = `  ${subject.padEnd(width)}`;
    if (skipped !== undefined) return `${name}  ${skipped}`;
    const [middle, least, most] = [median(rounds), Math.min(...rounds), Math.max(...rounds)].map(short);
    const ratio = `${rows[0]?.subject}: ${short(first / median(rounds))} of it`;
    return `${name}  ${middle?.padStart(9)}  (${least} to ${most})  ${subject === rows[0]?.subject ? "" : ratio}`.trimEnd();
  });
  const broken = bounds.flatMap(({ subject, of, most }) => {
    const [own, other] = [subject, of].map((name) => median(rows.find((row) => row.subject === name)?.rounds ?? []));
    const ratio = (own ?? Number.NaN) / (other ?? Number.NaN);
    return ratio > most ? [`  over its bound: ${subject} is ${short(ratio)} of ${of}, allowed is ${most}`] : [];
  });
  return [`${title}, ${unit}`, ...lines, ...broken, ""].join("\n");
}

/** The middle one, or the mean of both; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
}

function short(value: number): string {
  if (!Number.isFinite(value)) return "none";
  return Math.abs(value) >= 100 ? value.toFixed(0) : `${Number(value.toPrecision(3))}`;
}
