import {
  baseOf,
  type Digest,
  digest,
  type Measured,
  type Skipped,
  scaleOf,
  writeBound,
  writeSpread,
} from "./digest.ts";
import { writeRatio } from "./numbers.ts";
import type { Results } from "./results.ts";
import { factsOf, growthOf, type Summary, signs, summaryOf } from "./summary.ts";

/** The report as Markdown; of the measures in `charts` it shows `NAME-ID.svg` and `NAME-ID-dark.svg`, beside itself. */
export function markdown(
  results: Results,
  { name, charts }: { readonly name: string; readonly charts: readonly string[] },
): string {
  const digests = results.measures.map(digest);
  const parts = [
    `# ${plain(results.title)}`,
    factsOf(results)
      .map(({ term, value }) => `- ${plain(term)}: ${term === "Command" ? code(value) : plain(value)}`)
      .join("\n"),
    ...summary(summaryOf(digests)),
    ...digests.flatMap((one) => section(one, charts.includes(one.measure.id) ? name : undefined)),
  ];
  return `${parts.join("\n\n")}\n`;
}

function summary({ groups, judgements, growing }: Summary): string[] {
  const parts = ["## Summary"];
  for (const { subjects, digests } of groups) {
    const rows = digests.map((one) => [
      `[${plain(one.measure.title)}](#${anchor(one.measure.title)}), ${plain(scaleOf(one))}`,
      ...subjects.map((subject) => cell(one, subject)),
    ]);
    parts.push(table(["Medians", ...subjects.map(plain)], rows));
  }
  if (growing.length > 0) {
    const rows = growing.map((one) => {
      const { from, to, ratio } = growthOf(one);
      return [`[${plain(one.measure.title)}](#${anchor(one.measure.title)}), ${plain(scaleOf(one))}`, from, to, ratio];
    });
    parts.push(table(["Growth", "From", "To", "Ratio"], rows));
  }
  if (judgements.length > 0) {
    const rows = judgements.map(({ digest, judgement }) => [
      plain(`${digest.measure.title}: ${writeBound(judgement)}`),
      writeRatio(judgement.ratio),
      writeRatio(judgement.ofMedians),
      `${signs[judgement.verdict]} ${judgement.verdict}`,
    ]);
    parts.push(table(["Bound", "Ratio of the rounds", "Ratio of the medians", "Verdict"], rows));
  }
  return parts;
}

function cell({ lines, writing, base }: Digest, subject: string): string {
  const line = lines.find((one) => one.subject === subject);
  if (!line) return "";
  if ("skipped" in line) return "skipped";
  const value = writing.write(line.median);
  return subject === base || line.ratio === undefined ? value : `${value} (${writeRatio(line.ratio)})`;
}

function section(digest: Digest, name: string | undefined): string[] {
  const { measure, lines } = digest;
  const parts = [`## ${plain(measure.title)}`, plain(measure.note)];
  if (name !== undefined) parts.push(picture(`${name}-${measure.id}`, `${measure.title} (${scaleOf(digest)})`));
  const head = [plain(scaleOf(digest)), "Median", "Least–most", plain(baseOf(digest)), "Rounds"];
  parts.push(
    table(
      head,
      lines.map((line) => row(digest, line)),
    ),
  );
  return parts;
}

function row(digest: Digest, line: Measured | Skipped): string[] {
  const subject = line.ours ? `**${plain(line.subject)}**` : plain(line.subject);
  if ("skipped" in line) return [subject, "skipped", plain(line.skipped), "", ""];
  const { write } = digest.writing;
  const rounds = line.rounds.map(write).join(" · ");
  return [subject, write(line.median), writeSpread(digest, line.spread), writeRatio(line.ratio), rounds];
}

function picture(file: string, alt: string): string {
  return `<picture>
  <source media="(prefers-color-scheme: dark)" srcset="${file}-dark.svg">
  <img src="${file}.svg" alt="${plain(alt).replaceAll('"', "&quot;")}">
</picture>`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, index) => (index === 0 ? "---" : "---:"))), ...rows.map(line)].join("\n");
}

/** Text that Markdown shows as it is, in one line. */
function plain(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replace(/[\\`*_[\]|~]/g, "\\$&")
    .replace(/\s+/g, " ");
}

/** Text as code, in one more backtick than follow each other in it. */
function code(text: string): string {
  const runs = text.match(/`+/g) ?? [];
  const fence = "`".repeat(Math.max(0, ...runs.map((run) => run.length)) + 1);
  return runs.length > 0 ? `${fence} ${text} ${fence}` : `${fence}${text}${fence}`;
}

/** Where GitHub puts a heading. */
function anchor(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replace(/\s/g, "-");
}
