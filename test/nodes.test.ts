import assert from "node:assert/strict";
import { describe, it, type TestContext, test } from "node:test";
import { type Broker, MemoryBroker } from "../src/bus/index.ts";
import { limits } from "../src/limits.ts";
import { BusHealth } from "../src/push/bus-health.ts";
import { Nodes, type NodeWord } from "../src/push/nodes.ts";
import { natsServers } from "./broker-places.ts";
import { CutProxy } from "./broker-proxy.ts";
import { type FleetNode, Lines, nodeAt, nodeOn, patient } from "./node-fleet.ts";
import { ProtocolClient } from "./protocol-client.ts";

const { busStarvedSeconds, nodeAliveSeconds, nodeMissesMax, channelsReadMax } = limits;

// ---- Who is there ---------------------------------------------------------------------------------------------------

/** Nodes without a Bus: what one says the test hands on, or not. */
function lone(t: TestContext, uid = "own") {
  const said: NodeWord[] = [];
  const lines = new Lines();
  const tell = async (word: NodeWord) => void said.push(word);
  t.mock.timers.enable({ apis: ["setInterval"] });
  const nodes = new Nodes({ uid, tell, log: lines });
  t.after(() => nodes.stop());
  return { nodes, said, lines };
}

const seconds = (t: TestContext, count: number) => t.mock.timers.tick(count * 1000);
const alive = (node: string): NodeWord => ({ op: "alive", node, at: 0 });

test("nodes: one says that it is there at its start and every nodeAliveSeconds, and when it goes", (t) => {
  const { nodes, said } = lone(t);
  const count = () => said.splice(0).map(({ op, node }) => `${op} ${node}`);
  nodes.start();
  nodes.start();
  assert.deepEqual(count(), ["alive own"]);
  seconds(t, nodeAliveSeconds - 1);
  assert.deepEqual(count(), []);
  seconds(t, 1);
  assert.deepEqual(count(), ["alive own"]);
  nodes.stop();
  nodes.stop();
  assert.deepEqual(count(), ["gone own"]);
  seconds(t, 60);
  assert.deepEqual(count(), []);
});

test("nodes: who is new is told who is there, and counts until nodeMissesMax words were missed, or it goes", (t) => {
  const { nodes, said, lines } = lone(t);
  nodes.start();
  nodes.heard(alive("a"));
  nodes.heard(alive("a"));
  assert.equal(said.length, 2);
  nodes.heard(alive("b"));
  assert.deepEqual([said.length, nodes.awaited(), nodes.bus.nodes], [3, ["a", "b"], 3]);
  seconds(t, nodeAliveSeconds * nodeMissesMax);
  assert.deepEqual(nodes.awaited(), ["a", "b"]);
  nodes.heard(alive("b"));
  seconds(t, nodeAliveSeconds);
  assert.deepEqual([nodes.awaited(), nodes.bus.nodes], [["b"], 2]);
  assert.equal(lines.matching(/^node a has said nothing .* and is forgotten$/).length, 1);
  nodes.heard({ op: "gone", node: "b" });
  assert.deepEqual([nodes.awaited(), nodes.bus.nodes], [[], 1]);
});

test("nodes: one that does not answer is waited for again when it says something, and warned of once until it answers", (t) => {
  const { nodes, lines } = lone(t);
  nodes.start();
  nodes.heard(alive("a"));
  for (let i = 0; i < 3; i++) {
    nodes.unanswered("a");
    assert.deepEqual([nodes.awaited(), nodes.bus.nodes], [[], 2]);
    nodes.heard(alive("a"));
    assert.deepEqual(nodes.awaited(), ["a"]);
  }
  assert.equal(lines.matching(/^node a has not answered within 500 ms \(surveyMsMax\)/).length, 1);
  nodes.answered("a");
  nodes.unanswered("a");
  assert.equal(lines.matching(/has not answered/).length, 2);
  nodes.unanswered("nobody");
  assert.equal(lines.all.length, 2);
});

test("the Bus starves when nothing has come back for more than busStarvedSeconds, and is alive with the next word", () => {
  const lines = new Lines();
  const health = new BusHealth(lines);
  assert.deepEqual([health.isAlive, health.roundTripMs], [true, 0]);
  for (let round = 1; round <= 2; round++) {
    for (let i = 0; i < busStarvedSeconds; i++) health.tick();
    health.returned(2);
    for (let i = 0; i < busStarvedSeconds; i++) health.tick();
    assert.equal(health.isAlive, true);
    for (let i = 0; i < 20; i++) health.tick();
    assert.equal(health.isAlive, false);
    health.returned(7);
    assert.deepEqual([health.isAlive, health.roundTripMs], [true, 7]);
    const starved = `the Bus starves: it has brought nothing back for ${busStarvedSeconds} s (busStarvedSeconds)`;
    assert.deepEqual(lines.all.splice(0), [starved, "the Bus delivers again"]);
  }
});

// ---- What all of them know ------------------------------------------------------------------------------------------

interface Pair {
  readonly nodes: readonly [FleetNode, FleetNode];
  readonly ids: Readonly<Record<string, string>>;
  readonly clients: Readonly<Record<string, ProtocolClient>>;
}

/** Ann is on both nodes, Bob on the second: in channels of one and of both. */
async function pair(t: TestContext, brokers: () => Promise<Broker | number>): Promise<Pair> {
  const hooks = { connect: ({ data }: { data?: unknown }) => ({ user: String(data), info: { name: data } }) };
  const make = async () => {
    const at = await brokers();
    return typeof at === "number" ? await nodeAt(t, at, { hooks }) : await nodeOn(t, at, { hooks });
  };
  const nodes = [await make(), await make()] as const;
  for (const node of nodes) await node.knows(2);
  const ids: Record<string, string> = {};
  const clients: Record<string, ProtocolClient> = {};
  for (const [name, user, { port }, channels] of [
    ["ann", "ann", nodes[0], ["both", "first"]],
    ["ann2", "ann", nodes[1], ["both"]],
    ["bob", "bob", nodes[1], ["both", "second"]],
  ] as const) {
    const { client, id } = await ProtocolClient.connect(t, port, { data: user });
    for (const channel of channels) await client.ask({ id: 2, subscribe: { channel } });
    ids[name] = id;
    clients[name] = client;
  }
  return { nodes, ids, clients };
}

async function tellsOfAll({ nodes, ids, clients }: Pair): Promise<void> {
  const { ann = "", ann2 = "", bob = "" } = ids;
  const info = (client: string, user: string) => ({ client, user, connInfo: `{"name":"${user}"}` });
  const everybody = [info(ann, "ann"), info(ann2, "ann"), info(bob, "bob")].sort(byClient);
  for (const { server } of nodes) {
    const { operations } = server;
    assert.deepEqual([...(await operations.presence("both"))].sort(byClient), everybody);
    assert.deepEqual(await operations.presence("first"), [info(ann, "ann")]);
    assert.deepEqual(await operations.presence("nobody"), []);
    assert.deepEqual(await operations.presenceStats("both"), { clients: 3, users: 2 });
    const all = await operations.channels("");
    assert.deepEqual([...all].sort(), [
      ["both", 3],
      ["first", 1],
      ["second", 1],
    ]);
    assert.deepEqual([...(await operations.channels("se*"))], [["second", 1]]);
    const rows = await operations.info();
    assert.deepEqual(
      rows.map(({ clients, users, subscriptions, channels }) => [clients, users, subscriptions, channels]).sort(),
      [
        [1, 1, 2, 2],
        [2, 2, 3, 2],
      ],
    );
    assert.equal(new Set(rows.map(({ uid }) => uid)).size, 2);
    const found = async (filter: { user?: string; limit: number }) => {
      return (await operations.connections(filter)).map(({ client }) => client).sort();
    };
    assert.deepEqual(await found({ limit: 10 }), [ann, ann2, bob].sort());
    assert.deepEqual(await found({ user: "ann", limit: 10 }), [ann, ann2].sort());
    assert.deepEqual([(await found({ limit: 2 })).length, (await found({ user: "ann", limit: 1 })).length], [2, 1]);
  }
  for (const client of [clients["ann"], clients["bob"]]) {
    const wanted = everybody.map(({ client, user }) => [client, { client, user, conn_info: { name: user } }]);
    const presence = await client?.ask({ id: 3, presence: { channel: "both" } });
    assert.deepEqual(presence, { presence: { presence: Object.fromEntries(wanted) } });
    const stats = await client?.ask({ id: 4, presence_stats: { channel: "both" } });
    assert.deepEqual(stats, { presence_stats: { num_clients: 3, num_users: 2 } });
  }
}

const byClient = (one: { client: string }, other: { client: string }) => (one.client < other.client ? -1 : 1);

test("two nodes on one Bus within a process tell of both", async (t) => {
  const broker = new MemoryBroker();
  await tellsOfAll(await pair(t, async () => broker));
});

test("a node that is alone asks nobody, and knows at once", async (t) => {
  const node = await nodeOn(t, new MemoryBroker());
  const before = node.asked();
  assert.deepEqual(await node.server.operations.channels(""), new Map());
  assert.equal((await node.server.operations.info()).length, 1);
  assert.equal(node.asked(), before);
  assert.deepEqual([node.server.bus.isAlive, node.server.bus.nodes], [true, 1]);
});

test("what one node alone has too much of is 106, and names the limit", async (t) => {
  const broker = new MemoryBroker();
  const node = await nodeOn(t, broker);
  const other = await nodeOn(t, broker);
  const uid = (await other.server.operations.info())[0]?.uid;
  const answer = (count: number) => {
    t.mock.method(broker, "ask", (question: string, take: (answer: string) => boolean) => {
      const { kind, question: asked } = JSON.parse(question);
      assert.deepEqual([kind, asked], ["channels", { pattern: "", max: channelsReadMax }]);
      const rows = Array.from({ length: count }, (_, i) => [`${i}`, 1]);
      take(JSON.stringify({ node: uid, answer: count > channelsReadMax ? count : rows }));
    });
  };
  answer(channelsReadMax);
  assert.equal((await node.server.operations.channels("")).size, channelsReadMax);
  answer(channelsReadMax + 1);
  await assert.rejects(node.server.operations.channels(""), {
    code: 106,
    message: "limit exceeded: 100001 channels match, channelsReadMax is 100000; give a narrower pattern",
  });
});

test("a node that says what is no word of one is none, and one that asks what is not known here is not kept waiting", async (t) => {
  const broker = new MemoryBroker();
  const node = await nodeOn(t, broker);
  for (const word of ['{"op":"alive"}', '{"op":"alive","node":null}', '{"op":"gone","node":7}', '{"op":"new"}', "["]) {
    await broker.control(word);
  }
  assert.equal(node.server.bus.nodes, 1);
  const answers: unknown[] = [];
  const question = { from: "of a newer version", kind: "toString", question: {} };
  broker.ask(JSON.stringify(question), (answer) => answers.push(JSON.parse(answer)) < 0);
  const [{ uid } = { uid: "" }] = await node.server.operations.info();
  assert.deepEqual(answers, [{ node: uid, answer: null }]);
});

for (const [name, start] of Object.entries(natsServers)) {
  describe(`nodes, ${name}`, { concurrency: 4 }, () => {
    it("tell of what both know, to back ends and to clients", async (t) => {
      const place = await start();
      t.after(() => place.stop());
      await tellsOfAll(await pair(t, async () => place.port));
    });

    it("that start together know of each other, and miss no answer", async (t) => {
      const place = await start();
      t.after(() => place.stop());
      const nodes = await Promise.all(Array.from({ length: 3 }, () => nodeAt(t, place.port)));
      for (const node of nodes) await node.knows(3);
      for (const { server, lines } of nodes) {
        assert.equal((await server.operations.info()).length, 3);
        assert.deepEqual(lines.all, lines.matching(/^netpoll/));
      }
    });

    it("forget at once a node that closes", async (t) => {
      const place = await start();
      t.after(() => place.stop());
      const { nodes, clients } = await pair(t, async () => place.port);
      const [first, second] = nodes;
      for (const client of [clients["ann2"], clients["bob"]]) client?.raw.reset();
      await second.server.close();
      await first.knows(1);
      const asked = first.asked();
      assert.deepEqual([...(await first.server.operations.channels(""))].sort(), [
        ["both", 1],
        ["first", 1],
      ]);
      assert.equal(first.asked(), asked);
    });

    it("answer without one that was killed without a word, wait for it once, and warn once", async (t) => {
      const place = await start();
      t.after(() => place.stop());
      const proxy = await CutProxy.to(place.port);
      t.after(() => proxy.close());
      let count = 0;
      const { nodes, clients } = await pair(t, async () => (++count === 2 ? proxy.port : place.port));
      const [first] = nodes;
      proxy.cut();
      const asked = first.asked();
      for (let i = 0; i < 3; i++) {
        assert.deepEqual(await first.server.operations.presenceStats("both"), { clients: 1, users: 1 });
      }
      assert.equal(first.asked(), asked + 1);
      assert.equal(first.lines.matching(/has not answered within/).length, 1);
      const stats = await clients["ann"]?.ask({ id: 4, presence_stats: { channel: "both" } });
      assert.deepEqual(stats, { presence_stats: { num_clients: 1, num_users: 1 } });
      first.heard.controls.length = 0;
      proxy.mend();
      // It is back on the Bus by itself, says so, and is asked again.
      const others = await first.server.operations.info();
      assert.equal(others.length, 1);
      const uids = new Set<string>();
      await first.heard.until(() => {
        for (const word of first.heard.controls.splice(0)) uids.add((JSON.parse(word) as { node: string }).node);
        return uids.size === 2;
      });
      assert.deepEqual(await first.server.operations.presenceStats("both"), { clients: 3, users: 2 });
    });
  });

  it(`a node whose answer is too large makes an error that names the limit, ${name}`, async (t) => {
    const place = await start();
    t.after(() => place.stop());
    const info = "x".repeat(900_000);
    const options = { hooks: { connect: () => ({ user: "42", info }) } };
    const [first, second] = [await nodeAt(t, place.port), await nodeAt(t, place.port, options)];
    await first.knows(2);
    patient(t);
    const fit = Math.floor(limits.surveyAnswerBytesMax / info.length);
    for (let i = 0; i <= fit; i++) {
      const { client } = await ProtocolClient.connect(t, second.port, { subs: {} });
      if (i < fit) assert.deepEqual(await client.ask({ id: 2, subscribe: { channel: "a" } }), { subscribe: {} });
      if (i === fit - 1) assert.equal((await first.server.operations.presence("a")).length, fit);
      await client.ask({ id: 3, subscribe: { channel: "b" } });
    }
    await assert.rejects(first.server.operations.presence("b"), {
      code: 106,
      message: /^limit exceeded: a node's answer has \d+ bytes, surveyAnswerBytesMax is 8388608; ask for less$/,
    });
    assert.deepEqual(await first.server.operations.presenceStats("b"), { clients: fit + 1, users: 1 });
  });
}
