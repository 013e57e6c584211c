import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Percentiles } from "../../src/load/index.ts";
import { startClients, warmUp } from "./clients.ts";
import { type Fit, fitOf } from "./fit.ts";
import { options } from "./options.ts";
import { resultsOf } from "./results.ts";
import { Servers } from "./servers.ts";
import { broadcast, coresAtRest, memoryOf, notify, openAll } from "./stages.ts";

const API_KEY = "million";
const BROADCAST_SECONDS_MAX = 300;

const { connections, pingSeconds, port, rate, seconds } = options;
// Whatever ends this process takes the others with it.
process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));
const fit = fitOf(options);
if (typeof fit === "string") {
  process.stderr.write(`${fit}\n`);
  process.exit(2);
}
process.exit((await run(fit)) ? 0 : 1);

/** Carries it out; false when a connection or a notification was lost. */
async function run(fit: Fit): Promise<boolean> {
  const { servers: processes, loads } = fit;
  say(`${count(connections)} connections: ${processes} processes that serve, ${loads} of clients`);
  const servers = await Servers.start({ port, processes, apiKey: API_KEY, pingSeconds });
  await warmUp(port, fit);
  const crew = await startClients(port, connections, options.arrivals, fit);
  say("all processes run");
  const before = await memoryOf(servers);
  const openSeconds = await openAll(crew, (sight, at) => {
    const faults = Object.entries(sight.errors).map(([kind, number]) => `, ${kind}: ${number}`);
    again(`${at.toFixed(0)} s: ${count(sight.connections)} open${faults.join("")}`);
  });
  const open = crew.look();
  const openedPerSecond = open.opened / openSeconds;
  say(`${count(open.connections)} open in ${openSeconds.toFixed(1)} s, ${count(openedPerSecond)} a second`);
  if (open.failed > 0) throw new Error(`${open.failed} could not be opened: ${JSON.stringify(open.errors)}`);
  await sleep(options.restSeconds * 500);
  const after = await memoryOf(servers);
  const bytes = {
    user: (after.user - before.user) / connections,
    kernel: (after.slab - before.slab) / connections / 2,
  };
  say(
    `each: ${bytes.user.toFixed(0)} bytes of user space, ${bytes.kernel.toFixed(0)} of the kernel's at the server's end`,
  );
  const rest = await coresAtRest(servers, crew, options.restSeconds);
  say(
    `pings every ${pingSeconds} s: ${rest.servers.toFixed(2)} cores of the servers, ${rest.clients.toFixed(2)} of the clients`,
  );
  await notify(servers, crew, connections, rate, options.warmSeconds);
  const notified = await notify(servers, crew, connections, rate, seconds);
  say(
    `notified ${count(notified.received)} of ${count(notified.published)}: ${times(notified.latencyMs)}; ${notified.cores.toFixed(2)} cores of the servers`,
  );
  const toAll = await broadcast(servers, crew, connections, BROADCAST_SECONDS_MAX);
  say(`a broadcast reached ${count(toAll.received)} of ${count(connections)}: ${times(toAll.latencyMs)}`);
  const { lost, errors } = crew.look();
  say(`${count(lost)} were lost${lost > 0 ? `: ${JSON.stringify(errors)}` : ""}`);
  const results = resultsOf(options, processes, { openedPerSecond, bytes, rest, notified, broadcast: toAll, lost });
  if (options.json) writeFileSync(options.json, `${JSON.stringify(results, undefined, 2)}\n`);
  await crew.end();
  await servers.stop();
  return lost === 0 && notified.received === notified.published && toAll.received === connections;
}

function times(latencyMs: Percentiles | undefined): string {
  if (!latencyMs) return "nothing came";
  const { p50, p99, p999, max } = latencyMs;
  return `p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)}, p99.9 ${p999.toFixed(1)}, max ${max.toFixed(1)} ms`;
}

function count(value: number): string {
  return Math.round(value).toLocaleString("en");
}

function say(line: string): void {
  process.stdout.write(`${process.stdout.isTTY ? "\r\x1b[K" : ""}${line}\n`);
}

/** A line that the next one replaces, where somebody looks on. */
function again(line: string): void {
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${line}` : `${line}\n`);
}
