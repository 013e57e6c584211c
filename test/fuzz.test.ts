import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { runBatch } from "../fuzz/batch.ts";
import { hex, inPieces, latin1 } from "../fuzz/bytes.ts";
import { main } from "../fuzz/cli.ts";
import { literal } from "../fuzz/literal.ts";
import { headDifferences } from "../fuzz/node-differences.ts";
import { Progress } from "../fuzz/progress.ts";
import { headDispute } from "../fuzz/properties/head-node.ts";
import { wsDispute } from "../fuzz/properties/ws-receiver.ts";
import { properties } from "../fuzz/properties.ts";
import type { Property } from "../fuzz/property.ts";
import { findText } from "../fuzz/report.ts";
import { run } from "../fuzz/run.ts";
import { OutOfBounds, watch } from "../fuzz/watched.ts";
import { differences } from "../fuzz/ws-differences.ts";

const SEED = 6455;
const CASES = 300;

for (const property of properties) {
  test(`fuzz ${property.name}: ${property.proves}`, (t) => {
    t.diagnostic(`seed ${SEED}, ${CASES} cases; npm run fuzz tries more`);
    const { cases, find } = runBatch(property, { seed: SEED, cases: CASES });
    if (find) assert.fail(findText(find));
    assert.equal(cases, CASES);
  });
}

test("properties have names of their own", () => {
  assert.equal(new Set(properties.map(({ name }) => name)).size, properties.length);
});

// ---- The known differences ----------------------------------------------------------------------------------------

for (const { name, example } of differences) {
  test(`Belfry and ws differ, and one row says why: ${name}`, () => {
    const rules = { server: false, messageBytesMax: 1000, fragmentsMax: 2 };
    const dispute = wsDispute({ ...rules, stream: hex(example), cuts: [], guard: hex("") });
    assert.ok(dispute, "they read it alike: remove the row");
    const explaining = differences.filter(({ explains }) => explains(dispute));
    assert.deepEqual(
      explaining.map(({ name }) => name),
      [name],
    );
  });
}

for (const { name, example } of headDifferences) {
  test(`Belfry and node:http differ, and one row says why: ${name}`, () => {
    const dispute = headDispute(latin1(example));
    assert.ok(dispute, "they read it alike: remove the row");
    const explaining = headDifferences.filter(({ explains }) => explains(dispute));
    assert.deepEqual(
      explaining.map(({ name }) => name),
      [name],
    );
  });
}

// ---- What inputs are put into -------------------------------------------------------------------------------------

test("watch lets bytes be read and written in its bounds so many times, and throws at the first access beyond", () => {
  const all = Uint8Array.of(9, 1, 2, 3, 9);
  const bytes = watch(all, 1, 4, 7);
  bytes[1] = 7;
  assert.deepEqual([all[1], bytes[3], bytes.length, bytes.indexOf(2, 1)], [7, 3, 5, 2]);
  for (const at of [0, 4, 5]) assert.throws(() => bytes[at], OutOfBounds);
  assert.throws(() => (bytes[4] = 0), OutOfBounds);
  assert.throws(() => bytes.subarray(0, 2), OutOfBounds);
  assert.throws(() => bytes.slice(2), OutOfBounds);
  assert.deepEqual(bytes.subarray(1, 4), Uint8Array.of(7, 2, 3));
  assert.throws(() => bytes[1], /more than 7 accesses to 3 bytes/);
  assert.throws(() => watch(all, 1, 4, 9).indexOf(5, 1), OutOfBounds);
  assert.throws(() => bytes.fill(0), /fill is not watched/);
});

test("fence and inPieces show what a parser writes beside its bytes", () => {
  const guard = Uint8Array.of(1, 2);
  const pieces = [Uint8Array.of(5), Uint8Array.of(6, 7)];
  const seen: number[] = [];
  inPieces(pieces, guard, (bytes, from, to) => seen.push(...bytes.subarray(from, to).fill(0, 0, 0)));
  assert.deepEqual(seen, [5, 6, 7]);
  for (const beside of [-1, 0]) {
    const spoil = (bytes: Uint8Array, from: number, to: number) => bytes.fill(0, beside < 0 ? from - 1 : to);
    assert.throws(() => inPieces(pieces, guard, spoil), /beside its own were written to/);
  }
});

// ---- The runner ---------------------------------------------------------------------------------------------------

/** A property that holds for every number but those of 1000 and more. */
const planted: Property<{ n: number; bytes: Uint8Array }> = {
  name: "planted",
  proves: "numbers are small",
  share: 1,
  inputs: fc.record({ n: fc.nat(1_000_000), bytes: fc.uint8Array() }),
  check: ({ n }) => assert.ok(n < 1000, "a large number"),
};
const sound: Property<number> = { name: "sound", proves: "nothing", share: 3, inputs: fc.nat(), check: () => {} };

test("runBatch finds a planted fault, makes its input as small as can be, and makes it again from seed and path", () => {
  const { cases, find } = runBatch(planted, { seed: 1, cases: 1000 });
  assert.deepEqual(find?.input, { n: 1000, bytes: new Uint8Array(0) });
  assert.match(find?.error ?? "", /a large number[\s\S]*fuzz\.test/);
  assert.ok(cases < 1000);
  const again = runBatch(planted, { seed: find?.seed ?? 0, cases: 1, path: find?.path });
  assert.deepEqual(again.find?.input, find?.input);
});

test("runBatch ends a loop without end, and its input is a find that seed and path make again", () => {
  const begun: number[] = [];
  const endless: Property<number> = {
    ...sound,
    check(n) {
      begun.push(n);
      while (begun.length === 4);
    },
  };
  const { find } = runBatch(endless, { seed: 1, cases: 10, secondsMax: 0.2 });
  assert.equal(find?.input, begun[3]);
  assert.match(find?.error ?? "", /did not return within 0.2 seconds/);
  runBatch(endless, { seed: 1, cases: 1, path: find?.path });
  assert.equal(begun[4], begun[3]);
});

test("runBatch tells of a property that depends on more than its input", () => {
  let calls = 0;
  const fickle: Property<number> = { ...sound, check: () => assert.ok(++calls !== 5) };
  assert.match(runBatch(fickle, { seed: 1, cases: 10 }).find?.error ?? "", /held when it was checked again/);
});

test("run gives each property its share, leaves one out that has a find, and makes the same cases of the same seed", async () => {
  const seen: unknown[][] = [[], []];
  const noting = (into: unknown[]): Property => ({ ...sound, check: (input) => void into.push(input) });
  for (const into of seen) {
    const plan = { cases: 6000, seconds: undefined, seed: 42 };
    const outcomes = await run([noting(into), { ...planted, name: "again" }, { ...noting(into), share: 2 }], plan);
    assert.deepEqual(
      outcomes.map(({ cases, find }) => [find === undefined, find ? cases < 1000 : cases]),
      [
        [true, 3000],
        [false, true],
        [true, 2000],
      ],
    );
  }
  assert.deepEqual(seen[0], seen[1]);
  assert.ok(new Set(seen[0]).size > 2000, "batches differ");
});

test("run ends when it is told to, and when its time is over", async () => {
  const plan = { cases: undefined, seconds: undefined, seed: 1 };
  const stop = new AbortController();
  const [outcome] = await run([sound], { ...plan, signal: stop.signal, progress: () => stop.abort() });
  assert.equal(outcome?.cases, 1000);
  const [timed] = await run([sound], { ...plan, seconds: 0.05 });
  assert.ok((timed?.cases ?? 0) >= 1000);
});

test("literal writes every input as TypeScript that makes it again", () => {
  const leaves = fc.oneof(
    fc.integer(),
    fc.double({ noNaN: true }),
    fc.boolean(),
    fc.string({ unit: "binary" }),
    fc.uint8Array(),
  );
  const inputs = fc.oneof(
    leaves,
    fc.array(leaves),
    fc.record({ a: leaves, b: fc.array(leaves) }, { noNullPrototype: true }),
  );
  fc.assert(
    fc.property(inputs, (input) => {
      const text = literal(input);
      assert.match(text, /^[\x20-\x7e]*$/);
      assert.deepEqual(new Function("hex", `return ${text}`)(hex), input);
    }),
  );
});

for (const [where, isTTY, told] of [
  [
    "redraws one line on a terminal, and takes it away",
    true,
    ["\r800 of 9 cases, 4,000 cases/s, utf8", "\r900 of 9 cases, 90 cases/s, mask   ", `\r${" ".repeat(32)}\r`],
  ],
  ["writes a line now and then elsewhere", false, ["900 of 9 cases, 90 cases/s, mask\n"]],
] as const) {
  test(`Progress ${where}`, () => {
    const written: string[] = [];
    let now = 0;
    const line = new Progress({ isTTY, write: (text) => written.push(text) }, "9 cases", () => now);
    for (const [at, cases, name] of [
      [199, 700, "utf8"],
      [200, 800, "utf8"],
      [210, 850, "mask"],
      [10_000, 900, "mask"],
    ] as const) {
      now = at;
      line.show(cases, name);
    }
    line.end();
    assert.deepEqual(written, told);
  });
}

// ---- The command --------------------------------------------------------------------------------------------------

async function command(...argv: string[]) {
  const lines: string[] = [];
  const screen = { write: () => assert.fail("so short a run needs no progress") };
  const code = await main(argv, { properties: [sound, planted], print: (text) => lines.push(text), screen });
  return { code, text: lines.join("\n") };
}

test("npm run fuzz ends with 0 and a table when nothing is found", async () => {
  const { code, text } = await command("--only", "sound", "--cases", "1234", "--seed", "5");
  assert.equal(code, 0);
  assert.match(text, /^seed 5\nproperty +cases +finds +seconds +cases\/s\nsound +1,234 +0 .*\nall +1,234 +0 .*$/);
});

test("npm run fuzz ends with 1 at a find, and prints it as a row to paste and a command to make it again", async () => {
  const { code, text } = await command("--cases", "4000", "--seed", "5");
  assert.equal(code, 1);
  assert.match(text, /^planted +\d+ +1 /m);
  assert.match(text, /^sound +3,000 +0 /m);
  assert.match(text, /^ {4}\["planted", "seed 5, path [\d:]+", \{ n: 1000, bytes: hex\(""\) \}\],$/m);
  const [, again = ""] = /npm run fuzz -- (.*)$/m.exec(text) ?? [];
  const { code: code2, text: text2 } = await command(...again.split(" "));
  assert.equal(code2, 1);
  assert.match(text2, /n: 1000, bytes: hex\(""\)/);
});

for (const [what, argv, status, says] of [
  ["--help", ["--help"], 0, /npm run fuzz -- --only utf8 --seed 42 --path [\s\S]*ws-receiver/],
  ["a property that is not there", ["--only", "nothing"], 1, /Allowed choices are header, /],
  ["a count that is none", ["--cases", "many"], 1, /whole numbers from 1/],
  ["a seed that is none", ["--seed", "1e99"], 1, /whole numbers of 32 bits/],
  ["a path alone", ["--path", "1:2"], 1, /--path needs the --seed and the one --only/],
] as const) {
  test(`npm run fuzz with ${what} ends with ${status} and says what is allowed`, () => {
    const file = fileURLToPath(new URL("../fuzz/main.js", import.meta.url));
    const ran = spawnSync(process.execPath, [file, ...argv], { encoding: "utf8" });
    assert.equal(ran.status, status);
    assert.match(ran.stdout + ran.stderr, says);
  });
}
