import assert from "node:assert/strict";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { describe, it, type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { Outbound, QUEUE_BYTES } from "../src/connection/outbound.ts";
import { type Connection, createServer, type Server, type ServerOptions } from "../src/index.ts";
import { createPushServer } from "../src/push/index.ts";
import { RawClient } from "./raw-client.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

test("Outbound sheds the largest first, and no more than it takes to have a quarter of the budget free", () => {
  const step = fc.record({ source: fc.nat(1), fd: fc.nat(20), bytes: fc.nat(200_000) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const outbound = new Outbound({ outboundBytesMax: MIB });
      /** What waits, by descriptor; those of the second source are apart from the first's. */
      const model = new Map<number, number>();
      let shed: number[] = [];
      const sources = [0, 1].map(() => outbound.accounts((fd) => shed.push(fd)));
      let count = 0;
      for (const { source, fd, bytes } of steps) {
        const own = fd * 2 + source;
        if (bytes === 0) model.delete(own);
        else model.set(own, bytes);
        sources[source]?.(own, bytes);
        const expected = sum(model) > MIB ? largest(model) : [];
        assert.deepEqual(shed.map((one) => model.get(one)).sort(), expected.map((one) => model.get(one)).sort());
        for (const one of shed) model.delete(one);
        count += shed.length;
        shed = [];
        const { slow } = outbound.counts;
        assert.deepEqual(outbound.counts, { bytes: sum(model), connections: model.size, slow, shed: count });
      }
    }),
  );
});

function sum(model: ReadonlyMap<number, number>): number {
  return [...model.values()].reduce((all, bytes) => all + bytes + QUEUE_BYTES, 0);
}

/** Those that have to go, by the rule in words. */
function largest(model: ReadonlyMap<number, number>): number[] {
  const left = new Map(model);
  const gone: number[] = [];
  while (sum(left) > MIB * 0.75) {
    const [fd] = [...left].reduce((most, one) => (one[1] > most[1] ? one : most));
    left.delete(fd);
    gone.push(fd);
  }
  return gone;
}

test("Outbound at the budget sheds nobody, one byte over it does", () => {
  for (const [bytes, gone] of [
    [MIB - QUEUE_BYTES, []],
    [MIB - QUEUE_BYTES + 1, [7]],
  ] as const) {
    const outbound = new Outbound({ outboundBytesMax: MIB });
    const shed: number[] = [];
    const waits = outbound.accounts((fd) => shed.push(fd));
    waits(7, bytes);
    assert.deepEqual(shed, gone);
  }
});

interface Close {
  fd: number;
  code: number;
  reason: string;
}

/** A server, and clients that do not read a byte after the handshake. */
async function stuck(t: TestContext, count: number, options: ServerOptions) {
  const connections: Connection[] = [];
  const closes: Close[] = [];
  const drained: number[] = [];
  const server = createServer({
    outboxBytesMax: 64 * MIB,
    ...options,
    open: (connection) => void connections.push(connection),
    drain: (connection) => void drained.push(connection.descriptor),
    close: ({ descriptor }, code, reason) => void closes.push({ fd: descriptor, code, reason }),
  });
  const { port } = await server.listen({ host: "127.0.0.1" });
  t.after(() => server.close());
  const clients: RawClient[] = [];
  for (let i = 0; i < count; i++) {
    const client = await RawClient.open(port);
    client.socket.pause();
    clients.push(client);
  }
  t.after(() => {
    for (const client of clients) client.reset();
  });
  return { server, connections, clients, closes, drained };
}

/** Sends until the socket is full and something waits. */
async function fill(server: Server, connection: Connection): Promise<void> {
  const bytes = new Uint8Array(64 * KIB);
  while (connection.bufferedBytes === 0 || !server.wire.isBlocked(connection.descriptor)) {
    connection.send(bytes);
    await turn();
  }
}

for (const driver of ["native", "portable"] as const) {
  describe(`outbound budget, over the ${driver} driver`, () => {
    it("the sum over all connections is exact, whatever becomes of them", async (t) => {
      const { server, connections, clients, drained } = await stuck(t, 4, { driver });
      const waiting = () => connections.reduce((all, one) => all + one.bufferedBytes, 0);
      for (const [i, connection] of connections.entries()) {
        await fill(server, connection);
        connection.send(new Uint8Array(100 * KIB * (i + 1)));
        // Small ones share chunks.
        for (let n = 0; n < 50; n++) connection.send("a short text");
        await turn();
        assert.equal(server.outbound.bytes, waiting() + (i + 1) * QUEUE_BYTES);
        assert.equal(server.outbound.connections, i + 1);
      }
      const [first, second, third, fourth] = connections as [Connection, Connection, Connection, Connection];
      first.terminate();
      await turn();
      assert.equal(server.outbound.bytes, waiting() + 3 * QUEUE_BYTES, "cut by this side");
      clients[1]?.reset();
      while (second.isOpen) await turn();
      assert.equal(server.outbound.bytes, waiting() + 2 * QUEUE_BYTES, "cut by the peer");
      clients[2]?.socket.resume();
      while (!drained.includes(third.descriptor)) await turn();
      assert.equal(server.outbound.bytes, fourth.bufferedBytes + QUEUE_BYTES, "read");
      fourth.close(1000);
      clients[3]?.socket.resume();
      while (server.outbound.connections > 0) await turn();
      assert.deepEqual(server.outbound, { bytes: 0, connections: 0, slow: 0, shed: 0 });
    });

    it("over the budget those for which most waits are cut with 3008, the others stay and get everything", async (t) => {
      const outboundBytesMax = 8 * MIB;
      const { server, connections, clients, closes, drained } = await stuck(t, 8, { driver, outboundBytesMax });
      for (const connection of connections) await fill(server, connection);
      // The even ones are the large.
      for (const [i, connection] of connections.entries())
        connection.send(new Uint8Array(i % 2 === 0 ? 1.4 * MIB : 256 * KIB));
      await turn();
      assert.deepEqual(closes, []);
      const before = server.outbound.bytes;
      assert.ok(before > 6 * MIB && before < outboundBytesMax, `${before} bytes wait`);
      const extra = new Uint8Array(outboundBytesMax - before + 1 - 10);
      connections[0]?.send(extra);
      while (closes.length === 0) await turn();
      const gone = closes.map(({ fd }) => fd);
      const large = connections.filter((_, i) => i % 2 === 0).map(({ descriptor }) => descriptor);
      assert.equal(gone[0], large[0], "the largest is the first");
      assert.ok(
        gone.every((fd) => large.includes(fd)),
        "a small one was cut",
      );
      assert.deepEqual(
        closes.map(({ code, reason }) => [code, reason]),
        gone.map(() => [3008, "slow: outboundBytesMax"]),
      );
      const { bytes, shed, slow, connections: left } = server.outbound;
      assert.deepEqual([shed, slow, left], [gone.length, 0, 8 - gone.length]);
      assert.ok(bytes <= outboundBytesMax * 0.75, `${bytes} bytes still wait`);
      const staying = connections.filter(({ isOpen }) => isOpen);
      assert.equal(staying.length, 8 - gone.length);
      for (const client of clients) client.socket.resume();
      while (drained.length < staying.length) await turn();
      for (const connection of staying) assert.ok(connection.isOpen);
    });

    it("a connection over its own bound is counted apart from those that are shed", async (t) => {
      const { server, connections, closes } = await stuck(t, 1, { driver, outboxBytesMax: MIB });
      const connection = connections[0] as Connection;
      const bytes = new Uint8Array(64 * KIB);
      while (connection.isOpen) {
        connection.send(bytes);
        await turn();
      }
      assert.deepEqual(closes, [{ fd: connection.descriptor, code: 3008, reason: "slow: outboxBytesMax" }]);
      assert.deepEqual(server.outbound, { bytes: 0, connections: 0, slow: 1, shed: 0 });
    });

    it("nobody is told within the write that went over the budget", async (t) => {
      const { server, connections, closes } = await stuck(t, 3, { driver, outboundBytesMax: 2 * MIB });
      for (const connection of connections) await fill(server, connection);
      for (const connection of connections) connection.send(new Uint8Array(2 * MIB));
      assert.deepEqual(closes, [], "told while the writer was writing");
      while (server.outbound.shed === 0) await turn();
      await turn();
      assert.equal(closes.length, server.outbound.shed);
    });
  });
}

/** A stream over HTTP that is subscribed to `news` and does not read. */
async function openStream(port: number): Promise<IncomingMessage> {
  const connect = encodeURIComponent(JSON.stringify({ subs: { news: {} } }));
  const response = await new Promise<IncomingMessage>((resolve) => {
    httpRequest({ port, host: "127.0.0.1", path: `/connection/uni_sse?cf_connect=${connect}` }, resolve).end();
  });
  response.on("error", () => {});
  return response;
}

test("streams over HTTP count into the budget, are shed when they hold most of it, and let go of what they held", async (t) => {
  const server = createPushServer({
    allowAnonymous: true,
    allowSubscribe: true,
    server: { outboundBytesMax: 4 * MIB, outboxBytesMax: 64 * MIB },
  });
  t.after(() => server.close());
  const { port } = await server.listen({ host: "127.0.0.1" });
  const streams = [await openStream(port), await openStream(port)];
  t.after(() => {
    for (const stream of streams) stream.destroy();
  });
  while (server.stats.subscriptions < 2) await turn();
  const data = JSON.stringify("x".repeat(100 * KIB));
  let most = 0;
  while (server.stats.clients > 0) {
    await server.operations.publish("news", data, {});
    most = Math.max(most, server.outbound.bytes);
    await turn();
  }
  assert.ok(most > MIB && most <= 4 * MIB, `${most} bytes waited`);
  assert.deepEqual(server.outbound, { bytes: 0, connections: 0, slow: 0, shed: 2 });
  // They are cut, since they read neither a goodbye nor the end.
  for (const stream of streams) {
    stream.resume();
    await new Promise((resolve) => stream.once("close", resolve));
    assert.equal(stream.complete, false);
  }
});

test("a stream over HTTP that reads gets everything, and nothing waits for it then", async (t) => {
  const server = createPushServer({ allowAnonymous: true, allowSubscribe: true });
  t.after(() => server.close());
  const { port } = await server.listen({ host: "127.0.0.1" });
  const stream = await openStream(port);
  t.after(() => stream.destroy());
  let text = "";
  stream.setEncoding("utf8").on("data", (chunk) => {
    text += chunk;
  });
  while (server.stats.subscriptions < 1) await turn();
  for (let i = 0; i < 100; i++) await server.operations.publish("news", JSON.stringify(`${i} ${"x".repeat(5000)}`), {});
  const numbers = () => Array.from(text.matchAll(/"data":"(\d+) x/g), ([, number]) => Number(number));
  while (numbers().length < 100 || server.outbound.bytes > 0) await turn();
  assert.deepEqual(
    numbers(),
    Array.from({ length: 100 }, (_, i) => i),
  );
  assert.deepEqual(server.outbound, { bytes: 0, connections: 0, slow: 0, shed: 0 });
});

test("a stream over HTTP that does not read is given up at outboxBytesMax of the options", async (t) => {
  const server = createPushServer({
    allowAnonymous: true,
    allowSubscribe: true,
    server: { outboxBytesMax: 300 * KIB },
  });
  t.after(() => server.close());
  const { port } = await server.listen({ host: "127.0.0.1" });
  const stream = await openStream(port);
  t.after(() => stream.destroy());
  while (server.stats.subscriptions < 1) await turn();
  const data = JSON.stringify("x".repeat(100 * KIB));
  while (server.stats.clients > 0) {
    await server.operations.publish("news", data, {});
    await turn();
  }
  assert.deepEqual(server.outbound, { bytes: 0, connections: 0, slow: 1, shed: 0 });
});
