import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Command, InvalidArgumentError } from "commander";
import { type Contest, type Measurement, measure } from "./contest.ts";
import { maskContests, readContests, readHeaderContest, writeContests } from "./frames.ts";
import { upgradeContest } from "./upgrade.ts";

const contests: readonly Contest[] = [
  upgradeContest,
  readHeaderContest,
  ...maskContests,
  ...readContests,
  ...writeContests,
];

const { rounds, only, one } = new Command("bench:ws")
  .description("measures belfry/ws in process, beside ws and node:http and what one would write without thinking")
  .option("--rounds <number>", "interleaved rounds, each contender in a process of its own", readCount, 5)
  .option("--only <text>", "only the contests whose name holds this")
  .option("--one <contest:contender>", "measures one in this process, and prints it as JSON")
  .addHelpText(
    "after",
    "\nExamples:\n  npm run bench:ws\n  npm run bench:ws -- --only upgrade --rounds 3\n  npm run bench:ws -- --only cipher",
  )
  .parse()
  .opts<{ rounds: number; only?: string; one?: string }>();

if (one === undefined) compare();
else await measureOne(one);

async function measureOne(name: string): Promise<void> {
  const [index = "", contender = ""] = name.split(":");
  const contest = contests[Number(index)];
  const who = contest?.contenders[Number(contender)];
  if (!contest || !who) throw new Error(`--one ${name}: there is none`);
  process.stdout.write(JSON.stringify(await measure(contest, who)));
  process.exit(0);
}

function compare(): void {
  for (const [index, contest] of contests.entries()) {
    if (only !== undefined && !contest.name.includes(only)) continue;
    const measured = contest.contenders.map((): Measurement[] => []);
    for (let round = 0; round < rounds; round++) {
      for (const [who, all] of measured.entries()) {
        if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${contest.name}, round ${round + 1} of ${rounds}`);
        all.push(inChild(`${index}:${who}`));
      }
    }
    if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
    print(contest, measured);
  }
}

function inChild(one: string): Measurement {
  const args = [
    "--expose-gc",
    // Both: it begins small otherwise, and what a collection in between took away would not be counted.
    "--min-semi-space-size=256",
    "--max-semi-space-size=256",
    "--no-warnings",
    fileURLToPath(import.meta.url),
    "--one",
    one,
  ];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${one} ended with ${status}: ${stderr}`);
  return JSON.parse(stdout) as Measurement;
}

function print({ name, unit, bytes, contenders }: Contest, measured: readonly Measurement[][]): void {
  console.log(`${name}`);
  const first = median((measured[0] ?? []).map(({ ns }) => ns));
  for (const [who, { name: contender }] of contenders.entries()) {
    const all = measured[who] ?? [];
    const ns = median(all.map((one) => one.ns));
    const heap = median(all.map(({ heapBytes }) => heapBytes));
    const rate = bytes === undefined ? "" : `${(bytes / ns).toFixed(2)} GB/s`;
    const times = who === 0 ? "1" : (ns / first).toFixed(2);
    console.log(
      `  ${contender.padEnd(24)}${ns.toFixed(1).padStart(11)} ns/${unit.padEnd(8)}${rate.padStart(11)}` +
        `${times.padStart(9)} x${heap.toFixed(1).padStart(11)} bytes of heap`,
    );
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[values.length >> 1] ?? Number.NaN;
}

function readCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count > 0 && count <= 1000) return count;
  throw new InvalidArgumentError("Allowed are whole numbers from 1 to 1000.");
}
