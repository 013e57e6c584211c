import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Command, InvalidArgumentError } from "commander";
import { describeMachine } from "../report/machine.ts";
import type { Measure, Results } from "../report/results.ts";
import { textOf } from "../report/text.ts";
import { memoryPart } from "./memory.ts";
import { pollingPart } from "./polling.ts";
import { inRounds } from "./rounds.ts";
import { upgradePart } from "./upgrade.ts";

// The tables of "A Million WebSockets and Go", measured again: its 72 GB, its upgrade, and the polling it did away with.

const parts = ["memory", "upgrade", "polling"] as const;

interface Options {
  readonly only: readonly string[];
  readonly rounds: number;
  readonly connections: number;
  readonly upgrades: number;
  readonly mailboxes: number;
  readonly changes: number;
  readonly seconds: number;
  readonly json?: string;
}

const options = new Command("bench:article")
  .description(
    "measures the article's own tables: memory for each connection, the upgrade, polling against push (Linux)",
  )
  .option("--only <parts>", `of ${parts.join(", ")}, with commas`, readParts, [...parts])
  .option("--rounds <number>", "interleaved rounds", readCount, 3)
  .option("--connections <number>", "memory: idle connections", readCount, 15_000)
  .option("--upgrades <number>", "upgrade: how many in a run", readCount, 20_000)
  .option(
    "--mailboxes <number>",
    "polling: mailboxes, each with a client that looks at it once a second",
    readCount,
    10_000,
  )
  .option("--changes <number>", "polling: mailboxes that change in a second", readCount, 50)
  .option("--seconds <number>", "polling: how long each way is measured", readCount, 30)
  .option("--json <file>", "writes the results there too, in the shape of bench/report/results.ts")
  .addHelpText(
    "after",
    `
Examples:
  npm run bench:article
  npm run bench:article -- --only memory --rounds 5 --json memory.json
  npm run bench:article -- --only polling --mailboxes 5000 --changes 200 --seconds 10

15,000 connections need 16,000 descriptors in a process: ulimit -n.`,
  )
  .parse()
  .opts<Options>();

const all = [memoryPart(options.connections), upgradePart(options.upgrades), pollingPart(options)];
const measures: Measure[] = [];
for (const part of all.filter(({ name }) => options.only.includes(name))) {
  measures.push(...(await inRounds(part, options.rounds, progress)));
}
progress("");
const results: Results = {
  title: "The article's tables",
  command: ["npm run bench:article", ...given(process.argv.slice(2))].join(" -- "),
  date: new Date().toISOString(),
  machine: describeMachine({ ws: versionOfWs() }),
  measures,
};
for (const measure of measures) console.log(textOf(measure));
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(results, undefined, 2)}\n`);
process.exit(0);

function versionOfWs(): string {
  return (createRequire(import.meta.url)("ws/package.json") as { version: string }).version;
}

/** One line that is written over, or, where nobody looks on, a line for each step. */
function progress(step: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${step}`);
  else if (step !== "") process.stderr.write(`${step}\n`);
}

function given(args: readonly string[]): readonly string[] {
  return args.length === 0 ? [] : [args.join(" ")];
}

function readParts(text: string): string[] {
  const names = text.split(",");
  if (names.every((name) => parts.some((part) => part === name))) return names;
  throw new InvalidArgumentError(`Allowed are ${parts.join(", ")}, with commas between them.`);
}

function readCount(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Allowed are whole numbers from 1 to 9999999.");
}
