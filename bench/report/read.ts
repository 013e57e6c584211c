import { readFileSync } from "node:fs";
import * as v from "valibot";
import type { Results } from "./results.ts";

const subject = v.pipe(v.string(), v.nonEmpty());
const name = v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9-]*$/, "a word of a-z, 0-9 and -, as it names files"));
const value = v.pipe(v.number(), v.finite());

const row = v.pipe(
  v.strictObject({ subject, rounds: v.array(value), skipped: v.optional(v.pipe(v.string(), v.nonEmpty())) }),
  v.check(
    ({ rounds, skipped }) => rounds.length > 0 !== (skipped !== undefined),
    "has rounds, or else why it was skipped",
  ),
);

const measure = v.strictObject({
  id: name,
  title: v.string(),
  unit: v.string(),
  better: v.picklist(["less", "more"]),
  note: v.string(),
  bounds: v.optional(v.array(v.strictObject({ subject, of: subject, most: value }))),
  rows: v.array(row),
});

const results = v.strictObject({
  title: v.string(),
  command: v.string(),
  date: v.pipe(v.string(), v.isoTimestamp()),
  machine: v.strictObject({
    cpu: v.string(),
    cores: v.number(),
    memoryBytes: v.number(),
    kernel: v.string(),
    versions: v.record(v.string(), v.string()),
  }),
  measures: v.pipe(
    v.array(measure),
    v.check((all) => new Set(all.map(({ id }) => id)).size === all.length, "two measures have the same id"),
  ),
});

/** Reads a file of results; an Error names the file and what is wrong in it. */
export function readResults(file: string): Results {
  const read = v.safeParse(v.pipe(v.string(), v.parseJson(), results), readFileSync(file, "utf8"));
  if (read.success) return read.output as Results;
  const [issue] = read.issues;
  throw new Error([file, v.getDotPath(issue), issue.message].filter(Boolean).join(": "));
}
