import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import WebSocket from "ws";
import { createPushServer, type PushOptions, WEBSOCKET_PATH } from "../src/push/index.ts";

/** A server with a channel of each policy, and one that has subscribed to `channel` and does not read. */
async function stuck(t: TestContext, channel: string) {
  const history = {
    historySize: 1000,
    historySeconds: 60,
    forceRecovery: true,
    allowSubscribeForClient: true,
    allowSubscribeForAnonymous: true,
  };
  const options: PushOptions = {
    allowAnonymous: true,
    outboxBytesMax: 64 << 20,
    channels: {
      namespaces: {
        drop: { ...history, slowReader: "drop" },
        conflate: { ...history, slowReader: "conflate" },
      },
    },
  };
  const server = createPushServer(options);
  const { port } = await server.listen({ host: "127.0.0.1" });
  t.after(() => server.close());
  const socket = new WebSocket(`ws://127.0.0.1:${port}${WEBSOCKET_PATH}`);
  t.after(() => socket.terminate());
  const lines: { id?: number; push?: { channel: string; pub?: { offset: number }; unsubscribe?: { code: number } } }[] =
    [];
  let wake = () => {};
  socket.on("message", (frame: Buffer) => {
    for (const line of frame.toString().split("\n")) lines.push(JSON.parse(line));
    wake();
  });
  const until = async (condition: () => boolean) => {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  await once(socket, "open");
  socket.send(`{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"${channel}"}}`);
  await until(() => lines.length >= 2);
  socket.pause();
  return { server, socket, lines, until };
}

const LARGE = JSON.stringify("x".repeat(100_000));
const COUNT = 300;

test("slow readers: with `drop` the subscription ends with 2500, and the client recovers by subscribing again", async (t) => {
  const { server, socket, lines, until } = await stuck(t, "drop:a");
  for (let i = 0; i < COUNT; i++) {
    await server.operations.publish("drop:a", LARGE, {});
    await turn();
  }
  assert.equal(server.stats.subscriptions, 0, "it was not dropped");
  socket.resume();
  await until(() => lines.some(({ push }) => push?.unsubscribe));
  const last = lines.at(-1);
  assert.deepEqual(last?.push?.unsubscribe, { code: 2500, reason: "insufficient state" });
  assert.ok(lines.length < COUNT, "nothing was dropped");
});

test("slow readers: with `conflate` a client that reads again gets the newest state, and goes on from there", async (t) => {
  const { server, socket, lines, until } = await stuck(t, "conflate:a");
  for (let i = 0; i < COUNT; i++) {
    await server.operations.publish("conflate:a", LARGE, {});
    await turn();
  }
  assert.equal(server.stats.subscriptions, 1);
  socket.resume();
  const offsets = () => lines.flatMap(({ push }) => push?.pub?.offset ?? []);
  await until(() => offsets().at(-1) === COUNT);
  assert.ok(offsets().length < COUNT, "nothing was left out");
  await server.operations.publish("conflate:a", '"next"', {});
  await until(() => offsets().at(-1) === COUNT + 1);
});

test("slow readers: with `conflate` a client that unsubscribes before it reads again gets nothing behind the reply", async (t) => {
  const { server, socket, lines, until } = await stuck(t, "conflate:a");
  for (let i = 0; i < COUNT; i++) {
    await server.operations.publish("conflate:a", LARGE, {});
    await turn();
  }
  socket.send('{"id":3,"unsubscribe":{"channel":"conflate:a"}}');
  while (server.stats.subscriptions > 0) await turn();
  socket.resume();
  await until(() => lines.some(({ id }) => id === 3));
  // What was kept back is written when the last of the queue has gone: before the answer to this.
  socket.send('{"id":4,"subscribe":{"channel":"drop:other"}}');
  await until(() => lines.some(({ id }) => id === 4));
  const after = lines.slice(lines.findIndex(({ id }) => id === 3) + 1);
  assert.deepEqual(
    after.filter(({ push }) => push),
    [],
  );
});
