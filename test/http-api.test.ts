import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BelfryError, limits } from "../src/index.ts";
import type { ApiKey } from "../src/push/api/index.ts";
import { Keyring } from "../src/push/api/keys.ts";
import { ReplyError } from "../src/push/protocol.ts";
import { type Answers, KEY, startApi } from "./http-api-server.ts";
import { accepts, type Schema } from "./json-schema.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");
const publication = { data: '{"n":1}', previous: 0, channel: "a", epoch: "e1" };

/** A call that works: the method, its body, how the operation is called, what it answers, and the result. */
const good: [string, object, unknown[], Answers, unknown][] = [
  [
    "publish",
    { channel: "a", data: 1 },
    ["publish", "a", "1", { skipHistory: false }],
    {},
    { offset: 12, epoch: "e1" },
  ],
  [
    "publish",
    { channel: "a", data: null },
    ["publish", "a", "null", { skipHistory: false }],
    {},
    { offset: 12, epoch: "e1" },
  ],
  [
    "publish",
    { channel: "a", data: "grüße \n\u2028 \ud800" },
    ["publish", "a", '"grüße \\n\u2028 \\ud800"', { skipHistory: false }],
    { publish: { offset: 0, epoch: "" } },
    {},
  ],
  [
    "publish",
    { channel: "a", data: 1, b64data: base64('{\n "n": [1, "ü"] }') },
    ["publish", "a", '{"n":[1,"ü"]}', { skipHistory: false }],
    { publish: { offset: 0, epoch: "e1" } },
    { epoch: "e1" },
  ],
  [
    "publish",
    {
      channel: "a",
      data: {},
      skip_history: true,
      tags: { lang: "de", ["__proto__"]: "x" },
      idempotency_key: "k",
      delta: true,
      version: 7,
      version_epoch: "v",
      unknown: {},
    },
    [
      "publish",
      "a",
      "{}",
      {
        skipHistory: true,
        tags: { lang: "de", ["__proto__"]: "x" },
        idempotencyKey: "k",
        version: 7,
        versionEpoch: "v",
      },
    ],
    { publish: { offset: 3, epoch: "" } },
    { offset: 3 },
  ],
  [
    "publish",
    { channel: "a", data: 1, skip_history: null, tags: null, idempotency_key: null, version: null, b64data: null },
    ["publish", "a", "1", { skipHistory: false }],
    {},
    { offset: 12, epoch: "e1" },
  ],
  [
    "broadcast",
    { channels: ["a", "b", "c"], data: { n: 1 }, tags: { t: "1" } },
    ["broadcast", ["a", "b", "c"], '{"n":1}', { skipHistory: false, tags: { t: "1" } }],
    { broadcast: [{ offset: 1, epoch: "e1" }, new ReplyError(102), { offset: 0, epoch: "" }] },
    {
      responses: [
        { result: { offset: 1, epoch: "e1" } },
        { error: { code: 102, message: "unknown channel" } },
        { result: {} },
      ],
    },
  ],
  ["subscribe", { user: "42", channel: "a" }, ["subscribe", { user: "42" }, "a", {}], {}, {}],
  [
    "subscribe",
    {
      user: "42",
      client: "c",
      session: "s",
      channel: "a",
      info: { name: "Ann" },
      data: [1],
      expire_at: 2_000_000_000,
      recover_since: { offset: 3, epoch: "e1" },
      override: {
        presence: { value: true },
        join_leave: { value: false },
        force_push_join_leave: { value: true },
        force_positioning: {},
        force_recovery: null,
      },
    },
    [
      "subscribe",
      { user: "42", client: "c", session: "s" },
      "a",
      {
        info: { name: "Ann" },
        data: [1],
        expireAt: 2_000_000_000,
        since: { offset: 3, epoch: "e1" },
        override: { presence: true, joinLeave: false, forcePushJoinLeave: true, forcePositioning: false },
      },
    ],
    {},
    {},
  ],
  [
    "subscribe",
    { user: "", channel: "a", b64info: base64('{"a":1}'), b64data: base64("[2]"), recover_since: {} },
    ["subscribe", { user: "" }, "a", { info: { a: 1 }, data: [2], since: { offset: 0, epoch: "" } }],
    {},
    {},
  ],
  ["unsubscribe", { user: "42", channel: "a", client: "c" }, ["unsubscribe", { user: "42", client: "c" }, "a"], {}, {}],
  [
    "disconnect",
    { user: "42" },
    ["disconnect", { user: "42" }, { code: 3503, reason: "force disconnect" }, []],
    {},
    {},
  ],
  [
    "disconnect",
    { user: "42", session: "s", whitelist: ["c1", "c2"], disconnect: { code: 4001, reason: "grüße" } },
    ["disconnect", { user: "42", session: "s" }, { code: 4001, reason: "grüße" }, ["c1", "c2"]],
    {},
    {},
  ],
  [
    "disconnect",
    { user: "42", disconnect: { code: 3000 } },
    ["disconnect", { user: "42" }, { code: 3000, reason: "" }, []],
    {},
    {},
  ],
  [
    "refresh",
    { user: "42", expire_at: 2_000_000_000, info: { name: "Ann" } },
    ["refresh", { user: "42" }, { expireAt: 2_000_000_000, info: { name: "Ann" } }],
    {},
    {},
  ],
  ["refresh", { user: "42", expired: true }, ["refresh", { user: "42" }, { expired: true }], {}, {}],
  ["revoke", { token_id: "t1", expire_at: 4_102_444_800 }, ["revoke", { tokenId: "t1" }, 4_102_444_800], {}, {}],
  ["revoke", { user: "42", expire_at: 4_102_444_800 }, ["revoke", { user: "42" }, 4_102_444_800], {}, {}],
  ["revoke", { client: "c", expire_at: 4_102_444_800 }, ["revoke", { client: "c" }, 4_102_444_800], {}, {}],
  ["revoke", { session: "s", expire_at: 4_102_444_800 }, ["revoke", { session: "s" }, 4_102_444_800], {}, {}],
  ["presence", { channel: "a" }, ["presence", "a"], {}, { presence: {} }],
  [
    "presence",
    { channel: "a" },
    ["presence", "a"],
    {
      presence: [
        { client: "c1", user: "42", connInfo: '{"name":"Ann"}', chanInfo: "null" },
        { client: "c2", user: "" },
      ],
    },
    {
      presence: {
        c1: { client: "c1", user: "42", conn_info: { name: "Ann" }, chan_info: null },
        c2: { client: "c2", user: "" },
      },
    },
  ],
  ["presence_stats", { channel: "a" }, ["presenceStats", "a"], {}, { num_clients: 0, num_users: 0 }],
  [
    "presence_stats",
    { channel: "a" },
    ["presenceStats", "a"],
    { presenceStats: { clients: 3, users: 2 } },
    { num_clients: 3, num_users: 2 },
  ],
  [
    "history",
    { channel: "a" },
    ["history", "a", { limit: 0, reverse: false }],
    {},
    { publications: [], epoch: "", offset: 0 },
  ],
  [
    "history",
    { channel: "a", limit: 2, since: { offset: 4, epoch: "e1" }, reverse: true },
    ["history", "a", { limit: 2, since: { offset: 4, epoch: "e1" }, reverse: true }],
    {
      history: {
        publications: [
          { ...publication, offset: 3, info: '{"client":"c1","user":"42"}', tags: { lang: "de" } },
          { ...publication, offset: 0, data: "2" },
        ],
        epoch: 'e"1',
        offset: 5,
      },
    },
    {
      publications: [
        { data: { n: 1 }, info: { client: "c1", user: "42" }, offset: 3, tags: { lang: "de" } },
        { data: 2 },
      ],
      epoch: 'e"1',
      offset: 5,
    },
  ],
  ["history_remove", { channel: "a" }, ["removeHistory", "a"], {}, {}],
  ["channels", {}, ["channels", ""], {}, { channels: {} }],
  [
    "channels",
    { pattern: "news:*" },
    ["channels", "news:*"],
    {
      channels: new Map([
        ["news:1", 3],
        ['__proto__"', 1],
      ]),
    },
    { channels: { "news:1": { num_clients: 3 }, '__proto__"': { num_clients: 1 } } },
  ],
  [
    "info",
    {},
    ["info"],
    {
      info: [
        { uid: "u", name: "n", version: "1", clients: 1, users: 2, subscriptions: 3, channels: 4, uptimeSeconds: 5.9 },
        { uid: "v", name: "m", version: "1", clients: 0, users: 0, subscriptions: 0, channels: 0, uptimeSeconds: 0 },
      ],
    },
    {
      nodes: [
        { uid: "u", name: "n", version: "1", num_clients: 1, num_users: 2, num_subs: 3, num_channels: 4, uptime: 5 },
        { uid: "v", name: "m", version: "1", num_clients: 0, num_users: 0, num_subs: 0, num_channels: 0 },
      ],
    },
  ],
  ["connections", {}, ["connections", { limit: limits.connectionsReadMax }], {}, { connections: [] }],
  [
    "connections",
    { user: "42", limit: 1 },
    ["connections", { user: "42", limit: 1 }],
    {
      connections: [
        { client: "c1", user: "42", transport: "websocket", channels: ["a"], remoteAddress: "203.0.113.7" },
      ],
    },
    {
      connections: [{ client: "c1", user: "42", transport: "websocket", channels: ["a"], address: "203.0.113.7" }],
    },
  ],
  [
    "rpc",
    { method: "stats", params: { day: 1 } },
    ["rpc", "stats", { day: 1 }],
    { rpc: { sold: 7 } },
    { data: { sold: 7 } },
  ],
  ["rpc", { method: "ping" }, ["rpc", "ping", undefined], {}, {}],
];

interface Operation {
  readonly requestBody: { readonly content: { readonly "application/json": { schema: Schema; example: unknown } } };
  readonly responses: { 200: { content: { "application/json": { schema: Schema; example: unknown } } } };
}
interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, { readonly post: Operation }>>;
  readonly components: { readonly schemas: { readonly Error: Schema } };
}

async function documentOf(origin: string): Promise<Document> {
  const answer = await fetch(`${origin}/api/openapi.json`);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("content-type"), "application/json");
  return (await answer.json()) as Document;
}
const requestOf = (document: Document, path: string) =>
  document.paths[path]?.post.requestBody.content["application/json"] as { schema: Schema; example: unknown };
const answerOf = (document: Document, path: string) =>
  document.paths[path]?.post.responses[200].content["application/json"] as { schema: Schema; example: unknown };

describe("HTTP API, methods", () => {
  for (const [method, body, call, answers, result] of good) {
    it(`${method} ${JSON.stringify(body).slice(0, 80)}`, async (t) => {
      const { call: send, calls, origin } = await startApi(t, answers);
      const { status, body: got } = await send(method, body);
      assert.deepEqual([status, got], [200, { result }]);
      assert.deepEqual(calls, [call]);
      const root = await documentOf(origin);
      assert.ok(accepts(requestOf(root, `/api/${method}`).schema, body, { root }), "the document refuses the request");
      assert.ok(accepts(answerOf(root, `/api/${method}`).schema, got, { root, closed: true }), "… the answer");
    });
  }

  it("every method is in the table", async (t) => {
    const { paths } = await documentOf((await startApi(t)).origin);
    const named = new Set(good.map(([method]) => `/api/${method}`));
    assert.deepEqual(Object.keys(paths).sort(), [...named, "/api", "/api/batch"].sort());
  });

  it("the members of an answer have the order and the form that the protocol shows", async (t) => {
    const history = { publications: [{ ...publication, offset: 3 }], epoch: "e1", offset: 3 };
    const { origin } = await startApi(t, { history });
    const headers = { "X-API-Key": KEY };
    const answer = await fetch(`${origin}/api/history`, { method: "POST", headers, body: '{"channel":"a","limit":1}' });
    const text = await answer.text();
    assert.equal(text, '{"result":{"publications":[{"data":{"n":1},"offset":3}],"epoch":"e1","offset":3}}');
  });

  for (const [limit, read] of [
    [-1, 300],
    [299, 299],
    [300, 300],
    [301, 300],
  ] as const) {
    it(`history: a limit of ${limit} reads ${read} (historyReadMax)`, async (t) => {
      const { call, calls } = await startApi(t);
      await call("history", { channel: "a", limit });
      assert.deepEqual(calls, [["history", "a", { limit: read, reverse: false }]]);
    });
  }
});

/** What no field is made for, of every kind. */
const pool: unknown[] = [
  undefined,
  null,
  true,
  0,
  1,
  -1,
  1.5,
  3500,
  2 ** 53,
  "",
  "x",
  "x".repeat(123),
  "x".repeat(124),
  "x".repeat(255),
  "x".repeat(256),
  base64("1"),
  [],
  ["x"],
  [1],
  [""],
  [{}],
  {},
  { x: "1" },
  { x: 1 },
  { offset: -1 },
  { offset: 1, epoch: "e" },
  { epoch: 1 },
  { value: 1 },
  { presence: { value: 1 } },
  { presence: true },
  { code: 2999, reason: "" },
  { code: 3000, reason: 7 },
  { reason: "" },
];

describe("HTTP API, malformed bodies", () => {
  it("what the document refuses in a field the server refuses with 107, by the field's name, and nothing else", async (t) => {
    const { call, calls, origin } = await startApi(t);
    const root = await documentOf(origin);
    let refused = 0;
    for (const path of Object.keys(root.paths)) {
      const method = path.slice("/api/".length);
      const { schema, example } = requestOf(root, path);
      for (const [field, own] of Object.entries(schema.properties ?? {})) {
        for (const value of pool) {
          const body = { ...(example as object), [field]: value };
          const isAllowed = accepts(schema, JSON.parse(JSON.stringify(body)), { root });
          const before = calls.length;
          const { error } = (await call(method, body)).body as { error?: { code: number; message: string } };
          const what = `${path} ${field} ${JSON.stringify(value)}: ${error?.message}`;
          // Data is there in one way or in the other, which the document has no words for; and so has `method`.
          if (field === "data" && value === undefined && (method === "publish" || method === "broadcast")) continue;
          // One thing is revoked, until a time to come: the document has no words for that either.
          if (method === "revoke" && isAllowed && error?.code === 107) continue;
          if (path === "/api")
            assert.equal(error?.code === 107 && error.message.includes(`: ${field}`), !isAllowed, what);
          else assert.equal(error?.code === 107, !isAllowed, what);
          if (isAllowed) continue;
          refused++;
          assert.equal(calls.length, before, what);
          const came = value === undefined ? "nothing" : "";
          const form = new RegExp(`^bad request: ${field}[.a-z_0-9]*: allowed is .+; came ${came}`);
          assert.match(error?.message ?? "", form, what);
          assert.ok(accepts(root.components.schemas.Error, error, { root, closed: true }));
          assert.ok(own.description !== undefined || own.properties !== undefined, what);
        }
      }
    }
    assert.ok(refused > 400, String(refused));
  });

  const bad: [string, unknown, string][] = [
    [
      "publish",
      { data: 1 },
      "channel: allowed is a channel's name, not empty, no half of a surrogate pair in it (channelBytesMax is 255); came nothing",
    ],
    ["publish", { channel: "a" }, "data: allowed is any JSON, or b64data instead; came nothing"],
    ["publish", { channel: "a", data: 1, b64data: "MQ" }, 'b64data: allowed is base64 with its padding; came "MQ"'],
    [
      "publish",
      { channel: "a", b64data: base64("[1,") },
      'b64data: allowed is base64 of JSON text, and this is not JSON: it ends too early, after character 3; came "WzEs"',
    ],
    [
      "publish",
      { channel: "a", b64data: "/w==" },
      'b64data: allowed is base64 of JSON text, and this is not UTF-8; came "/w=="',
    ],
    ["publish", { channel: "a", data: 1, skip_history: 1 }, "skip_history: allowed is true or false; came 1"],
    [
      "publish",
      { channel: "a", data: 1, version: "x".repeat(50) },
      `version: allowed is a whole number from 0 to 9007199254740991; came "${"x".repeat(40)}" and 10 characters more`,
    ],
    ["revoke", {}, "user, client, session, token_id: allowed is one of them; came nothing"],
    ["revoke", { user: "", token_id: "" }, "user, client, session, token_id: allowed is one of them; came nothing"],
    [
      "revoke",
      { user: "a", token_id: "b" },
      "user, client, session, token_id: allowed is one of them; came a list of 2",
    ],
    ["revoke", { user: "a", expire_at: 1 }, "expire_at: allowed is a time to come, in seconds since 1970; came 1"],
    ["publish", [], "body: allowed is a JSON object; came a list of 0"],
    ["publish", null, "body: allowed is a JSON object; came null"],
    [
      "broadcast",
      { channels: ["a", 5], data: 1 },
      "channels.1: allowed is a channel's name, not empty, no half of a surrogate pair in it (channelBytesMax is 255); came 5",
    ],
    [
      "history",
      { channel: "a", since: { offset: {} } },
      "since.offset: allowed is a whole number from 0 to 9007199254740991; came an object",
    ],
    [
      "history",
      { channel: "a", limit: 1, reverse: true, since: { epoch: "e" } },
      "since.offset: allowed is with reverse, a whole number from 1 to 9007199254740991; came 0",
    ],
    [
      "subscribe",
      { user: "42", channel: "a", override: { presence: true } },
      "override.presence: allowed is a JSON object; came true",
    ],
    ["batch", { commands: [{}, 1] }, 'commands.1: allowed is an object such as {"publish": {…}}; came 1'],
  ];
  for (const [method, body, message] of bad) {
    it(`${method}: ${message.slice(0, 90)}`, async (t) => {
      const { call, calls } = await startApi(t);
      const answer = await call(method, body);
      assert.deepEqual(answer.body, { error: { code: 107, message: `bad request: ${message}` } });
      assert.deepEqual(calls, []);
    });
  }

  for (const [name, text, message] of [
    ["nothing", "", "the body is empty, and not JSON"],
    ["no JSON", '{"channel":a}', 'the body is not JSON: unexpected "a" at character 12'],
    ["two values", "{} {}", 'the body is not JSON: unexpected "{" at character 4'],
    ["half of an object", '{"channel":"a"', "the body is not JSON: it ends too early, after character 14"],
  ] as const) {
    it(`a body that is ${name} is 400, in both error modes`, async (t) => {
      const { call, calls } = await startApi(t);
      for (const headers of [{}, { "X-Centrifugo-Error-Mode": "transport" }] as Record<string, string>[]) {
        const { status, body } = await call("publish", text, headers);
        assert.deepEqual([status, body], [400, { code: 400, message }]);
      }
      assert.deepEqual(calls, []);
    });
  }

  it("a body that ends too early is the caller's error, with a length and without, and no failure", async (t) => {
    const { api, calls, log } = await startApi(t);
    for (const length of [{}, { "Content-Length": "100" }] as Record<string, string>[]) {
      const body = new ReadableStream({
        pull(controller) {
          controller.error(new Error("the connection was lost"));
        },
      });
      const init = { method: "POST", headers: { "X-API-Key": KEY, ...length }, body };
      const answer = await api.request("/api/publish", { ...init, duplex: "half" } as RequestInit);
      assert.deepEqual([answer.status, await answer.json()], [400, { code: 400, message: "the body ended too early" }]);
    }
    assert.deepEqual([calls, log.lines], [[], []]);
  });
});

describe("HTTP API, limits", () => {
  const names = (count: number) => Array.from({ length: count }, (_, i) => `c${i}`);
  const texts = (count: number, bytes: number) =>
    Object.fromEntries(names(count).map((name, i) => [name, i === 0 ? "x".repeat(bytes) : ""]));
  const text = (bytes: number) => "ä".repeat(bytes >> 1) + "x".repeat(bytes & 1);
  /** The limit, the field that is said to be wrong, and a method with a body at that size. */
  const cases: [keyof typeof limits, string, string, (size: number) => object][] = [
    ["broadcastChannelsMax", "channels", "broadcast", (size) => ({ channels: names(size), data: 1 })],
    ["batchCommandsMax", "commands", "batch", (size) => ({ commands: names(size).map(() => ({ info: {} })) })],
    ["whitelistMax", "whitelist", "disconnect", (size) => ({ user: "42", whitelist: names(size) })],
    ["connectionsReadMax", "limit", "connections", (size) => ({ limit: size })],
    ["tagsMax", "tags", "publish", (size) => ({ channel: "a", data: 1, tags: texts(size, 0) })],
    ["tagsBytesMax", "tags", "publish", (size) => ({ channel: "a", data: 1, tags: texts(3, size - 6) })],
    ["channelBytesMax", "channel", "publish", (size) => ({ channel: text(size), data: 1 })],
    ["channelBytesMax", "channels.0", "broadcast", (size) => ({ channels: [text(size)], data: 1 })],
    ["apiTextBytesMax", "user", "unsubscribe", (size) => ({ user: text(size), channel: "a" })],
    [
      "apiTextBytesMax",
      "idempotency_key",
      "publish",
      (size) => ({ channel: "a", data: 1, idempotency_key: text(size) }),
    ],
    ["apiTextBytesMax", "whitelist.0", "disconnect", (size) => ({ user: "42", whitelist: [text(size)] })],
    ["apiTextBytesMax", "method", "rpc", (size) => ({ method: text(size) })],
    [
      "closeReasonBytesMax",
      "disconnect.reason",
      "disconnect",
      (size) => ({ user: "42", disconnect: { code: 4000, reason: text(size) } }),
    ],
  ];
  for (const [limit, field, method, body] of cases) {
    it(`${limit}: ${method} takes it, and refuses one more, and names both`, async (t) => {
      const { call } = await startApi(t);
      const most = limits[limit];
      const at = (await call(method, body(most))).body as { error?: object };
      assert.equal(at.error, undefined);
      const { error } = (await call(method, body(most + 1))).body as { error: { code: number; message: string } };
      assert.equal(error.code, 107);
      assert.match(error.message, new RegExp(`^bad request: ${field}: allowed is .*\\b${most}\\b`));
      assert.ok(error.message.includes(limit), error.message);
    });
  }

  it("apiJsonDepthMax: 128 brackets are taken, 129 are 400", async (t) => {
    const { call, calls } = await startApi(t);
    const most = limits.apiJsonDepthMax - 1;
    const at = await call("publish", `{"channel":"a","data":${"[".repeat(most)}${"]".repeat(most)}}`);
    assert.equal(at.status, 200);
    assert.equal(calls.length, 1);
    const over = await call("publish", `{"channel":"a","data":${"[".repeat(most + 1)}${"]".repeat(most + 1)}}`);
    assert.deepEqual(
      [over.status, over.body],
      [400, { code: 400, message: "the body nests deeper than 128 (apiJsonDepthMax)" }],
    );
    const data = "[".repeat(limits.apiJsonDepthMax + 1);
    const hidden = (await call("publish", { channel: "a", b64data: base64(data) })).body as {
      error: { message: string };
    };
    assert.match(hidden.error.message, /b64data.*apiJsonDepthMax/);
  });

  it("apiBodyBytesMax: a body of as much is taken, one byte more is 413, with a length or in chunks", async (t) => {
    const { call, calls, origin } = await startApi(t, {}, { apiBodyBytesMax: 1000 });
    const body = (bytes: number) => {
      const head = '{"channel":"a","data":"';
      return `${head}${"x".repeat(bytes - head.length - 2)}"}`;
    };
    /** Sent as a stream, a body has no length beforehand. */
    const streamed = async (bytes: number) => {
      const init = { method: "POST", headers: { "X-API-Key": KEY }, body: new Blob([body(bytes)]).stream() };
      const answer = await fetch(`${origin}/api/publish`, { ...init, duplex: "half" });
      return { status: answer.status, body: await answer.json() };
    };
    const message = "the body is too large: apiBodyBytesMax is 1000, an option";
    for (const send of [(bytes: number) => call("publish", body(bytes)), streamed]) {
      calls.length = 0;
      assert.equal((await send(1000)).status, 200);
      assert.equal(calls.length, 1);
      const over = await send(1001);
      assert.deepEqual([over.status, over.body], [413, { code: 413, message }]);
      assert.equal(calls.length, 1);
    }
  });

  it("channelsReadMax: as many are listed, one more is 106 and says what to do", async (t) => {
    const channels = new Map(names(limits.channelsReadMax).map((name) => [name, 1]));
    const { call } = await startApi(t, { channels });
    const at = (await call("channels", {})).body as { result: { channels: object } };
    assert.equal(Object.keys(at.result.channels).length, limits.channelsReadMax);
    channels.set("one more", 1);
    const message = "limit exceeded: 100001 channels match, channelsReadMax is 100000; give a narrower pattern";
    assert.deepEqual((await call("channels", {})).body, { error: { code: 106, message } });
  });
});

describe("HTTP API, errors", () => {
  const statuses: [number, string, number][] = [
    [100, "internal server error", 500],
    [102, "unknown channel", 404],
    [103, "permission denied", 403],
    [104, "method not found", 404],
    [106, "limit exceeded", 400],
    [107, "bad request", 400],
    [108, "not available", 400],
    [111, "too many requests", 429],
    [112, "unrecoverable position", 416],
    [113, "concurrent pagination", 409],
    [1999, "no such order", 500],
  ];
  for (const [code, message, transport] of statuses) {
    it(`${code} is 200 with an error in it, or ${transport} in the mode transport`, async (t) => {
      const history = new ReplyError(code, message);
      const { call } = await startApi(t, { history });
      const usual = await call("history", { channel: "a" });
      assert.deepEqual([usual.status, usual.body], [200, { error: { code, message } }]);
      const header = await call("history", { channel: "a" }, { "X-Centrifugo-Error-Mode": "transport" });
      assert.deepEqual([header.status, header.body], [transport, { code, message }]);
      const other = await call("history", { channel: "a" }, { "X-Centrifugo-Error-Mode": "any" });
      assert.deepEqual([other.status, other.body], [200, { error: { code, message } }]);
      const configured = await startApi(t, { history }, { errorMode: "transport" });
      const without = await configured.call("history", { channel: "a" });
      assert.deepEqual([without.status, without.body], [transport, { code, message }]);
    });
  }

  it("an error of no protocol is 100, and the log alone is told what it was", async (t) => {
    const down = new Error("the Bus is down");
    const { call, log } = await startApi(t, { publish: down, broadcast: [down, { offset: 1, epoch: "e" }] });
    const error = { code: 100, message: "internal server error" };
    assert.deepEqual((await call("publish", { channel: "a", data: 1 })).body, { error });
    const many = (await call("broadcast", { channels: ["a", "b"], data: 1 })).body;
    assert.deepEqual(many, { result: { responses: [{ error }, { result: { offset: 1, epoch: "e" } }] } });
    assert.equal(log.lines.length, 2);
    for (const line of log.lines) assert.match(line, /^the HTTP API failed: Error: the Bus is down/);
  });

  it("a result that is no JSON is 100", async (t) => {
    const { call } = await startApi(t, { rpc: 1n });
    assert.deepEqual((await call("rpc", { method: "big" })).body, {
      error: { code: 100, message: "internal server error" },
    });
  });

  it("a method that is not there is 404 and is told which are, another verb 405, a path beside the API 404", async (t) => {
    const { call, origin } = await startApi(t);
    const { status, body } = await call("fly", {});
    assert.equal(status, 404);
    assert.match(JSON.stringify(body), /there are publish, broadcast, .* and batch/);
    const got = await fetch(`${origin}/api/publish`, { headers: { "X-API-Key": KEY } });
    assert.deepEqual([got.status, got.headers.get("allow")], [405, "POST"]);
    assert.equal((await fetch(`${origin}/elsewhere`)).status, 404);
    assert.equal((await fetch(`${origin}/api/fly`)).status, 401);
  });
});

describe("HTTP API, keys", () => {
  const body = '{"channel":"a","data":1}';

  it("a key may come in three ways; without one, or with a wrong one, it is 401", async (t) => {
    const { send, calls } = await startApi(t);
    const query = `api_key=${encodeURIComponent(KEY)}`;
    const shown: [string, Record<string, string>, number][] = [
      ["", { "X-API-Key": KEY }, 200],
      ["", { Authorization: `apikey ${KEY}` }, 200],
      ["", { Authorization: `APIKEY ${KEY}` }, 200],
      [`?${query}`, {}, 200],
      [`?${query}`, { "X-API-Key": "wrong" }, 401],
      ["", {}, 401],
      ["", { "X-API-Key": "" }, 401],
      ["", { "X-API-Key": `${KEY}x` }, 401],
      ["", { Authorization: `Bearer ${KEY}` }, 401],
      ["", { Authorization: KEY }, 401],
      ["?api_key=", {}, 401],
    ];
    for (const [query, headers, status] of shown) {
      const before = calls.length;
      const answer = await send(`/api/publish${query}`, body, headers);
      assert.equal(answer.status, status, JSON.stringify([query, headers]));
      assert.equal(calls.length - before, status === 200 ? 1 : 0);
      if (status === 200) continue;
      assert.equal(answer.headers.get("www-authenticate"), "apikey");
      assert.match(JSON.stringify(answer.body), /"code":401,"message":"unauthorized: show a key as X-API-Key/);
    }
  });

  it("without keys nobody is let in, and that is said", async (t) => {
    const { send } = await startApi(t, {}, { keys: [] });
    for (const headers of [{}, { "X-API-Key": "" }, { "X-API-Key": "undefined" }] as Record<string, string>[]) {
      const answer = await send("/api/publish", body, headers);
      assert.equal(answer.status, 401);
      assert.match(JSON.stringify(answer.body), /the server has no API key set/);
    }
  });

  it("several keys may be there at once, each for what it is for", async (t) => {
    const keys: ApiKey[] = [
      { key: "old", scopes: ["*"] },
      { key: "new", scopes: ["*"] },
      { key: "site", name: "the site", scopes: ["publish"] },
      { key: "graphs", scopes: ["read"] },
      { key: "admin", scopes: ["manage", "read"] },
    ];
    const { send } = await startApi(t, {}, { keys });
    const scopes: Record<string, string[]> = {
      publish: ["publish", "broadcast"],
      read: ["presence", "presence_stats", "history", "channels", "info", "connections"],
      manage: ["subscribe", "unsubscribe", "disconnect", "refresh", "revoke", "history_remove", "rpc"],
    };
    const may: Record<string, string[]> = {
      old: ["publish", "read", "manage"],
      new: ["publish", "read", "manage"],
      site: ["publish"],
      graphs: ["read"],
      admin: ["manage", "read"],
    };
    const bodies = new Map(good.map(([method, body]) => [method, JSON.stringify(body)]));
    assert.equal(Object.values(scopes).flat().length, bodies.size);
    for (const [key, own] of Object.entries(may)) {
      for (const [scope, named] of Object.entries(scopes)) {
        for (const method of named) {
          const answer = await send(`/api/${method}`, bodies.get(method) ?? "", { "X-API-Key": key });
          assert.equal(answer.status, own.includes(scope) ? 200 : 403, `${key} ${method}`);
        }
      }
    }
    const refused = await send("/api/history", '{"channel":"a"}', { "X-API-Key": "site" });
    const message = 'permission denied: history needs the scope read, the key "the site" has publish';
    assert.deepEqual(refused.body, { code: 403, message });
    const unnamed = await send("/api/publish", body, { "X-API-Key": "admin" });
    assert.match(JSON.stringify(unnamed.body), /publish needs the scope publish, this key has manage, read/);
  });

  it("a key is compared with all, whichever it is and whether it is one", () => {
    const keys: ApiKey[] = ["a", "b", "c"].map((key) => ({ key, scopes: ["*"] }));
    for (const [shown, found] of [
      ["a", "a"],
      ["b", "b"],
      ["c", "c"],
      ["d", undefined],
      ["", undefined],
    ] as const) {
      let compared = 0;
      const keyring = new Keyring(keys, (one, other) => {
        assert.deepEqual([one.length, other.length], [32, 32]);
        compared++;
        return one.equals(other);
      });
      assert.equal(keyring.find(shown)?.key, found);
      assert.equal(compared, 3);
    }
  });

  for (const [name, keys, message] of [
    ["a key that no header carries", [{ key: "schlüssel", scopes: ["*"] }], /option keys\.0\.key: .*printable ASCII/],
    ["a key with a space at its end", [{ key: "key ", scopes: ["*"] }], /option keys\.0\.key: .*printable ASCII/],
    ["an empty key", [{ key: "", scopes: ["*"] }], /option keys\.0\.key/],
    ["a key for nothing", [{ key: "a", scopes: [] }], /option keys\.0\.scopes/],
    ["a scope that is none", [{ key: "a", scopes: ["write"] }], /option keys\.0\.scopes\.0.*"publish"/],
    ["an unknown field", [{ key: "a", scopes: ["*"], scope: 1 }], /option keys\.0\.scope/],
    [
      "the same key twice",
      ["publish", "read"].map((scope) => ({ key: "a", scopes: [scope] })),
      /the same key is there twice/,
    ],
  ] as const) {
    it(`${name} is refused when the server is made, without the key in the message`, () => {
      assert.throws(
        () => new Keyring(keys as unknown as ApiKey[]),
        (error) => error instanceof BelfryError && error.code === "BELFRY_BAD_OPTION" && message.test(error.message),
      );
    });
  }
});

describe("HTTP API, batch", () => {
  it("replies have the order of the commands, and a command that fails stops no other", async (t) => {
    const { call, calls } = await startApi(t, { presence: new ReplyError(108), history: new Error("down") });
    const commands: object[] = [
      { publish: { channel: "a", data: 1 } },
      { publish: { channel: "" } },
      { presence: { channel: "a" } },
      { history: { channel: "a" } },
      { fly: {} },
      {},
      { batch: { commands: [] } },
      { toString: {} },
      { info: {} },
    ];
    for (const parallel of [false, true]) {
      calls.length = 0;
      const { status, body } = await call("batch", { commands, parallel });
      assert.equal(status, 200);
      const { replies } = body as { replies: object[] };
      assert.deepEqual(
        replies.map((reply) => ("error" in reply ? (reply.error as { code: number }).code : Object.keys(reply).join())),
        ["publish", 107, 108, 100, 104, 104, 104, 104, "info"],
      );
      assert.deepEqual(replies[0], { publish: { offset: 12, epoch: "e1" } });
      assert.deepEqual(replies[8], { info: { nodes: [] } });
      assert.deepEqual(
        calls.map(([name]) => name),
        ["publish", "presence", "history", "info"],
      );
    }
  });

  it("commands wait for each other, unless they are to be carried out in parallel", async (t) => {
    for (const parallel of [false, true]) {
      const seen: string[] = [];
      let release = () => {};
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });
      const { call } = await startApi(
        t,
        {},
        {
          operations: {
            async publish(channel: string) {
              seen.push(`${channel} begins`);
              // The first waits for the second, if that may begin.
              if (channel === "b") release();
              if (channel === "a" && parallel) await released;
              await new Promise((resolve) => setImmediate(resolve));
              seen.push(`${channel} ends`);
              return { offset: 1, epoch: channel };
            },
          } as never,
        },
      );
      const commands = ["a", "b"].map((channel) => ({ publish: { channel, data: 1 } }));
      const { body } = await call("batch", { commands, parallel });
      assert.deepEqual(body, { replies: ["a", "b"].map((epoch) => ({ publish: { offset: 1, epoch } })) });
      assert.deepEqual(seen.slice(0, 2), parallel ? ["a begins", "b begins"] : ["a begins", "a ends"]);
    }
  });

  it("an empty batch is answered with no replies", async (t) => {
    const { call } = await startApi(t);
    assert.deepEqual((await call("batch", { commands: [] })).body, { replies: [] });
  });

  it("a batch is refused as a whole when the key is not for one of its commands", async (t) => {
    const { call, calls } = await startApi(t, {}, { keys: [{ key: KEY, name: "site", scopes: ["publish"] }] });
    const commands: object[] = [{ publish: { channel: "a", data: 1 } }, { fly: {} }];
    assert.equal((await call("batch", { commands })).status, 200);
    assert.equal(calls.length, 1);
    commands.push({ disconnect: { user: "42" } });
    const { status, body } = await call("batch", { commands });
    const message = 'permission denied: disconnect needs the scope manage, the key "site" has publish';
    assert.deepEqual([status, body], [403, { code: 403, message }]);
    assert.equal(calls.length, 1);
  });
});

describe("HTTP API, POST /api", () => {
  it("names the method in the body", async (t) => {
    const { call, calls } = await startApi(t);
    const { body } = await call("", { method: "publish", params: { channel: "a", data: 1 } });
    assert.deepEqual(body, { result: { offset: 12, epoch: "e1" } });
    assert.deepEqual((await call("", { method: "info" })).body, { result: { nodes: [] } });
    assert.deepEqual(
      calls.map(([name]) => name),
      ["publish", "info"],
    );
  });

  it("is 104 for a method that is not there, 107 for what is wrong in its parameters, 403 for a key without its scope", async (t) => {
    const { call } = await startApi(t, {}, { keys: [{ key: KEY, scopes: ["publish"] }] });
    for (const method of ["fly", "batch", "toString"]) {
      assert.deepEqual((await call("", { method })).body, { error: { code: 104, message: "method not found" } });
    }
    const wrong = (await call("", { method: "publish", params: { channel: 1 } })).body as {
      error: { message: string };
    };
    assert.match(wrong.error.message, /^bad request: channel: /);
    assert.equal((await call("", { method: "info" })).status, 403);
    const transport = await call("", { method: "fly" }, { "X-Centrifugo-Error-Mode": "transport" });
    assert.equal(transport.status, 404);
  });
});

describe("HTTP API, its document", () => {
  it("has the paths that are served, and no others", async (t) => {
    const { api, origin, call } = await startApi(t);
    const { openapi, paths } = await documentOf(origin);
    assert.equal(openapi, "3.1.0");
    const served = api.routes.filter(({ method }) => method === "POST").map(({ path }) => path);
    assert.deepEqual(Object.keys(paths).sort(), served.sort());
    for (const path of served) assert.notEqual((await call(path.slice("/api/".length), {})).status, 404);
  });

  it("has examples that its schemas and the server accept", async (t) => {
    const { origin, call } = await startApi(t);
    const root = await documentOf(origin);
    for (const path of Object.keys(root.paths)) {
      const request = requestOf(root, path);
      const answer = answerOf(root, path);
      assert.ok(accepts(request.schema, request.example, { root, closed: true }), path);
      assert.ok(accepts(answer.schema, answer.example, { root, closed: true }), path);
      const { status, body } = await call(path.slice("/api/".length), request.example);
      assert.equal(status, 200, path);
      assert.ok(!("error" in (body as object)), path);
      assert.ok(accepts(answer.schema, body, { root, closed: true }), path);
    }
  });

  it("needs no key, and holds none", async (t) => {
    const { origin } = await startApi(t, {}, { keys: [{ key: "a secret key", scopes: ["*"] }] });
    assert.ok(!JSON.stringify(await documentOf(origin)).includes("a secret key"));
  });
});
