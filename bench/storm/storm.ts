import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { Crowd } from "../../test/crowd/crowd.ts";
import { cpuNs } from "../vitals.ts";

/** Each process of clients has descriptors for so many. */
const CROWD_CLIENTS_MAX = 15_000;

/** Who is stormed, and by how many. */
export interface StormOrder {
  readonly port: number;
  /** Whose CPU and memory are read. */
  readonly pid: number;
  readonly clients: number;
  /** That they are spread over. */
  readonly channels: number;
  /** Where the clients run; default: anywhere. */
  readonly core?: number;
}

/** What one storm came to. */
export interface Storm {
  readonly seconds: number;
  readonly attempts: number;
  readonly busiestSecond: number;
  readonly cpuSeconds: number;
  readonly peakMiB: number;
}

/** Brings clients to a server, cuts them all at once, and waits until all are back. */
export async function measureStorm({ port, pid, clients, channels, core }: StormOrder): Promise<Storm> {
  const order = { port, channels, arrivalsPerSecond: 1000 };
  const count = Math.ceil(clients / CROWD_CLIENTS_MAX);
  const crowds = Array.from({ length: count }, (_, i) => {
    const own = Math.floor(clients / count) + (i < clients % count ? 1 : 0);
    return { own, crowd: new Crowd({ ...order, clients: own, host: `127.0.0.${i + 1}` }) };
  });
  if (core !== undefined) for (const { crowd } of crowds) keepOn(core, crowd.child.pid as number);
  await Promise.all(crowds.map(({ crowd, own }) => crowd.until(({ subscribed }) => subscribed === own)));
  // The peak of VmHWM begins anew.
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
  const cpuBefore = cpuNs(pid) / 1e9;
  const startedAt = performance.now();
  const reports = await Promise.all(
    crowds.map(({ crowd, own }) => {
      crowd.say({ cut: "all" });
      return crowd.until(({ subscribed, returns }) => subscribed === own && returns === 2 * own);
    }),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  const cpuSeconds = cpuNs(pid) / 1e9 - cpuBefore;
  const peakMiB = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
  for (const { crowd } of crowds) crowd.close();
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

/** All threads of a process. */
function keepOn(core: number, pid: number): void {
  execFileSync("taskset", ["-a", "-c", "-p", `${core}`, `${pid}`], { stdio: "ignore" });
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
