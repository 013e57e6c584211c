import { randomInt } from "node:crypto";
import { Command, InvalidArgumentError, Option } from "commander";
import { Progress, type Screen } from "./progress.ts";
import type { Property } from "./property.ts";
import { findText, grouped, table } from "./report.ts";
import { run } from "./run.ts";

interface FuzzOptions {
  cases?: number;
  seconds?: number;
  seed?: number;
  only?: string[];
  path?: string;
}

/** Cases of a run that is not told how many: they take three to five minutes on one core. */
const CASES = 2_000_000;

/** What the command needs of the outside. */
export interface Outside {
  readonly properties: readonly Property[];
  /** Takes the report, line by line. */
  readonly print: (text: string) => void;
  /** Shows the progress. */
  readonly screen: Screen;
}

/** `npm run fuzz`: returns its exit code, 1 when it has a find. Ends the process for arguments that it cannot use. */
export async function main(argv: readonly string[], outside: Outside): Promise<number> {
  const names = outside.properties.map(({ name }) => name);
  const program = new Command("npm run fuzz --")
    .description("Tries the parsers of src/ws with very many inputs, against naive oracles and other implementations.")
    .addOption(new Option("--cases <number>", `cases over all properties (default: ${CASES})`).argParser(readCount))
    .addOption(new Option("--seconds <number>", "end after so long").argParser(readCount))
    .addOption(new Option("--seed <number>", "what the cases are made from (default: random)").argParser(readSeed))
    .addOption(new Option("--only <name...>", "these properties alone").choices(names))
    .option("--path <path>", "the case that a find names; with its --seed and --only")
    .showHelpAfterError("(add --help for the options and examples)")
    .addHelpText("after", examples(outside.properties));
  program.parse(argv as string[], { from: "user" });
  const options = program.opts<FuzzOptions>();
  if (options.path !== undefined && (options.only?.length !== 1 || options.seed === undefined)) {
    program.error("error: --path needs the --seed and the one --only of its find");
  }
  return await fuzz(options, outside);
}

async function fuzz(options: FuzzOptions, { properties, print, screen }: Outside): Promise<number> {
  const { only, path, seconds, seed = randomInt(2 ** 31) } = options;
  const cases = options.cases ?? (seconds === undefined ? CASES : undefined);
  print(`seed ${seed}`);
  const stop = new AbortController();
  const interrupted = () => stop.abort();
  process.once("SIGINT", interrupted);
  const goals = [cases && `${grouped(cases)} cases`, seconds && `${grouped(seconds)} seconds`];
  const line = new Progress(screen, goals.filter(Boolean).join(" or "));
  const outcomes = await run(
    properties.filter(({ name }) => !only || only.includes(name)),
    { cases, seconds, seed, path, signal: stop.signal, progress: (cases, { name }) => line.show(cases, name) },
  );
  process.off("SIGINT", interrupted);
  line.end();
  print(table(outcomes));
  const finds = outcomes.flatMap(({ find }) => find ?? []);
  for (const find of finds) print(`\n${findText(find)}`);
  return finds.length > 0 ? 1 : 0;
}

function examples(properties: readonly Property[]): string {
  return `
Examples:
  All properties, ${grouped(CASES)} cases, which take some minutes
    $ npm run fuzz

  A million cases; ten minutes
    $ npm run fuzz -- --cases 1000000
    $ npm run fuzz -- --seconds 600

  The same cases again: a run begins with its seed
    $ npm run fuzz -- --seed 42

  One property, or several
    $ npm run fuzz -- --only utf8
    $ npm run fuzz -- --only mask utf8 --cases 2000000

  A find again, alone: each find comes with this line, and with a row for test/regression-fuzz.test.ts
    $ npm run fuzz -- --only utf8 --seed 42 --path 17:0:3

Properties:
${properties.map(({ name, proves }) => `  ${name.padEnd(12)}${proves}`).join("\n")}

It ends with 1 when it has a find. Ctrl-C ends it behind the batch that is under way, with the table so far.
`;
}

function readCount(text: string): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count > 0) return count;
  throw new InvalidArgumentError("Allowed are whole numbers from 1.");
}

function readSeed(text: string): number {
  const seed = Number(text);
  if (Number.isInteger(seed) && seed === (seed | 0)) return seed;
  throw new InvalidArgumentError("Allowed are whole numbers of 32 bits.");
}
