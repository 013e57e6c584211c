import { type Digest, type Measured, measuredOf, type Skipped } from "./digest.ts";
import type { Drawing } from "./drawing.ts";
import { classed, type Markup, markup } from "./markup.ts";
import { writeRatio } from "./numbers.ts";

const TEXT_PX = 14;
const BAR_BELOW_PX = 22;
const BAR_PX = 14;
const GAP_PX = 12;
const CAP_PX = 4;
/** A name and figures that are longer together do not fit into a phone's width, and stand in two lines. */
const LINE_CHARS_MAX = 34;
const LINE_PX = 18;
/** A bar of less than so much per cent is drawn so thick that it is seen. */
const PART_MIN = 0.5;
const BAR_MIN_PX = 2;

/**
 * A bar for each, from 0 to its median, with a thin line from its least round to its most. Its name and its figures stand
 * above it and not beside it, which leaves a phone's whole width for both.
 */
export function bars(digest: Digest): Drawing {
  const most = Math.max(...measuredOf(digest).map(({ spread }) => spread.most), 0);
  const part = (value: number) => (most > 0 ? +((100 * value) / most).toFixed(2) : 0);
  const marks: Markup[] = [];
  let top = 0;
  for (const line of digest.lines) {
    const figures = figuresOf(digest, line);
    const below = line.subject.length + figures.length > LINE_CHARS_MAX ? LINE_PX : 0;
    marks.push(head(line, figures, top + TEXT_PX, below));
    top += BAR_BELOW_PX + below;
    if ("rounds" in line) {
      marks.push(bar(line, top, part));
      top += BAR_PX;
    }
    top += GAP_PX;
  }
  return { marks: markup`${marks}`, heightPx: Math.max(0, top - GAP_PX) };
}

function figuresOf({ writing, base }: Digest, line: Measured | Skipped): string {
  if ("skipped" in line) return "skipped";
  const value = writing.write(line.median);
  return line.subject === base || line.ratio === undefined ? value : `${value} · ${writeRatio(line.ratio)}`;
}

function head({ subject, ours, ...line }: Measured | Skipped, figures: string, y: number, below: number): Markup {
  const strong = ours ? "strong" : "";
  return markup`<text y="${y}"${classed(strong)}>${subject}</text>\
<text x="100%" y="${y + below}"${classed("end", "skipped" in line ? "soft" : strong)}>${figures}</text>
`;
}

function bar(line: Measured, y: number, part: (value: number) => number): Markup {
  const width = part(line.median);
  const drawn = line.median > 0 && width < PART_MIN ? BAR_MIN_PX : `${width}%`;
  const kind = line.ours ? "ours" : "other";
  return markup`<rect y="${y}" width="${drawn}" height="${BAR_PX}" class="${kind}"/>${whisker(line, y + BAR_PX / 2, part)}
`;
}

function whisker({ spread }: Measured, y: number, part: (value: number) => number): Markup {
  const [from, to] = [part(spread.least), part(spread.most)];
  if (to - from < PART_MIN) return markup``;
  const line = (kind: string) => markup`<line x1="${from}%" x2="${to}%" y1="${y}" y2="${y}" class="${kind}"/>`;
  const cap = (x: number) => markup`<line x1="${x}%" x2="${x}%" y1="${y - CAP_PX}" y2="${y + CAP_PX}" class="spread"/>`;
  return markup`${line("halo")}${line("spread")}${cap(from)}${cap(to)}`;
}
