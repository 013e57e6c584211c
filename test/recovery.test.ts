import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { Centrifuge, type PublicationContext, type SubscribedContext } from "centrifuge";
import fc from "fast-check";
import WebSocket from "ws";
import { MemoryBroker } from "../src/bus/index.ts";
import { createPushServer, type PushOptions, type PushServer, WEBSOCKET_PATH } from "../src/push/index.ts";

const SIZE = 20;
const history = {
  historySize: SIZE,
  historySeconds: 60,
  forceRecovery: true,
  allowSubscribeForClient: true,
  allowSubscribeForAnonymous: true,
};

async function serve(
  t: TestContext,
  options: PushOptions = {},
): Promise<{ server: PushServer; url: string; port: number }> {
  const server = createPushServer({ allowAnonymous: true, channels: { withoutNamespace: history }, ...options });
  const { port } = await server.listen({ host: "127.0.0.1" });
  t.after(() => server.close());
  return { server, port, url: `ws://127.0.0.1:${port}${WEBSOCKET_PATH}` };
}

/** A subscriber that remembers all it was told. */
class Follower {
  readonly client: Centrifuge;
  readonly offsets: number[] = [];
  readonly subscribed: SubscribedContext[] = [];
  readonly sockets: WebSocket[] = [];
  #wake = () => {};

  constructor(t: TestContext, url: string, channel: string) {
    const sockets = this.sockets;
    // The SDK makes its sockets itself: each is noted, to be cut.
    class Cut extends WebSocket {
      constructor(address: string) {
        super(address);
        sockets.push(this);
      }
    }
    this.client = new Centrifuge(url, { websocket: Cut, minReconnectDelay: 1, maxReconnectDelay: 2 });
    const subscription = this.client.newSubscription(channel);
    subscription.on("publication", (publication: PublicationContext) => {
      this.offsets.push(publication.offset as number);
      this.#wake();
    });
    subscription.on("subscribed", (context) => {
      this.subscribed.push(context);
      this.#wake();
    });
    subscription.subscribe();
    this.client.connect();
    t.after(() => this.client.disconnect());
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Cuts the connection without a word. */
  cut(): void {
    this.sockets.at(-1)?.terminate();
  }
}

test("recovery: the SDK misses nothing within the history over 200 cuts, and gets nothing twice or out of order", async (t) => {
  const { server, url } = await serve(t);
  const follower = new Follower(t, url, "news");
  await follower.until(() => follower.subscribed.length === 1);
  let published = 0;
  for (let cut = 1; cut <= 200; cut++) {
    // Now and then while it is away, before it has noticed, or as it comes back; never more than the history holds.
    const before = cut % 4;
    const meanwhile = (cut * 7) % 11;
    for (let i = 0; i < before; i++) await server.operations.publish("news", `${++published}`, {});
    follower.cut();
    for (let i = 0; i < meanwhile; i++) {
      await server.operations.publish("news", `${++published}`, {});
      if (i % 3 === 0) await turn();
    }
    await follower.until(() => follower.subscribed.length > cut);
    assert.equal(follower.subscribed.at(-1)?.recovered, true, `cut ${cut}`);
  }
  await follower.until(() => follower.offsets.at(-1) === published);
  assert.deepEqual(
    follower.offsets,
    Array.from({ length: published }, (_, i) => i + 1),
  );
});

test("recovery: whoever missed more than the history holds is told so, and goes on from the end", async (t) => {
  const { server, url } = await serve(t);
  const follower = new Follower(t, url, "news");
  await follower.until(() => follower.subscribed.length === 1);
  follower.client.disconnect();
  await server.operations.publish("news", "0", {});
  for (let i = 0; i < SIZE; i++) await server.operations.publish("news", `${i}`, {});
  follower.client.connect();
  await follower.until(() => follower.subscribed.length === 2);
  const [, back] = follower.subscribed;
  assert.deepEqual([back?.wasRecovering, back?.recovered], [true, false]);
  assert.deepEqual(follower.offsets, []);
  await server.operations.publish("news", "1", {});
  await follower.until(() => follower.offsets.length === 1);
  assert.deepEqual(follower.offsets, [SIZE + 2]);
});

test("recovery: after a restart with the history in memory every client is told, under a new epoch", async (t) => {
  const { server, port, url } = await serve(t);
  const follower = new Follower(t, url, "news");
  await follower.until(() => follower.subscribed.length === 1);
  await server.operations.publish("news", "1", {});
  await follower.until(() => follower.offsets.length === 1);
  await server.close();
  const again = createPushServer({ allowAnonymous: true, channels: { withoutNamespace: history } });
  await again.listen({ host: "127.0.0.1", port });
  t.after(() => again.close());
  await follower.until(() => follower.subscribed.length === 2);
  const [first, second] = follower.subscribed;
  assert.deepEqual([second?.wasRecovering, second?.recovered], [true, false]);
  assert.notEqual(first?.streamPosition?.epoch, second?.streamPosition?.epoch);
});

test("recovery: in cache mode a client gets the newest publication alone", async (t) => {
  const { server, url } = await serve(t, {
    channels: { withoutNamespace: { ...history, recoveryMode: "cache" } },
  });
  const follower = new Follower(t, url, "state");
  await follower.until(() => follower.subscribed.length === 1);
  follower.client.disconnect();
  for (let i = 0; i < 5; i++) await server.operations.publish("state", `${i}`, {});
  follower.client.connect();
  await follower.until(() => follower.offsets.length === 1);
  assert.deepEqual(follower.offsets, [5]);
  assert.equal(follower.subscribed.at(-1)?.recovered, true);
});

// ---- The algorithm, against a model -------------------------------------------------------------------------------------

/** A client of the protocol in a few lines. */
class RawFollower {
  readonly socket: WebSocket;
  position: { offset: number; epoch: string } | undefined;
  readonly seen: number[] = [];
  readonly #replies: ((reply: Record<string, unknown>) => void)[] = [];

  constructor(url: string) {
    this.socket = new WebSocket(url);
    this.socket.on("message", (frame: Buffer) => {
      for (const line of frame.toString().split("\n")) this.#take(JSON.parse(line));
    });
  }

  #take(message: { id?: number; push?: { pub?: { offset: number } }; [key: string]: unknown }): void {
    const offset = message.push?.pub?.offset;
    if (message.id !== undefined) this.#replies.shift()?.(message);
    else if (offset !== undefined) this.#see(offset);
  }

  #see(offset: number): void {
    this.seen.push(offset);
    if (this.position) this.position = { ...this.position, offset };
  }

  #ask(command: object): Promise<Record<string, unknown>> {
    this.socket.send(JSON.stringify(command));
    return new Promise((resolve) => this.#replies.push(resolve));
  }

  /** Connects and subscribes, from its position if it has one; tells whether it recovered. */
  async join(channel: string, position?: { offset: number; epoch: string }): Promise<boolean> {
    await once(this.socket, "open");
    await this.#ask({ id: 1, connect: {} });
    const reply = await this.#ask({ id: 2, subscribe: { channel, ...(position && { recover: true, ...position }) } });
    const {
      offset = 0,
      epoch,
      publications = [],
      recovered = false,
    } = reply["subscribe"] as {
      offset?: number;
      epoch: string;
      publications?: { offset: number }[];
      recovered?: boolean;
    };
    this.position = { offset, epoch };
    for (const publication of publications) this.#see(publication.offset);
    return recovered;
  }
}

test("recovery: whoever's gap is within the history gets exactly what it missed, everybody else is told", async (t) => {
  const { server, url } = await serve(t);
  let channels = 0;
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ publish: fc.integer({ min: 1, max: SIZE + 5 }) }) },
    { weight: 2, arbitrary: fc.record({ leave: fc.nat(3) }) },
    { weight: 3, arbitrary: fc.record({ join: fc.nat(3) }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      const channel = `channel ${++channels}`;
      const here = new Map<number, RawFollower>();
      const left = new Map<number, { offset: number; epoch: string }>();
      let top = 0;
      for (const one of steps) {
        if ("publish" in one) {
          for (let i = 0; i < one.publish; i++) await server.operations.publish(channel, `${++top}`, {});
        } else if ("join" in one && !here.has(one.join)) {
          const follower = new RawFollower(url);
          const before = left.get(one.join);
          const recovered = await follower.join(channel, before);
          const missed = before ? top - before.offset : 0;
          assert.equal(recovered, before !== undefined && missed <= SIZE);
          const expected = recovered ? Array.from({ length: missed }, (_, i) => (before?.offset ?? 0) + i + 1) : [];
          assert.deepEqual(follower.seen, expected);
          assert.equal(follower.position?.offset, top);
          here.set(one.join, follower);
        } else if ("leave" in one) {
          const follower = here.get(one.leave);
          if (!follower?.position) continue;
          here.delete(one.leave);
          left.set(one.leave, { ...follower.position, offset: top });
          follower.socket.terminate();
        }
      }
      for (const follower of here.values()) follower.socket.terminate();
    }),
    { numRuns: 30 },
  );
});

test("history: offsets never go back: a forgotten stream counts on, and its clients are told the truth", async () => {
  const { Streams } = await import("../src/bus/streams.ts");
  let now = 0;
  const streams = new Streams(() => now);
  const publish = (channel: string) => {
    const publication = { channel, data: "1", offset: 0, previous: 0, epoch: "e" };
    streams.add(publication, { size: 3, seconds: 10 });
    return publication;
  };
  assert.deepEqual([publish("a").offset, publish("a").offset, publish("b").offset], [1, 2, 1]);
  assert.equal(publish("a").previous, 2);
  publish("a");
  assert.deepEqual(
    streams.read("a", { since: 1, limit: 10 }).publications.map(({ offset }) => offset),
    [2, 3, 4],
  );
  assert.deepEqual(
    streams.read("a", { limit: 2, reverse: true }).publications.map(({ offset }) => offset),
    [4, 3],
  );
  assert.deepEqual(
    streams.read("a", { since: 4, limit: 2, reverse: true }).publications.map(({ offset }) => offset),
    [3, 2],
  );
  now = 10_000;
  assert.deepEqual(streams.read("a", { limit: 10 }), { publications: [], offset: 4 });
  streams.close();
});

test("broker: an idempotency key makes one publication, a version that is not above the last one none", async () => {
  const broker = new MemoryBroker();
  const delivered: string[] = [];
  broker.listen({
    publication: ({ data }) => delivered.push(data),
    event: () => {},
    control: () => {},
    missed: () => {},
  });
  const history = { size: 10, seconds: 60 };
  const first = await broker.publish("a", "1", { history, idempotencyKey: "k" });
  assert.deepEqual(await broker.publish("a", "2", { history, idempotencyKey: "k" }), first);
  await broker.publish("b", "3", { history, idempotencyKey: "k" });
  await broker.publish("a", "4", { history, version: 2 });
  await broker.publish("a", "5", { history, version: 2 });
  await broker.publish("a", "6", { history, version: 1 });
  await broker.publish("a", "7", { history, version: 1, versionEpoch: "other" });
  assert.deepEqual(delivered, ["1", "3", "4", "7"]);
  await broker.close();
});
