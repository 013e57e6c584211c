import type { Measure } from "./results.ts";
import { judge, median, ratio, spread } from "./statistics.ts";

/** A measure for a terminal: medians, the least and the most, each beside the first, and which bounds were missed. */
export function textOf(measure: Measure): string {
  const { title, unit, rows, note, bounds = [] } = measure;
  const width = Math.max(...rows.map(({ subject }) => subject.length));
  const [first] = rows;
  const lines = rows.map(({ subject, rounds, skipped }) => {
    const name = `  ${subject.padEnd(width)}`;
    if (skipped !== undefined) return `${name}  ${skipped}`;
    const { least, most } = spread(rounds);
    const times = first && ratio(rounds, first.rounds);
    const beside = times === undefined || subject === first?.subject ? "" : `${short(times)} x`;
    return `${name}  ${short(median(rounds)).padStart(10)}  ${beside.padEnd(9)}  (${short(least)} to ${short(most)})`;
  });
  const missed = bounds.flatMap((bound) => {
    const { verdict, ratio: is } = judge(measure, bound);
    const { subject, of, most } = bound;
    return verdict === "missed" ? [`  missed: ${subject} is ${short(is ?? Number.NaN)} of ${of}, at most ${most}`] : [];
  });
  return [`${title}, ${unit}`, ...lines, ...missed, `  ${note}`, ""].join("\n");
}

function short(value: number): string {
  if (!Number.isFinite(value)) return "none";
  return Math.abs(value) >= 100
    ? value.toLocaleString("en", { maximumFractionDigits: 0 })
    : `${Number(value.toPrecision(3))}`;
}
