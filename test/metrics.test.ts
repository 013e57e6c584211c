import assert from "node:assert/strict";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { describe, it, type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { PushOptions, PushServer } from "../src/push/index.ts";
import { WEBSOCKET_PATH } from "../src/push/index.ts";
import { changes, parseExposition, samplesOf } from "./exposition.ts";
import { ProtocolClient, refused, SECRET, serve, tokenOf } from "./protocol-client.ts";
import { frame, RawClient, request } from "./raw-client.ts";

const open = { allowSubscribeForClient: true, allowSubscribeForAnonymous: true };
const full = {
  ...open,
  allowPublishForClient: true,
  allowPublishForAnonymous: true,
  historySize: 10,
  historySeconds: 60,
  allowRecovery: true,
  joinLeave: true,
};
const usual: PushOptions = {
  apiKey: "secret",
  tokens: { hmacSecret: SECRET },
  channels: { withoutNamespace: open, namespaces: { full } },
};

interface Scene {
  readonly t: TestContext;
  readonly server: PushServer;
  readonly port: number;
  /** Resolves when so many clients and connections are there. */
  readonly until: (clients: number, connections: number) => Promise<void>;
}

/** What is done to a server, and which metrics that changes, by how much: all others stay. */
const sequences: readonly [what: string, act: (scene: Scene) => Promise<unknown>, changed: Record<string, number>][] = [
  [
    "a client connects with a token",
    ({ t, port }) => ProtocolClient.connect(t, port, { token: tokenOf({ sub: "42" }) }),
    {
      node_num_clients: 1,
      node_num_users: 1,
      'client_connections_accepted{transport="websocket"}': 1,
      'client_command_duration_seconds_count{method="connect"}': 1,
      'transport_messages_sent{transport="websocket"}': 1,
      'transport_messages_received{transport="websocket"}': 1,
      connections: 1,
      connections_accepted_total: 1,
    },
  ],
  [
    "two subscribe, a back end publishes twice, one unsubscribes",
    async ({ t, port, server }) => {
      const clients = [await ProtocolClient.connect(t, port), await ProtocolClient.connect(t, port)];
      for (const { client } of clients) await client.ask({ id: 2, subscribe: { channel: "a" } });
      for (const data of ["1", "2"]) await server.operations.publish("a", data, {});
      for (const { client } of clients) await client.take(2);
      await clients[0]?.client.ask({ id: 3, unsubscribe: { channel: "a" } });
    },
    {
      node_num_clients: 2,
      node_num_channels: 1,
      node_num_subscriptions: 1,
      'node_messages_sent_count{type="publication"}': 2,
      'node_messages_received_count{type="publication"}': 2,
      'client_connections_accepted{transport="websocket"}': 2,
      client_subscriptions_accepted: 2,
      'client_command_duration_seconds_count{method="connect"}': 2,
      'client_command_duration_seconds_count{method="subscribe"}': 2,
      'client_command_duration_seconds_count{method="unsubscribe"}': 1,
      'transport_messages_sent{transport="websocket"}': 9,
      'transport_messages_received{transport="websocket"}': 5,
      connections: 2,
      connections_accepted_total: 2,
    },
  ],
  [
    "a publication goes to more subscribers than are written to one by one",
    async ({ t, port, server }) => {
      for (let i = 0; i < 7; i++) {
        const { client } = await ProtocolClient.connect(t, port);
        await client.ask({ id: 2, subscribe: { channel: "a" } });
      }
      await server.operations.publish("a", "1", {});
    },
    {
      node_num_clients: 7,
      node_num_channels: 1,
      node_num_subscriptions: 7,
      'node_messages_sent_count{type="publication"}': 1,
      'node_messages_received_count{type="publication"}': 1,
      'client_connections_accepted{transport="websocket"}': 7,
      client_subscriptions_accepted: 7,
      'client_command_duration_seconds_count{method="connect"}': 7,
      'client_command_duration_seconds_count{method="subscribe"}': 7,
      'transport_messages_sent{transport="websocket"}': 21,
      'transport_messages_received{transport="websocket"}': 14,
      connections: 7,
      connections_accepted_total: 7,
    },
  ],
  [
    "commands are refused",
    async ({ t, port }) => {
      const { client } = await ProtocolClient.connect(t, port);
      client.send({ id: 2, subscribe: { channel: "unknown:a" } }, { id: 3, subscribe: { channel: "" } });
      assert.deepEqual(await client.next(), refused(2, 102));
      assert.deepEqual(await client.next(), { close: [3501, "bad request"] });
      client.raw.send(frame(8, Buffer.from([0x0d, 0xad])));
      client.raw.end();
    },
    {
      'client_num_server_disconnects{code="3501"}': 1,
      'client_num_reply_errors{code="102",method="subscribe"}': 1,
      'client_connections_accepted{transport="websocket"}': 1,
      'client_command_duration_seconds_count{method="connect"}': 1,
      'client_command_duration_seconds_count{method="subscribe"}': 2,
      'transport_messages_sent{transport="websocket"}': 2,
      'transport_messages_received{transport="websocket"}': 3,
      connections_accepted_total: 1,
      'connection_close_total{code="3501",side="server"}': 1,
    },
  ],
  [
    "two come back, one with a position that is known, one with another's",
    async ({ t, port, server }) => {
      await server.operations.publish("full:a", "1", {});
      const { epoch } = await server.operations.history("full:a", { limit: 0 });
      for (const of of [epoch, "another"]) {
        const { client } = await ProtocolClient.connect(t, port);
        await client.ask({
          id: 2,
          subscribe: { channel: "full:a", recover: true, offset: 0, epoch: of, join_leave: true },
        });
        // Its own coming.
        await client.next();
      }
    },
    {
      node_num_clients: 2,
      node_num_channels: 1,
      node_num_subscriptions: 2,
      'node_messages_sent_count{type="publication"}': 1,
      'node_messages_sent_count{type="join"}': 2,
      'node_messages_received_count{type="publication"}': 1,
      'node_messages_received_count{type="join"}': 2,
      'client_connections_accepted{transport="websocket"}': 2,
      client_subscriptions_accepted: 2,
      'client_recover{recovered="yes"}': 1,
      'client_recover{recovered="no"}': 1,
      'client_command_duration_seconds_count{method="connect"}': 2,
      'client_command_duration_seconds_count{method="subscribe"}': 2,
      'transport_messages_sent{transport="websocket"}': 7,
      'transport_messages_received{transport="websocket"}': 4,
      connections: 2,
      connections_accepted_total: 2,
    },
  ],
  [
    "back ends end a subscription, and a client with a code of their own",
    async ({ t, port, until }) => {
      const { client, id } = await ProtocolClient.connect(t, port, { token: tokenOf({ sub: "42" }) });
      await client.ask({ id: 2, subscribe: { channel: "a" } });
      const call = (method: string, body: object) =>
        fetch(`http://127.0.0.1:${port}/api/${method}`, {
          method: "POST",
          headers: { "X-API-Key": "secret", Connection: "close" },
          body: JSON.stringify({ user: "42", ...body }),
        });
      await (await call("unsubscribe", { channel: "a" })).text();
      await client.next();
      await (await call("unsubscribe", { channel: "unknown:a" })).text();
      await (await call("disconnect", { client: id, disconnect: { code: 4321, reason: "private" } })).text();
      assert.deepEqual(await client.next(), { close: [4321, "private"] });
      client.raw.end();
      await until(0, 0);
    },
    {
      'node_messages_sent_count{type="control"}': 2,
      'node_messages_received_count{type="control"}': 2,
      'client_connections_accepted{transport="websocket"}': 1,
      client_subscriptions_accepted: 1,
      'client_num_server_disconnects{code="other"}': 1,
      'client_num_server_unsubscribes{code="2000"}': 1,
      'client_command_duration_seconds_count{method="connect"}': 1,
      'client_command_duration_seconds_count{method="subscribe"}': 1,
      'transport_messages_sent{transport="websocket"}': 3,
      'transport_messages_received{transport="websocket"}': 2,
      'api_command_duration_seconds_count{method="unsubscribe"}': 2,
      'api_command_duration_seconds_count{method="disconnect"}': 1,
      'api_command_errors_total{code="102",method="unsubscribe"}': 1,
      connections_accepted_total: 4,
      'connection_close_total{code="other",side="server"}': 1,
    },
  ],
  [
    "handshakes are refused",
    async ({ t, port, until }) => {
      for (const [path, change] of [
        ["/", {}],
        ["/", {}],
        [WEBSOCKET_PATH, { Origin: "https://elsewhere.example" }],
      ] as const) {
        const client = await RawClient.connect(port);
        t.after(() => client.reset());
        client.send(request(change, path));
        await client.head();
        client.end();
      }
      await until(0, 0);
    },
    {
      connections_accepted_total: 3,
      'handshakes_refused_total{status="404"}': 2,
      'handshakes_refused_total{status="403"}': 1,
    },
  ],
  [
    "a stream over HTTP comes, and goes",
    async ({ port, until }) => {
      const url = `http://127.0.0.1:${port}/connection/uni_sse?cf_connect=${encodeURIComponent('{"subs":{"a":{}}}')}`;
      const call = get(url, { agent: false });
      const [answer] = (await once(call, "response")) as [IncomingMessage];
      await once(answer, "readable");
      await until(1, 0);
      call.destroy();
      await until(0, 0);
    },
    {
      'client_connections_accepted{transport="uni_sse"}': 1,
      client_subscriptions_accepted: 1,
      'client_command_duration_seconds_count{method="connect"}': 1,
      'client_command_duration_seconds_count{method="subscribe"}': 1,
      'transport_messages_sent{transport="stream"}': 1,
      'transport_messages_received{transport="stream"}': 1,
      connections_accepted_total: 1,
    },
  ],
];

describe("metrics: what is done, and what it changes", { concurrency: true }, () => {
  for (const [what, act, changed] of sequences) {
    it(what, async (t) => {
      const { server, port } = await serve(t, usual);
      const before = await server.vitals.metrics();
      const gauge = async (name: string) => samplesOf(await server.vitals.metrics()).get(`belfry_${name}`);
      const until = async (clients: number, connections: number) => {
        while ((await gauge("node_num_clients")) !== clients || (await gauge("connections")) !== connections)
          await turn();
      };
      await act({ t, server, port, until });
      // What ends is counted at once, but held until the peer has ended too.
      await until(changed["node_num_clients"] ?? 0, changed["connections"] ?? 0);
      assert.deepEqual(sorted(changes(before, await server.vitals.metrics())), sorted(changed));
    });
  }
});

const endings: readonly [how: string, end: (client: ProtocolClient, server: PushServer) => unknown, counted: string][] =
  [
    [
      "the client says goodbye",
      ({ raw }) => raw.send(frame(8, Buffer.from([0x03, 0xe8]))),
      'code="1000",side="client"',
    ],
    [
      "the client has a code of its own",
      ({ raw }) => raw.send(frame(8, Buffer.from([0x10, 0x00]))),
      'code="other",side="client"',
    ],
    ["the client breaks RFC 6455", ({ raw }) => raw.send(frame(3, "")), 'code="1002",side="server"'],
    ["the client sends no JSON", (client) => client.send("?"), 'code="3501",side="server"'],
    ["the client resets", ({ raw }) => raw.reset(), 'code="1006",side="gone"'],
    ["the server ends", (_, server) => void server.close(), 'code="3001",side="server"'],
  ];

describe("metrics: belfry_connection_close_total", { concurrency: true }, () => {
  for (const [how, end, counted] of endings) {
    it(`when ${how}, counts {${counted}}, and nothing else`, async (t) => {
      const { server, port } = await serve(t, usual);
      const { client } = await ProtocolClient.connect(t, port);
      void end(client, server);
      const closes = async () =>
        [...samplesOf(await server.vitals.metrics())].filter(([name]) => name.includes("connection_close_total"));
      if (counted.includes("server")) client.raw.end();
      while ((await closes()).length === 0) await turn();
      assert.deepEqual(await closes(), [[`belfry_connection_close_total{${counted}}`, 1]]);
    });
  }
});

test("metrics: sizes are those of the payloads, in both directions", async (t) => {
  const { server, port } = await serve(t, usual);
  const { client } = await ProtocolClient.connect(t, port);
  const sizes = async () => {
    const all = samplesOf(await server.vitals.metrics());
    return ["sent", "received"].map(
      (way) => all.get(`belfry_transport_messages_${way}_size{transport="websocket"}`) ?? 0,
    );
  };
  const [sent = 0, received = 0] = await sizes();
  const command = '{"id":2,"subscribe":{"channel":"a"}}';
  client.send(command);
  await client.next();
  assert.deepEqual(await sizes(), [sent + '{"id":2,"subscribe":{}}'.length, received + command.length]);
});

test("metrics: no code, name or text that somebody else chooses becomes a label", async (t) => {
  const { server, port } = await serve(t, {
    ...usual,
    hooks: { rpc: ({ method }) => ({ error: { code: Number(method), message: "a message" } }) },
  });
  const lines = async () => (await server.vitals.metrics()).split("\n").length;
  const { client } = await ProtocolClient.connect(t, port, { token: tokenOf({ sub: "a user" }), name: "a library" });
  await client.ask({ id: 2, subscribe: { channel: "a channel" } });
  await client.ask({ id: 3, rpc: { method: "400" } });
  const before = await lines();
  for (let code = 401; code < 440; code++) await client.ask({ id: code, rpc: { method: `${code}` } });
  await server.operations.publish("a channel", '"a payload"', { tags: { tag: "a value" } });
  for (let i = 0; i < 30; i++) {
    const { client: other } = await ProtocolClient.connect(t, port);
    other.raw.send(frame(8, Buffer.from([0x10, i])));
    await other.raw.ended();
  }
  const printed = await server.vitals.metrics();
  // The series that all of the closes are in, and nothing for any one of them.
  assert.equal(await lines(), before + 1);
  for (const word of [
    "a user",
    "a channel",
    "a payload",
    "tag",
    "a value",
    "a library",
    "a message",
    "secret",
    SECRET,
  ]) {
    assert.ok(!printed.replaceAll(/^#.*$/gm, "").includes(word), word);
  }
});

test("metrics: the rehearsal is not among what is counted, and no channelState hook hears of it", async (t) => {
  const told: string[] = [];
  const hooks = { channelState: (channel: string) => void told.push(channel) };
  const { server, port } = await serve(t, { ...usual, hooks });
  const before = await server.vitals.metrics();
  await server.rehearse({ address: "127.0.0.1", port });
  await turn();
  const changed = Object.entries(changes(before, await server.vitals.metrics()));
  // What the node said of itself when it joined the Bus is counted no more.
  assert.deepEqual(
    changed.filter(([name]) => !name.includes('type="control"')),
    [],
  );
  await server.vitals.health();
  assert.deepEqual(told, []);
});

test("metrics: the event loop's lag is that since the last scrape", async (t) => {
  const { server } = await serve(t, { ...usual, metrics: true });
  const lag = async () =>
    samplesOf(await server.vitals.metrics()).get('belfry_event_loop_lag_seconds{quantile="1"}') as number;
  const pass = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  // It is looked at now and then, and right after a scrape for the first time.
  do {
    await pass(50);
    const until = performance.now() + 500;
    while (performance.now() < until);
    await pass(50);
  } while ((await lag()) < 0.3);
  while ((await lag()) > 0.3) await pass(50);
});

test("GET /metrics is the text form of Prometheus; without the option it is not there", async (t) => {
  const closed = await serve(t, usual);
  assert.equal((await fetch(`http://127.0.0.1:${closed.port}/metrics`)).status, 404);
  const { server, port } = await serve(t, { ...usual, metrics: true });
  const url = `http://127.0.0.1:${port}/metrics`;
  const answer = await fetch(url);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  const metrics = parseExposition(await answer.text());
  assert.deepEqual([...metrics.keys()], [...parseExposition(await server.vitals.metrics()).keys()]);
  assert.ok([...metrics.keys()].every((name) => name.startsWith("belfry_")));
  for (const [name, { type, samples }] of metrics) {
    if (type !== "histogram")
      assert.ok(
        [...samples.values()].every((value) => value >= 0),
        name,
      );
  }
  const post = await fetch(url, { method: "POST", body: "x" });
  assert.deepEqual([post.status, post.headers.get("allow")], [405, "GET, HEAD"]);
  const head = await fetch(url, { method: "HEAD" });
  assert.deepEqual([head.status, await head.text()], [200, ""]);
});

test("GET /metrics answers what the option's function gives, and 503 when that fails", async (t) => {
  const { port } = await serve(t, { metrics: async () => "all of us\n" });
  const call = async (of: number) => {
    const answer = await fetch(`http://127.0.0.1:${of}/metrics`);
    return [answer.status, await answer.text()];
  };
  assert.deepEqual(await call(port), [200, "all of us\n"]);
  const failing = await serve(t, { metrics: () => Promise.reject(new Error("secret")) });
  assert.deepEqual(await call(failing.port), [503, '{"status":"failing"}']);
});

function sorted(changed: Record<string, number>): [string, number][] {
  return Object.entries(changed).sort(([one], [other]) => (one < other ? -1 : 1));
}
