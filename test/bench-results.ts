import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { Results } from "../bench/report/results.ts";
import { writeReport } from "../bench/report/write.ts";

const skipped = "its package is not on the registry <npm>; see bench/peers";

const peers = (...rounds: readonly (readonly number[])[]) => [
  ...["belfry", "floor (C)", "ws", "Bun.serve", "Socket.IO"]
    .map((subject, who) => ({ subject, rounds: rounds[who] ?? [] }))
    .filter((row) => row.rounds.length > 0),
  { subject: "uWebSockets.js", rounds: [], skipped },
];

/** What a run of benchmarks may come to: ours and others, one skipped, bounds reached and missed, and a growth. */
export const results: Results = {
  title: "Belfry beside others",
  command: "npm run bench -- --rounds 5",
  date: "2026-11-21T18:30:00Z",
  machine: {
    cpu: "AMD EPYC 7763 64-Core Processor",
    cores: 2,
    memoryBytes: 16_783_360_000,
    kernel: "Linux 6.8.0-1021",
    versions: { belfry: "0.1.0 (a28b6f4)", node: "20.20.2", ws: "8.23.0", Bun: "1.3.1", "Socket.IO": "4.8.1" },
  },
  measures: [
    {
      id: "idle",
      title: "Memory of an idle connection",
      unit: "bytes",
      better: "less",
      note: "What the process grows by with each of 15,000 silent connections, after a collection; without the kernel's part.",
      bounds: [{ subject: "belfry", of: "ws", most: 0.1 }],
      rows: peers(
        [112, 115, 110, 112, 118],
        [32],
        [9812, 9770, 10_122, 9801, 9833],
        [2210, 2304, 2198, 2260, 2215],
        [61_240, 60_980, 63_552, 61_107, 61_300],
      ),
    },
    {
      id: "echo-32",
      title: "CPU of an echo, 32 B",
      unit: "µs",
      better: "less",
      note: "User and system time of the server for each message, 64 connections with one message in flight each.",
      bounds: [
        { subject: "belfry", of: "floor (C)", most: 1.25 },
        { subject: "belfry", of: "uWebSockets.js", most: 1.1 },
      ],
      rows: peers(
        [7.92, 8.05, 7.81, 8.4, 7.88],
        [6.91, 7.02, 6.85, 7.6, 6.88],
        [15.2, 15.9, 14.8, 15.1, 15.4],
        [9.12, 9.4, 9.03, 9.9, 9.2],
        [29.9, 31.2, 30.4, 30.1, 33],
      ),
    },
    {
      id: "echo-1k",
      title: "CPU of an echo, 1 KB",
      unit: "µs",
      better: "less",
      note: "As with 32 bytes.",
      rows: peers(
        [8.31, 8.4, 8.22, 8.9, 8.3],
        [7.2, 7.31, 7.15, 7.9, 7.2],
        [16.4, 16.8, 16.1, 16.3, 16.7],
        [9.8, 9.9, 9.7, 10.4, 9.8],
        [32.5, 33.1, 32.2, 32.4, 36],
      ),
    },
    {
      id: "echo-16k",
      title: "CPU of an echo, 16 KB",
      unit: "µs",
      better: "less",
      note: "As with 32 bytes.",
      bounds: [{ subject: "belfry", of: "floor (C)", most: 1.05 }],
      rows: peers(
        [21.2, 21.9, 20.8, 22.4, 21.1],
        [18.1, 18.5, 17.7, 19.2, 18],
        [38.1, 39.5, 37.7, 38, 38.3],
        [24.1, 24.9, 23.8, 25.6, 24],
        [58.8, 60.2, 57.9, 58.1, 66.4],
      ),
    },
    {
      id: "fan-out",
      title: "Deliveries of one publication to 15,000",
      unit: "1/s",
      better: "more",
      note: "How many clients a second a publication of 100 bytes reaches, on one core.",
      rows: peers(
        [121_400, 119_800, 122_900, 118_700, 121_000],
        [128_100, 126_300, 129_900, 125_200, 127_800],
        [64_210, 63_800, 65_090, 64_000, 64_900],
        [98_400, 97_100, 99_020, 96_800, 98_000],
        [31_020, 30_400, 31_800, 30_900, 30_700],
      ),
    },
    {
      id: "p99",
      title: "99th percentile of the time to a client",
      unit: "ms",
      better: "less",
      note: "What 5,000 clients wait for a publication, under half of the load that each server can bear.",
      rows: [
        { subject: "belfry (portable driver, TLS)", rounds: [5.2, 5.6, 5.1, 7.9, 5.3] },
        ...peers(
          [4.1, 4.4, 3.9, 6.2, 4.2],
          [],
          [11.2, 12.9, 10.8, 14.1, 11.3],
          [6.1, 6.6, 5.9, 7.2, 6.2],
          [27, 31, 26.5, 40.2, 27.3],
        ),
      ],
    },
    {
      id: "growth",
      title: "CPU of a delivery, by subscribers",
      unit: "µs",
      better: "less",
      note: "One publication to so many: what each of them costs should not grow with their number.",
      bounds: [{ subject: "50,000", of: "1,000", most: 1.2 }],
      rows: [
        { subject: "1,000", rounds: [7.7, 7.9, 7.6] },
        { subject: "5,000", rounds: [7.8, 8.3, 7.7] },
        { subject: "10,000", rounds: [8.1, 8.2, 7.9] },
        { subject: "15,000", rounds: [8.2, 8.6, 8.1] },
        { subject: "50,000", rounds: [8.4, 9.6, 8.3] },
      ],
    },
  ],
};

/** The results with a text wherever a name may stand. */
export function named(text: string): Results {
  const rows = [
    { subject: text, rounds: [1, 2] },
    { subject: `${text} two`, rounds: [], skipped: text },
  ];
  const bounds = [{ subject: text, of: `${text} two`, most: 1 }];
  const measures = results.measures.map((one) => ({ ...one, title: text, unit: text, note: text, bounds, rows }));
  const machine = { ...results.machine, cpu: text, kernel: text, versions: { [text]: text } };
  return { ...results, title: text, command: text, machine, measures };
}

/** Writes the report into a folder of its own, and gives a reader of its files. */
export function reported(t: TestContext, options: { charts?: string[] } = {}, of = results): (file: string) => string {
  const folder = temporary(t);
  writeReport(of, folder, { name: "bench", ...options });
  return (file) => readFileSync(join(folder, file), "utf8");
}

/** A folder that ends with the test. */
export function temporary(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "belfry-report-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
