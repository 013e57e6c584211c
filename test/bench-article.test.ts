import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Measure, Results } from "../bench/report/results.ts";
import { folderOf } from "./processes.ts";

// The command at the smallest size: that it measures everything, and says it in the shape that the report reads.

const command = fileURLToPath(new URL("../bench/article/main.js", import.meta.url));
const run = promisify(execFile);
const linuxOnly = process.platform === "linux" ? false : "it reads /proc";

/** Who takes part in each part, and what is measured of them. */
const expected = {
  memory: { subjects: 6, measures: ["idle-user", "idle-kernel", "three-million-user", "three-million"] },
  upgrade: { subjects: 4, measures: ["upgrade-time", "upgrade-heap"] },
  polling: {
    subjects: 2,
    measures: [
      "asked",
      "answered",
      "unchanged",
      "up",
      "down",
      "cpu",
      "known-p50",
      "known-p99",
      "had-p50",
      "had-p99",
    ].map((id) => `polling-${id}`),
  },
} as const;

// They wait most of the time.
describe("bench:article", { concurrency: true }, () => {
  for (const [part, { subjects, measures }] of Object.entries(expected)) {
    test(`bench:article: ${part} has a row for each step and a value for each round`, {
      skip: linuxOnly,
    }, async (t) => {
      const file = join(folderOf(t), "results.json");
      const small = [
        "--connections",
        "100",
        "--upgrades",
        "200",
        "--mailboxes",
        "100",
        "--changes",
        "20",
        "--seconds",
        "2",
      ];
      const args = [command, "--only", part, "--rounds", "1", ...small, "--json", file];
      const { stdout, stderr } = await run(process.execPath, args);
      const results = JSON.parse(readFileSync(file, "utf8")) as Results;
      assert.deepEqual(
        results.measures.map(({ id }) => id),
        measures,
      );
      for (const measure of results.measures) {
        checkRows(measure, subjects);
        assert.ok(stdout.includes(measure.title), "the table is printed too");
      }
      assert.match(stderr, new RegExp(`^${part}, round 1 of 1: `, "m"), "it says what it is at");
      assert.ok(!Number.isNaN(Date.parse(results.date)) && results.command.includes(`--only ${part}`));
      assert.ok(results.machine.cores > 0 && results.machine.memoryBytes > 0);
      assert.deepEqual(Object.keys(results.machine.versions), ["belfry", "node", "ws"]);
      if (part === "polling") checkPolling(results.measures);
    });
  }
});

test("bench:article: --help teaches by examples, and a part that is none is refused", { skip: linuxOnly }, async () => {
  const { stdout } = await run(process.execPath, [command, "--help"]);
  assert.match(stdout, /Examples:\n {2}npm run bench:article\n/);
  await assert.rejects(run(process.execPath, [command, "--only", "memroy"]), /Allowed are memory, upgrade, polling/);
});

function checkRows({ id, unit, note, rows, bounds = [] }: Measure, subjects: number): void {
  assert.ok(unit !== "" && note !== "");
  const names = rows.map(({ subject }) => subject);
  assert.equal(new Set(names).size, subjects, id);
  for (const { subject, rounds, skipped } of rows) {
    assert.ok(rounds.length === 1 && Number.isFinite(rounds[0]), `${id} of ${subject}: ${rounds}`);
    assert.equal(skipped, undefined);
  }
  for (const { subject, of } of bounds) assert.ok(names.includes(subject) && names.includes(of), id);
}

/** Everybody asks every second on one side; on the other only whoever was told of a change. */
function checkPolling(measures: readonly Measure[]): void {
  const value = (id: string, way: string) =>
    measures.find((measure) => measure.id === `polling-${id}`)?.rows.find(({ subject }) => subject === way)
      ?.rounds[0] as number;
  assert.ok(value("answered", "polling") > value("answered", "push"), "polling asks more often");
  assert.ok(value("answered", "push") > 0);
  assert.ok(value("unchanged", "polling") > 0 && value("unchanged", "push") < value("unchanged", "polling"));
  assert.ok(value("up", "polling") > value("up", "push"));
  assert.ok(value("known-p50", "polling") > value("known-p50", "push"));
}
