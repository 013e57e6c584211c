import { median } from "./statistics.ts";

/** How the values of a measure are written: all in one unit, with as many digits as tell something. */
export interface Writing {
  /** For captions and heads of tables. */
  readonly unit: string;
  write(value: number): string;
}

interface Step {
  readonly unit: string;
  readonly times: number;
}

const bytes: readonly Step[] = [
  { unit: "bytes", times: 1 },
  { unit: "KiB", times: 2 ** 10 },
  { unit: "MiB", times: 2 ** 20 },
  { unit: "GiB", times: 2 ** 30 },
];
const time: readonly Step[] = [
  { unit: "ns", times: 1 },
  { unit: "µs", times: 1e3 },
  { unit: "ms", times: 1e6 },
  { unit: "s", times: 1e9 },
];
/** A larger unit is taken once even the smallest median is so many of it. */
const LARGER_UNIT_MIN = 10;

/** Decides how the values of these rows are written. A unit that is not known is left as it is. */
export function writingOf(unit: string, rows: readonly (readonly number[])[]): Writing {
  const measured = rows.filter((rounds) => rounds.length > 0);
  const { step, divisor } = stepFor(unit, Math.min(...measured.map(median).filter((value) => value > 0)));
  const whole = measured.flat().every((value) => Number.isInteger(value / divisor));
  return {
    unit: step,
    write: (value) =>
      whole && Number.isInteger(value / divisor) ? grouped(value / divisor, 0) : sensible(value / divisor),
  };
}

/** `0.011×`, `0.98×`, `12.5×`, `534×`; a dash for none. */
export function writeRatio(ratio: number | undefined): string {
  if (ratio === undefined) return "–";
  if (ratio < 0.1) return `${Number(ratio.toPrecision(2))}×`;
  return `${grouped(ratio, ratio >= 100 ? 0 : ratio >= 10 ? 1 : 2)}×`;
}

/** `15.5 GiB`. */
export function writeBytes(count: number): string {
  const { unit, write } = writingOf("bytes", [[count]]);
  return `${write(count)} ${unit}`;
}

function stepFor(unit: string, smallest: number): { step: string; divisor: number } {
  for (const steps of [bytes, time]) {
    const own = steps.find((step) => step.unit === unit);
    if (!own || !Number.isFinite(smallest)) continue;
    const fits = ({ times }: Step) => times >= own.times && (smallest * own.times) / times >= LARGER_UNIT_MIN;
    const best = steps.findLast(fits) ?? own;
    return { step: best.unit, divisor: best.times / own.times };
  }
  return { step: unit === "1/s" ? "per second" : unit, divisor: 1 };
}

/** Three digits, and more only before the point. */
function sensible(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return "0";
  return size >= 1 ? grouped(value, size >= 100 ? 0 : size >= 10 ? 1 : 2) : String(Number(value.toPrecision(3)));
}

function grouped(value: number, digits: number): string {
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
