import { type Digest, type Measured, measuredOf, sizeOf } from "./digest.ts";
import type { Drawing } from "./drawing.ts";
import { classed, type Markup, markup } from "./markup.ts";

const HEIGHT_PX = 216;
const TOP_PX = 34;
const BOTTOM_PX = 190;
const SIZES_PX = 212;
const CAP_PX = 4;
/** What is left free at both sides, and where labels that would stick out begin or end at their point instead. */
const SIDE = 4;
const EDGE = 12;
/** Labels must not touch on the narrowest phone: its width, and that of a digit. */
const NARROWEST_PX = 270;
const DIGIT_PX = 8.5;

interface Point {
  readonly line: Measured;
  /** Per cent across. */
  readonly x: number;
  y(value: number): number;
}

/** A curve of medians over sizes, which lie across by their logarithm; up is from 0, so that a growth looks as large as it is. */
export function growth(digest: Digest): Drawing {
  const points = pointsOf(measuredOf(digest));
  const values = points.map(({ line }) => digest.writing.write(line.median));
  const [shown, told] = [roomFor(points, values), roomFor(points, sizesOf(points))];
  const marks = markup`<line x1="0" x2="100%" y1="${BOTTOM_PX}" y2="${BOTTOM_PX}" class="axis"/>\
<text y="${BOTTOM_PX - 6}" class="soft">0</text>
${points.slice(1).map((point, index) => segment(points[index] as Point, point))}
${points.map((point) => mark(point))}
${shown.map(({ point, label }) => text(point, label, point.y(point.line.spread.most) - 12, "strong"))}
${told.map(({ point, label }) => text(point, label, SIZES_PX, "soft"))}`;
  return { marks, heightPx: HEIGHT_PX };
}

function pointsOf(lines: readonly Measured[]): Point[] {
  const logs = lines.map(({ subject }) => Math.log(sizeOf(subject) ?? 1));
  const [first, last] = [logs[0] ?? 0, logs.at(-1) ?? 0];
  const most = Math.max(...lines.map(({ spread }) => spread.most)) || 1;
  const y = (value: number) => Math.round(BOTTOM_PX - ((BOTTOM_PX - TOP_PX) * value) / most);
  return lines.map((line, index) => {
    const part = last > first ? ((logs[index] as number) - first) / (last - first) : 0.5;
    return { line, y, x: +(SIDE + part * (100 - 2 * SIDE)).toFixed(2) };
  });
}

function segment(from: Point, to: Point): Markup {
  const [y1, y2] = [from.y(from.line.median), to.y(to.line.median)];
  return markup`<line x1="${from.x}%" y1="${y1}" x2="${to.x}%" y2="${y2}" class="curve"/>`;
}

/** A place of its own at its per cent, as a path has none. */
function mark({ line: { spread, median }, x, y }: Point): Markup {
  const [low, high] = [y(spread.least), y(spread.most)];
  const [left, width] = [-CAP_PX, 2 * CAP_PX];
  const whisker =
    low === high
      ? ""
      : markup`<path d="M0 ${low}V${high}M${left} ${low}h${width}M${left} ${high}h${width}" class="spread"/>`;
  return markup`<svg x="${x}%" overflow="visible"><path d="M0 ${BOTTOM_PX}v5" class="axis"/>${whisker}\
<circle cy="${y(median)}" r="4.5" class="ours"/></svg>
`;
}

function text({ x }: Point, label: string, y: number, kind: string): Markup {
  const [at, anchor] = x < EDGE ? [0, ""] : x > 100 - EDGE ? [100, "end"] : [x, "middle"];
  return markup`<text x="${at}%" y="${y}"${classed(anchor, kind)}>${label}</text>`;
}

function sizesOf(points: readonly Point[]): string[] {
  return points.map(({ line }) => line.subject);
}

/** The labels that have room beside each other: the first and the last always, of the others those that touch none. */
function roomFor(points: readonly Point[], labels: readonly string[]): { point: Point; label: string }[] {
  const all = points.map((point, index) => ({
    point,
    label: labels[index] as string,
    ...room(point, labels[index] as string),
  }));
  const last = all.at(-1);
  let end = Number.NEGATIVE_INFINITY;
  return all.filter((one) => {
    const fits = one === last || (one.from > end && one.to < (last?.from ?? 0));
    if (fits) end = one.to;
    return fits;
  });
}

/** From where to where a label goes, in per cent of the narrowest width, with a digit between it and the next. */
function room({ x }: Point, label: string): { from: number; to: number } {
  const width = (100 * DIGIT_PX * (label.length + 1)) / NARROWEST_PX;
  const from = x < EDGE ? 0 : x > 100 - EDGE ? 100 - width : x - width / 2;
  return { from, to: from + width };
}
