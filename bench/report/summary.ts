import { type Digest, measuredOf } from "./digest.ts";
import { writeBytes, writeRatio } from "./numbers.ts";
import type { Results } from "./results.ts";
import type { Judgement } from "./statistics.ts";

/** What stands first in a report: what each came to, and which bounds are kept. */
export interface Summary {
  /** The measures that are not over sizes, in a table for those that others than ours share. */
  readonly groups: readonly Group[];
  /** The measures over sizes. */
  readonly growing: readonly Digest[];
  readonly judgements: readonly { readonly digest: Digest; readonly judgement: Judgement }[];
}

/** Measures with the same subjects, or some of them. */
export interface Group {
  /** Everyone who takes part, in the order in which they are named. */
  readonly subjects: readonly string[];
  readonly digests: readonly Digest[];
}

/** Sorts measures into the tables of a summary. */
export function summaryOf(all: readonly Digest[]): Summary {
  return {
    groups: groupsOf(all.filter(({ growth }) => !growth)),
    growing: all.filter(({ growth }) => growth),
    judgements: all.flatMap((digest) => digest.judgements.map((judgement) => ({ digest, judgement }))),
  };
}

/** A sign for each verdict, beside its words. */
export const signs = { reached: "✓", missed: "✗", "not measured": "–" } as const;

/** A measure goes to the first that has one of its subjects, ours aside, who is in all. */
function groupsOf(digests: readonly Digest[]): Group[] {
  const groups: Group[] = [];
  for (const digest of digests) {
    const subjects = digest.lines.map(({ subject }) => subject);
    const others = digest.lines.filter(({ ours }) => !ours).map(({ subject }) => subject);
    const at = groups.findIndex(
      (group) => others.length === 0 || others.some((other) => group.subjects.includes(other)),
    );
    const group = groups[at];
    if (!group) groups.push({ subjects, digests: [digest] });
    else groups[at] = { subjects: [...new Set([...group.subjects, ...subjects])], digests: [...group.digests, digest] };
  }
  return groups;
}

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
