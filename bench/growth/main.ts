import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Command } from "commander";
import { describeMachine } from "../report/machine.ts";
import type { Measure, Results } from "../report/results.ts";
import { median } from "../report/statistics.ts";
import { saveResults, writeReport } from "../report/write.ts";
import { whole } from "./whole.ts";

const PART = fileURLToPath(new URL("./part.js", import.meta.url));
const examples = `
Examples:
  What each connection costs, from a thousand to half a million
    $ npm run bench:growth

  The parts alone, without sockets: a minute
    $ npm run bench:growth -- --only parts --sizes 1000,100000

Each cost must be as flat as the sizes grow. "parts" are the columns, the hub, the fan-out and the heartbeats by themselves;
"whole" are servers with real sockets, as many processes as their descriptors ask for.
`;

interface Options {
  sizes: number[];
  rounds: number;
  only: "parts" | "whole" | "all";
  restSeconds: number;
  save?: string;
}

const sizesOf = (text: string) => text.split(",").map(Number);
const options = new Command("bench:growth")
  .description("Measures what each connection costs as there are more of them.")
  .option("--sizes <numbers>", "how many connections", sizesOf, [1000, 5000, 10_000, 20_000, 100_000, 500_000])
  .option("--rounds <n>", "of all sizes, one after the other", Number, 3)
  .option("--only <name>", "parts, whole or all", "all")
  .option("--rest-seconds <n>", "how long whole servers are measured at rest", Number, 25)
  .option("--save <folder>", "write growth.json and its report there")
  .addHelpText("after", examples)
  .parse()
  .opts<Options>();

type Row = Pick<Measure, "title" | "unit" | "note">;
/** By name of what part.ts prints. */
const parts: Readonly<Record<string, Row>> = {
  bytes: {
    title: "Parts: memory",
    unit: "bytes",
    note: "Anonymous memory of columns, clients and hub, each connection subscribed to a channel of its own.",
  },
  subscribe: {
    title: "Parts: subscribe",
    unit: "ns",
    note: "To a channel that is new, one connection after the other.",
  },
  unsubscribe: {
    title: "Parts: unsubscribe",
    unit: "ns",
    note: "In an order that no cache foresees: what it costs more in large sets is waiting for memory.",
  },
  fanned: {
    title: "Parts: fan-out",
    unit: "ns",
    note: "For each subscriber of a publication, with a way out that does nothing.",
  },
  swept: { title: "Parts: one sweep of the heartbeat", unit: "ns", note: "For each connection." },
  pinged: {
    title: "Parts: a ping of the protocol",
    unit: "ns",
    note: "For each client, with a way out that does nothing.",
  },
};
/** By name of what whole.ts measures. */
const wholes: Readonly<Record<string, Row>> = {
  user: {
    title: "Server: memory, user space",
    unit: "bytes",
    note: "Growth of the processes' anonymous memory; each connection has two subscriptions.",
  },
  kernel: {
    title: "Server: memory, kernel",
    unit: "bytes",
    note: "Half of the growth of Slab: both ends are on this machine.",
  },
  rest: {
    title: "Server: CPU at rest",
    unit: "µs/s",
    note: "CPU of a second for each connection, which is pinged every 25 s, beyond that of the processes without any.",
  },
  open: { title: "Server: CPU of opening", unit: "µs", note: "TCP, upgrade, connect and two subscriptions." },
  fanout: { title: "Server: CPU of a delivery", unit: "µs", note: "Of a publication to all." },
};

const found = new Map<string, Map<number, number[]>>();
for (let round = 1; round <= options.rounds; round++) {
  for (const size of options.sizes) {
    process.stderr.write(`round ${round} of ${options.rounds}, ${size.toLocaleString("en")} connections\n`);
    if (options.only !== "whole") keep("parts", size, await part(size));
    if (options.only !== "parts") keep("whole", size, { ...(await whole(size, options.restSeconds)) });
  }
}
const measures = [...measuresOf("parts", parts), ...measuresOf("whole", wholes)];
console.table(
  Object.fromEntries(
    measures.map(({ title, unit, rows }) => [
      `${title}, ${unit}`,
      Object.fromEntries(rows.map(({ subject, rounds }) => [subject, Number(median(rounds).toFixed(1))])),
    ]),
  ),
);
if (options.save !== undefined) {
  const results: Results = {
    title: "What a connection costs as there are more of them",
    command: "npm run bench:growth",
    date: new Date().toISOString(),
    machine: describeMachine(),
    measures,
  };
  saveResults(results, options.save, "growth");
  writeReport(results, options.save, { name: "growth" });
}
process.exit(0);

async function part(size: number): Promise<Record<string, number>> {
  const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", PART, `${size}`]);
  return JSON.parse(stdout) as Record<string, number>;
}

function keep(kind: string, size: number, values: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(values)) {
    const sizes = found.get(`${kind}-${name}`) ?? new Map<number, number[]>();
    found.set(`${kind}-${name}`, sizes.set(size, [...(sizes.get(size) ?? []), value]));
  }
}

function measuresOf(kind: string, rows: Readonly<Record<string, Row>>): Measure[] {
  return Object.entries(rows).flatMap(([name, row]) => {
    const sizes = found.get(`${kind}-${name}`);
    if (!sizes) return [];
    const values = [...sizes].map(([size, rounds]) => ({ subject: size.toLocaleString("en"), rounds }));
    return [{ id: `${kind}-${name}`, ...row, better: "less" as const, rows: values }];
  });
}
