import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { describeMachine } from "../report/machine.ts";
import type { Results } from "../report/results.ts";
import { textOf } from "../report/text.ts";
import { killAll } from "./children.ts";
import { hasFailed, hold } from "./contest.ts";
import { type Contestant, findContestants } from "./contestants.ts";
import { echoTrials } from "./echo.ts";
import { fanoutTrials } from "./fanout.ts";
import { compileFloors } from "./floors.ts";
import { idleTrial } from "./idle.ts";
import { latencyTrial } from "./latency.ts";
import { stormTrial } from "./storm.ts";
import type { Size, Trial } from "./trial.ts";

interface Flags extends Size {
  only?: string[];
  contestants?: string[];
  rounds: number;
  json?: string;
}

const trials: readonly Trial[] = [idleTrial, ...echoTrials, latencyTrial, ...fanoutTrials, stormTrial];

const flags = new Command("bench")
  .description("measures this server beside ws, Bun.serve, uWebSockets.js, Socket.IO, and the least that C can do")
  .option("--only <names>", `some of ${trials.map(({ name }) => name).join(", ")}`, readNames)
  .option("--contestants <names>", "some of belfry, ws, bun, uws, socket.io, floor", readNames)
  .option("--rounds <number>", "interleaved rounds", readCount, 3)
  .option("--connections <number>", "silent ones, in idle and latency", readCount, 15_000)
  .option("--subscribers <number>", "of the channel of fanout", readCount, 10_000)
  .option("--clients <number>", "of a storm", readCount, 5000)
  .option("--busy <number>", "connections that send at once, in echo-* and latency", readCount, 500)
  .option("--seconds <number>", "that an echo is measured for", readCount, 4)
  .option("--json <file>", "writes the results, in the form of bench/report/results.ts")
  .addHelpText(
    "after",
    `
Servers run on core 0, their load on core 1; CPU is the figure to compare, and time on a machine that does nothing else.
The others are installed by: npm ci --prefix bench/peers

Examples:
  npm run bench
  npm run bench -- --only echo-32,idle --contestants belfry,ws
  npm run bench -- --rounds 5 --json docs/bench/contest.json
  npm run bench -- --rounds 1 --connections 1000 --subscribers 1000 --clients 500 --seconds 1    a quick look`,
  )
  .parse()
  .opts<Flags>();

const folder = mkdtempSync(join(tmpdir(), "belfry-bench-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    killAll();
    process.exit(130);
  });
}
await main(flags);

async function main({ only, contestants: names, rounds, json, ...size }: Flags): Promise<void> {
  const all = await findContestants(compileFloors(folder), folder);
  const contestants = chosen(all, names, "--contestants");
  const chosenTrials = chosen(trials, only, "--only");
  announce(contestants, chosenTrials);
  const measures = await hold({ trials: chosenTrials, contestants, rounds, size, says });
  const results: Results = {
    title: "Belfry beside others",
    command: ["npm run bench --", ...process.argv.slice(2)].join(" "),
    date: new Date().toISOString(),
    machine: describeMachine(versionsOf(contestants)),
    measures,
  };
  for (const measure of measures) process.stdout.write(`\n${textOf(measure)}`);
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(results, undefined, 2)}\n`);
  if (hasFailed(measures)) process.exitCode = 1;
}

/** Says who takes part in what, and who in what not, and why. */
function announce(contestants: readonly Contestant[], chosenTrials: readonly Trial[]): void {
  says(`measured are ${chosenTrials.map(({ name }) => name).join(", ")}`);
  for (const contestant of contestants) {
    const { name, version, absent } = contestant;
    if (absent !== undefined) says(`${name} is skipped: ${absent}`);
    else says(`${name} ${version} takes part`);
    for (const trial of absent === undefined ? chosenTrials : []) {
      const reason = trial.skips(contestant);
      if (reason !== undefined) says(`${name} is skipped in ${trial.name}: ${reason}`);
    }
  }
}

/** Of who takes part beside Belfry. */
function versionsOf(contestants: readonly Contestant[]): Record<string, string> {
  const others = contestants.filter(({ name, absent }) => absent === undefined && name !== "belfry");
  return Object.fromEntries(others.map(({ name, version }) => [name, version]));
}

function chosen<Named extends { readonly name: string }>(
  all: readonly Named[],
  names: readonly string[] | undefined,
  option: string,
): readonly Named[] {
  for (const name of names ?? []) {
    if (all.some((one) => one.name === name)) continue;
    process.stderr.write(`${option} ${name}: there are ${all.map((one) => one.name).join(", ")}\n`);
    process.exit(1);
  }
  return names === undefined ? all : all.filter(({ name }) => names.includes(name));
}

function says(line: string): void {
  process.stderr.write(`${line}\n`);
}

function readNames(text: string): string[] {
  return text.split(",").map((name) => name.trim());
}

function readCount(text: string): number {
  if (!/^[1-9]\d{0,4}$/.test(text)) throw new InvalidArgumentError("Allowed are whole numbers from 1 to 99999.");
  return Number(text);
}
