import type { Measure } from "../report/results.ts";

/** The medians of one measure, each beside the first, as lines of text. */
export function tableOf({ title, unit, note, rows }: Measure): string {
  const medians = rows.map(({ rounds }) => median(rounds));
  const width = Math.max(...rows.map(({ subject }) => subject.length));
  const lines = rows.map(({ subject }, i) => {
    const value = medians[i] as number;
    const ratio = (value / (medians[0] as number)).toPrecision(3);
    return `  ${subject.padEnd(width)}${shown(value).padStart(12)} ${unit.padEnd(6)}${ratio.padStart(9)} x`;
  });
  return [`${title} (${unit})`, ...lines, `  ${note}`, ""].join("\n");
}

/** The middle one. */
export function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[values.length >> 1] ?? Number.NaN;
}

function shown(value: number): string {
  return value.toLocaleString("en", { maximumFractionDigits: Math.abs(value) < 100 ? 2 : 0 });
}
