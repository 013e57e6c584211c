import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { limits } from "../src/index.ts";
import { Fanout } from "../src/push/fanout.ts";
import { Hub } from "../src/push/hub.ts";
import { SlowReaders } from "../src/push/slow-readers.ts";
import type { Subscriptions } from "../src/push/subscriptions.ts";

const SLICE = limits.fanoutSliceSends;
const policies = ["disconnect", "drop", "conflate"] as const;
type Policy = (typeof policies)[number];

/** One subscription, from its beginning to its end: what was published meanwhile, and what of it came. */
interface Life {
  readonly due: number[];
  readonly got: number[];
}

/**
 * The hub, the fan-out and the policies as they are in the server, over a way out that writes down what comes: a
 * connection whose socket is full has a queue, as in the outbox. Channels are named after their policies.
 */
class Bench {
  readonly hub: Hub;
  readonly fanout: Fanout;
  /** The channel of each send, with how many it was for. */
  readonly sends: [channel: string, count: number][] = [];
  readonly #slow: SlowReaders;
  readonly #blocked = new Set<number>();
  readonly #lives = new Map<string, Life>();
  readonly #over: { life: Life; name: string }[] = [];
  #published = 0;

  constructor() {
    this.fanout = new Fanout({
      isBlocked: (fd) => this.#blocked.has(fd),
      text: (fd, text) => this.#send(text, [fd]),
      multicast: (message, fds, count) => {
        this.#send(Buffer.from(message.payload).toString(), [...fds.subarray(0, count)]);
      },
    });
    this.hub = new Hub(
      (channel, cursor) => {
        this.fanout.moveOn(this.hub, channel, cursor);
        this.#slow.unsubscribed(this.hub, cursor);
      },
      () => {},
    );
    const end = (fd: number, channel: string) => this.unsubscribe(fd, channel);
    this.#slow = new SlowReaders({
      subscriptions: { end } as unknown as Subscriptions,
      text: (fd, text) => this.#take(fd, text),
    });
  }

  subscribe(fd: number, channel: string): void {
    if (this.hub.isSubscribed(fd, channel)) return;
    this.hub.subscribe(fd, channel);
    this.#lives.set(`${channel} ${fd}`, { due: [], got: [] });
  }
  crowd(channel: string, count: number): void {
    for (let fd = 0; fd < count; fd++) this.subscribe(fd, channel);
  }
  unsubscribe(fd: number, channel: string): void {
    this.hub.unsubscribe(fd, channel);
    this.#end(fd, channel);
  }
  close(fd: number): void {
    this.#blocked.delete(fd);
    this.#slow.forget(fd);
    this.hub.leave(fd);
    for (const policy of policies) this.#end(fd, policy);
  }
  block(fd: number): void {
    this.#blocked.add(fd);
  }
  read(fd: number): void {
    if (this.#blocked.delete(fd)) this.#slow.drained(fd);
  }
  /** Who has a number that `modulus` divides does not want it, when there is one. */
  publish(channel: string, modulus = 0): void {
    const n = ++this.#published;
    const wants = (fd: number) => modulus === 0 || fd % modulus !== 0;
    for (const [key, { due }] of this.#lives) {
      const [name, fd] = key.split(" ");
      if (name === channel && wants(Number(fd))) due.push(n);
    }
    const number = this.hub.channel(channel);
    if (number < 0) return;
    const push = `${channel} ${n}`;
    const policy = channel as Policy;
    const spare =
      policy === "drop" || policy === "conflate"
        ? (fd: number) => this.#slow.spare(fd, channel, push, policy)
        : undefined;
    const wanted = modulus === 0 ? undefined : (cursor: number) => wants(this.hub.descriptor(cursor));
    this.fanout.publish(this.hub, number, push, spare, wanted);
  }

  /** Lets all that is under way go out, lets everybody read, and judges each subscription that there was. */
  async judge(): Promise<void> {
    while (this.fanout.waiting > 0) await turn();
    for (const fd of [...this.#blocked]) this.read(fd);
    for (const [key, life] of this.#lives) judgeLiving(key, life);
    for (const { name, life } of this.#over) judgeOver(name, life);
  }

  #send(text: string, fds: readonly number[]): void {
    this.sends.push([text.split(" ", 1)[0] as string, fds.length]);
    for (const fd of fds) this.#take(fd, text);
  }
  #take(fd: number, text: string): void {
    const [channel = "", n] = text.split(" ");
    const life = this.#lives.get(`${channel} ${fd}`);
    assert.ok(life, `${fd} is not subscribed, and gets ${text}`);
    assert.ok(life.due.includes(Number(n)), `${fd} was not subscribed at the time, or did not want it: ${text}`);
    assert.ok(Number(n) > (life.got.at(-1) ?? 0), `${fd} gets ${text} out of order, or twice`);
    life.got.push(Number(n));
  }
  #end(fd: number, channel: string): void {
    const key = `${channel} ${fd}`;
    const life = this.#lives.get(key);
    if (life) this.#over.push({ name: key, life });
    this.#lives.delete(key);
  }
}

/** Still subscribed: everything has come, or with `conflate` the newest. */
function judgeLiving(name: string, { due, got }: Life): void {
  if (name.startsWith("conflate")) assert.equal(got.at(-1), due.at(-1), `the newest of ${name}`);
  else assert.deepEqual(got, due, name);
}

/** Over: what came has no gap, but with `conflate`. */
function judgeOver(name: string, { due, got }: Life): void {
  if (!name.startsWith("conflate")) assert.deepEqual(got, due.slice(0, got.length), name);
}

test("Fanout and SlowReaders: by each policy everybody gets, in order, once, what it is to get, whoever comes, goes, and stops reading", async () => {
  const channel = fc.constantFrom(...policies);
  // A few around the places where slices end, so that the steps meet, and anybody.
  const edges = [0, 1299 - SLICE, 1300 - SLICE, 1299 - 2 * SLICE, 1300 - 2 * SLICE, 1299];
  const fd = fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...edges) }, { weight: 1, arbitrary: fc.nat(1299) });
  const fds = fc.array(fd, { minLength: 1, maxLength: 4 });
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ verb: fc.constant("publish" as const), channel, modulus: fc.nat(3) }) },
    { weight: 2, arbitrary: fc.record({ verb: fc.constantFrom("subscribe", "unsubscribe"), channel, fds }) },
    { weight: 4, arbitrary: fc.record({ verb: fc.constantFrom("block", "read", "close"), fds }) },
    { weight: 3, arbitrary: fc.record({ verb: fc.constant("turn" as const) }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60, size: "max" }), async (steps) => {
      const bench = new Bench();
      for (const [i, policy] of policies.entries()) bench.crowd(policy, [1300, 600, 1300][i] as number);
      for (const step of steps) {
        if (step.verb === "turn") await turn();
        else if ("modulus" in step) bench.publish(step.channel, step.modulus > 1 ? step.modulus : 0);
        else if ("channel" in step)
          for (const one of step.fds) bench[step.verb as "subscribe" | "unsubscribe"](one, step.channel);
        else if ("fds" in step) for (const one of step.fds) bench[step.verb as "block" | "read" | "close"](one);
      }
      await bench.judge();
    }),
    { numRuns: 250 },
  );
});

for (const others of [1, 4, 5, 300]) {
  test(`Fanout: a delivery to ${others} others goes out between two slices of a publication to 20,000`, async () => {
    const bench = new Bench();
    bench.crowd("disconnect", 20_000);
    for (let fd = 30_000; fd < 30_000 + others; fd++) bench.subscribe(fd, "other");
    const slices = Math.ceil(20_000 / SLICE);
    bench.publish("disconnect");
    let begun = 0;
    while (bench.sends.length < 10) {
      await turn();
      begun = bench.sends.length;
    }
    bench.publish("other");
    while (bench.fanout.waiting > 0) await turn();
    const first = bench.sends.findIndex(([channel]) => channel === "other");
    const between = bench.sends.slice(begun, first).filter(([channel]) => channel === "disconnect").length;
    assert.ok(first > 0 && between <= 1, `${between} slices went before it`);
    const after = bench.sends.slice(first).filter(([channel]) => channel === "disconnect").length;
    assert.ok(after >= slices - begun - 1, `only ${after} slices were left`);
    await bench.judge();
  });
}

test("Fanout: of a hundred large publications at once each channel has its slice in turn, so the small one waits for few", async () => {
  const bench = new Bench();
  for (let i = 0; i < 20; i++) bench.crowd(`large${i}`, 5 * SLICE);
  bench.crowd("small", 10);
  for (let n = 0; n < 5; n++) for (let i = 0; i < 20; i++) bench.publish(`large${i}`);
  bench.publish("small");
  while (bench.fanout.waiting > 0) await turn();
  const before = bench.sends.findIndex(([channel]) => channel === "small");
  assert.ok(before >= 0 && before <= 21, `${before} slices of 500 went before it`);
  await bench.judge();
});
