import type { ChildProcess } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { pinned } from "../bus/contestants.ts";
import { cpuNs } from "../vitals.ts";

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const MODES = ["nothing", "ping frames", "pings of the protocol", "TCP keepalive"] as const;
const PROTOCOL = "pings of the protocol";
const [SERVER_CORE, LOAD_CORE] = [0, 1];
const GOAL = 3_000_000;

const { connections, every, seconds, rounds } = new Command("bench:heartbeat")
  .description("measures what it costs a server to find dead peers among silent ones, in each way that it has")
  .option("--connections <number>", "silent connections", Number, 15_000)
  .option("--every <seconds>", "how often a peer is looked after", Number, 25)
  .option("--seconds <number>", "how long each way is measured", Number, 50)
  .option("--rounds <number>", "interleaved rounds", Number, 3)
  .addHelpText("after", "\nExamples:\n  npm run bench:heartbeat\n  npm run bench:heartbeat -- --rounds 1 --every 10")
  .parse()
  .opts<{ connections: number; every: number; seconds: number; rounds: number }>();

const found = new Map<string, number[]>(MODES.map((mode) => [mode, []]));
for (let round = 0; round < rounds; round++) {
  for (const mode of MODES) {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${mode}, round ${round + 1} of ${rounds}`);
    found.get(mode)?.push(await measure(mode));
  }
}
if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
console.log(`${connections} silent connections, looked after every ${every} s: medians of ${rounds} rounds`);
const idle = median(found.get("nothing") ?? []);
console.table(
  Object.fromEntries(
    MODES.map((mode) => {
      const cores = median(found.get(mode) ?? []);
      const more = Math.max(0, cores - idle);
      return [
        mode,
        {
          "CPU of a core, %": Number((cores * 100).toFixed(2)),
          "µs for each look": Number(((more * 1e6 * every) / connections).toFixed(2)),
          [`cores for ${GOAL.toLocaleString("en")}`]: Number(((more / connections) * GOAL).toFixed(2)),
        },
      ];
    }),
  ),
);
process.exit(0);

/** The part of a core that a server needs. */
async function measure(mode: string): Promise<number> {
  const server = pinned(SERVER_CORE, process.execPath, [file("./server.js"), mode, `${every}`]);
  const port = (await said(server, /port (\d+)\n/))[1] as string;
  const how = mode === PROTOCOL ? ["/connection/websocket", "connects"] : ["/"];
  const holder = pinned(LOAD_CORE, process.execPath, [file("./holder.js"), port, `${connections}`, ...how]);
  await said(holder, /held/);
  // The first look at each comes within the first period.
  await sleep(every * 1000);
  const [cpu, since] = [cpuSeconds(server), performance.now()];
  await sleep(seconds * 1000);
  const cores = (cpuSeconds(server) - cpu) / ((performance.now() - since) / 1000);
  for (const child of [holder, server]) child.kill("SIGKILL");
  return cores;
}

async function said(child: ChildProcess, pattern: RegExp): Promise<RegExpExecArray> {
  let text = "";
  for await (const chunk of child.stdout?.iterator({ destroyOnReturn: false }) ?? []) {
    text += String(chunk);
    const match = pattern.exec(text);
    if (match) return match;
  }
  throw new Error(`it ended before it said ${pattern}`);
}

function cpuSeconds({ pid }: ChildProcess): number {
  return cpuNs(pid as number) / 1e9;
}

function median(all: readonly number[]): number {
  return [...all].sort((a, b) => a - b)[Math.floor(all.length / 2)] ?? Number.NaN;
}
