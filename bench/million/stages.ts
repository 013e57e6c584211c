import { setTimeout as sleep } from "node:timers/promises";
import { nowUs } from "../../src/load/clock.ts";
import type { Crew, Percentiles, Sight } from "../../src/load/index.ts";
import { Publisher, type ToPublish } from "../../src/load/publisher.ts";
import { stamped } from "../../src/load/stamp.ts";
import { slabBytes } from "../vitals.ts";
import type { Servers } from "./servers.ts";

const PUBLICATION_BYTES = 100;
/** A publication wakes each process that wants everything: those of a few milliseconds go together. */
const PUBLISH_MS = 10;
/** How long is waited for the last ones. */
const LATE_SECONDS_MAX = 30;
/** The reports of all processes come once a second: what they had not told before is there then. */
const REPORTS_MS = 2500;

/** What memory was taken before the first connection came. */
export interface Memory {
  readonly user: number;
  readonly slab: number;
}

/** Memory of the servers, and of the kernel for both ends of all connections. */
export async function memoryOf(servers: Servers): Promise<Memory> {
  return { user: await servers.userBytes(), slab: slabBytes() };
}

/** Opens all connections, and tells each second how far it is. Resolves with the seconds that it took. */
export async function openAll(crew: Crew, tell: (sight: Sight, seconds: number) => void): Promise<number> {
  await crew.waiting();
  const begin = performance.now();
  const seconds = () => (performance.now() - begin) / 1000;
  const timer = setInterval(() => tell(crew.look(), seconds()), 1000);
  await crew.open();
  clearInterval(timer);
  return seconds();
}

/** Cores that servers and clients use while nothing happens but heartbeats. */
export async function coresAtRest(
  servers: Servers,
  crew: Crew | undefined,
  seconds: number,
): Promise<{ servers: number; clients: number }> {
  const [serverNs, clientNs, begin] = [servers.cpuNs, crew?.cpuNs ?? 0, performance.now()];
  await sleep(seconds * 1000);
  const ns = (performance.now() - begin) * 1e6;
  return { servers: (servers.cpuNs - serverNs) / ns, clients: ((crew?.cpuNs ?? 0) - clientNs) / ns };
}

/** What became of publications. */
export interface Delivered {
  readonly published: number;
  readonly received: number;
  readonly latencyMs: Percentiles | undefined;
  /** Cores that the servers used for it. */
  readonly cores: number;
}

/** Notifies so many clients a second, chosen at random, each in a channel of its own. */
export async function notify(
  servers: Servers,
  crew: Crew,
  connections: number,
  perSecond: number,
  seconds: number,
): Promise<Delivered> {
  const faults: unknown[] = [];
  const before = await calm(crew);
  const [ns, begin] = [servers.cpuNs, performance.now()];
  const publisher = new Publisher({
    ...{ perSecond, channel: "own:%d", connections, bytes: PUBLICATION_BYTES },
    everyMs: PUBLISH_MS,
    publish: async (all) => await batch(servers, all),
    failed: (error) => faults.push(error),
  });
  await sleep(seconds * 1000);
  publisher.stop();
  const cores = (servers.cpuNs - ns) / ((performance.now() - begin) * 1e6);
  await sleep(REPORTS_MS);
  const isLate = () => crew.look().received - before < publisher.published;
  for (let i = 0; i < LATE_SECONDS_MAX && isLate(); i++) await sleep(1000);
  if (faults.length > 0) throw new Error(`${faults.length} calls that publish failed; the first: ${String(faults[0])}`);
  const { received, latencyMs } = crew.look();
  return { published: publisher.published, received: received - before, latencyMs, cores };
}

/** One publication to everybody. Resolves when all have it, or `secondsMax` are over. */
export async function broadcast(
  servers: Servers,
  crew: Crew,
  connections: number,
  secondsMax: number,
): Promise<Delivered> {
  const before = await calm(crew);
  const [ns, begin] = [servers.cpuNs, performance.now()];
  await batch(servers, [{ channel: "all", json: stamped(nowUs(), PUBLICATION_BYTES) }]);
  const received = () => crew.look().received - before;
  while (received() < connections && performance.now() - begin < secondsMax * 1000) await sleep(100);
  const cores = (servers.cpuNs - ns) / ((performance.now() - begin) * 1e6);
  await sleep(REPORTS_MS);
  return { published: 1, received: received(), latencyMs: crew.look().latencyMs, cores };
}

async function batch(servers: Servers, all: readonly ToPublish[]): Promise<number> {
  const commands = all.map(({ channel, json }) => ({ publish: { channel, data: JSON.parse(json) as unknown } }));
  const { replies } = (await servers.call("batch", { commands, parallel: true })) as { replies: { error?: unknown }[] };
  const refused = replies.find(({ error }) => error);
  if (refused) throw new Error(JSON.stringify(refused.error));
  return all.length;
}

/** What was under way is told, and forgotten; returns how much was received so far. */
async function calm(crew: Crew): Promise<number> {
  await sleep(REPORTS_MS);
  crew.forget();
  return crew.look().received;
}
