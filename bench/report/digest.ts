import { type Writing, writeRatio, writingOf } from "./numbers.ts";
import type { Measure, Row } from "./results.ts";
import { type Judgement, judge, median, ratio, type Spread, spread } from "./statistics.ts";

/** A measure, worked out: what tables and charts show of it in the same figures. */
export interface Digest {
  readonly measure: Measure;
  /** Its subjects are sizes, and what it shows is growth. */
  readonly growth: boolean;
  readonly writing: Writing;
  /** Whom the ratios are to: ours, or the least size; undefined if that was not measured. */
  readonly base: string | undefined;
  readonly lines: readonly (Measured | Skipped)[];
  readonly judgements: readonly Judgement[];
}

/** One that has values. */
export interface Measured {
  readonly subject: string;
  readonly ours: boolean;
  readonly median: number;
  readonly spread: Spread;
  readonly rounds: readonly number[];
  readonly ratio: number | undefined;
}

/** One that has none, and why. */
export interface Skipped {
  readonly subject: string;
  readonly ours: boolean;
  readonly skipped: string;
}

/** Works a measure out. Ours is who is called `belfry`, and who begins so: `belfry (portable)`. */
export function digest(measure: Measure): Digest {
  const { rows, bounds = [], unit } = measure;
  const growth = rows.length > 1 && rows.every(({ subject }) => sizeOf(subject) !== undefined);
  const ordered = growth ? rows.toSorted((one, other) => size(one.subject) - size(other.subject)) : rows;
  const base = growth ? ordered.find(({ rounds }) => rounds.length > 0) : oursOf(rows);
  return {
    measure,
    growth,
    base: base?.subject,
    writing: writingOf(
      unit,
      rows.map(({ rounds }) => rounds),
    ),
    lines: ordered.map((row) => lineOf(row, base)),
    judgements: bounds.map((bound) => judge(measure, bound)),
  };
}

/** Those of a digest that have values. */
export function measuredOf({ lines }: Digest): Measured[] {
  return lines.filter((line) => "rounds" in line);
}

/** The number that a size is, `15,000`; undefined if it is none. */
export function sizeOf(subject: string): number | undefined {
  return /^[1-9]\d*$|^[1-9]\d{0,2}(,\d{3})+$/.test(subject) ? Number(subject.replaceAll(",", "")) : undefined;
}

/** `µs, less is better`. */
export function scaleOf({ measure, writing }: Digest): string {
  return `${writing.unit}, ${measure.better} is better`;
}

/** The least and the most of the rounds, `7.81–8.02`. */
export function writeSpread({ writing }: Digest, { least, most }: Spread): string {
  return `${writing.write(least)}–${writing.write(most)}`;
}

/** `belfry: 112 bytes, 1.00×`, or `ws: skipped, it is not installed`. */
export function writeLine({ writing }: Digest, line: Measured | Skipped): string {
  if ("skipped" in line) return `${line.subject}: skipped, ${line.skipped}`;
  return `${line.subject}: ${writing.write(line.median)} ${writing.unit}, ${writeRatio(line.ratio)}`;
}

/** `belfry at most 1.2 × floor (C)`, or `at 50,000 at most 1.2 × that at 1,000`. */
export function writeBound({ bound: { subject, most, of } }: Judgement): string {
  const who = sizeOf(subject) === undefined ? subject : `at ${subject}`;
  return `${who} at most ${most} × ${that(of)}`;
}

/** What the ratios are to, `× belfry`, as the head of a column. */
export function baseOf({ base }: Digest): string {
  return base === undefined ? "Ratio" : `× ${that(base)}`;
}

function that(subject: string): string {
  return sizeOf(subject) === undefined ? subject : `that at ${subject}`;
}

function lineOf({ subject, rounds, skipped }: Row, base: Row | undefined): Measured | Skipped {
  const ours = isOurs(subject);
  if (rounds.length === 0) return { subject, ours, skipped: skipped ?? "it has no rounds" };
  const times = base && ratio(rounds, base.rounds);
  return { subject, ours, rounds, median: median(rounds), spread: spread(rounds), ratio: times };
}

/** Whom others are measured by: `belfry`, or where that was not measured the first of ours that was. */
function oursOf(rows: readonly Row[]): Row | undefined {
  const ours = rows.filter(({ subject, rounds }) => rounds.length > 0 && isOurs(subject));
  return ours.find(({ subject }) => subject.toLowerCase() === "belfry") ?? ours[0];
}

function isOurs(subject: string): boolean {
  return /^belfry\b/i.test(subject);
}

function size(subject: string): number {
  return sizeOf(subject) ?? 0;
}
