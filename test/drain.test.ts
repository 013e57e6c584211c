import assert from "node:assert/strict";
import { describe, it, type TestContext, test } from "node:test";
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import { limits } from "../src/index.ts";
import { Clients } from "../src/push/clients.ts";
import { Drain } from "../src/push/drain.ts";
import type { PushOptions } from "../src/push/index.ts";
import { type Message, ProtocolClient, serve } from "./protocol-client.ts";
import { FetchEventSource } from "./sdk-client.ts";

/** A drain of clients that are there in name only, with a clock that is told the time. */
function drainOf(t: TestContext, count: number) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let nowMs = 0;
  t.mock.method(performance, "now", () => nowMs);
  const clients = new Clients({ text: () => {}, disconnect: () => {} });
  const dismissed: number[] = [];
  const lines: string[] = [];
  const said: string[] = [];
  const note = (line: string) => void lines.push(line);
  const open = (fd: number) => {
    clients.open(fd);
    clients.connect(fd);
  };
  for (let fd = 0; fd < count; fd++) open(fd);
  const drain = new Drain({
    clients,
    dismiss: (fd) => {
      assert.ok(clients.isConnected(fd));
      dismissed.push(fd);
      clients.close(fd);
    },
    stopListening: async () => void said.push("stopListening"),
    log: { info: note, warn: note, error: note },
  });
  const pass = async (ms: number) => {
    nowMs += ms;
    t.mock.timers.tick(ms);
    await nextTurn();
  };
  return { drain, clients, dismissed, lines, said, open, pass };
}

test("Drain closes everybody once, in random order, at an even rate over the spread, and says how many are left", async (t) => {
  const { drain, dismissed, lines, pass } = drainOf(t, 5000);
  let isOver = false;
  void drain.run({ spreadSeconds: 10 }).then(() => {
    isOver = true;
  });
  assert.equal(drain.reason, "draining");
  await nextTurn();
  const perTick: number[] = [dismissed.length];
  while (!isOver) {
    const before = dismissed.length;
    await pass(limits.drainTickMs);
    perTick.push(dismissed.length - before);
  }
  assert.deepEqual(
    dismissed.toSorted((a, b) => a - b),
    Array.from({ length: 5000 }, (_, fd) => fd),
  );
  // Of the half that was closed first about half has a low descriptor: 1250 give or take 25 (its deviation), 8 times.
  const low = dismissed.slice(0, 2500).filter((fd) => fd < 2500).length;
  assert.ok(Math.abs(low - 1250) < 200, `${low}`);
  assert.ok(dismissed.slice(1).filter((fd, i) => fd === (dismissed[i] as number) + 1).length < 50);
  assert.equal(Math.max(...perTick), 25);
  assert.equal(perTick.length, 201);
  assert.equal(lines[0], "draining: 5,000 of 5,000 connections left");
  assert.equal(lines.length, 10);
  assert.equal(lines[5], "draining: 2,500 of 5,000 connections left");
});

test("Drain of few takes no longer than drainPerSecondMin allows", async (t) => {
  const { drain, dismissed, pass } = drainOf(t, limits.drainPerSecondMin);
  void drain.run({ spreadSeconds: 3600 });
  await nextTurn();
  let ms = 0;
  for (; dismissed.length < limits.drainPerSecondMin; ms += limits.drainTickMs) await pass(limits.drainTickMs);
  assert.ok(ms > 800 && ms <= 1000, `${ms} ms`);
});

test("Drain that stood still spreads those that are left over the time that is left", async (t) => {
  const { drain, dismissed, pass } = drainOf(t, 10_000);
  void drain.run({ spreadSeconds: 10 });
  await nextTurn();
  await pass(5000);
  const atOnce = dismissed.length;
  await pass(limits.drainTickMs);
  assert.ok(atOnce <= 50 + 100, `${atOnce} after five seconds that stood still`);
  assert.ok(dismissed.length - atOnce <= 101);
  for (let ms = 5050; ms < 10_000; ms += limits.drainTickMs) await pass(limits.drainTickMs);
  assert.equal(dismissed.length, 10_000);
});

test("Drain closes neither who has gone nor who has come into a descriptor meanwhile, until it is that one's turn", async (t) => {
  const { drain, clients, dismissed, open, pass } = drainOf(t, 400);
  void drain.run({ spreadSeconds: 10 });
  await nextTurn();
  const left = Array.from({ length: 400 }, (_, fd) => fd).filter((fd) => clients.isConnected(fd));
  const again = left.slice(0, 50);
  const gone = left.slice(50, 100);
  for (const fd of [...again, ...gone]) clients.close(fd);
  for (const fd of again) open(fd);
  open(1000);
  const firstList = 400 - 100;
  while (dismissed.length < firstList) await pass(limits.drainTickMs);
  for (const fd of again) assert.ok(!dismissed.slice(0, firstList).includes(fd));
  while (clients.connected > 0) await pass(limits.drainTickMs);
  assert.equal(dismissed.length, firstList + again.length + 1);
  for (const fd of gone) assert.ok(!dismissed.includes(fd));
  assert.ok(dismissed.includes(1000));
});

test("Drain goes on as before for delaySeconds, and then lets nobody in", async (t) => {
  const { drain, dismissed, said, pass } = drainOf(t, 10);
  const over = drain.run({ delaySeconds: 5, spreadSeconds: 10 });
  await pass(4999);
  assert.equal(drain.reason, "draining");
  assert.deepEqual([said, dismissed], [[], []]);
  await pass(1);
  assert.deepEqual(said, ["stopListening"]);
  while (dismissed.length < 10) await pass(limits.drainTickMs);
  await pass(limits.drainTickMs);
  await over;
});

for (const [when, ms] of [
  ["the delay", 1000],
  ["the spread", 6000],
] as const) {
  test(`Drain.hurry ends ${when}`, async (t) => {
    const { drain, dismissed, pass } = drainOf(t, 5000);
    const over = drain.run({ delaySeconds: 5, spreadSeconds: 10 });
    await nextTurn();
    for (let passed = 0; passed < ms; passed += limits.drainTickMs) await pass(limits.drainTickMs);
    const before = dismissed.length;
    drain.hurry();
    await over;
    assert.equal(drain.reason, "closing");
    assert.equal(dismissed.length, before);
  });
}

const news: PushOptions = {
  // The clients of these tests do not answer a close.
  server: { closeSecondsMax: 2 },
  channels: {
    withoutNamespace: { allowSubscribeForClient: true, allowSubscribeForAnonymous: true },
  },
};

for (const driver of ["native", "portable"] as const) {
  describe(`PushServer.close with a spread, ${driver} driver`, () => {
    it("serves everybody until their turn, and closes each with 3001 and the outbox flushed", async (t) => {
      const { server, port } = await serve(t, { driver, ...news });
      const clients = await Promise.all(Array.from({ length: 40 }, () => subscribed(t, port)));
      const ends = clients.map((client) => readToEnd(client));
      const stream = new FetchEventSource(
        `http://127.0.0.1:${port}/connection/uni_sse?cf_connect=${encodeURIComponent('{"subs":{"news":{}}}')}`,
      );
      t.after(() => stream.close());
      const events: string[] = [];
      const streamed = new Promise((resolve) => {
        stream.onerror = resolve;
      });
      await new Promise<void>((resolve) => {
        stream.onmessage = ({ data }) => {
          events.push(data);
          if (data.includes("subscribe")) resolve();
        };
      });
      assert.equal(server.drainReason, undefined);

      const closed = server.close({ spreadSeconds: 10 });
      assert.equal(server.drainReason, "draining");
      // Who is there before and after a publication gets it.
      let deliveriesMin = 0;
      let deliveriesMax = 0;
      for (let sent = 0; server.stats.clients > 0; sent++) {
        deliveriesMax += server.stats.clients;
        await server.operations.publish("news", String(sent), {});
        // At a pace that readers in this same process can follow.
        await delay(2);
        deliveriesMin += server.stats.clients;
      }
      await closed;
      const got = await Promise.all(ends);
      for (const { numbers, close } of got) {
        assert.deepEqual(close, { close: [3001, "shutdown"] });
        assert.deepEqual(
          numbers,
          numbers.map((_, i) => i),
        );
      }
      const lengths = new Set(got.map(({ numbers }) => numbers.length));
      assert.ok(lengths.size > 1, "they are not closed together");
      await streamed;
      const deliveries = [
        ...got.map(({ numbers }) => numbers.length),
        events.filter((data) => /"pub":/.test(data)).length,
      ];
      const total = deliveries.reduce((a, b) => a + b);
      assert.ok(deliveriesMin <= total && total <= deliveriesMax, `${deliveriesMin} <= ${total} <= ${deliveriesMax}`);
      assert.match(events.at(-1) ?? "", /"code":3001,"reason":"shutdown"/);
      await assert.rejects(ProtocolClient.open(t, port));
    });

    it("lets who connects during the delay in, and a further close hurries", async (t) => {
      const { server, port } = await serve(t, { driver, ...news });
      const closed = server.close({ delaySeconds: 3600, spreadSeconds: 3600 });
      const client = await subscribed(t, port);
      const end = readToEnd(client);
      await server.operations.publish("news", "0", {});
      await Promise.all([server.close(), closed]);
      const { numbers, close } = await end;
      assert.deepEqual(close, { close: [3001, "shutdown"] });
      assert.deepEqual(numbers, [0]);
      assert.equal(server.drainReason, "closing");
    });

    it("answers the requests of a kept connection, and tells its owner to make the next one elsewhere", async (t) => {
      const http: NonNullable<PushOptions["http"]> = (_, response) => void response.end("ready");
      const { server, port } = await serve(t, { driver, http });
      const kept = await fetch(`http://127.0.0.1:${port}/readyz`);
      assert.equal(kept.headers.get("connection"), "keep-alive");
      await kept.text();
      const closed = server.close({ delaySeconds: 3600 });
      const last = await fetch(`http://127.0.0.1:${port}/readyz`);
      assert.equal(last.headers.get("connection"), "close");
      assert.equal(await last.text(), "ready");
      await Promise.all([server.close(), closed]);
    });
  });
}

async function subscribed(t: TestContext, port: number): Promise<ProtocolClient> {
  const { client } = await ProtocolClient.connect(t, port);
  client.send({ id: 2, subscribe: { channel: "news" } });
  await client.next();
  return client;
}

/** What was published to a client, and how it ended. */
async function readToEnd(client: ProtocolClient): Promise<{ numbers: number[]; close: Message }> {
  const numbers: number[] = [];
  for (;;) {
    const message = await client.next();
    if ("close" in message) return { numbers, close: message };
    numbers.push((message["push"] as { pub: { data: number } }).pub.data);
  }
}
