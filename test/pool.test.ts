import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { BufferPool, type Task, WorkerPool } from "../src/pool/index.ts";

/** Tasks that end when the test says so. */
class Tasks {
  /** Names of the tasks that have begun, in this order. */
  readonly begun: string[] = [];
  readonly #ends = new Map<string, () => void>();

  make(name: string): Task {
    return () => {
      this.begun.push(name);
      return this.work(name);
    };
  }
  /** Work that has already begun. */
  work(name: string): Promise<void> {
    return new Promise((resolve) => this.#ends.set(name, resolve));
  }
  get running(): string[] {
    return [...this.#ends.keys()];
  }
  /** Ends a task, and lets the pool hear of it. */
  async end(name: string): Promise<void> {
    this.#ends.get(name)?.();
    this.#ends.delete(name);
    await turn();
  }
}

// ---- WorkerPool -----------------------------------------------------------------------------------------------------------

test("WorkerPool.trySchedule starts a task at once while a worker is free, and says false when none is", async () => {
  const tasks = new Tasks();
  const pool = new WorkerPool(2);
  assert.equal(pool.trySchedule(tasks.make("a")), true);
  assert.deepEqual([tasks.begun, pool.busy, pool.saturated], [["a"], 1, false]);
  assert.equal(pool.trySchedule(tasks.make("b")), true);
  assert.deepEqual([pool.busy, pool.saturated], [2, true]);
  assert.equal(pool.trySchedule(tasks.make("c")), false);
  assert.deepEqual([tasks.begun, pool.waiting], [["a", "b"], 0]);
  await tasks.end("a");
  assert.equal(pool.trySchedule(tasks.make("d")), true);
});

test("WorkerPool.schedule starts waiting tasks in order, never more than the pool's size", async () => {
  const tasks = new Tasks();
  const pool = new WorkerPool(2);
  for (const name of ["a", "b", "c", "d", "e"]) pool.schedule(tasks.make(name));
  assert.deepEqual([tasks.begun, pool.waiting], [["a", "b"], 3]);
  await tasks.end("b");
  assert.deepEqual(tasks.begun, ["a", "b", "c"]);
  await tasks.end("c");
  assert.deepEqual([tasks.begun, pool.waiting, pool.busy], [["a", "b", "c", "d"], 1, 2]);
  for (const name of ["a", "d", "e"]) await tasks.end(name);
  assert.deepEqual([tasks.begun, pool.waiting, pool.busy], [["a", "b", "c", "d", "e"], 0, 0]);
});

test("WorkerPool.scheduleTimeout starts a task when a worker comes free in time, and does not call `late`", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const tasks = new Tasks();
  const pool = new WorkerPool(1);
  const late = t.mock.fn();
  pool.scheduleTimeout(100, tasks.make("a"), late);
  assert.deepEqual(tasks.begun, ["a"], "a free worker takes it at once");
  pool.scheduleTimeout(100, tasks.make("b"), late);
  t.mock.timers.tick(99);
  await tasks.end("a");
  assert.deepEqual(tasks.begun, ["a", "b"]);
  t.mock.timers.tick(1000);
  assert.equal(late.mock.callCount(), 0);
});

test("WorkerPool.scheduleTimeout calls `late` once and drops the task when no worker comes free, out of the middle", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const tasks = new Tasks();
  const pool = new WorkerPool(1);
  const late = t.mock.fn();
  pool.schedule(tasks.make("a"));
  pool.schedule(tasks.make("b"));
  pool.scheduleTimeout(100, tasks.make("late"), late);
  pool.schedule(tasks.make("c"));
  t.mock.timers.tick(99);
  assert.deepEqual([late.mock.callCount(), pool.waiting], [0, 3]);
  t.mock.timers.tick(1);
  assert.deepEqual([late.mock.callCount(), pool.waiting], [1, 2]);
  for (const name of ["a", "b", "c"]) await tasks.end(name);
  t.mock.timers.tick(1000);
  assert.deepEqual([tasks.begun, late.mock.callCount()], [["a", "b", "c"], 1]);
});

test("WorkerPool.hold occupies a worker even over the size, and keeps waiting tasks waiting", async () => {
  const tasks = new Tasks();
  let freed = 0;
  const pool = new WorkerPool(2, () => freed++);
  for (const name of ["a", "b", "c"]) pool.hold(tasks.work(name));
  pool.schedule(tasks.make("d"));
  assert.deepEqual([pool.busy, pool.saturated, pool.waiting], [3, true, 1]);
  await tasks.end("a");
  assert.deepEqual([pool.busy, tasks.begun, freed], [2, [], 0], "still as many as the size");
  await tasks.end("b");
  assert.deepEqual([pool.busy, tasks.begun, freed], [2, ["d"], 0]);
  await tasks.end("c");
  assert.deepEqual([pool.busy, freed], [1, 1]);
  await tasks.end("d");
  assert.deepEqual([pool.busy, freed], [0, 1]);
});

test("WorkerPool calls `freed` when a worker is free for others, and the pool can then be saturated again", async () => {
  const tasks = new Tasks();
  const seen: boolean[] = [];
  const pool: WorkerPool = new WorkerPool(1, () => {
    seen.push(pool.saturated);
    if (seen.length === 1) pool.schedule(tasks.make("from freed"));
  });
  pool.schedule(tasks.make("a"));
  await tasks.end("a");
  assert.deepEqual([seen, tasks.begun, pool.saturated], [[false], ["a", "from freed"], true]);
  await tasks.end("from freed");
  assert.deepEqual(seen, [false, false]);
});

test("WorkerPool agrees with a model: order, bound, and `freed` once for each end of a saturation", async () => {
  const steps = fc.array(fc.constantFrom("try", "schedule", "hold", "end", "end", "end last"), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 3 }), steps, async (size, steps) => {
      const tasks = new Tasks();
      let freed = 0;
      const pool = new WorkerPool(size, () => freed++);
      const model = { busy: 0, queue: [] as string[], begun: [] as string[], freed: 0 };
      for (const [i, step] of steps.entries()) {
        const name = `${step} ${i}`;
        if (step === "try" || step === "schedule") {
          const free = model.busy < size;
          if (step === "try") assert.equal(pool.trySchedule(tasks.make(name)), free);
          else pool.schedule(tasks.make(name));
          if (free) {
            model.busy++;
            model.begun.push(name);
          } else if (step === "schedule") model.queue.push(name);
        } else if (step === "hold") {
          pool.hold(tasks.work(name));
          model.busy++;
        } else {
          const { running } = tasks;
          const name = step === "end" ? running[0] : running.at(-1);
          if (name === undefined) continue;
          await tasks.end(name);
          const wasSaturated = model.busy >= size;
          model.busy--;
          const next = model.busy < size ? model.queue.shift() : undefined;
          if (next !== undefined) {
            model.begun.push(next);
            model.busy++;
          }
          if (wasSaturated && model.busy < size) model.freed++;
        }
        assert.deepEqual(
          [pool.busy, pool.waiting, tasks.begun, freed],
          [model.busy, model.queue.length, model.begun, model.freed],
        );
        assert.equal(pool.saturated, model.busy >= size);
      }
    }),
  );
});

for (const [what, task] of [
  ["rejects", "async () => { throw new Error('oops'); }"],
  ["throws at once", "() => { throw new Error('oops'); }"],
] as const) {
  test(`WorkerPool reports a task that ${what} as BELFRY_BAD_STATE, and its worker is free again`, () => {
    const script = `
      import { WorkerPool } from ${JSON.stringify(new URL("../src/pool/index.js", import.meta.url).href)};
      let freed = 0;
      const pool = new WorkerPool(1, () => freed++);
      process.on("unhandledRejection", (error) => console.log(error.code, error.cause.message, pool.busy, freed));
      pool.schedule(${task});
    `;
    const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], {
      encoding: "utf8",
    });
    assert.equal(stdout, "BELFRY_BAD_STATE oops 0 1\n", stderr);
  });
}

// ---- BufferPool -----------------------------------------------------------------------------------------------------------

for (const [bytes, length] of [
  [0, 64],
  [1, 64],
  [64, 64],
  [65, 128],
  [127, 128],
  [128, 128],
  [129, 256],
  [4096, 4096],
  [4097, 8192],
  [1_048_576, 1_048_576],
  [1_048_577, 2_097_152],
] as const) {
  test(`BufferPool.take of ${bytes} bytes gives ${length}`, () =>
    assert.equal(new BufferPool(0).take(bytes).length, length));
}

test("BufferPool.take gives a buffer of the class that was given back, and none of another class", () => {
  const pool = new BufferPool(1024);
  const buffer = pool.take(100);
  pool.give(buffer);
  assert.equal(pool.pooledBytes, 128);
  assert.notEqual(pool.take(64), buffer);
  assert.notEqual(pool.take(129), buffer);
  assert.equal(pool.take(65), buffer);
  assert.equal(pool.pooledBytes, 0);
  assert.notEqual(pool.take(128), buffer, "it is out");
});

test("BufferPool.give keeps buffers up to its bound exactly, and leaves the rest to the collector", () => {
  const pool = new BufferPool(256);
  const buffers = [pool.take(128), pool.take(64), pool.take(128), pool.take(64)] as const;
  for (const buffer of buffers) pool.give(buffer);
  assert.equal(pool.pooledBytes, 256, "128, 64, not 128, 64");
  assert.deepEqual([pool.take(128) === buffers[0], pool.take(128) === buffers[2]], [true, false]);
  pool.give(buffers[2]);
  assert.equal(pool.pooledBytes, 256);
});

test("BufferPool.give does not keep what is of no class", () => {
  const pool = new BufferPool(1024);
  for (const length of [0, 1, 32, 63, 65, 100]) pool.give(Buffer.alloc(length));
  assert.equal(pool.pooledBytes, 0);
});

test("BufferPool of no bytes keeps nothing", () => {
  const pool = new BufferPool(0);
  pool.give(pool.take(64));
  assert.equal(pool.pooledBytes, 0);
});

test("BufferPool never hands a buffer to two, and never keeps more than its bound", () => {
  const steps = fc.array(fc.oneof(fc.nat(5000), fc.constant("give" as const)), { maxLength: 60 });
  fc.assert(
    fc.property(fc.nat(20_000), steps, (bytesMax, steps) => {
      const pool = new BufferPool(bytesMax);
      const out: Buffer[] = [];
      const idle = new Set<Buffer>();
      for (const step of steps) {
        if (step === "give") {
          const buffer = out.shift();
          if (!buffer) continue;
          const before = pool.pooledBytes;
          pool.give(buffer);
          if (pool.pooledBytes > before) idle.add(buffer);
        } else {
          const buffer = pool.take(step);
          assert.ok(buffer.length >= step && buffer.length <= Math.max(64, step * 2));
          assert.ok(!out.includes(buffer), "it is out already");
          idle.delete(buffer);
          out.push(buffer);
        }
        assert.equal(
          pool.pooledBytes,
          [...idle].reduce((sum, buffer) => sum + buffer.length, 0),
        );
        assert.ok(pool.pooledBytes <= bytesMax);
      }
    }),
  );
});

test("WorkerPool.saturatedSeconds is the time in which no worker was free, also when tasks that waited take over", async (t) => {
  let nowMs = 1000;
  t.mock.method(performance, "now", () => nowMs);
  const pool = new WorkerPool(1);
  const ends: (() => void)[] = [];
  const task = () => new Promise<void>((resolve) => ends.push(resolve));
  const end = async (ms: number) => {
    nowMs += ms;
    ends.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  assert.equal(pool.size, 1);
  pool.schedule(task);
  pool.schedule(task);
  await end(2000);
  nowMs += 500;
  assert.equal(pool.saturatedSeconds, 2.5);
  await end(500);
  nowMs += 10_000;
  assert.equal(pool.saturatedSeconds, 3);
  pool.schedule(task);
  await end(1000);
  assert.equal(pool.saturatedSeconds, 4);
});
