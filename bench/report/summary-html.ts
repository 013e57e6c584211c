import { type Digest, scaleOf, writeBound } from "./digest.ts";
import { type Markup, markup } from "./markup.ts";
import { writeRatio } from "./numbers.ts";
import type { Judgement } from "./statistics.ts";
import { countOf, type Group, growthOf, type Summary, signs } from "./summary.ts";
import { type Cell, heading, table } from "./table-html.ts";

/** The tables that a report begins with; `place` is where a measure's section is linked at. */
export function summarySection(summary: Summary, level: number, place: (digest: Digest) => string): Markup {
  const { groups, growing, judgements } = summary;
  return markup`<section>
${heading(level, "Summary")}
${groups.map((group) => mediansTable(group, place))}${growing.length > 0 ? growthTable(summary, place) : ""}\
${judgements.length > 0 ? boundsTable(summary, place) : ""}</section>`;
}

/** What became of a bound, in a sign, a colour and words. */
export function verdictOf({ verdict }: Judgement): Markup {
  return markup`<span class="verdict ${verdict.replace(" ", "-")}"><span aria-hidden="true">${signs[verdict]}</span> \
${verdict}</span>`;
}

function mediansTable({ subjects, digests }: Group, place: (digest: Digest) => string): Markup {
  const ours = (subject: string) => (digests.some((one) => one.base === subject) ? "ours" : "");
  const head = [{ content: "Measure" }, ...subjects.map((content) => ({ content, kind: ours(content) }))];
  const rows = digests.map((one) => [
    linkTo(one, place),
    ...subjects.map((subject) => ({ content: medianOf(one, subject), kind: ours(subject) })),
  ]);
  const bases = [...new Set(digests.flatMap(({ base }) => base ?? []))].join(", ");
  const times = bases === "" ? "" : `, and how many times that of ${bases} they are`;
  return table(`Medians${times}`, head, rows);
}

function medianOf({ lines, writing, base }: Digest, subject: string): Markup | string {
  const line = lines.find((one) => one.subject === subject);
  if (!line) return "–";
  if ("skipped" in line) return "skipped";
  const times = subject === base || line.ratio === undefined ? "" : markup` <small>${writeRatio(line.ratio)}</small>`;
  return markup`${writing.write(line.median)}${times}`;
}

function growthTable({ growing }: Summary, place: (digest: Digest) => string): Markup {
  const head = [{ content: "Measure" }, { content: "From" }, { content: "To" }, { content: "Ratio" }];
  const rows = growing.map((one) => {
    const { from, to, ratio } = growthOf(one);
    return [linkTo(one, place), { content: from }, { content: to }, { content: ratio }];
  });
  return table("Growth: medians at the least and at the most", head, rows);
}

function boundsTable(summary: Summary, place: (digest: Digest) => string): Markup {
  const head = [
    { content: "Bound" },
    { content: "Ratio of the rounds" },
    { content: "Ratio of the medians" },
    { content: "Verdict" },
  ];
  const rows = summary.judgements.map(({ digest, judgement }) => [
    {
      content: markup`<a href="#${place(digest)}">${digest.measure.title}</a> <small>${writeBound(judgement)}</small>`,
    },
    { content: writeRatio(judgement.ratio) },
    { content: writeRatio(judgement.ofMedians) },
    { content: verdictOf(judgement) },
  ]);
  return table(`Bounds: ${countOf(summary)}`, head, rows);
}

function linkTo(digest: Digest, place: (digest: Digest) => string): Cell {
  return {
    content: markup`<a href="#${place(digest)}">${digest.measure.title}</a> <small>${scaleOf(digest)}</small>`,
  };
}
