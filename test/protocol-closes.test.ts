import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type History, MemoryBroker } from "../src/bus/index.ts";
import { WEBSOCKET_PATH } from "../src/push/index.ts";
import { named, ProtocolClient, refused, SECRET, serve, tokenOf } from "./protocol-client.ts";
import { CONNECT, CONNECTED } from "./protocol-row.ts";
import { frame, RawClient } from "./raw-client.ts";

const subscribing = { allowSubscribeForClient: true, allowSubscribeForAnonymous: true };

describe("protocol: closes", { concurrency: true }, () => {
  it("a server that ends closes all with 3001, connected or not", async (t) => {
    const { server, port } = await serve(t);
    const { client } = await ProtocolClient.connect(t, port);
    const other = await ProtocolClient.open(t, port);
    void server.close();
    assert.deepEqual(await client.next(), { close: [3001, "shutdown"] });
    assert.deepEqual(await other.next(), { close: [3001, "shutdown"] });
  });

  it("who does not connect in time is closed with 3502, also after a connect that failed, and nobody else", async (t) => {
    const { port } = await serve(t, { staleSecondsMax: 0 });
    const { client } = await ProtocolClient.connect(t, port);
    const silent = await ProtocolClient.open(t, port);
    const failed = await ProtocolClient.open(t, port, { id: 1, connect: { token: 7 } });
    assert.deepEqual(await failed.next(), refused(1, 107));
    assert.deepEqual(await silent.next(), { close: [3502, "stale"] });
    assert.deepEqual(await failed.next(), { close: [3502, "stale"] });
    assert.deepEqual(await client.rest(), []);
  });

  it("who answers pings stays, who answers with something else is closed with 3012", async (t) => {
    const { port } = await serve(t, { pingSeconds: 1, pongSeconds: 1, channels: { withoutNamespace: subscribing } });
    const { client, result } = await ProtocolClient.connect(t, port);
    assert.deepEqual(named(result), { client: "CLIENT", version: "belfry", ping: 1, pong: true });
    const mute = await RawClient.open(port, WEBSOCKET_PATH);
    t.after(() => mute.reset());
    mute.send(frame(1, JSON.stringify(CONNECT)));
    await mute.frame();
    assert.equal((await mute.frame()).payload.toString(), "{}");
    mute.send(frame(1, '{"id":2,"subscribe":{"channel":"a"}}'));
    assert.deepEqual(await mute.closeFrame(), { code: 3012, reason: "no pong" });
    assert.deepEqual(await client.rest(), []);
  });

  it("a second pong to one ping closes with 3501", async (t) => {
    const { port } = await serve(t, { pingSeconds: 1, pongSeconds: 1 });
    const twice = await RawClient.open(port, WEBSOCKET_PATH);
    t.after(() => twice.reset());
    twice.send(frame(1, JSON.stringify(CONNECT)));
    await twice.frame();
    assert.equal((await twice.frame()).payload.toString(), "{}");
    twice.send(Buffer.concat([frame(1, "{}"), frame(1, '{"id":0}')]));
    assert.deepEqual(await twice.closeFrame(), { code: 3501, reason: "bad request" });
  });

  it("a binary frame closes with 3501, before connect and after", async (t) => {
    const { port } = await serve(t);
    for (const frames of [[], [CONNECT]]) {
      const client = await ProtocolClient.open(t, port, ...frames);
      if (frames.length > 0) assert.deepEqual(named(await client.next()), CONNECTED);
      client.raw.send(frame(2, JSON.stringify(CONNECT)));
      assert.deepEqual(await client.next(), { close: [3501, "bad request"] });
    }
  });

  it("a user may have connectionsPerUserMax connections, one more is closed with 3504, and one that leaves makes room", async (t) => {
    const { server, port } = await serve(t, { tokens: { hmacSecret: SECRET }, connectionsPerUserMax: 1 });
    const token = tokenOf({ sub: "42" });
    const first = await ProtocolClient.connect(t, port, { token });
    await ProtocolClient.connect(t, port, { token: tokenOf({ sub: "43" }) });
    await ProtocolClient.connect(t, port);
    const second = await ProtocolClient.open(t, port, { id: 1, connect: { token } });
    assert.deepEqual(await second.next(), { close: [3504, "connection limit"] });
    const { clients } = server.stats;
    first.client.raw.reset();
    while (server.stats.clients === clients) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(await (await ProtocolClient.connect(t, port, { token })).client.rest(), []);
  });

  it("a connect that failed after its subscriptions were made leaves nothing behind", async (t) => {
    const channels = { withoutNamespace: subscribing, namespaces: { known: {} } };
    const { server, port } = await serve(t, { tokens: { hmacSecret: SECRET }, channels });
    const token = tokenOf({ sub: "42", channels: ["a", "unknown:a"] });
    const client = await ProtocolClient.open(t, port, { id: 1, connect: { token } });
    assert.deepEqual(await client.next(), refused(1, 102));
    assert.deepEqual(server.stats, { clients: 0, channels: 0, subscriptions: 0 });
    assert.deepEqual(await server.operations.connections({ user: "42", limit: 9 }), []);
  });

  const disconnects: [string, object, [number, string]][] = [
    ["3503 where nothing else is said", {}, [3503, "force disconnect"]],
    ["the code and reason that are given", { code: 4001, reason: "banned" }, [4001, "banned"]],
    ["a reason of 123 bytes", { code: 3000, reason: "ä".repeat(61) }, [3000, "ä".repeat(61)]],
    ["a reason in JSON", { code: 4500, reason: '{"reconnect":true}' }, [4500, '{"reconnect":true}']],
  ];
  for (const [what, disconnect, close] of disconnects) {
    it(`a back end disconnects a user with ${what}, and nobody else`, async (t) => {
      const { port } = await serve(t, { apiKey: "key", tokens: { hmacSecret: SECRET } });
      const { client } = await ProtocolClient.connect(t, port, { token: tokenOf({ sub: "42" }) });
      const other = await ProtocolClient.connect(t, port, { token: tokenOf({ sub: "43" }) });
      const body = { user: "42", ...("code" in disconnect && { disconnect }) };
      const init = { method: "POST", headers: { "X-API-Key": "key" }, body: JSON.stringify(body) };
      const answer = await fetch(`http://127.0.0.1:${port}/api/disconnect`, init);
      assert.deepEqual(await answer.json(), { result: {} });
      assert.deepEqual(await client.next(), { close });
      assert.deepEqual(await other.client.rest(), []);
    });
  }

  it("a subscription that finds a gap between what it has read and what was published closes with 3010", async (t) => {
    const broker = new MemoryBroker();
    let read = (_: History) => {};
    let asked = () => {};
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    broker.history = (() => {
      asked();
      return new Promise<History>((resolve) => {
        read = resolve;
      });
    }) as never;
    let listener: Parameters<MemoryBroker["listen"]>[0] | undefined;
    broker.listen = (given) => {
      listener = given;
      return () => {};
    };
    const withoutNamespace = { ...subscribing, historySize: 3, historySeconds: 60, forceRecovery: true };
    const { port } = await serve(t, { broker, channels: { withoutNamespace } });
    const { client } = await ProtocolClient.connect(t, port);
    client.send({ id: 2, subscribe: { channel: "a" } });
    await isAsked;
    listener?.publication({ channel: "a", data: "5", offset: 5, previous: 4, epoch: "e" });
    read({ publications: [], offset: 3, epoch: "e" });
    assert.deepEqual(await client.next(), { close: [3010, "insufficient state"] });
  });
});
