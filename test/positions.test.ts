import assert from "node:assert/strict";
import { describe, it, type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { CatchUp } from "../src/bus/catch-up.ts";
import { type Broker, MemoryBroker, type Publication } from "../src/bus/index.ts";
import type { NatsStream } from "../src/bus/nats-stream.ts";
import { limits } from "../src/limits.ts";
import { Hub, subscriptionFlags } from "../src/push/hub.ts";
import { Positions } from "../src/push/positions.ts";
import { natsServers } from "./broker-places.ts";
import { Lines, nodeAt } from "./node-fleet.ts";
import { ProtocolClient } from "./protocol-client.ts";

const { positionCheckSeconds, natsLookSeconds } = limits;
const { POSITIONED } = subscriptionFlags;

const kept = (channel: string, offset: number, previous = offset - 1): Publication => {
  return { channel, data: `${offset}`, offset, previous, epoch: "e" };
};

// ---- Some channels come ---------------------------------------------------------------------------------------------

/** Positions in a hub, over histories that the test writes. */
function checked() {
  const hub = new Hub(
    () => {},
    () => {},
  );
  const histories = new Map<string, Publication[]>();
  const asked: string[] = [];
  const delivered: Publication[] = [];
  const state = { progress: "e 0" as string | undefined, isAway: false };
  const broker: Pick<Broker, "history" | "progress"> = {
    async history(channel, { since = 0 }) {
      asked.push(channel);
      if (state.isAway) throw new Error("away");
      const publications = (histories.get(channel) ?? []).filter(({ offset }) => offset > since);
      return { publications, offset: publications.at(-1)?.offset ?? since, epoch: "e" };
    },
    async progress() {
      asked.push("progress");
      if (state.isAway) throw new Error("away");
      return state.progress;
    },
  };
  const deliver = (publication: Publication) => {
    delivered.push(publication);
    hub.setPosition(hub.channel(publication.channel), publication.offset);
  };
  const positions = new Positions({ hub, broker, deliver });
  /** The seconds up to the next round, and those of the round. */
  const round = async () => {
    const counts: number[] = [];
    for (let i = 0; i < positionCheckSeconds; i++) {
      const before = asked.length;
      await positions.tick();
      counts.push(asked.length - before);
    }
    return counts;
  };
  return { hub, histories, asked, delivered, state, round };
}

test("positions: as long as the histories have not come on, one request in positionCheckSeconds is all", async () => {
  const { hub, asked, state, round } = checked();
  hub.subscribe(1, "a", POSITIONED);
  state.progress = undefined;
  await round();
  state.progress = "e 1";
  for (let i = 0; i < 4; i++) await round();
  assert.deepEqual(asked, ["progress", "progress", "a", "progress", "progress", "progress"]);
});

test("positions: when they have come on each channel is asked once, spread out, whatever the number of its clients", async () => {
  const { hub, asked, state, round } = checked();
  const names = Array.from({ length: positionCheckSeconds * 3 }, (_, i) => `${i}`);
  for (const name of names) for (let fd = 0; fd < 5; fd++) hub.subscribe(fd, name, POSITIONED);
  hub.subscribe(1, "careless", 0);
  await round();
  asked.length = 0;
  state.progress = "e 1";
  const first = await round();
  assert.deepEqual(first.at(-1), 1);
  assert.deepEqual(asked.splice(0).slice(0, -1).sort(), [...names].sort());
  const counts = await round();
  assert.ok(Math.max(...counts) <= Math.ceil(names.length / (positionCheckSeconds - 1)), `${counts}`);
  assert.deepEqual(asked.slice(0, -1).sort(), [...names].sort());
});

test("positions: what is missing is delivered, in order; a channel that is left meanwhile gets nothing", async () => {
  const { hub, histories, delivered, state, round } = checked();
  for (const name of ["a", "b", "fresh", "left"]) hub.subscribe(1, name, POSITIONED);
  hub.setPosition(hub.channel("a"), 4);
  hub.setPosition(hub.channel("b"), 3);
  histories.set("a", [kept("a", 4), kept("a", 5), kept("a", 6, 5)]);
  histories.set("b", [kept("b", 3)]);
  // Nothing had been published at all when somebody came.
  histories.set("fresh", [kept("fresh", 7)]);
  histories.set("left", [kept("left", 8)]);
  await round();
  hub.leave(1);
  for (const name of ["a", "b", "fresh"]) hub.subscribe(2, name, POSITIONED);
  hub.setPosition(hub.channel("a"), 4);
  hub.setPosition(hub.channel("b"), 3);
  state.progress = "e 8";
  await round();
  await round();
  const places = delivered.map(({ channel, offset }) => `${channel} ${offset}`);
  assert.deepEqual(places.sort(), ["a 5", "a 6", "fresh 7"]);
});

test("positions: what could not be asked while the Bus was away is asked in the next round", async () => {
  const { hub, histories, delivered, state, round } = checked();
  hub.subscribe(1, "a", POSITIONED);
  histories.set("a", [kept("a", 1)]);
  await round();
  state.isAway = true;
  await round();
  await round();
  assert.deepEqual(delivered, []);
  state.isAway = false;
  await round();
  await round();
  assert.deepEqual(delivered, [kept("a", 1)]);
});

test("positions: within a process nothing can be lost, and nothing is asked", async () => {
  const broker = new MemoryBroker();
  await broker.publish("a", "1", { history: { size: 1, seconds: 1 } });
  assert.equal(await broker.progress(), undefined);
});

for (const [name, start] of Object.entries(natsServers)) {
  describe(`positions, ${name}`, () => {
    it("a publication that was lost, and is the last of its channel, comes with the next check", async (t: TestContext) => {
      // First of all: what is begun with one clock must end with it.
      t.mock.timers.enable({ apis: ["setInterval"] });
      const place = await start();
      t.after(() => place.stop());
      const node = await nodeAt(t, place.port);
      const { client } = await ProtocolClient.connect(t, node.port);
      await client.ask({ id: 2, subscribe: { channel: "kept:a" } });
      const { operations } = node.server;
      const push = (data: number) => ({ push: { channel: "kept:a", pub: { data, offset: data } } });
      await operations.publish("kept:a", "1", {});
      assert.deepEqual(await client.next(), push(1));
      // Behind the node's back its subscription ends.
      node.broker.unsubscribe("kept:a");
      await operations.publish("kept:a", "2", {});
      await operations.publish("kept:a", "3", {});
      assert.deepEqual(await client.rest(), []);
      let isThere = false;
      const both = client.take(2).then((all) => {
        isThere = true;
        return all;
      });
      for (let i = 0; i < 2 * positionCheckSeconds && !isThere; i++) {
        t.mock.timers.tick(1000);
        // What the tick has asked is answered before what is asked after it.
        await node.broker.history("kept:a", { limit: 0 });
        await turn();
      }
      assert.deepEqual(await both, [push(2), push(3)]);
      // The server's seconds are the test's too.
      client.raw.reset();
      let isClosed = false;
      const closed = node.server.close().then(() => {
        isClosed = true;
      });
      for (; !isClosed; await turn()) t.mock.timers.tick(1000);
      await closed;
    });
  });
}

// ---- All channels come ----------------------------------------------------------------------------------------------

/** Catches up with a stream that the test writes, where all channels come. */
function caughtUp(t: TestContext, isEverything = true) {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const all: Publication[] = [];
  const delivered: number[] = [];
  const asked: string[] = [];
  const state = { created: "2020-01-01T00:00:00Z", misses: 0 };
  const stream = {
    epoch: Date.parse(state.created).toString(36),
    seen: 0,
    info: async () => {
      asked.push("info");
      const last_seq = all.at(-1)?.offset ?? 0;
      return { created: state.created, state: { first_seq: 1, last_seq }, config: { max_msgs_per_subject: 1000 } };
    },
    all: async (behind: number, last: number) => {
      asked.push(`${behind}-${last}`);
      return all.filter(({ offset }) => offset > behind && offset <= last);
    },
  };
  const lines = new Lines();
  const catchUp = new CatchUp({
    stream: stream as unknown as NatsStream,
    isEverything: () => isEverything,
    deliver: ({ offset }) => delivered.push(offset),
    missed: () => state.misses++,
    log: lines,
  });
  t.after(() => catchUp.stop());
  /** Publishes some, of which those in `lost` do not come. */
  const publish = async (count: number, ...lost: number[]) => {
    for (let i = 0; i < count; i++) {
      const offset = all.length + 1;
      const publication = kept(`${offset % 3}`, offset);
      all.push(publication);
      if (!lost.includes(offset)) catchUp.take(publication);
    }
    await settled();
  };
  const settled = async () => {
    for (let i = 0; i < 20; i++) await turn();
  };
  const look = async () => {
    t.mock.timers.tick(natsLookSeconds * 1000);
    await settled();
  };
  return { publish, look, delivered, asked, state, lines, catchUp };
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

test("where everything comes one that is missing is read when the next one comes, and both are in order", async (t) => {
  const { publish, look, delivered, asked, state } = caughtUp(t);
  await look();
  await publish(3);
  asked.length = 0;
  await publish(5, 5, 6);
  assert.deepEqual(delivered, upTo(8));
  assert.deepEqual(asked, ["info", "4-8"]);
  assert.equal(state.misses, 0);
});

test("where everything comes the last one that is missing is read with the look after the next", async (t) => {
  const { publish, look, delivered, asked, lines } = caughtUp(t);
  await look();
  await publish(4, 3, 4);
  await look();
  assert.deepEqual(delivered, [1, 2], "it may be on its way");
  await look();
  assert.deepEqual(delivered, upTo(4));
  assert.equal(lines.matching(/2 publications were missed/).length, 1);
  asked.length = 0;
  for (let i = 0; i < 3; i++) await look();
  assert.deepEqual(asked, ["info", "info", "info"]);
  await publish(2);
  assert.deepEqual(delivered, upTo(6));
});

test("where some channels come the others are no gaps", async (t) => {
  const { publish, look, delivered, asked } = caughtUp(t, false);
  await look();
  await publish(9, 2, 3, 5, 8, 9);
  for (let i = 0; i < 3; i++) await look();
  assert.deepEqual(delivered, [1, 4, 6, 7]);
  assert.deepEqual(new Set(asked), new Set(["info"]));
});

test("what comes late, and was read already, asks for no more than one look at a time", async (t) => {
  const { publish, look, asked, catchUp } = caughtUp(t);
  await look();
  await publish(50, ...upTo(50));
  await look();
  await look();
  asked.length = 0;
  for (let offset = 1; offset <= 50; offset++) catchUp.take(kept("a", offset));
  assert.deepEqual(asked, ["info"]);
});
