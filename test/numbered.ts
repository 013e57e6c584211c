import assert from "node:assert/strict";
import { EventEmitter, on } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import type { Options, PublicationContext, SubscribedContext } from "centrifuge";
import type { Broker } from "../src/bus/index.ts";
import type { Ending } from "./processes.ts";
import { makeClient } from "./sdk-client.ts";

/** Numbered publications, and clients of the SDK that see to it that they get each of them once, and in order. */

/** What the channels of these tests keep. */
export const HISTORY = { size: 1000, seconds: 600 } as const;
/** How far a publisher may be ahead of the slowest follower: less than is read for who comes back. */
const AHEAD_MAX = 200;
/** Between two publications of a channel. */
const PACE_MS = 4;

/** A client that follows one channel. */
export class Follower {
  readonly channel: string;
  /** The numbers that came. */
  readonly got: number[] = [];
  /** What had come whenever it was told that it cannot have all: numbers between its neighbours may be missing. */
  readonly told: number[] = [];
  /** How often it subscribed, and how often it came back to a server. */
  subscribed = 0;
  connected = 0;
  readonly client;
  readonly #events = new EventEmitter().setMaxListeners(0);

  constructor(t: Ending, port: number, channel: string, more: Partial<Options> = {}) {
    this.channel = channel;
    const delays = { minReconnectDelay: 10, maxReconnectDelay: 30 };
    const pair = { version: "5.8", transport: "websocket" } as const;
    this.client = makeClient(pair, `http://127.0.0.1:${port}`, { ...delays, ...more });
    t.after(() => this.client.disconnect());
    const subscription = this.client.newSubscription(channel, { minResubscribeDelay: 10, maxResubscribeDelay: 30 });
    subscription.on("publication", ({ data }: PublicationContext) => {
      this.got.push(data as number);
      this.#events.emit("event");
    });
    subscription.on("subscribed", (context: SubscribedContext) => {
      this.subscribed++;
      if (context.wasRecovering && !context.recovered) this.told.push(this.got.length);
      this.#events.emit("event");
    });
    this.client.on("connected", () => {
      this.connected++;
      this.#events.emit("event");
    });
    subscription.subscribe();
    this.client.connect();
  }

  /** The number that came last. */
  get last(): number {
    return this.got.at(-1) ?? 0;
  }

  /** Waits for a condition, which is looked at after each event. */
  async until(condition: () => boolean): Promise<void> {
    if (condition()) return;
    for await (const _ of on(this.#events, "event")) if (condition()) return;
  }

  /** Leaves, comes back, and resolves when it is subscribed again. */
  async reconnect(): Promise<void> {
    const returned = this.returned();
    this.client.disconnect();
    this.client.connect();
    await returned;
  }

  /** Resolves when it has subscribed once more than now. */
  async returned(): Promise<void> {
    const { subscribed } = this;
    await this.until(() => this.subscribed > subscribed);
  }

  /** Asserts that it has each number once, in order, but for those that it was told it cannot have. */
  check(acknowledged: readonly number[]): void {
    const { got, told } = this;
    const where = `${this.channel}, subscribed ${this.subscribed} times`;
    for (const [i, number] of got.entries()) {
      const before = got[i - 1] ?? 0;
      assert.ok(number > before, `${where}: ${number} came after ${before}`);
    }
    const has = new Set(got);
    const isExcused = (number: number) =>
      told.some((at) => number > (got[at - 1] ?? 0) && number < (got[at] ?? Number.POSITIVE_INFINITY));
    const missing = acknowledged.filter((number) => !has.has(number) && !isExcused(number));
    assert.deepEqual(missing, [], `${where}: acknowledged, and never came`);
  }
}

/** Publishes numbers to a channel, each once, until it is stopped. */
export class Publisher {
  readonly channel: string;
  readonly acknowledged: number[] = [];
  readonly rejected: number[] = [];
  readonly #broker: Broker;
  readonly #slowest: () => number;
  #number = 0;
  #isStopped = false;
  #done: Promise<void>;

  /** `slowest` says which number all have that are waited for. */
  constructor(broker: Broker, channel: string, slowest: () => number) {
    this.channel = channel;
    this.#broker = broker;
    this.#slowest = slowest;
    this.#done = this.#run();
  }

  /** Publishes no more; resolves when the last one was acknowledged or rejected. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#done;
  }

  /** Publishes the next number. */
  async next(): Promise<void> {
    const number = ++this.#number;
    try {
      await this.#broker.publish(this.channel, `${number}`, { history: HISTORY });
      this.acknowledged.push(number);
    } catch {
      this.rejected.push(number);
    }
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      if (this.#number - this.#slowest() < AHEAD_MAX) await this.next();
      await pause(PACE_MS);
    }
  }
}

/** Publishers to the channels of some followers, that none of them is left behind by. */
export class Numbers {
  readonly publishers: readonly Publisher[];
  readonly followers: readonly Follower[];

  /** They publish from now on, until `finish` or the test's end. */
  constructor(t: Ending, broker: Broker, followers: readonly Follower[]) {
    t.after(() => {
      for (const publisher of this.publishers) void publisher.stop();
    });
    this.followers = followers;
    const channels = [...new Set(followers.map(({ channel }) => channel))];
    this.publishers = channels.map((channel) => {
      const own = followers.filter((follower) => follower.channel === channel);
      return new Publisher(broker, channel, () => Math.min(...own.map(({ last }) => last)));
    });
  }

  /** How many were acknowledged. */
  get acknowledged(): number {
    return this.publishers.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0);
  }

  /** How many were rejected. */
  get rejected(): number {
    return this.publishers.reduce((sum, { rejected }) => sum + rejected.length, 0);
  }

  /** How many deliveries there were. */
  get delivered(): number {
    return this.followers.reduce((sum, { got }) => sum + got.length, 0);
  }

  /** Waits until so many more have come to each follower. */
  async pass(count: number): Promise<void> {
    await Promise.all(
      this.followers.map(async (follower) => {
        const before = follower.got.length;
        await follower.until(() => follower.got.length >= before + count);
      }),
    );
  }

  /** Ends with a last publication to each channel, waits for it, and looks at all that came. */
  async finish(): Promise<void> {
    for (const publisher of this.publishers) {
      await publisher.stop();
      const before = publisher.acknowledged.length;
      while (publisher.acknowledged.length === before) await publisher.next();
    }
    for (const { channel, acknowledged } of this.publishers) {
      const own = this.followers.filter((follower) => follower.channel === channel);
      await Promise.all(own.map((follower) => follower.until(() => follower.last === acknowledged.at(-1))));
      for (const follower of own) follower.check(acknowledged);
    }
  }
}

/** So many followers for each channel, on servers that take turns; resolves when all are subscribed. */
export async function followersOf(
  t: Ending,
  ports: readonly number[],
  channels: readonly string[],
  each: number,
  more: Partial<Options> = {},
): Promise<Follower[]> {
  const followers = channels.flatMap((channel) =>
    Array.from({ length: each }, (_, i) => new Follower(t, ports[i % ports.length] as number, channel, more)),
  );
  await Promise.all(followers.map((follower) => follower.until(() => follower.subscribed === 1)));
  return followers;
}
