import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chartFile } from "./charts.ts";
import { digest } from "./digest.ts";
import { htmlPage } from "./html.ts";
import { markdown } from "./markdown.ts";
import { dark, light } from "./palette.ts";
import type { Results } from "./results.ts";

/** What is written beside the tables. */
export interface ReportOptions {
  /** What the files are called before the dot: `bench` gives bench.md and bench.html. */
  readonly name: string;
  /** The ids of the measures whose charts are written as files too, for documents: none. */
  readonly charts?: readonly string[];
}

/** Writes results as NAME.json, which `npm run bench:report` reads; the folder is made if there is none. */
export function saveResults(results: Results, folder: string, name: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(results, null, 2)}\n`);
}

/**
 * Writes the report of results into a folder, as NAME.md and NAME.html, with NAME-ID.svg and NAME-ID-dark.svg for each
 * chart that is asked for, which the Markdown then shows; the folder is made if there is none. Returns the files. Throws
 * an Error before it writes anything if there is no measure of such an id.
 */
export function writeReport(results: Results, folder: string, { name, charts = [] }: ReportOptions): string[] {
  const files = new Map<string, string>();
  for (const id of charts) {
    const measure = results.measures.find((one) => one.id === id);
    if (!measure) throw new Error(`${name} has no measure ${id}: ${results.measures.map((one) => one.id).join(", ")}`);
    files.set(`${name}-${id}.svg`, chartFile(digest(measure), light));
    files.set(`${name}-${id}-dark.svg`, chartFile(digest(measure), dark));
  }
  files.set(`${name}.md`, markdown(results, { name, charts }));
  files.set(`${name}.html`, htmlPage([{ name, results }]));
  mkdirSync(folder, { recursive: true });
  for (const [file, text] of files) writeFileSync(join(folder, file), text);
  return [...files.keys()].map((file) => join(folder, file));
}
