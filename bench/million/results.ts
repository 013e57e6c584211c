import type { Percentiles } from "../../src/load/index.ts";
import { describeMachine } from "../report/machine.ts";
import type { Measure, Results } from "../report/results.ts";
import type { Options } from "./options.ts";
import type { Delivered } from "./stages.ts";

/** What a run came to. */
export interface Outcome {
  readonly openedPerSecond: number;
  /** Bytes of each connection at the server's end. */
  readonly bytes: { readonly user: number; readonly kernel: number };
  /** Cores at rest. */
  readonly rest: { readonly servers: number; readonly clients: number };
  readonly notified: Delivered;
  readonly broadcast: Delivered;
  readonly lost: number;
}

/** A run as the reports take it. */
export function resultsOf(options: Options, processes: number, outcome: Outcome): Results {
  const { connections, pingSeconds, rate, seconds } = options;
  const { openedPerSecond, bytes, rest, notified, broadcast, lost } = outcome;
  return {
    title: `${count(connections)} WebSockets on one machine`,
    command: `npm run million -- --connections ${connections} --ping-seconds ${pingSeconds}`,
    date: new Date().toISOString(),
    machine: describeMachine(),
    measures: [
      {
        ...{ id: "open", title: "Opened and subscribed a second", unit: "1/s", better: "more" },
        note: `TCP, upgrade, connect, and two subscriptions: one of its own, and one of all. ${processes} processes serve.`,
        rows: rowsOf({ all: openedPerSecond }),
      },
      {
        ...{ id: "memory", title: "Memory of each connection, at the server's end", unit: "bytes", better: "less" },
        note: "Growth of the servers' anonymous memory, and half of the growth of Slab, since both ends are on this machine.",
        rows: rowsOf({ "user space": bytes.user, kernel: bytes.kernel }),
      },
      {
        ...{ id: "heartbeat", title: "At rest", unit: "cores", better: "less" },
        note: `Each client is pinged every ${pingSeconds} s, and answers; nothing else happens.`,
        rows: rowsOf(rest),
      },
      {
        ...{ id: "notify", title: `Delay of ${count(rate)} notifications a second`, unit: "ms", better: "less" },
        note: `To clients chosen at random, for ${seconds} s, through the HTTP API and the Bus: ${count(notified.received)} of ${count(notified.published)} came.`,
        rows: percentileRows(notified.latencyMs),
      },
      {
        ...{ id: "broadcast", title: "Delay of one publication to all", unit: "ms", better: "less" },
        note: `${count(broadcast.received)} of ${count(connections)} got it.`,
        rows: percentileRows(broadcast.latencyMs),
      },
      {
        ...{ id: "lost", title: "Connections lost, from first to last", unit: "connections", better: "less" },
        note: "Each that ended before it was told to.",
        rows: rowsOf({ lost }),
      },
    ],
  };
}

function percentileRows(percentiles: Percentiles | undefined): Measure["rows"] {
  if (!percentiles) return [];
  const { p50, p99, p999, max } = percentiles;
  return rowsOf({ p50, p99, "p99.9": p999, max });
}

function rowsOf(values: Readonly<Record<string, number>>): Measure["rows"] {
  return Object.entries(values).map(([subject, value]) => ({ subject, rounds: [value] }));
}

function count(value: number): string {
  return Math.round(value).toLocaleString("en");
}
