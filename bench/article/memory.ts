import { slabBytes } from "../vitals.ts";
import { Child } from "./child.ts";
import type { Part, Values } from "./part.ts";

// "72 GB → x": what an idle connection costs, from the article's first server to columns, step by step. What changes
// from one step to the next stands in servers/, a few lines each.

const GOAL = 3_000_000;
const GB = 1e9;
const NOTHING_BYTES = 16 * 1024;

/** The steps, and their files. */
const steps: Readonly<Record<string, string>> = {
  "ws, a reader, a writer and 4 KB buffers": "idiomatic",
  "ws, a queue only while writing": "lazy",
  "ws, nothing of its own": "plain",
  "netpoll, upgraded by node:http": "attached",
  "netpoll, zero-copy upgrade": "zero-copy",
  "columns, no object": "columns",
};

/** Bytes for each of so many idle connections. */
export function memoryPart(connections: number): Part {
  const at = `${connections.toLocaleString("en")} connections`;
  const slope = `on loopback: the difference between the first fifth of ${at} and all of them, garbage collected first`;
  return {
    name: "memory",
    subjects: Object.keys(steps),
    measures: [
      {
        id: "idle-user",
        title: "An idle connection, user space",
        unit: "bytes",
        better: "less",
        note:
          `Pss_Anon of the server's process (smaps_rollup), ${slope}. ` +
          "What the heap does by itself comes to some 20 bytes: a smaller figure says that it is less than that.",
      },
      {
        id: "idle-kernel",
        title: "An idle connection, kernel",
        unit: "bytes",
        better: "less",
        note: `Slab of the whole machine (meminfo), halved since both ends of a connection are in it, ${slope}.`,
      },
      {
        id: "three-million-user",
        title: "Three million connections, user space",
        unit: "GB",
        better: "less",
        note: `Extrapolated from ${at}. The article's 72 GB are this: goroutines, buffers, and net/http's for the upgrade.`,
      },
      {
        id: "three-million",
        title: "Three million connections, user space and kernel",
        unit: "GB",
        better: "less",
        note: `Extrapolated from ${at}; of the kernel's part the server's end alone.`,
      },
    ],
    measure: (subject) => measure(`article/servers/${steps[subject]}.js`, connections),
  };
}

async function measure(script: string, connections: number): Promise<Values> {
  const server = Child.server(script);
  const port = await server.says(/port (\d+)\n/);
  // With the first fifth the code is compiled, and pools have what they keep.
  const few = Math.ceil(connections / 5);
  const first = await hold(port, few);
  const before = await settled(server);
  const others = await hold(port, connections - few);
  const after = await settled(server);
  for (const child of [first, others, server]) child.end();
  const user = (after.user - before.user) / (connections - few);
  const kernel = (after.slab - before.slab) / (connections - few) / 2;
  return {
    "idle-user": user,
    "idle-kernel": kernel,
    "three-million-user": (user * GOAL) / GB,
    "three-million": ((user + kernel) * GOAL) / GB,
  };
}

async function hold(port: string, connections: number): Promise<Child> {
  const holder = Child.client("heartbeat/holder.js", port, `${connections}`);
  await holder.says(/held/);
  return holder;
}

/** What is in use when the server has collected its garbage, until that gave nothing back twice. */
async function settled(server: Child): Promise<{ user: number; slab: number }> {
  let user = Number.POSITIVE_INFINITY;
  for (let quiet = 0; quiet < 2; ) {
    server.poke();
    await server.says(/collected\n/);
    const now = server.userBytes;
    quiet = user - now > NOTHING_BYTES ? 0 : quiet + 1;
    user = now;
  }
  return { user, slab: slabBytes() };
}
