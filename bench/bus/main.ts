import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Command, InvalidArgumentError } from "commander";
import { type Contestant, hasNats, pinned, startBelfry, startNats } from "./contestants.ts";
import { measureDelays } from "./delays.ts";
import type { LoadOrder, LoadResult } from "./load.ts";

const LOAD = fileURLToPath(new URL("./load.js", import.meta.url));
const BYTES = 16;
const RATE = 500;
const [SERVER_CORE, LOAD_CORE] = [0, 1];
/** Publications of a run, by the number of subscribers. */
const sizes = new Map([
  [1, 4_000_000],
  [100, 400_000],
]);

const { rounds } = new Command("bench:bus")
  .description("measures belfry bus beside nats-server, and the way from the Storage to a client over each Bus")
  .option("--rounds <number>", "interleaved rounds", readCount, 5)
  .addHelpText("after", "\nExamples:\n  npm run bench:bus\n  npm run bench:bus -- --rounds 3")
  .parse()
  .opts<{ rounds: number }>();

const contestants = [await startBelfry(SERVER_CORE), ...(hasNats ? [await startNats(SERVER_CORE)] : [])];
if (!hasNats) console.log("nats-server is not here: belfry bus is measured alone");
try {
  for (const [subscribers, publications] of sizes) await compare(subscribers, publications);
  await compareDelays();
} finally {
  for (const contestant of contestants) contestant.stop();
}

async function compare(subscribers: number, publications: number): Promise<void> {
  const floods = contestants.map((): LoadResult[] => []);
  const paced = contestants.map((): LoadResult[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, contestant] of contestants.entries()) {
      progress(`1 to ${subscribers}, round ${round + 1} of ${rounds}: ${contestant.name}`);
      floods[i]?.push(await load(contestant, { subscribers, publications, rate: 0 }));
    }
    // The same load for all: half of what the slowest takes.
    const rate = Math.floor(Math.min(...floods.map((all) => all.at(-1)?.publicationsPerSecond ?? 0)) / 2);
    for (const [i, contestant] of contestants.entries()) {
      paced[i]?.push(await load(contestant, { subscribers, publications: rate * 2, rate }));
    }
  }
  progress("");
  console.log(`\n1 publisher, ${subscribers} subscribers, ${BYTES} bytes: medians of ${rounds} rounds`);
  const rows = contestants.map(({ name }, i) => ({
    name,
    perSecond: median(floods[i] ?? [], "publicationsPerSecond"),
    cpu: median(floods[i] ?? [], "cpuNsPerDelivery"),
    p50: median(paced[i] ?? [], "p50"),
    p99: median(paced[i] ?? [], "p99"),
  }));
  console.table(
    Object.fromEntries(
      rows.map(({ name, perSecond, cpu, p50, p99 }) => [
        name,
        {
          "publications/s": Math.round(perSecond),
          "deliveries/s": Math.round(perSecond * subscribers),
          "CPU ns/delivery": Math.round(cpu),
          "p50 ms at half load": Number(p50.toFixed(2)),
          "p99 ms at half load": Number(p99.toFixed(2)),
          "throughput, ratio": Number((perSecond / (rows.at(-1)?.perSecond ?? 1)).toFixed(2)),
        },
      ]),
    ),
  );
}

async function compareDelays(): Promise<void> {
  const ways = [
    { name: "memory", url: "memory" },
    ...contestants.map(({ name, port }) => ({ name, url: `nats://127.0.0.1:${port}` })),
  ];
  const all = ways.map((): { p50: number; p99: number }[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, { name, url }] of ways.entries()) {
      progress(`Storage to client, round ${round + 1} of ${rounds}: ${name}`);
      all[i]?.push(await measureDelays(url, 2500, RATE));
    }
  }
  progress("");
  console.log(`\nStorage to client (the SDK), ${RATE} publications a second: medians of ${rounds} rounds`);
  console.table(
    Object.fromEntries(
      ways.map(({ name }, i) => [
        name,
        {
          "p50 ms": Number(median(all[i] ?? [], "p50").toFixed(3)),
          "p99 ms": Number(median(all[i] ?? [], "p99").toFixed(3)),
        },
      ]),
    ),
  );
}

async function load(
  { port, pid }: Contestant,
  order: Pick<LoadOrder, "subscribers" | "publications" | "rate">,
): Promise<LoadResult> {
  const whole: LoadOrder = { port, pid, bytes: BYTES, ...order };
  const child = pinned(LOAD_CORE, process.execPath, [LOAD, JSON.stringify(whole)]);
  let said = "";
  child.stdout?.on("data", (chunk) => {
    said += String(chunk);
  });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`the load ended with ${code}`);
  return JSON.parse(said) as LoadResult;
}

function median<Key extends string>(all: readonly Readonly<Record<Key, number>>[], key: Key): number {
  const sorted = all.map((one) => one[key]).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

function readCount(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError("a number from 1 to 9999");
  return Number(text);
}
