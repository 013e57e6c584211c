import assert from "node:assert/strict";
import { after, before, describe, it, type TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import fc from "fast-check";
import { type Broker, connectNats, MemoryBroker, type NatsOptions, type StreamPosition } from "../src/bus/index.ts";
import { limits } from "../src/index.ts";
import { type NatsPlace, natsServers } from "./broker-places.ts";
import { Recorder } from "./broker-recorder.ts";

const KEPT = { history: { size: 1000, seconds: 60 } };
const TAGS = { a: "1", "b c": "ä€😀\r\n:" };
const INFO = JSON.stringify({ user: "ö\n", client: "c" });

let prefixes = 0;

/** A Bus: `connect` gives one end of it, and all ends that a test has are of the same one. */
interface Bus {
  connect(t: TestContext, options?: Partial<NatsOptions>): Promise<Broker>;
}

/** Two ends of a Bus of its own, of which one listens to some channels. */
interface Ends {
  readonly here: Broker;
  readonly there: Broker;
  readonly heard: Recorder;
}

async function ends(t: TestContext, bus: Bus, channels: readonly string[]): Promise<Ends> {
  const prefix = `t${++prefixes}`;
  const here = await bus.connect(t, { prefix });
  const there = await bus.connect(t, { prefix });
  const heard = new Recorder();
  here.listen(heard);
  for (const channel of channels) here.subscribe(channel);
  await settled(here, heard);
  return { here, there, heard };
}

/** Resolves when all that was asked for before has reached the Bus, and all that it had delivered is here. */
async function settled(broker: Broker, heard: Recorder): Promise<void> {
  const mark = JSON.stringify(`mark ${Math.random()}`);
  await broker.control(mark);
  await heard.until(() => heard.controls.includes(mark));
}

const offsets = (all: readonly { offset: number }[]) => all.map(({ offset }) => offset);

function suite(bus: Bus): void {
  it("a publication without history arrives in order, with its tags and info, at no position", async (t) => {
    const { there, heard } = await ends(t, bus, ["a"]);
    for (let i = 0; i < 200; i++) assert.deepEqual(await there.publish("a", `${i}`), { offset: 0, epoch: "" });
    await Promise.all(Array.from({ length: 200 }, (_, i) => there.publish("a", `${200 + i}`)));
    await there.publish("a", '{"last":"€"}', { tags: TAGS, info: INFO });
    await heard.until(() => heard.publications.length === 401);
    assert.deepEqual(
      heard.data("a").slice(0, 400),
      Array.from({ length: 400 }, (_, i) => `${i}`),
    );
    const last = heard.publications.at(-1);
    assert.deepEqual(
      { ...last },
      { channel: "a", data: '{"last":"€"}', offset: 0, previous: 0, epoch: "", tags: TAGS, info: INFO },
    );
  });

  it("publications with history rise in offset, each names the one before it, and the publisher is told its place", async (t) => {
    const { there, heard } = await ends(t, bus, ["a", "b"]);
    const told = [];
    for (let i = 0; i < 50; i++)
      told.push(await there.publish(i % 3 === 0 ? "b" : "a", `${i}`, { ...KEPT, tags: TAGS, info: INFO }));
    await heard.until(() => heard.publications.length === 50);
    for (const channel of ["a", "b"]) {
      let before = 0;
      for (const publication of heard.publications.filter((one) => one.channel === channel)) {
        const position: StreamPosition | undefined = told[Number(publication.data)];
        assert.deepEqual({ offset: publication.offset, epoch: publication.epoch }, position);
        assert.equal(publication.previous, before);
        assert.ok(publication.offset > before);
        assert.deepEqual([publication.tags, publication.info], [TAGS, INFO]);
        before = publication.offset;
      }
    }
    assert.equal(new Set(told.map(({ epoch }) => epoch)).size, 1);
  });

  it("an idempotency key makes one publication in a channel, and tells its position again", async (t) => {
    const { there, heard } = await ends(t, bus, ["a", "b", "ä"]);
    const key = { ...KEPT, idempotencyKey: "k \r\n€" };
    const first = await there.publish("a", "1", key);
    assert.deepEqual(await there.publish("a", "2", key), first);
    await there.publish("b", "3", key);
    await there.publish("ä", "4", { idempotencyKey: "k" });
    assert.deepEqual(await there.publish("ä", "5", { idempotencyKey: "k" }), { offset: 0, epoch: "" });
    await there.publish("a", "6", KEPT);
    await heard.until(() => heard.data("a").includes("6"));
    assert.deepEqual([heard.data("a"), heard.data("b"), heard.data("ä")], [["1", "6"], ["3"], ["4"]]);
  });

  it("a version that is not above the channel's last one is dropped, within its epoch", async (t) => {
    const { there, heard } = await ends(t, bus, ["a"]);
    const publish = (data: string, version: number, versionEpoch?: string) =>
      there.publish("a", data, { ...KEPT, version, versionEpoch });
    const { offset } = await publish("1", 2);
    for (const [data, version] of [
      ["2", 2],
      ["3", 1],
    ] as const)
      assert.equal((await publish(data, version)).offset, offset);
    await publish("4", 3);
    await publish("5", 1, "ä other");
    await publish("6", 1, "ä other");
    await publish("7", 2, "ä other");
    await Promise.all(Array.from({ length: 10 }, (_, i) => publish(`1${i}`, 10, "race")));
    await there.publish("a", "8", KEPT);
    await heard.until(() => heard.data("a").includes("8"));
    const [first, second, third, fourth, raced, ...rest] = heard.data("a");
    assert.deepEqual([first, second, third, fourth, rest], ["1", "4", "5", "7", ["8"]]);
    assert.match(raced ?? "", /^1\d$/);
  });

  it("a broadcast tells for each channel what became of it, in their order", async (t) => {
    const { there, heard } = await ends(t, bus, ["a", "b", "c"]);
    const told = await there.broadcast(["a", "b", "c"], "1", (channel, i) => {
      assert.equal(channel, "abc"[i]);
      return channel === "b" ? undefined : { ...KEPT, tags: { i: `${i}` } };
    });
    await heard.until(() => heard.publications.length === 3);
    assert.deepEqual(
      heard.publications.map(({ channel, offset, epoch, tags }) => [channel, { offset, epoch }, tags]).sort(),
      [
        ["a", told[0], { i: "0" }],
        ["b", { offset: 0, epoch: "" }, undefined],
        ["c", told[2], { i: "2" }],
      ],
    );
    assert.deepEqual(told[1], { offset: 0, epoch: "" });
  });

  it("who comes and goes is told to those who listen, and control to all, the teller too", async (t) => {
    const { here, there, heard } = await ends(t, bus, ["a *"]);
    const too = new Recorder();
    there.listen(too);
    await there.announce({ channel: "a *", type: "join", info: INFO });
    await there.announce({ channel: "a *", type: "leave", info: INFO });
    await heard.until(() => heard.events.length === 2);
    assert.deepEqual(heard.events, [
      { channel: "a *", type: "join", info: INFO },
      { channel: "a *", type: "leave", info: INFO },
    ]);
    assert.deepEqual(heard.publications, []);
    await here.control('{"op":"ä"}');
    await heard.until(() => heard.controls.includes('{"op":"ä"}'));
    await too.until(() => too.controls.includes('{"op":"ä"}'));
  });

  it("a history is read from a position, up to a limit, and in reverse", async (t) => {
    const { here, there } = await ends(t, bus, []);
    const places: number[] = [];
    for (let i = 1; i <= 9; i++) {
      const { offset } = await there.publish(i % 3 === 0 ? "other" : "a", `${i}`, { ...KEPT, tags: TAGS, info: INFO });
      if (i % 3 !== 0) places.push(offset);
    }
    const [p1 = 0, p2 = 0, p3 = 0, p4 = 0, p5 = 0, p6 = 0] = places;
    for (const [query, expected] of [
      [{ limit: 10 }, [p1, p2, p3, p4, p5, p6]],
      [{ limit: 2 }, [p1, p2]],
      [{ limit: 0 }, []],
      [{ limit: 0, reverse: true }, []],
      [{ limit: 10, since: 0 }, [p1, p2, p3, p4, p5, p6]],
      [{ limit: 10, since: p4 }, [p5, p6]],
      [{ limit: 1, since: p4 }, [p5]],
      [{ limit: 10, since: p6 }, []],
      [{ limit: 10, reverse: true }, [p6, p5, p4, p3, p2, p1]],
      [{ limit: 1, reverse: true }, [p6]],
      [{ limit: 2, reverse: true }, [p6, p5]],
      [{ limit: 2, reverse: true, since: p4 }, [p3, p2]],
      [{ limit: 2, reverse: true, since: p6 }, [p5, p4]],
      [{ limit: 2, reverse: true, since: p6 + 100 }, [p6, p5]],
      [{ limit: 2, reverse: true, since: p1 }, []],
    ] as const) {
      const { publications, offset, epoch } = await here.history("a", query);
      assert.deepEqual(offsets(publications), expected, JSON.stringify(query));
      assert.equal(offset, p6, JSON.stringify(query));
      for (const one of publications) {
        assert.equal(one.epoch, epoch);
        assert.equal(one.channel, "a");
        assert.deepEqual([one.tags, one.info], [TAGS, INFO]);
      }
    }
    const { publications } = await here.history("a", { limit: 10, since: p2 });
    assert.deepEqual(
      publications.map(({ previous }) => previous),
      [p2, p3, p4, p5],
    );
  });

  it("a history that is read while others publish is whole, and ends at its position", async (t) => {
    const { here, there } = await ends(t, bus, []);
    let { offset: since } = await there.publish("a", "0", KEPT);
    let isOver = false;
    const published = (async () => {
      for (let i = 1; i <= 300; i++) await there.publish("a", `${i}`, KEPT);
      isOver = true;
    })();
    const found: string[] = [];
    while (!isOver || found.length < 300) {
      const { publications, offset } = await here.history("a", { since, limit: 1000 });
      assert.equal(offset, publications.at(-1)?.offset ?? since);
      for (const { data, previous } of publications.slice(0, 1)) assert.ok(previous <= since, data);
      found.push(...publications.map(({ data }) => data));
      since = offset;
      await turn();
    }
    await published;
    assert.deepEqual(
      found,
      Array.from({ length: 300 }, (_, i) => `${i + 1}`),
    );
  });

  it("a channel without publications has an empty history and a position, at which nothing is missed", async (t) => {
    const { here, there } = await ends(t, bus, []);
    await there.publish("other", "1", KEPT);
    const empty = await here.history("a", { limit: 0 });
    assert.deepEqual(empty.publications, []);
    assert.notEqual(empty.epoch, "");
    const back = await here.history("a", { limit: 10, since: empty.offset });
    assert.deepEqual([back.publications, back.offset], [[], empty.offset]);
    const { offset } = await there.publish("a", "2", KEPT);
    assert.ok(offset > empty.offset);
    const found = await here.history("a", { limit: 10, since: empty.offset });
    assert.deepEqual(offsets(found.publications), [offset]);
    assert.ok((found.publications[0]?.previous ?? Number.NaN) <= empty.offset);
  });

  it("a history that was removed is empty, and those of the other channels are not", async (t) => {
    const { here, there } = await ends(t, bus, []);
    for (const channel of ["a b", "a", "a.b"]) await there.publish(channel, "1", KEPT);
    await here.removeHistory("a");
    assert.deepEqual((await here.history("a", { limit: 10 })).publications, []);
    for (const other of ["a b", "a.b"]) assert.equal((await here.history(other, { limit: 10 })).publications.length, 1);
    const { offset } = await there.publish("a", "2", KEPT);
    assert.deepEqual(offsets((await here.history("a", { limit: 10 })).publications), [offset]);
  });

  it("a publication of 900 KB arrives, and is kept", async (t) => {
    const { here, there, heard } = await ends(t, bus, ["a"]);
    const data = JSON.stringify("ä".repeat(450_000));
    await there.publish("a", data);
    await there.publish("a", data, KEPT);
    await heard.until(() => heard.publications.length === 2);
    assert.ok(heard.data("a").every((one) => one === data));
    assert.equal((await here.history("a", { limit: 1 })).publications[0]?.data, data);
  });

  it("a channel of any name gets what is published to it, and nothing of another's", async (t) => {
    const { here, there, heard } = await ends(t, bus, []);
    const name = fc
      .oneof(
        fc.string({ unit: "binary", minLength: 1, maxLength: 85 }),
        fc.string({
          unit: fc.constantFrom(".", "*", ">", "%", " ", "a", "\t", "\0", "\r\n", "€", "2E"),
          minLength: 1,
          maxLength: 85,
        }),
        fc.string({ unit: fc.constantFrom(".", "\u2028", "%", "\u0085"), minLength: 85, maxLength: 85 }),
      )
      .filter((text) => text.isWellFormed() && Buffer.byteLength(text) <= limits.channelBytesMax);
    let count = 0;
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(name, { minLength: 1, maxLength: 5 }), fc.boolean(), async (names, isKept) => {
        for (const channel of names) here.subscribe(channel);
        await settled(here, heard);
        heard.publications.length = 0;
        const sent = names.map((channel) => [channel, `${++count}`] as const);
        for (const [channel, data] of sent) await there.publish(channel, data, isKept ? KEPT : {});
        await heard.until(() => heard.publications.length >= sent.length);
        assert.deepEqual(
          heard.publications.map(({ channel, data }) => [channel, data]),
          sent,
        );
        if (isKept) {
          for (const [channel, data] of sent) {
            const { publications } = await here.history(channel, { limit: 1, reverse: true });
            assert.deepEqual(
              publications.map((one) => [one.channel, one.data]),
              [[channel, data]],
            );
          }
        }
        for (const channel of names) here.unsubscribe(channel);
      }),
      { numRuns: 60 },
    );
  });

  it("with more channels than are asked for one by one, each publication still arrives once", async (t) => {
    const { here, there, heard } = await ends(t, bus, []);
    const channels = Array.from({ length: limits.natsSubscriptionsMax + 100 }, (_, i) => `c${i}`);
    // What is published while the many become one must arrive as well, in a channel from before, and in one from after.
    const [first = "", last = ""] = [channels[0], channels.at(-1)];
    for (const channel of channels.slice(0, -101)) here.subscribe(channel);
    await settled(here, heard);
    const sent = Array.from({ length: 300 }, (_, i) => there.publish(first, `${i}`));
    for (const channel of channels.slice(-101)) here.subscribe(channel);
    const after = there.publish(last, '"early"');
    await Promise.all([...sent, after, settled(here, heard)]);
    for (const channel of channels)
      await there.publish(channel, '"end"', channel === last ? KEPT : {}).catch(assert.fail);
    await heard.until(() => heard.data(last).includes('"end"'));
    assert.deepEqual(heard.data(first), [...Array.from({ length: 300 }, (_, i) => `${i}`), '"end"']);
    assert.equal(heard.publications.filter(({ data }) => data === '"end"').length, channels.length);
  });

  it("what is published once a channel was subscribed arrives, though the wildcard is just on its way", async (t) => {
    const { here, heard } = await ends(t, bus, []);
    for (let i = 0; i < limits.natsSubscriptionsMax + 5; i++) here.subscribe(`c${i}`);
    const channels = [0, 1, 2, 3, 4].map((i) => `c${limits.natsSubscriptionsMax + i}`);
    // The same connection: so the Bus knows of the subscription first.
    await Promise.all(["c0", ...channels].map((channel) => here.publish(channel, "1")));
    await settled(here, heard);
    assert.deepEqual(
      heard.publications.map(({ channel }) => channel),
      ["c0", ...channels],
    );
  });

  it("all listeners hear the same, but those that were removed", async (t) => {
    const { here, there, heard } = await ends(t, bus, ["a"]);
    const second = new Recorder();
    const remove = here.listen(second);
    await there.publish("a", "1");
    await heard.until(() => heard.publications.length === 1);
    remove();
    await there.publish("a", "2");
    await heard.until(() => heard.publications.length === 2);
    assert.deepEqual([heard.data("a"), second.data("a")], [["1", "2"], ["1"]]);
    assert.equal(heard.misses, 0);
  });

  it("a broker that is closed delivers nothing, and takes nothing", async (t) => {
    const { here, there, heard } = await ends(t, bus, ["a"]);
    await here.close();
    if (there !== here) await there.publish("a", "1");
    await assert.rejects(here.publish("a", "1"));
    await assert.rejects(here.control("{}"));
    await assert.rejects(here.announce({ channel: "a", type: "join", info: "{}" }));
    assert.deepEqual(heard.publications, []);
  });
}

describe("broker, memory", () => {
  const ofTest = new WeakMap<TestContext, MemoryBroker>();
  suite({
    connect: async (t) => {
      const broker = ofTest.get(t) ?? new MemoryBroker();
      ofTest.set(t, broker);
      t.after(() => broker.close());
      return broker;
    },
  });
});

for (const [name, start] of Object.entries(natsServers)) {
  describe(`broker, ${name}`, () => {
    let place: NatsPlace;
    before(async () => {
      place = await start();
    });
    after(() => place.stop());
    const url = () => `nats://127.0.0.1:${place.port}`;

    suite({
      connect: async (t, options) => {
        const broker = await connectNats({ url: url(), historyStorage: "memory", ...options });
        t.after(() => broker.close().catch(() => {}));
        return broker;
      },
    });

    it("a broadcast that fails in one channel succeeds in the others", async (t) => {
      const broker = await connectNats({ url: url(), historyStorage: "memory", prefix: `t${++prefixes}` });
      t.after(() => broker.close());
      const tooLarge = { tags: { large: "x".repeat(2_000_000) } };
      const [first, second, third] = await broker.broadcast(["a", "b", "c"], "1", (channel) =>
        channel === "b" ? tooLarge : KEPT,
      );
      assert.ok(second instanceof Error);
      assert.ok(
        first && !(first instanceof Error) && third && !(third instanceof Error) && third.offset > first.offset,
      );
    });

    it("what others say on the Bus, and is not of ours, harms nobody", async (t) => {
      const prefix = `t${++prefixes}`;
      const broker = await connectNats({ url: url(), historyStorage: "memory", prefix });
      t.after(() => broker.close());
      const heard = new Recorder();
      broker.listen(heard);
      broker.subscribe("a");
      await settled(broker, heard);
      const nc = await connect({ servers: `127.0.0.1:${place.port}` });
      t.after(() => nc.close());
      const { headers } = await import("@nats-io/nats-core");
      for (const [header, value] of [
        ["Belfry-Tags", "%"],
        ["Belfry-Tags", "no json"],
        ["Belfry-Tags", "null"],
        ["Belfry-Tags", encodeURIComponent('{"a":1}')],
        ["Belfry-Tags", encodeURIComponent('["a"]')],
        ["Belfry-Info", "%E0"],
        ["Belfry-Event", "join"],
      ] as const) {
        const block = headers();
        block.set(header, value);
        nc.publish(`${prefix}.pub.a`, "no\njson", { headers: block });
      }
      nc.publish(`${prefix}.ch.a`, '{"with":\n"lines"}');
      await nc.flush();
      await broker.publish("a", '"last"');
      await heard.until(() => heard.data("a").includes('"last"'));
      assert.deepEqual(heard.data("a").slice(-2), ['{"with":"lines"}', '"last"']);
      for (const { data } of heard.publications) assert.doesNotThrow(() => JSON.parse(data));
      assert.ok(heard.publications.every(({ tags }) => tags === undefined));
      for (const { info } of heard.events) assert.doesNotThrow(() => JSON.parse(info));
      const { publications } = await broker.history("a", { limit: 10 });
      assert.deepEqual(
        publications.map(({ data }) => data),
        ['{"with":"lines"}'],
      );
    });

    it("idempotency keys are known as long in histories as anywhere else", async (t) => {
      const prefix = `t${++prefixes}`;
      for (const historySecondsMax of [10, limits.natsHistorySecondsMax]) {
        const own = `${prefix}x${historySecondsMax}`;
        const broker = await connectNats({ url: url(), historyStorage: "memory", prefix: own, historySecondsMax });
        t.after(() => broker.close());
        const nc = await connect({ servers: `127.0.0.1:${place.port}` });
        t.after(() => nc.close());
        const { config } = await (await jetstreamManager(nc)).streams.info(own.toUpperCase());
        assert.equal(config.duplicate_window, Math.min(historySecondsMax, limits.idempotencySeconds) * 1e9);
      }
    });
  });
}
