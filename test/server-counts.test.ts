import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { QUEUE_BYTES } from "../src/connection/outbound.ts";
import { CompiledMessage, type Connection, createServer, type Server, type ServerOptions } from "../src/index.ts";
import { frame, RawClient, request } from "./raw-client.ts";

/** A server whose connections are kept, and how to wait until so many of them have ended. */
async function serve(t: TestContext, driver: "native" | "portable", options: ServerOptions = {}) {
  const connections: Connection[] = [];
  let over = 0;
  const ended = new EventTarget();
  const server = createServer({
    driver,
    open: (connection) => void connections.push(connection),
    close: () => {
      over++;
      ended.dispatchEvent(new Event("over"));
    },
    ...options,
  });
  const { port } = await server.listen({ host: "127.0.0.1" });
  t.after(() => void server.close());
  const closed = async (count: number) => {
    while (over < count) await once(ended, "over");
  };
  return { server, port, connections, closed };
}

const closesOf = ({ stats }: Server) =>
  Object.entries(stats.counts.closes).flatMap(([side, codes]) => [...codes].map(([code, n]) => `${side} ${code} ${n}`));

const frameOf = (code: number) => frame(8, Buffer.from([code >> 8, code & 255]));

for (const driver of ["native", "portable"] as const) {
  const endings: readonly [how: string, end: (client: RawClient, own: Connection) => void, counted: string][] = [
    ["the server closes", (_, own) => own.close(3001, "shutdown"), "server 3001 1"],
    ["the server cuts it", (_, own) => own.terminate(), "server 1006 1"],
    ["the peer closes", (client) => client.send(frameOf(1001)), "client 1001 1"],
    ["the peer closes without a code", (client) => client.send(frame(8, "")), "client 1005 1"],
    ["the peer breaks a rule", (client) => client.send(frame(1, "unmasked", { masked: false })), "server 1002 1"],
    ["the peer ends its stream", (client) => client.end(), "gone 1006 1"],
    ["the peer resets", (client) => client.reset(), "gone 1006 1"],
  ];
  for (const [how, end, counted] of endings) {
    test(`Counts.closes (${driver}): when ${how}, it is ${counted}`, async (t) => {
      const { server, port, connections, closed } = await serve(t, driver);
      const client = await RawClient.open(port);
      t.after(() => client.reset());
      end(client, connections[0] as Connection);
      // A close frame of the server ends the connection when it is answered.
      if (how === "the server closes") client.send(frameOf((await client.closeFrame()).code));
      await closed(1);
      assert.deepEqual(closesOf(server), [counted]);
    });
  }

  test(`Counts (${driver}): messages and their payloads are counted, control frames and refusals are not among them`, async (t) => {
    const { server, port, connections } = await serve(t, driver, {
      zeroCopy: true,
      deflate: { thresholdBytes: 0 },
      packet: (connection, packet) => connection.send(packet),
    });
    const refused = await RawClient.connect(port);
    t.after(() => refused.reset());
    refused.send(request({ "Sec-WebSocket-Version": "12" }));
    assert.equal((await refused.head()).status, 426);
    const client = await RawClient.open(port);
    t.after(() => client.reset());
    for (const payload of ["a", "ä", "x".repeat(300)]) {
      client.send(frame(1, payload));
      await client.frame();
    }
    client.send(frame(9, "ping"));
    await client.frame();
    const own = connections[0] as Connection;
    own.send("a text");
    own.send(new Uint8Array(5));
    own.send(new CompiledMessage("compiled"));
    for (let i = 0; i < 3; i++) await client.frame();
    const { counts, pool, admission, outbound } = server.stats;
    const { messagesReceived, bytesReceived, messagesSent, bytesSent, accepted, opened } = counts;
    assert.deepEqual([accepted, opened, ...counts.refusals], [2, 1, [426, 1]]);
    assert.deepEqual([messagesReceived, bytesReceived], [3, 303]);
    assert.deepEqual([messagesSent, bytesSent], [6, 303 + 6 + 5 + 8]);
    assert.deepEqual([pool.busy, pool.saturatedSeconds], [0, 0]);
    assert.deepEqual(admission.causes, []);
    assert.deepEqual([outbound.connections, outbound.bytes], [0, 0]);
    counts.clear();
    assert.deepEqual([counts.accepted, counts.bytesSent, counts.refusals.size, closesOf(server)], [0, 0, 0, []]);
  });

  test(`what waits (${driver}): what a peer does not read is counted until it is read`, async (t) => {
    const drained = new EventTarget();
    const { server, port, connections } = await serve(t, driver, {
      outboxBytesMax: 64_000_000,
      drain: () => drained.dispatchEvent(new Event("drain")),
    });
    const client = await RawClient.open(port);
    t.after(() => client.reset());
    client.socket.pause();
    const own = connections[0] as Connection;
    const message = new Uint8Array(1_000_000);
    // More than both sockets take, whatever the kernel gives them.
    for (let i = 0; i < 32; i++) own.send(message);
    await new Promise((resolve) => setImmediate(resolve));
    const { connections: blocked, bytes } = server.stats.outbound;
    assert.equal(blocked, 1);
    assert.equal(bytes, own.bufferedBytes + QUEUE_BYTES);
    client.socket.resume();
    await once(drained, "drain");
    const { outbound } = server.stats;
    assert.deepEqual([outbound.connections, outbound.bytes], [0, 0]);
  });
}
