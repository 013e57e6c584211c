import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Results } from "../bench/report/results.ts";
import { Running } from "./processes.ts";
import { until } from "./until.ts";

const main = fileURLToPath(new URL("../bench/million/main.js", import.meta.url));
const short = ["--seconds", "5", "--rest-seconds", "4", "--ping-seconds", "10", "--warm-seconds", "1"];

test("20,000 connections over several processes on one port: all notified, all reached, none lost, nothing left behind", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "belfry-million-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const json = join(folder, "million.json");
  const own = ["--connections", "20000", "--descriptors", "12000", "--port", "18765", "--rate", "200", "--json", json];
  const bench = await Running.start(t, [process.execPath, main, ...own, ...short]);
  assert.equal(await bench.ended(), 0, bench.lines.join("\n"));
  const { measures } = JSON.parse(readFileSync(json, "utf8")) as Results;
  const values = Object.fromEntries(measures.map(({ id, rows }) => [id, rows.map(({ rounds }) => rounds[0] ?? -1)]));
  assert.deepEqual(Object.keys(values), ["open", "memory", "heartbeat", "notify", "broadcast", "lost"]);
  assert.deepEqual(values["lost"], [0]);
  for (const id of ["open", "heartbeat", "notify", "broadcast"]) {
    assert.ok(
      values[id]?.every((value) => value > 0),
      `${id}: ${values[id]}`,
    );
  }
  await bench.says(/a broadcast reached 20,000 of 20,000/);
  await until(() => processesOf(18_765).length === 0);
});

test("an interrupt in the midst of it leaves nothing running", async (t) => {
  const own = ["--connections", "2000", "--port", "18766", "--processes", "1"];
  const bench = await Running.start(t, [process.execPath, main, ...own, ...short]);
  await bench.says(/2,000 open in/);
  assert.ok(processesOf(18_766).length > 0);
  bench.signal("SIGINT");
  assert.equal(await bench.ended(), 130);
  await until(() => processesOf(18_766).length === 0);
});

test("a machine that does not suffice is told what is missing, and nothing is started", async (t) => {
  const bench = await Running.start(t, [process.execPath, main, "--connections", "900000000"]);
  assert.equal(await bench.ended(), 2);
  await bench.says(/MemAvailable/);
});

/** Processes with this port on their command line. */
function processesOf(port: number): string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(`--port\0${port}\0--workers`);
    } catch {
      return false;
    }
  });
}
