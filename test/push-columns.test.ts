import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { BelfryError } from "../src/errors.ts";
import { limits } from "../src/limits.ts";
import { Fanout } from "../src/push/fanout.ts";
import { Hub } from "../src/push/hub.ts";
import { Names } from "../src/push/names.ts";

/** Random numbers below `n`, the same for the same seed: for op sequences too long to be shrunk. */
function dice(seed: number): (n: number) => number {
  let state = seed | 0;
  return (n) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

// ---- Names ------------------------------------------------------------------------------------------------------------------

/** A name and its numbers, as a Map holds them. */
class NamesModel {
  readonly names = new Names();
  readonly #ids = new Map<string, number>();
  #high = 0;

  intern(name: string): void {
    const id = this.names.intern(name);
    const known = this.#ids.get(name);
    if (known !== undefined) assert.equal(id, known, `${name} has got another number`);
    else {
      assert.ok(![...this.#ids.values()].includes(id), `${name} has got a number that is in use`);
      this.#ids.set(name, id);
    }
    this.#high = Math.max(this.#high, this.#ids.size);
  }
  release(name: string): void {
    const id = this.#ids.get(name);
    if (id === undefined) return;
    this.names.release(id);
    this.#ids.delete(name);
  }
  check(all: readonly string[]): void {
    assert.equal(this.names.size, this.#ids.size);
    assert.equal(this.names.high, this.#high, "a free number was not given again");
    for (const name of all) assert.equal(this.names.find(name), this.#ids.get(name) ?? -1, `find ${name}`);
    for (const [name, id] of this.#ids) assert.equal(this.names.nameOf(id), name);
  }
}

const name = fc.oneof(
  fc.string({ unit: "binary", maxLength: 8 }),
  fc.string({ unit: "grapheme-ascii", maxLength: limits.channelBytesMax, size: "max" }),
  fc.constantFrom(
    "",
    "a",
    "a\0",
    "\0",
    "ü",
    "u\u0308",
    "é",
    "👋",
    "a".repeat(255),
    `${"a".repeat(254)}b`,
    "ü".repeat(127),
  ),
);

test("Names agrees with a Map over random sequences of intern and release", () => {
  const pool = fc.uniqueArray(name, { minLength: 1, maxLength: 12 });
  const steps = fc.array(fc.tuple(fc.nat(11), fc.boolean()), { maxLength: 60 });
  fc.assert(
    fc.property(pool, steps, (pool, steps) => {
      const model = new NamesModel();
      for (const [which, add] of steps) {
        const name = pool[which % pool.length] as string;
        if (add) model.intern(name);
        else model.release(name);
        model.check(pool);
      }
    }),
    { numRuns: 300 },
  );
});

/** A name of up to 255 bytes for a number: short and long ones, some of other scripts. */
function nameOf(n: number): string {
  const kind = n % 5;
  if (kind === 0) return `n${n}`;
  if (kind === 1) return `${"x".repeat(n % 240)}${n}`;
  if (kind === 2) return `${n}${"é".repeat(n % 110)}`;
  if (kind === 3) return `👋${n}${"語".repeat(n % 70)}`;
  return `user:${n}`;
}

test("Names agrees with a Map over thousands of names that come, go and come again, while its arena is moved together", () => {
  for (const seed of [1, 2, 3]) {
    const random = dice(seed);
    const names = new Names();
    const ids = new Map<string, number>();
    const used = new Map<number, string>();
    for (let i = 0; i < 60_000; i++) {
      // A crowd that grows, shrinks and changes: in turn more are added than released, and the other way round.
      const adds = random(10) < (Math.floor(i / 6000) % 2 === 0 ? 8 : 3);
      const name = nameOf(random(12_000));
      const known = ids.get(name);
      if (adds) {
        const id = names.intern(name);
        assert.equal(used.get(id) ?? name, name, "a number in use was given to another name");
        if (known !== undefined) assert.equal(id, known);
        ids.set(name, id);
        used.set(id, name);
      } else if (known !== undefined) {
        names.release(known);
        ids.delete(name);
        used.delete(known);
      } else assert.equal(names.find(name), -1);
      if (i % 5000 === 0) for (const [id, name] of used) assert.equal(names.nameOf(id), name);
    }
    assert.equal(names.size, ids.size);
    for (let n = 0; n < 12_000; n++) assert.equal(names.find(nameOf(n)), ids.get(nameOf(n)) ?? -1);
    for (const [id, name] of used) assert.equal(names.nameOf(id), name);
  }
});

test("Names numbers 200,000 names from 0, finds them all, and gives released numbers again", () => {
  const names = new Names();
  const count = 200_000;
  for (let i = 0; i < count; i++) if (names.intern(`channel:${i}`) !== i) assert.fail(`number of ${i}`);
  for (let i = 0; i < count; i++) if (names.find(`channel:${i}`) !== i) assert.fail(`find ${i}`);
  for (let i = 0; i < count; i += 2) names.release(i);
  assert.deepEqual([names.size, names.high], [count / 2, count]);
  for (let i = 0; i < count; i++) if (names.find(`channel:${i}`) !== (i % 2 === 0 ? -1 : i)) assert.fail(`find ${i}`);
  for (let i = 0; i < count; i += 2)
    if (names.intern(`other:${i}`) % 2 !== 0) assert.fail("a number in use was given again");
  assert.deepEqual([names.size, names.high], [count, count]);
});

/** FNV-1a of 32 bits, which these pairs are known to collide under. */
function fnv1a(text: string): number {
  return Buffer.from(text).reduce((h, byte) => Math.imul(h ^ byte, 0x01000193), 0x811c9dc5) >>> 0;
}
const colliding = [
  ["costarring", "liquid"],
  ["declinate", "macallums"],
  ["altarage", "zinke"],
  ["altarages", "zinkes"],
] as const;
for (const [one, other] of colliding) {
  test(`Names tells ${one} from ${other}, whose hashes are the same`, () => {
    assert.equal(fnv1a(one), fnv1a(other));
    const model = new NamesModel();
    for (const [add, name] of [
      [true, one],
      [true, other],
      [false, one],
      [true, one],
      [false, other],
      [false, one],
    ] as const) {
      if (add) model.intern(name);
      else model.release(name);
      model.check([one, other]);
    }
  });
}

test("Names takes a name of 255 bytes, refuses one of 256 with BELFRY_LIMIT, and finds none", () => {
  const names = new Names();
  for (const fits of ["a".repeat(255), `${"ü".repeat(127)}a`, "語".repeat(85)]) {
    assert.equal(names.nameOf(names.intern(fits)), fits);
  }
  const { size, high } = names;
  for (const over of ["a".repeat(256), "ü".repeat(128), `${"語".repeat(85)}a`, "👋".repeat(64), "a".repeat(100_000)]) {
    assert.throws(
      () => names.intern(over),
      (error) => error instanceof BelfryError && error.code === "BELFRY_LIMIT",
    );
    assert.equal(names.find(over), -1);
  }
  assert.deepEqual([names.size, names.high], [size, high]);
});

// ---- Hub --------------------------------------------------------------------------------------------------------------------

/** A hub, and beside it Maps and arrays that say the same. */
class HubModel {
  readonly hub: Hub;
  /** By channel its subscribers, the newest first. */
  readonly #channels = new Map<string, number[]>();
  readonly #removed: string[] = [];
  readonly #vacated: string[] = [];

  constructor() {
    this.hub = new Hub(
      (_channel, cursor) => this.#removed.push(String(this.hub.descriptor(cursor))),
      (channel) => this.#vacated.push(channel),
    );
  }
  subscribe(fd: number, name: string): void {
    const before = this.#channels.get(name) ?? [];
    if (before.includes(fd)) return;
    assert.equal(this.hub.subscribe(fd, name), before.length === 0, `first of ${name}`);
    this.#channels.set(name, [fd, ...before]);
  }
  unsubscribe(fd: number, name: string): void {
    const had = this.#remove(fd, name);
    assert.equal(this.hub.unsubscribe(fd, name), had);
    this.#checkTold(had ? [fd] : [], had && !this.#channels.has(name) ? [name] : []);
  }
  leave(fd: number): void {
    const names = [...this.#channels.keys()].filter((name) => this.#remove(fd, name));
    this.hub.leave(fd);
    this.#checkTold(
      names.map(() => fd),
      names.filter((name) => !this.#channels.has(name)),
    );
  }
  check(names: readonly string[], fds: readonly number[]): void {
    const { hub } = this;
    const all = [...this.#channels.values()];
    assert.equal(hub.channels, all.length);
    assert.equal(
      hub.subscriptions,
      all.reduce((sum, channel) => sum + channel.length, 0),
    );
    for (const name of names) {
      const subscribers = this.#channels.get(name) ?? [];
      const id = hub.channel(name);
      assert.equal(id >= 0, subscribers.length > 0, name);
      if (id >= 0) {
        assert.equal(hub.subscribers(id), subscribers.length);
        assert.deepEqual(walk(hub, id), subscribers);
      }
      for (const fd of fds) assert.equal(hub.isSubscribed(fd, name), subscribers.includes(fd));
    }
    for (const fd of fds) assert.equal(hub.channelsOf(fd), all.filter((channel) => channel.includes(fd)).length);
  }
  #remove(fd: number, name: string): boolean {
    const left = (this.#channels.get(name) ?? []).filter((other) => other !== fd);
    if (left.length === (this.#channels.get(name)?.length ?? 0)) return false;
    if (left.length === 0) this.#channels.delete(name);
    else this.#channels.set(name, left);
    return true;
  }
  #checkTold(removed: readonly number[], vacated: readonly string[]): void {
    assert.deepEqual(this.#removed.splice(0), removed.map(String));
    assert.deepEqual(this.#vacated.splice(0).sort(), [...vacated].sort());
  }
}

function walk(hub: Hub, channel: number): number[] {
  const fds: number[] = [];
  for (let cursor = hub.first(channel); cursor !== -1; cursor = hub.next(cursor)) {
    fds.push(hub.descriptor(cursor));
    assert.ok(fds.length <= hub.subscriptions, "the list goes round in circles");
  }
  return fds;
}

test("Hub agrees with Maps over random sequences of subscribe, unsubscribe and leave", () => {
  const names = ["", "a", "b", "ü", "costarring", "liquid"];
  const fds = [0, 1, 63, 1023, 1024, 5000];
  const step = fc.tuple(fc.constantFrom("subscribe", "subscribe", "unsubscribe", "leave"), fc.nat(5), fc.nat(5));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const model = new HubModel();
      for (const [verb, whichFd, whichName] of steps) {
        const fd = fds[whichFd] as number;
        const name = names[whichName] as string;
        if (verb === "subscribe") model.subscribe(fd, name);
        else if (verb === "unsubscribe") model.unsubscribe(fd, name);
        else model.leave(fd);
        model.check(names, fds);
      }
    }),
    { numRuns: 300 },
  );
});

test("Hub agrees with Maps when channels, subscriptions and descriptors outgrow their columns", () => {
  const model = new HubModel();
  const names = Array.from({ length: 3000 }, (_, i) => `channel ${i}`);
  const random = dice(7);
  for (const [i, name] of names.entries()) {
    model.subscribe(i * 3, name);
    model.subscribe(random(9000), name);
    model.subscribe(7, name);
  }
  const some = [0, 3, 7, 2997, 8997, 20_000];
  model.check(names, some);
  for (let i = 0; i < 3000; i += 2) model.leave(i * 3);
  model.leave(7);
  model.check(names, some);
  for (const name of names) model.subscribe(20_000, name);
  model.check(names, some);
});

test("Hub leaves no trace of a name that is refused", () => {
  const hub = new Hub(
    () => assert.fail(),
    () => assert.fail(),
  );
  assert.throws(() => hub.subscribe(1, "a".repeat(256)), BelfryError);
  assert.deepEqual([hub.channels, hub.subscriptions, hub.channelsOf(1)], [0, 0, 0]);
  assert.equal(hub.unsubscribe(1, "a".repeat(256)), false);
});

// ---- Fanout -------------------------------------------------------------------------------------------------------------------

const SLICE = limits.fanoutSliceSends;

/** One subscription: what it must get, and how much of it has come. */
interface Expectation {
  readonly due: string[];
  got: number;
}

/** A hub and a fan-out whose sends are judged as they come. */
class FanoutBench {
  readonly hub: Hub;
  readonly fanout: Fanout;
  /** How many descriptors each `multicast` was for, and 1 for each `text`. */
  readonly sends: number[] = [];
  /** Connections that break under the next sends, before a byte of these goes: one for each, undefined for none. */
  breaking: (number | undefined)[] = [];
  readonly #expected = new Map<string, Map<number, Expectation>>();
  readonly #broken = new Set<number>();
  #published = 0;

  constructor() {
    this.fanout = new Fanout({
      isBlocked: () => false,
      text: (fd, text) => {
        this.sends.push(1);
        this.#break();
        this.#take(fd, text);
      },
      multicast: (message, fds, count) => {
        this.sends.push(count);
        this.#break();
        const text = textOf(message.frame);
        for (const fd of fds.subarray(0, count)) this.#take(fd, text);
      },
    });
    this.hub = new Hub(
      (channel, cursor) => this.fanout.moveOn(this.hub, channel, cursor),
      () => {},
    );
  }
  subscribe(fd: number, name: string): void {
    if (this.hub.isSubscribed(fd, name)) return;
    this.#broken.delete(fd);
    this.hub.subscribe(fd, name);
    const channel = this.#expected.get(name) ?? new Map<number, Expectation>();
    this.#expected.set(name, channel.set(fd, { due: [], got: 0 }));
  }
  crowd(name: string, from: number, count: number): void {
    for (let fd = from; fd < from + count; fd++) this.subscribe(fd, name);
  }
  unsubscribe(fd: number, name: string): void {
    this.#expected.get(name)?.delete(fd);
    this.hub.unsubscribe(fd, name);
  }
  leave(fd: number): void {
    for (const channel of this.#expected.values()) channel.delete(fd);
    this.hub.leave(fd);
  }
  publish(name: string): void {
    const text = `${name} ${this.#published++} äöü`;
    for (const expectation of this.#expected.get(name)?.values() ?? []) expectation.due.push(text);
    const channel = this.hub.channel(name);
    if (channel >= 0) this.fanout.publish(this.hub, channel, text);
  }
  /** Sends what is under way to the end, and judges that all has come. */
  async drain(): Promise<void> {
    for (let turns = 0; this.fanout.waiting > 0; turns++) {
      assert.ok(turns < 20_000, "the fan-out does not end");
      await turn();
    }
    for (const [name, channel] of this.#expected) {
      for (const [fd, { due, got }] of channel) assert.equal(got, due.length, `${fd} has not got all of ${name}`);
    }
  }
  #break(): void {
    const fd = this.breaking.shift();
    if (fd === undefined) return;
    this.#broken.add(fd);
    this.leave(fd);
  }
  #take(fd: number, text: string): void {
    // As in the outbox: nothing goes to a connection that is not open.
    if (this.#broken.has(fd)) return;
    const expectation = this.#expected.get(text.split(" ", 1)[0] as string)?.get(fd);
    assert.ok(expectation, `${fd} is not subscribed, and gets ${text}`);
    assert.equal(text, expectation.due[expectation.got], `the order of ${fd}`);
    expectation.got++;
  }
}

/** The text of an unmasked frame. */
function textOf(frame: Uint8Array): string {
  assert.equal(frame[0], 0x81);
  const size = (frame[1] as number) < 126 ? 2 : 4;
  return Buffer.from(frame.subarray(size)).toString("utf8");
}

for (const [subscribers, now, later] of [
  [0, [], []],
  [1, [1], []],
  [4, [1, 1, 1, 1], []],
  [5, [5], []],
  [SLICE, [SLICE], []],
  [SLICE + 1, [SLICE], [1]],
  [2 * SLICE, [SLICE], [SLICE]],
  [2 * SLICE + 1, [SLICE], [SLICE, 1]],
] as const) {
  test(`Fanout.publish to ${subscribers} sends [${now}] at once and [${later}] in later turns`, async () => {
    const bench = new FanoutBench();
    bench.crowd("c", 3, subscribers);
    bench.publish("c");
    assert.deepEqual(bench.sends, now);
    assert.equal(bench.fanout.waiting, later.length > 0 ? 1 : 0);
    await bench.drain();
    assert.deepEqual(bench.sends, [...now, ...later]);
  });
}

test("Fanout keeps the order of each subscriber when publications overtake the slices", async () => {
  const bench = new FanoutBench();
  bench.crowd("c", 0, 3 * SLICE);
  for (let i = 0; i < 5; i++) bench.publish("c");
  assert.deepEqual([bench.sends, bench.fanout.waiting], [[SLICE], 5], "only the first has begun");
  await turn();
  for (let i = 0; i < 5; i++) bench.publish("c");
  await bench.drain();
});

test("Fanout does not give a publication to those who subscribe after it, and gives nothing to those who have gone", async () => {
  const bench = new FanoutBench();
  bench.crowd("c", 0, 2 * SLICE);
  bench.publish("c");
  bench.crowd("c", 5000, 2 * SLICE);
  // The newest are served first: of these the second half waits.
  for (let fd = 0; fd < SLICE; fd += 2) bench.unsubscribe(fd, "c");
  bench.subscribe(0, "c");
  bench.publish("c");
  await bench.drain();
});

test("Fanout goes on behind its place when just that subscriber, or all behind it, go", async () => {
  for (const gone of [1, 2, 100, SLICE]) {
    const bench = new FanoutBench();
    bench.crowd("c", 0, 2 * SLICE);
    bench.publish("c");
    bench.publish("c");
    for (let i = 0; i < gone; i++) bench.leave(SLICE - 1 - i);
    bench.publish("c");
    await bench.drain();
  }
});

test("Fanout goes on behind its place when just that connection breaks under the first slice, or a later one", async () => {
  for (const breaking of [[SLICE * 2 - 1], [undefined, SLICE - 1], [SLICE * 2 - 1, SLICE - 2]]) {
    const bench = new FanoutBench();
    bench.crowd("other", 9000, 20);
    bench.crowd("c", 0, 3 * SLICE);
    bench.breaking = [...breaking];
    bench.publish("c");
    // Who subscribes now gets the place in the columns that has come free.
    bench.subscribe(9500, "other");
    bench.publish("c");
    await bench.drain();
  }
});

test("Fanout serves a channel whose number was another's, with a publication still under way", async () => {
  const bench = new FanoutBench();
  bench.crowd("old", 0, 2 * SLICE);
  bench.publish("old");
  const id = bench.hub.channel("old");
  for (let fd = 0; fd < 2 * SLICE; fd++) bench.leave(fd);
  bench.crowd("new", 0, 2 * SLICE);
  assert.equal(bench.hub.channel("new"), id, "the number is not the same: the test shows nothing");
  bench.publish("new");
  bench.publish("new");
  await bench.drain();
});

test("Fanout holds at most fanoutWaitingMax publications: the one beyond is sent to its end at once, in order", async () => {
  const bench = new FanoutBench();
  bench.crowd("a", 0, SLICE + 1);
  bench.crowd("b", 2000, SLICE + 1);
  for (let i = 0; i < limits.fanoutWaitingMax - 1; i++) bench.publish("a");
  bench.publish("b");
  assert.equal(bench.fanout.waiting, limits.fanoutWaitingMax);
  bench.publish("b");
  assert.equal(bench.fanout.waiting, limits.fanoutWaitingMax - 1, "both of b are sent");
  bench.publish("a");
  bench.publish("a");
  assert.equal(bench.fanout.waiting, 0, "all of a are sent");
  await bench.drain();
});

describe("Fanout, with everything at random", () => {
  const descriptors = fc.oneof(
    fc.nat(1599),
    // Around the places where slices end: the newest are served first.
    fc
      .tuple(fc.constantFrom(1600, 700), fc.constantFrom(SLICE, 2 * SLICE), fc.integer({ min: -3, max: 3 }))
      .map(([high, back, by]) => {
        return Math.max(0, high - 1 - back + by);
      }),
  );
  const channel = fc.constantFrom("large", "large", "middle", "small");
  const step = fc.oneof(
    fc.record({ verb: fc.constant("publish" as const), channel }),
    fc.record({ verb: fc.constantFrom("subscribe" as const, "unsubscribe" as const), channel, fd: descriptors }),
    fc.record({ verb: fc.constant("leave" as const), fd: descriptors }),
    fc.record({ verb: fc.constant("turn" as const) }),
  );
  const breaking = fc.array(fc.option(descriptors, { nil: undefined, freq: 2 }), { maxLength: 10 });

  test("Fanout gives each subscriber, in order, exactly what was published while it was subscribed", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), breaking, async (steps, breaking) => {
        const bench = new FanoutBench();
        bench.crowd("large", 0, 1600);
        bench.crowd("middle", 0, 700);
        bench.crowd("small", 0, 3);
        bench.breaking = [...breaking];
        for (const step of steps) {
          if (step.verb === "publish") bench.publish(step.channel);
          else if (step.verb === "turn") await turn();
          else if (step.verb === "leave") bench.leave(step.fd);
          else bench[step.verb](step.fd, step.channel);
        }
        await bench.drain();
      }),
      { numRuns: 150 },
    );
  });
});
