import { type Digest, measuredOf } from "./digest.ts";
import { writeBytes, writeRatio } from "./numbers.ts";
import type { Results } from "./results.ts";
import type { Judgement } from "./statistics.ts";

/** What stands first in a report: what each came to, and which bounds are kept. */
export interface Summary {
  /** Everyone who takes part in `digests`, in the order in which they are named. */
  readonly subjects: readonly string[];
  readonly digests: readonly Digest[];
  /** The measures over sizes. */
  readonly growing: readonly Digest[];
  readonly judgements: readonly { readonly digest: Digest; readonly judgement: Judgement }[];
}

/** Sorts measures into the tables of a summary. */
export function summaryOf(all: readonly Digest[]): Summary {
  const digests = all.filter(({ growth }) => !growth);
  return {
    subjects: [...new Set(digests.flatMap(({ lines }) => lines.map(({ subject }) => subject)))],
    digests,
    growing: all.filter(({ growth }) => growth),
    judgements: all.flatMap((digest) => digest.judgements.map((judgement) => ({ digest, judgement }))),
  };
}

/** A sign for each verdict, beside its words. */
export const signs = { reached: "✓", missed: "✗", "not measured": "–" } as const;

/** `3 of 4 bounds are reached.`; with what could not be judged, if there is such. */
export function countOf({ judgements }: Summary): string {
  const count = (verdict: string) => judgements.filter(({ judgement }) => judgement.verdict === verdict).length;
  const open = count("not measured");
  const rest = open > 0 ? ` ${open} could not be judged, as one of the two was not measured.` : "";
  const all = judgements.length;
  return `${count("reached")} of ${all} ${all === 1 ? "bound is" : "bounds are"} reached.${rest}`;
}

/** The ends of a growth, `7.81 at 1,000`, and how many times the first the last is; dashes where nothing was measured. */
export function growthOf(digest: Digest): { from: string; to: string; ratio: string } {
  const measured = measuredOf(digest);
  const [first, last] = [measured[0], measured.at(-1)];
  if (!first || !last) return { from: "–", to: "–", ratio: "–" };
  const [from, to] = [first, last].map((line) => `${digest.writing.write(line.median)} at ${line.subject}`) as [
    string,
    string,
  ];
  return { from, to, ratio: writeRatio(last.ratio) };
}

/** What the figures come from, in the order to be read. */
export function factsOf({ machine, command, date }: Results): { term: string; value: string }[] {
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`);
  return [
    { term: "Date", value: dayOf(date) },
    {
      term: "Machine",
      value: `${machine.cpu}, ${machine.cores} cores, ${writeBytes(machine.memoryBytes)}, ${machine.kernel}`,
    },
    { term: "Versions", value: versions.join(", ") },
    { term: "Command", value: command },
  ];
}

function dayOf(date: string): string {
  return new Date(date).toLocaleDateString("en-GB", { dateStyle: "long", timeZone: "UTC" });
}
