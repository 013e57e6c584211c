import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Crowd } from "../../test/crowd/crowd.ts";

const help = `A reconnect storm: all clients are cut at once, and come back as the SDK does, 0.5 to 1 s later, with recovery.
Measured are the time from the cut until all are subscribed again, their handshakes, and what the server needs for them:
Belfry, and beside it a server over ws, in turn. Memory is that of the process; the kernel's comes on top for both.

  npm run bench:storm -- [--clients 5000] [--rounds 3] [--channels 100]
`;
/** Each process of clients has descriptors for so many. */
const CROWD_CLIENTS_MAX = 15_000;
const USER_HZ = 100;

const servers = {
  belfry: [
    fileURLToPath(new URL("../../../bin/belfry.js", import.meta.url)),
    ...["serve", "--host", "0.0.0.0", "--port", "0", "--allow-anonymous", "--allow-subscribe", "crowd:"],
  ],
  ws: [fileURLToPath(new URL("./ws-server.js", import.meta.url))],
} as const;

/** What one storm came to. */
interface Storm {
  readonly seconds: number;
  readonly attempts: number;
  readonly busiestSecond: number;
  readonly cpuSeconds: number;
  readonly peakMiB: number;
}

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "5000" },
    channels: { type: "string", default: "100" },
    rounds: { type: "string", default: "3" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) process.stdout.write(help);
else await main(Number(values.clients), Number(values.channels), Number(values.rounds));

async function main(clients: number, channels: number, rounds: number): Promise<void> {
  const storms: Record<string, Storm[]> = {};
  for (let round = 0; round < rounds; round++) {
    for (const [name, args] of Object.entries(servers)) {
      const storm = await oneStorm(args, clients, channels);
      storms[name] = [...(storms[name] ?? []), storm];
      process.stdout.write(`${name}, round ${round + 1}: ${JSON.stringify(storm)}\n`);
    }
  }
  process.stdout.write(`\n${clients} clients, the median of ${rounds} storms each:\n`);
  console.table(Object.fromEntries(Object.entries(storms).map(([name, all]) => [name, medianOf(all)])));
}

async function oneStorm(args: readonly string[], clients: number, channels: number): Promise<Storm> {
  const { server, port } = await start(args);
  const pid = server.pid as number;
  const order = { port, channels, arrivalsPerSecond: 1000 };
  const count = Math.ceil(clients / CROWD_CLIENTS_MAX);
  const crowds = Array.from({ length: count }, (_, i) => {
    const own = Math.floor(clients / count) + (i < clients % count ? 1 : 0);
    return { own, crowd: new Crowd({ ...order, clients: own, host: `127.0.0.${i + 1}` }) };
  });
  await Promise.all(crowds.map(({ crowd, own }) => crowd.until(({ subscribed }) => subscribed === own)));
  // The peak of VmHWM begins anew.
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
  const cpuBefore = cpuSecondsOf(pid);
  const startedAt = performance.now();
  const reports = await Promise.all(
    crowds.map(({ crowd, own }) => {
      crowd.say({ cut: "all" });
      return crowd.until(({ subscribed, returns }) => subscribed === own && returns === 2 * own);
    }),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  const cpuSeconds = cpuSecondsOf(pid) - cpuBefore;
  const peakMiB = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
  for (const { crowd } of crowds) crowd.close();
  server.kill("SIGKILL");
  const tenths: Record<number, number> = {};
  for (const { attempts } of reports) {
    for (const [tenth, some] of Object.entries(attempts)) tenths[Number(tenth)] = (tenths[Number(tenth)] ?? 0) + some;
  }
  // Those of the first arrival were at an even rate, of a thousand a second.
  const from = Math.max(...Object.keys(tenths).map(Number)) - 10 * Math.ceil(seconds);
  const storm = Object.keys(tenths)
    .map(Number)
    .filter((tenth) => tenth >= from);
  const second = (tenth: number) =>
    Array.from({ length: 10 }, (_, i) => tenths[tenth + i] ?? 0).reduce((a, b) => a + b);
  return {
    seconds: rounded(seconds),
    attempts: reports.flatMap(({ attempts }) => Object.values(attempts)).reduce((a, b) => a + b) - clients,
    busiestSecond: Math.max(...storm.map(second)),
    cpuSeconds: rounded(cpuSeconds),
    peakMiB: Math.round(peakMiB),
  };
}

async function start(args: readonly string[]): Promise<{ server: ChildProcess; port: number }> {
  const server = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  process.once("exit", () => server.kill("SIGKILL"));
  for await (const line of createInterface({ input: server.stdout })) {
    const port = /port (\d+): ws:/.exec((JSON.parse(line) as { msg: string }).msg)?.[1];
    if (port === undefined) continue;
    server.stdout.resume();
    return { server, port: Number(port) };
  }
  throw new Error("the server has ended");
}

function cpuSecondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / USER_HZ;
}

function medianOf(storms: readonly Storm[]): Storm {
  const names = Object.keys(storms[0] as Storm) as (keyof Storm)[];
  const middle = (name: keyof Storm) =>
    storms.map((storm) => storm[name]).sort((a, b) => a - b)[Math.floor(storms.length / 2)] as number;
  return Object.fromEntries(names.map((name) => [name, middle(name)])) as unknown as Storm;
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
