import { inlineChart } from "./charts.ts";
import { baseOf, type Digest, type Measured, type Skipped, scaleOf, writeBound, writeSpread } from "./digest.ts";
import { type Markup, markup } from "./markup.ts";
import { writeRatio } from "./numbers.ts";
import { verdictOf } from "./summary-html.ts";
import { type Cell, heading, table } from "./table-html.ts";

/** The section of a measure: what it is, its bounds, its chart, and its figures. `place` is its id on the page. */
export function measureSection(digest: Digest, level: number, place: string): Markup {
  const { measure, judgements } = digest;
  const bounds = judgements.map((one) => markup`<li>Must: ${writeBound(one)}: ${verdictOf(one)}</li>\n`);
  return markup`<section class="measure" id="${place}">
${heading(level, measure.title)}
<p>${measure.note}</p>
${bounds.length > 0 ? markup`<ul class="bounds">\n${bounds}</ul>\n` : ""}<figure>
${inlineChart(digest, place)}
<figcaption>${captionOf(digest)}</figcaption>
</figure>
${figures(digest)}</section>
`;
}

function captionOf(digest: Digest): string {
  const scale = `Scale: ${scaleOf(digest)}, from 0.`;
  if (digest.growth)
    return `${scale} Points: medians. Lines upright: least to most of the rounds. Sizes lie by their logarithm.`;
  return `${scale} Bars: medians. Thin lines: least to most of the rounds.`;
}

function figures(digest: Digest): Markup {
  const head = ["", "Median", "Least–most", baseOf(digest), "Rounds"];
  const rows = digest.lines.map((line) => rowOf(digest, line, head.length - 1));
  return table(
    `${digest.measure.title}: figures (${digest.writing.unit})`,
    head.map((content, index) => ({ content: index === 0 ? (digest.growth ? "Size" : "Subject") : content })),
    rows,
  );
}

function rowOf(digest: Digest, line: Measured | Skipped, columns: number): Cell[] {
  const kind = line.ours ? "strong" : "";
  const subject = { content: line.subject, kind };
  if ("skipped" in line) return [subject, { content: `skipped: ${line.skipped}`, columns, kind: "soft" }];
  const { write } = digest.writing;
  const shown = [write(line.median), writeSpread(digest, line.spread), writeRatio(line.ratio), `${line.rounds.length}`];
  return [subject, ...shown.map((content) => ({ content, kind }))];
}
