import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { type Broker, connectNats, type NatsOptions } from "../src/bus/index.ts";
import { limits } from "../src/index.ts";
import { natsServers, type StartNats } from "./broker-places.ts";
import { CutProxy } from "./broker-proxy.ts";
import { Recorder } from "./broker-recorder.ts";

const KEPT = { history: { size: 1000, seconds: 60 } };
const PREFIX = "t";

/** A Bus, one end of it behind a wire that can be cut, and another that cannot. */
interface Cut {
  readonly proxy: CutProxy;
  readonly here: Broker;
  readonly there: Broker;
  readonly heard: Recorder;
  /** Makes the connection anew, and resolves when what was missed has been read, or told. */
  mend(): Promise<void>;
  /** The server ends without a word, and another takes its place. */
  restart(): Promise<void>;
  /** A further end, which makes the stream if there is none. */
  another(): Promise<Broker>;
  /** Deletes the stream, as whoever administers the server may. */
  forget(): Promise<void>;
}

async function cuttable(t: TestContext, start: StartNats, options: Partial<NatsOptions> = {}): Promise<Cut> {
  let place = await start();
  t.after(() => place.stop());
  const proxy = await CutProxy.to(place.port);
  t.after(() => proxy.close());
  const ofBoth = { prefix: PREFIX, historyStorage: "memory", ...options } as const;
  let isBack = () => {};
  const info = (line: string) => {
    if (line === "the Bus is back") isBack();
  };
  const log = { error: () => {}, warn: () => {}, info };
  const here = await connectNats({ url: `nats://127.0.0.1:${proxy.port}`, log, ...ofBoth });
  t.after(() => here.close());
  const another = async () => {
    const broker = await connectNats({ url: `nats://127.0.0.1:${place.port}`, ...ofBoth });
    t.after(() => broker.close());
    return broker;
  };
  const there = await another();
  const heard = new Recorder();
  here.listen(heard);
  for (const channel of ["a", "b"]) here.subscribe(channel);
  await here.control('"ready"');
  await heard.until(() => heard.controls.length === 1);
  return {
    proxy,
    here,
    there,
    heard,
    another,
    mend: async () => {
      const back = new Promise<void>((resolve) => {
        isBack = resolve;
      });
      proxy.mend();
      await back;
    },
    restart: async () => {
      await place.stop();
      place = await start(place.port);
    },
    forget: async () => {
      const nc = await connect({ servers: `127.0.0.1:${place.port}` });
      await (await jetstreamManager(nc)).streams.delete(PREFIX.toUpperCase());
      await nc.close();
    },
  };
}

for (const [name, start] of Object.entries(natsServers)) {
  describe(`broker, ${name}, when the connection is cut`, { concurrency: 4 }, () => {
    it("what others published meanwhile arrives once and in order, between what came before and after", async (t) => {
      const { proxy, there, heard, mend } = await cuttable(t, start);
      let count = 0;
      for (let cut = 0; cut < 3; cut++) {
        for (let i = 0; i < 5; i++) await there.publish("a", `${++count}`, KEPT);
        // Not all of these have come when the wire is cut.
        proxy.cut();
        for (let i = 0; i < 50; i++) await there.publish(i % 5 === 0 ? "b" : "a", `${++count}`, KEPT);
        const during = mend();
        for (let i = 0; i < 20; i++) await there.publish("a", `${++count}`, KEPT);
        await during;
        await there.publish("a", `${++count}`, KEPT);
        await heard.until(() => heard.publications.at(-1)?.data === `${count}`);
      }
      assert.deepEqual(
        heard.publications.map(({ data }) => data),
        Array.from({ length: count }, (_, i) => `${i + 1}`),
      );
      assert.equal(heard.misses, 0);
    });

    it("more than natsCatchUpMax is told as missed, and up to it is not", async (t) => {
      const { proxy, there, heard, mend } = await cuttable(t, start, { historySizeMax: 100_000 });
      const publish = async (count: number) => {
        for (let left = count; left > 0; left -= 500) {
          await Promise.all(Array.from({ length: Math.min(left, 500) }, () => there.publish("a", "1", KEPT)));
        }
      };
      proxy.cut();
      await publish(limits.natsCatchUpMax);
      await mend();
      await heard.until(() => heard.publications.length === limits.natsCatchUpMax);
      assert.equal(heard.misses, 0);
      proxy.cut();
      await publish(limits.natsCatchUpMax + 1);
      await mend();
      await heard.until(() => heard.misses === 1);
      await there.publish("a", '"after"', KEPT);
      await heard.until(() => heard.publications.at(-1)?.data === '"after"');
    });

    it("a channel of which something has gone meanwhile is told as missed", async (t) => {
      const { proxy, there, heard, mend } = await cuttable(t, start, { historySizeMax: 5 });
      await there.publish("b", '"stays"', KEPT);
      await heard.until(() => heard.publications.length === 1);
      proxy.cut();
      for (let i = 0; i < 4; i++) await there.publish("a", "1", KEPT);
      await mend();
      await heard.until(() => heard.data("a").length === 4);
      assert.equal(heard.misses, 0);
      proxy.cut();
      for (let i = 0; i < 6; i++) await there.publish("a", "1", KEPT);
      await mend();
      await heard.until(() => heard.misses === 1);
    });

    it("a stream that was made anew while the connection was away is told as missed, under another epoch", async (t) => {
      const { proxy, here, there, heard, mend, forget } = await cuttable(t, start);
      const { epoch } = await there.publish("a", "1", KEPT);
      await heard.until(() => heard.publications.length === 1);
      proxy.cut();
      await forget();
      await mend();
      await heard.until(() => heard.misses === 1);
      const position = await here.history("a", { limit: 10 });
      assert.deepEqual([position.publications, position.offset], [[], 0]);
      assert.notEqual(position.epoch, epoch);
    });

    it("a stream that is made anew while the connection holds is told as missed too", async (t) => {
      const { here, there, heard, forget, another } = await cuttable(t, start);
      const { epoch } = await there.publish("a", "1", KEPT);
      await there.publish("a", "2", KEPT);
      await heard.until(() => heard.publications.length === 2);
      await forget();
      const third = await another();
      await third.publish("a", "3", KEPT);
      await heard.until(() => heard.misses === 1);
      assert.notEqual((await here.history("a", { limit: 0 })).epoch, epoch);
      await third.publish("a", "4", KEPT);
      await heard.until(() => heard.data("a").includes("4"));
    });

    it("a server that was started anew, and has forgotten all, is told as missed, and goes on", async (t) => {
      const { proxy, here, there, heard, mend, restart } = await cuttable(t, start);
      const { epoch } = await there.publish("a", "1", KEPT);
      await heard.until(() => heard.publications.length === 1);
      proxy.cut();
      await restart();
      await mend();
      await heard.until(() => heard.misses === 1);
      const told = await here.publish("a", "2", KEPT);
      assert.notEqual(told.epoch, epoch);
      await heard.until(() => heard.data("a").includes("2"));
      assert.deepEqual({ offset: heard.publications.at(-1)?.offset, epoch: heard.publications.at(-1)?.epoch }, told);
    });

    it("a history that is asked for while the Bus is away is that of the Bus that comes back", async (t) => {
      const { proxy, here, there, heard, mend, forget, another } = await cuttable(t, start);
      const { epoch, offset } = await there.publish("a", "1", KEPT);
      await heard.until(() => heard.publications.length === 1);
      proxy.cut();
      await assert.rejects(here.control('"lost"'));
      await forget();
      const third = await another();
      for (let i = 0; i < 3; i++) await third.publish("a", `${i}`, KEPT);
      const asked = here.history("a", { since: offset, limit: 10 });
      await mend();
      assert.notEqual((await asked).epoch, epoch);
    });

    it("a broker whose Bus is away can be closed", async (t) => {
      const { proxy, here } = await cuttable(t, start);
      proxy.cut();
      await assert.rejects(here.control('"lost"'));
      await here.close();
    });
  });
}
