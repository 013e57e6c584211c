import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { optionsOf } from "../src/cli/serve-options.ts";
import { BelfryError, limits } from "../src/index.ts";
import { silent } from "../src/log.ts";
import type { ConnectRequest, HookClient } from "../src/push/hooks.ts";
import { loadConfig } from "../src/push/index.ts";
import { ReplyError } from "../src/push/protocol.ts";
import { Circuit } from "../src/push/proxy/circuit.ts";
import { proxyHooks } from "../src/push/proxy/proxy-hooks.ts";
import type { ConnectEndpoint, ProxyEndpoint } from "../src/push/proxy/proxy-options.ts";
import { RepeatLog } from "../src/push/proxy/repeat-log.ts";
import { SharedAnswers } from "../src/push/proxy/shared-answers.ts";

// ---- An application -------------------------------------------------------------------------------------------------------

/** A request as the application got it. */
interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

type Respond = (response: ServerResponse, asked: Asked, request: IncomingMessage) => void;

/** An application whose way to answer can be changed. */
class Application {
  respond: Respond;
  readonly asked: Asked[] = [];
  readonly server = createServer((request, response) => void this.#take(request, response));

  constructor(respond: Respond) {
    this.respond = respond;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }
  get url(): string {
    return `http://127.0.0.1:${this.port}/hook`;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method = "", url = "", headers } = request;
    const asked = { method, path: url, headers, body: JSON.parse(Buffer.concat(chunks).toString()) };
    this.asked.push(asked);
    this.respond(response, asked, request);
  }
}

/** Answers a text, or a value as JSON. */
const says =
  (value: unknown): Respond =>
  (response) =>
    void response.end(typeof value === "string" ? value : JSON.stringify(value));

async function application(t: TestContext, respond: Respond = says({ result: {} })): Promise<Application> {
  const app = new Application(respond);
  await once(app.server.listen(0, "127.0.0.1"), "listening");
  t.after(() => {
    app.server.close();
    app.server.closeAllConnections();
  });
  return app;
}

/** An application that answers when the test says so. */
async function holding(t: TestContext) {
  const held: ServerResponse[] = [];
  let came = () => {};
  const app = await application(t, (response) => {
    held.push(response);
    came();
  });
  const waiting = async (count: number) => {
    while (held.length < count) await new Promise<void>((resolve) => (came = resolve));
  };
  const answer = (value: unknown) => held.shift()?.end(JSON.stringify(value));
  return { app, held, waiting, answer };
}

/** A port where nobody listens. */
async function deadPort(): Promise<number> {
  const server = createTcpServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

class Lines {
  readonly all: string[] = [];
  readonly info = (line: string) => void this.all.push(`info: ${line}`);
  readonly warn = (line: string) => void this.all.push(`warn: ${line}`);
  readonly error = (line: string) => void this.all.push(`error: ${line}`);
}

// ---- Clients --------------------------------------------------------------------------------------------------------------

const who: HookClient = { client: "c1", user: "u1", transport: "websocket" };

function connectRequest(change: Partial<ConnectRequest> = {}, headers: Record<string, string> = {}): ConnectRequest {
  return {
    client: "c1",
    transport: "websocket",
    name: "js",
    version: "5.7.0",
    data: undefined,
    header: (name) => headers[name],
    remoteAddress: "192.0.2.1",
    ...change,
  };
}

const INTERNAL = { error: { code: 100, message: "internal server error", temporary: true } };
const BUSY = { error: { code: 111, message: "too many requests", temporary: true } };

/** A hook's answer to a client's call, and the log's lines. */
async function rpc(options: ProxyEndpoint): Promise<{ answer: unknown; lines: string[] }> {
  const log = new Lines();
  const answer = await proxyHooks({ rpc: options, log }).rpc?.({ ...who, method: "m", data: 1 });
  return { answer, lines: log.all };
}

// ---- The wire -------------------------------------------------------------------------------------------------------------

const about = { client: "c1", transport: "websocket", protocol: "json", encoding: "json" };

test("proxyHooks has the hooks that have an endpoint, and no others", () => {
  assert.deepEqual(Object.keys(proxyHooks({})), []);
  const endpoint = { url: "http://127.0.0.1:1/" };
  const all = { connect: endpoint, refresh: endpoint, subscribe: endpoint, publish: endpoint, rpc: endpoint };
  assert.deepEqual(Object.keys(proxyHooks({ ...all, subRefresh: endpoint })), [...Object.keys(all), "subRefresh"]);
});

test("proxyHooks POSTs each question in the form of Centrifugo's proxies", async (t) => {
  const app = await application(t, says({ result: { user: "u1" } }));
  const at = (path: string) => ({ url: `http://127.0.0.1:${app.port}/${path}?key=1` });
  const hooks = proxyHooks({
    connect: at("connect"),
    refresh: at("refresh"),
    subscribe: at("subscribe"),
    publish: at("publish"),
    rpc: at("rpc"),
    subRefresh: at("sub_refresh"),
  });
  const client = { ...who, meta: { role: "admin" } };
  const data = { text: 'ü"\u2028', n: [1, null] };
  await hooks.connect?.(connectRequest({ data }));
  await hooks.connect?.(connectRequest({ name: "", version: "" }));
  await hooks.refresh?.(client);
  await hooks.subscribe?.({ ...client, channel: "news:1", token: "secret", data });
  await hooks.publish?.({ ...client, channel: "news:1", data });
  await hooks.rpc?.({ ...client, method: "sum", data: null });
  await hooks.subRefresh?.({ ...who, channel: "news:1" });
  const user = { user: "u1", meta: { role: "admin" } };
  assert.deepEqual(
    app.asked.map(({ method, path, body }) => [method, path, body]),
    [
      ["POST", "/connect?key=1", { ...about, name: "js", version: "5.7.0", data }],
      ["POST", "/connect?key=1", about],
      ["POST", "/refresh?key=1", { ...about, ...user }],
      ["POST", "/subscribe?key=1", { ...about, ...user, channel: "news:1", data }],
      ["POST", "/publish?key=1", { ...about, ...user, channel: "news:1", data }],
      ["POST", "/rpc?key=1", { ...about, ...user, method: "sum", data: null }],
      ["POST", "/sub_refresh?key=1", { ...about, user: "u1", channel: "news:1" }],
    ],
  );
});

test("proxyHooks passes on the client's headers that are named, sends its own, and no others", async (t) => {
  const app = await application(t, says({ result: { user: "" } }));
  const { connect } = proxyHooks({
    connect: {
      url: app.url,
      passHeaders: ["Cookie", "authorization", "Origin"],
      headers: { "X-Key": "k1", "User-Agent": "mine" },
    },
  });
  const seen = { cookie: "a=1; b=ü", authorization: "Bearer t", "x-real-ip": "192.0.2.9" };
  await connect?.(connectRequest({}, seen));
  const [{ headers } = assert.fail()] = app.asked;
  assert.equal(Buffer.from(headers.cookie ?? "", "latin1").toString("latin1"), "a=1; b=ü");
  assert.equal(headers.authorization, "Bearer t");
  assert.equal(headers["x-key"], "k1");
  assert.equal(headers["user-agent"], "mine");
  assert.equal(headers["content-type"], "application/json");
  assert.equal(headers.origin, undefined);
  assert.equal(headers["x-real-ip"], undefined);
});

for (const value of ["a\r\nX-Admin: 1", "a\nb", "\0", "€", "\x7f"]) {
  test(`a client that passes the header ${JSON.stringify(value)} is told 107, and the application nothing`, async (t) => {
    const app = await application(t);
    const log = new Lines();
    const { connect } = proxyHooks({ connect: { url: app.url, passHeaders: ["X-A"], failuresMax: 1 }, log });
    const request = connectRequest({}, { "x-a": value });
    await assert.rejects(
      async () => connect?.(request),
      (error) => error instanceof ReplyError && error.code === 107 && !error.temporary,
    );
    assert.deepEqual([app.asked, log.all], [[], []]);
  });
}

const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64");
const overrides = {
  presence: { value: true },
  join_leave: { value: false },
  force_push_join_leave: {},
  force_positioning: null,
};
const overridden = { presence: true, joinLeave: false, forcePushJoinLeave: false };

type HookName = "connect" | "refresh" | "subscribe" | "publish" | "rpc" | "subRefresh";

/** Each hook with an answer of the application and what the hook makes of it. */
const answers: readonly [hook: HookName, answer: unknown, expected: unknown][] = [
  ["connect", { result: { user: "42" } }, { user: "42" }],
  ["connect", { result: { user: "" }, error: null, disconnect: null }, { user: "" }],
  [
    "connect",
    {
      result: {
        user: "42",
        expire_at: 1_900_000_000,
        info: { name: "ü" },
        data: [1],
        channels: ["a", "b"],
        subs: {
          "news:1": { expire_at: 5, info: 1, data: null, override: { ...overrides, force_recovery: { value: true } } },
          constructor: {},
        },
        meta: { k: "v" },
        caps: [{ unknown: true }],
      },
    },
    {
      user: "42",
      expireAt: 1_900_000_000,
      info: { name: "ü" },
      data: [1],
      channels: ["a", "b"],
      subs: {
        "news:1": { expireAt: 5, info: 1, data: null, override: { ...overridden, forceRecovery: true } },
        constructor: {},
      },
      meta: { k: "v" },
    },
  ],
  [
    "connect",
    { result: { user: "", expire_at: null, channels: null, subs: null, b64info: base64({ a: "ü" }), b64data: "" } },
    { user: "", info: { a: "ü" } },
  ],
  ["refresh", { result: { expire_at: 7, info: { a: 1 } } }, { expireAt: 7, info: { a: 1 } }],
  ["refresh", { result: { expired: true, expire_at: 0 } }, { expired: true, expireAt: 0 }],
  ["subRefresh", { result: { expired: false, b64info: base64("i") } }, { expired: false, info: "i" }],
  ["subscribe", { result: {} }, {}],
  [
    "subscribe",
    { result: { info: { a: 1 }, b64data: base64([1]), data: "not this", expire_at: 9, override: overrides } },
    { info: { a: 1 }, data: [1], expireAt: 9, override: overridden },
  ],
  ["subscribe", { result: { allow: ["pub"], override: null } }, {}],
  ["publish", { result: {} }, {}],
  [
    "publish",
    { result: { data: { cleaned: true }, skip_history: true } },
    { data: { cleaned: true }, skipHistory: true },
  ],
  ["publish", { result: { b64data: base64(null) } }, {}],
  ["rpc", { result: { data: "2019" } }, { data: "2019" }],
  ["rpc", { result: { data: null } }, { data: null }],
  ["rpc", '\ufeff {"result": {"b64data": "eyJhIjoxfQ=="}}\r\n', { data: { a: 1 } }],
  ["rpc", { error: { code: 404, message: "no such thing" } }, { error: { code: 404, message: "no such thing" } }],
  [
    "rpc",
    { error: { code: 1999, message: null, temporary: true } },
    { error: { code: 1999, message: "error", temporary: true } },
  ],
  ["connect", { error: { code: 109 } }, { error: { code: 109, message: "token expired" } }],
  ["connect", { error: { code: 113, temporary: null } }, { error: { code: 113, message: "concurrent pagination" } }],
  [
    "connect",
    { disconnect: { code: 4501, reason: "unauthorized" } },
    { disconnect: { code: 4501, reason: "unauthorized" } },
  ],
  ["rpc", { disconnect: { code: 4000 } }, { disconnect: { code: 4000, reason: "" } }],
  [
    "rpc",
    { disconnect: { code: 4999, reason: "r".repeat(limits.closeReasonBytesMax), reconnect: true } },
    { disconnect: { code: 4999, reason: "r".repeat(limits.closeReasonBytesMax) } },
  ],
  ["rpc", { result: {}, error: { code: 400 }, disconnect: { code: 4001 } }, { disconnect: { code: 4001, reason: "" } }],
  ["rpc", { result: {}, error: { code: 400 } }, { error: { code: 400, message: "error" } }],
];

/** Asks a hook that has this endpoint. */
async function ask(hook: HookName, endpoint: ProxyEndpoint, log = new Lines()): Promise<unknown> {
  const hooks = proxyHooks({ [hook]: endpoint, log });
  const client = { ...who, channel: "c", token: "", method: "m", data: 1 };
  return hook === "connect" ? hooks.connect?.(connectRequest()) : hooks[hook]?.(client);
}

for (const [hook, answer, expected] of answers) {
  test(`${hook} takes the answer ${JSON.stringify(answer).slice(0, 80)}`, async (t) => {
    const app = await application(t, says(answer));
    assert.deepEqual(await ask(hook, { url: app.url }), expected);
  });
}

/** Answers that are none, and what the log says of them. */
const garbage: readonly [hook: HookName, answer: unknown, what: string][] = [
  ["rpc", "", "it is no JSON"],
  ["rpc", "<html>secret</html>", "it is no JSON"],
  ["rpc", '{"result":{}', "it is no JSON"],
  ["rpc", "null", "expected Object"],
  ["rpc", '"secret"', "expected Object"],
  ["rpc", {}, "expected one of result, error and disconnect"],
  ["subscribe", { result: null }, "expected one of result, error and disconnect"],
  ["rpc", { result: "secret" }, "result: expected Object"],
  ["rpc", { result: { b64data: "secret" } }, "result.b64data: expected JSON in base64"],
  ["rpc", { result: { b64data: 5 } }, "result.b64data: expected string"],
  ["connect", { result: {} }, 'result.user: expected "user"'],
  ["connect", { result: { user: 42 } }, "result.user: expected string"],
  ["connect", { result: { user: "", expire_at: 1.5 } }, "result.expire_at: expected a whole number"],
  ["connect", { result: { user: "", expire_at: -1 } }, "result.expire_at: expected a time since 1970"],
  ["connect", { result: { user: "", expire_at: "soon" } }, "result.expire_at: expected number"],
  ["connect", { result: { user: "", channels: "secret" } }, "result.channels: expected Array"],
  [
    "connect",
    { result: { user: "", channels: ["a", ""] } },
    "result.channels.1: Invalid length: a channel's name is not empty",
  ],
  [
    "connect",
    { result: { user: "", channels: ["x".repeat(limits.channelBytesMax + 1)] } },
    "result.channels.0: Invalid length: channelBytesMax is 255",
  ],
  [
    "connect",
    { result: { user: "", subs: ["a"] } },
    "result.subs: expected an object: channels, and how to subscribe to them",
  ],
  ["connect", { result: { user: "", subs: { "": {} } } }, "Invalid length: a channel's name is not empty"],
  ["connect", { result: { user: "", subs: { a: true } } }, "expected Object"],
  ["subscribe", { result: { override: { presence: true } } }, "result.override.presence: expected Object"],
  ["publish", { result: { skip_history: 1 } }, "result.skip_history: expected boolean"],
  ["refresh", { result: { expired: "no" } }, "result.expired: expected boolean"],
  ["rpc", { error: {} }, 'error.code: expected "code"'],
  ["rpc", { error: { code: 99 } }, "error.code: expected 400 to 1999, or a code of the protocol's, 100 to 113"],
  ["rpc", { error: { code: 114 } }, "error.code: expected 400"],
  ["rpc", { error: { code: 399 } }, "error.code: expected 400"],
  ["rpc", { error: { code: 2000 } }, "error.code: expected 400"],
  ["rpc", { error: { code: 400.5 } }, "error.code: expected a whole number"],
  ["rpc", { error: { code: 400, message: 5 } }, "error.message: expected string"],
  ["rpc", { disconnect: { code: 3999 } }, "disconnect.code: expected 4000 to 4499"],
  ["rpc", { disconnect: { code: 5000 } }, "disconnect.code: expected 4000 to 4499"],
  [
    "rpc",
    { disconnect: { code: 4000, reason: "r".repeat(limits.closeReasonBytesMax + 1) } },
    "disconnect.reason: expected at most 123 bytes (closeReasonBytesMax)",
  ],
];

for (const [hook, answer, what] of garbage) {
  test(`${hook} gives the client 100 for the answer ${JSON.stringify(answer).slice(0, 80)}`, async (t) => {
    const app = await application(t, says(answer));
    const log = new Lines();
    assert.deepEqual(await ask(hook, { url: `${app.url}?key=secret` }, log), INTERNAL);
    const name = hook === "subRefresh" ? "sub_refresh" : hook;
    assert.equal(log.all.length, 1);
    assert.ok(log.all[0]?.startsWith(`error: proxy ${name} ${app.url}: the answer is none: `), log.all[0]);
    assert.ok(log.all[0]?.includes(what), log.all[0]);
    assert.ok(!log.all[0]?.includes("secret"), log.all[0]);
  });
}

test("an answer that is no UTF-8 is none", async (t) => {
  const app = await application(
    t,
    (response) => void response.end(Buffer.from('{"result":{"data":"\xff"}}', "latin1")),
  );
  const { answer, lines } = await rpc({ url: app.url });
  assert.deepEqual(answer, INTERNAL);
  assert.match(lines.join(), /the answer is no UTF-8/);
});

// ---- Failures -------------------------------------------------------------------------------------------------------------

for (const [status, isDown] of [
  [201, false],
  [204, false],
  [302, false],
  [401, false],
  [404, false],
  [429, true],
  [500, false],
  [502, true],
  [503, true],
  [504, true],
] as const) {
  const then = isDown ? "and counts as its being down" : "and the application is there all the same";
  test(`the status ${status} gives the client 100, ${then}`, async (t) => {
    const elsewhere = await application(t, says({ result: {} }));
    const app = await application(t, (response) => {
      response.writeHead(status, { Location: elsewhere.url }).end(status === 204 ? undefined : '{"result":{}}');
    });
    const log = new Lines();
    const hooks = proxyHooks({ rpc: { url: app.url, failuresMax: 1, restSeconds: 60 }, log });
    assert.deepEqual(await hooks.rpc?.({ ...who, method: "m", data: 1 }), INTERNAL);
    assert.match(
      log.all[0] ?? "",
      new RegExp(`^error: proxy rpc http://[^ ]*/hook: the answer has the status ${status}; `),
    );
    assert.deepEqual(elsewhere.asked, [], "redirects are not followed");
    assert.deepEqual(await hooks.rpc?.({ ...who, method: "m", data: 1 }), isDown ? BUSY : INTERNAL);
  });
}

test("an application that is not there gives the client 100, and the log says where it should be", async () => {
  const port = await deadPort();
  const { answer, lines } = await rpc({ url: `http://127.0.0.1:${port}/hook?key=secret` });
  assert.deepEqual(answer, INTERNAL);
  const what = "it cannot be reached: ECONNREFUSED; check the URL, and that it runs";
  assert.deepEqual(lines, [`error: proxy rpc http://127.0.0.1:${port}/hook: ${what}`]);
});

test("an application that cuts the connection gives the client 100", async (t) => {
  const app = await application(t, (_response, _asked, request) => void request.socket.destroy());
  const { answer, lines } = await rpc({ url: app.url });
  assert.deepEqual(answer, INTERNAL);
  assert.match(lines.join(), /it cannot be reached: \w+; check the URL/);
});

test("an application that speaks no HTTP gives the client 100", async (t) => {
  const server = createTcpServer((socket) => void socket.on("error", () => {}).end("220 mail.example.com ESMTP\r\n"));
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => void server.close());
  const { answer, lines } = await rpc({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` });
  assert.deepEqual(answer, INTERNAL);
  assert.match(lines.join(), /it cannot be reached: HPE_\w+/);
});

test("an application that does not answer in time gives the client 100, and the log names the limit", async (t) => {
  const { app } = await holding(t);
  const { answer, lines } = await rpc({ url: app.url, secondsMax: 0.05 });
  assert.deepEqual(answer, INTERNAL);
  assert.match(lines.join(), /no whole answer came in time: secondsMax is 0.05 \(option secondsMax, default 2\)/);
});

test("an application that answers half in time gives the client 100 too", async (t) => {
  const app = await application(t, (response) => void response.write('{"result":'));
  const { answer, lines } = await rpc({ url: app.url, secondsMax: 0.1 });
  assert.deepEqual(answer, INTERNAL);
  assert.match(lines.join(), /no whole answer came in time/);
});

test("an answer may have answerBytesMax bytes and not one more, and no more of it is read", async (t) => {
  const answer = JSON.stringify({ result: { data: "x".repeat(1000) } });
  const app = await application(t, says(answer));
  const right = await rpc({ url: app.url, answerBytesMax: answer.length });
  assert.deepEqual(right, { answer: { data: "x".repeat(1000) }, lines: [] });
  const long = await rpc({ url: app.url, answerBytesMax: answer.length - 1 });
  assert.deepEqual(long.answer, INTERNAL);
  const limit = `answerBytesMax is ${answer.length - 1} (option answerBytesMax, default ${limits.proxyAnswerBytesMax})`;
  assert.ok(long.lines.join().includes(`the answer is too long: ${limit}`), long.lines.join());

  const cut = new Promise<void>((resolve) => {
    app.respond = (response) => {
      const more = () => {
        while (response.write("x".repeat(65_536)));
      };
      response.on("drain", more).on("close", resolve);
      more();
    };
  });
  assert.deepEqual((await rpc({ url: app.url })).answer, INTERNAL);
  await cut;
});

test("a failure that comes again within a second is logged once, and then with its number", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const lines: string[] = [];
  const log = new RepeatLog((line) => lines.push(line));
  for (let i = 1; i <= 5; i++) log.tell("a", `a${i}`);
  log.tell("b", "b1");
  assert.deepEqual(lines, ["a1", "b1"]);
  t.mock.timers.tick(limits.repeatedLogSeconds * 1000 - 1);
  assert.deepEqual(lines, ["a1", "b1"]);
  t.mock.timers.tick(1);
  assert.deepEqual(lines, ["a1", "b1", "a5 (4 times)"]);
  log.tell("b", "b2");
  log.tell("a", "a6");
  assert.deepEqual(lines, ["a1", "b1", "a5 (4 times)", "b2"], "a is still within its second");
  t.mock.timers.tick(1000);
  assert.deepEqual(lines, ["a1", "b1", "a5 (4 times)", "b2", "a6"]);
  t.mock.timers.tick(1000);
  log.tell("a", "a7");
  assert.deepEqual(lines.at(-1), "a7");
});

test("ten thousand clients of an application that is down make a handful of lines", async () => {
  const log = new Lines();
  const hooks = proxyHooks({ rpc: { url: `http://127.0.0.1:${await deadPort()}/`, restSeconds: 60 }, log });
  const replies = await Promise.all(
    Array.from({ length: 10_000 }, () => hooks.rpc?.({ ...who, method: "m", data: 1 })),
  );
  for (const reply of replies) assert.ok(reply && "error" in reply && reply.error.temporary);
  assert.ok(log.all.length <= 4, log.all.join("\n"));
});

// ---- Concurrency and the circuit --------------------------------------------------------------------------------------------

test("so many requests are under way, so many wait for their turn, and what is beyond is told 111", async (t) => {
  const { app, held, waiting, answer } = await holding(t);
  const log = new Lines();
  const hooks = proxyHooks({ rpc: { url: app.url, concurrencyMax: 2, queueMax: 1, secondsMax: 60 }, log });
  const call = (n: number) => hooks.rpc?.({ ...who, method: "m", data: n });
  const calls = [call(1), call(2), call(3)];
  assert.deepEqual(await call(4), BUSY);
  assert.match(
    log.all.join(),
    /^error: proxy rpc [^ ]*: 2 are under way \(concurrencyMax\), and 1 wait \(queueMax\); make/,
  );
  await waiting(2);
  assert.equal(held.length, 2);
  answer({ result: { data: "a" } });
  await waiting(2);
  const third = app.asked[2] ?? assert.fail();
  assert.deepEqual(third.body, { ...about, user: "u1", method: "m", data: 3 });
  const last = call(5);
  for (let i = 0; i < 3; i++) {
    await waiting(1);
    answer({ result: { data: "b" } });
  }
  const replies = await Promise.all([...calls, last]);
  assert.deepEqual(replies.map((reply) => JSON.stringify(reply)).sort(), [
    '{"data":"a"}',
    ...Array(3).fill('{"data":"b"}'),
  ]);
});

test("a request whose turn does not come within secondsMax is told 111", async (t) => {
  const { app } = await holding(t);
  const log = new Lines();
  const hooks = proxyHooks({ rpc: { url: app.url, concurrencyMax: 1, secondsMax: 0.1 }, log });
  const [first, , last] = await Promise.all([1, 2, 3].map((data) => hooks.rpc?.({ ...who, method: "m", data })));
  // The second one may get the turn of the first in the very moment in which its own wait ends; the last one does not.
  assert.deepEqual([first, last], [INTERNAL, BUSY]);
  assert.match(log.all.join(), /one waited for 0.1 s \(secondsMax\)/);
});

test("connections are kept and used again", async (t) => {
  const app = await application(t, says({ result: {} }));
  const ports = new Set<number | undefined>();
  app.respond = (response, _asked, request) => {
    ports.add(request.socket.remotePort);
    response.end('{"result":{}}');
  };
  const hooks = proxyHooks({ rpc: { url: app.url, concurrencyMax: 2 } });
  await Promise.all(Array.from({ length: 50 }, () => hooks.rpc?.({ ...who, method: "m", data: 1 })));
  assert.equal(app.asked.length, 50);
  assert.ok(ports.size <= 4, `${ports.size} connections`);
});

test("after failuresMax failures in a row nobody is asked for a while, and then it is tried again", async (t) => {
  const down: Respond = (response) => void response.writeHead(503).end();
  const app = await application(t, down);
  const log = new Lines();
  const hooks = proxyHooks({ rpc: { url: app.url, failuresMax: 3, restSeconds: 0.2 }, log });
  const call = () => hooks.rpc?.({ ...who, method: "m", data: 1 });
  assert.deepEqual([await call(), await call()], [INTERNAL, INTERNAL]);
  app.respond = says({ result: {} });
  assert.deepEqual(await call(), {}, "a success in between begins anew");
  app.respond = down;
  assert.deepEqual([await call(), await call(), await call()], [INTERNAL, INTERNAL, INTERNAL]);
  assert.equal(app.asked.length, 6);
  assert.deepEqual([await call(), await call()], [BUSY, BUSY]);
  assert.equal(app.asked.length, 6, "nobody was asked");
  app.respond = says({ result: {} });
  let reply: unknown = BUSY;
  while (JSON.stringify(reply) === JSON.stringify(BUSY)) {
    reply = await call();
    await new Promise(setImmediate);
  }
  assert.deepEqual(reply, {});
  assert.equal(app.asked.length, 7);
  assert.deepEqual(
    log.all.filter((line) => !line.includes("status")),
    [
      `error: proxy rpc ${app.url}: no answer again and again: it is asked once in a while (options failuresMax 3, restSeconds 0.2)`,
      `info: proxy rpc ${app.url}: the application answers again`,
    ],
  );
});

test("requests that wait when the circuit opens are answered without the application", async (t) => {
  const { app, waiting, held } = await holding(t);
  const hooks = proxyHooks({
    rpc: { url: app.url, concurrencyMax: 1, failuresMax: 1, restSeconds: 60, secondsMax: 60 },
  });
  const calls = Array.from({ length: 20 }, () => hooks.rpc?.({ ...who, method: "m", data: 1 }));
  await waiting(1);
  held.shift()?.socket?.destroy();
  const [first, ...others] = await Promise.all(calls);
  assert.deepEqual(first, INTERNAL);
  for (const other of others) assert.deepEqual(other, BUSY);
  assert.equal(app.asked.length, 1);
});

test("Circuit lets one through in each rest, as an account of all that happened says", () => {
  type Step = { kind: "enter" | "succeed" | "fail"; wait: number };
  const step: fc.Arbitrary<Step> = fc.record({
    kind: fc.constantFrom("enter", "enter", "fail", "fail", "succeed"),
    wait: fc.constantFrom(0, 0, 1, 500, 999, 1000, 5000),
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 60 }), (failuresMax, list) => {
      let now = 0;
      const circuit = new Circuit({ failuresMax, restSeconds: 1 }, () => now);
      let inARow = 0;
      let closedSince = Number.NEGATIVE_INFINITY;
      for (const { kind, wait } of list) {
        now += wait;
        const isOpen = inARow >= failuresMax && now - closedSince < 1000;
        assert.equal(circuit.isOpen, isOpen);
        if (kind === "enter") {
          assert.equal(circuit.tryEnter(), !isOpen);
          if (!isOpen && inARow >= failuresMax) closedSince = now;
        } else if (kind === "fail") {
          assert.equal(circuit.failed(), ++inARow === failuresMax);
          if (inARow === failuresMax) closedSince = now;
        } else {
          assert.equal(circuit.succeeded(), inARow >= failuresMax);
          inARow = 0;
        }
      }
    }),
  );
});

// ---- A herd ---------------------------------------------------------------------------------------------------------------

async function herd(t: TestContext, options: Partial<ConnectEndpoint> = {}) {
  const held = await holding(t);
  const hooks = proxyHooks({ connect: { url: held.app.url, passHeaders: ["cookie"], secondsMax: 60, ...options } });
  let clients = 0;
  const connect = (cookie: string, change: Partial<ConnectRequest> = {}) =>
    hooks.connect?.(connectRequest({ client: `c${clients++}`, ...change }, { cookie }));
  return { ...held, connect };
}

test("connects that ask the same at the same time are asked once, and who comes soon after is not asked for", async (t) => {
  const { app, connect, waiting, answer } = await herd(t, { cacheSeconds: 60 });
  const same = Array.from({ length: 100 }, () => connect("a"));
  const others = [
    connect("b"),
    connect("a", { data: 1 }),
    connect("a", { version: "6" }),
    connect("a", { transport: "sse" }),
  ];
  await waiting(5);
  for (let i = 0; i < 5; i++) answer({ result: { user: "u" } });
  for (const reply of await Promise.all([...same, ...others])) assert.deepEqual(reply, { user: "u" });
  assert.equal(app.asked.length, 5);
  assert.deepEqual(await connect("a"), { user: "u" });
  assert.equal(app.asked.length, 5);
});

test("without cacheSeconds each connect is asked for", async (t) => {
  const { app, connect, waiting, answer } = await herd(t);
  const two = [connect("a"), connect("a")];
  await waiting(2);
  answer({ result: { user: "1" } });
  answer({ result: { user: "2" } });
  await Promise.all(two);
  assert.equal(app.asked.length, 2);
});

for (const [cacheSeconds, requests] of [
  [undefined, 2],
  [0, 2],
  [60, 1],
] as const) {
  test(`the configuration's cacheSeconds: with ${cacheSeconds} two connects that ask the same are asked ${requests} times`, async (t) => {
    const app = await application(t, says({ result: { user: "42" } }));
    const connect = { url: app.url, headers: ["Cookie"], ...(cacheSeconds !== undefined && { cacheSeconds }) };
    const { hooks } = optionsOf(loadConfig({ env: {}, flags: { proxy: { connect } } }), silent);
    const ask = async (cookie: string) => await hooks?.connect?.(connectRequest({}, { cookie }));
    assert.deepEqual([await ask("a"), await ask("a")], [{ user: "42" }, { user: "42" }]);
    assert.equal(app.asked.length, requests);
    await ask("b");
    assert.equal(app.asked.length, requests + 1, "another cookie is another question");
  });
}

for (const [what, answer, isKept] of [
  ["a disconnect", { disconnect: { code: 4501, reason: "no" } }, true],
  ["an error", { error: { code: 403, message: "no" } }, true],
  ["a temporary error", { error: { code: 403, message: "no", temporary: true } }, false],
  ["the error 100, which is temporary", { error: { code: 100 } }, false],
  ["credentials that are still good", { result: { user: "", expire_at: Math.ceil(Date.now() / 1000) + 600 } }, true],
  ["credentials that have expired", { result: { user: "", expire_at: 1000 } }, false],
  ["what is no answer", "garbage", false],
] as const) {
  test(`${what} is ${isKept ? "" : "not "}kept for the next one`, async (t) => {
    const app = await application(t, says(answer));
    const { connect } = proxyHooks({ connect: { url: app.url, cacheSeconds: 60 } });
    assert.deepEqual(await connect?.(connectRequest()), await connect?.(connectRequest()));
    assert.equal(app.asked.length, isKept ? 1 : 2);
  });
}

test("SharedAnswers keeps as much as it may, the newest, and not beyond its time", async () => {
  type Step = { key: string; wait: number; bytes: number; seconds: number };
  const step: fc.Arbitrary<Step> = fc.record({
    key: fc.constantFrom("a", "b", "c", "d", "e"),
    wait: fc.constantFrom(0, 1, 1000, 3000),
    bytes: fc.constantFrom(1, 200, 744, 745),
    seconds: fc.constantFrom(0, 1, 3),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (list) => {
      let now = 0;
      let asked = 0;
      const shared = new SharedAnswers<number>(1000, () => now);
      /** Everything that was ever kept, the newest last. */
      let kept: { key: string; value: number; bytes: number; until: number }[] = [];
      for (const { key, wait, bytes, seconds } of list) {
        now += wait;
        const known = kept.find((one) => one.key === key && now < one.until);
        const before = asked;
        const value = await shared.get(key, async () => ({ value: ++asked, bytes, seconds }));
        assert.equal(value, known ? known.value : before + 1);
        assert.ok(shared.keptBytes <= 1000);
        if (known || seconds === 0) continue;
        kept = [
          ...kept.filter((one) => one.key !== key),
          { key, value, bytes: bytes + 256, until: now + seconds * 1000 },
        ];
        const sum = () => kept.reduce((all, one) => all + one.bytes, 0);
        while (kept[0] && (sum() > 1000 || kept[0].until <= now)) kept.shift();
        assert.equal(shared.keptBytes, sum());
      }
    }),
  );
});

test("SharedAnswers gives a rejection to those who wait for it, and asks again for the next one", async () => {
  const shared = new SharedAnswers<number>(1000, () => 0);
  const fails = async () => {
    throw new Error("broken");
  };
  await Promise.all([1, 2].map(() => assert.rejects(shared.get("a", fails), /broken/)));
  assert.equal(await shared.get("a", async () => ({ value: 1, bytes: 1, seconds: 0 })), 1);
});

// ---- Options --------------------------------------------------------------------------------------------------------------

const url = "http://127.0.0.1:8080/hook";
const refusals: readonly [options: object, what: RegExp][] = [
  [{ connect: {} }, /option connect\.url/],
  [{ connect: { url: "127.0.0.1:8080" } }, /option connect\.url: Expected an absolute URL/],
  [{ connect: { url: "ftp://127.0.0.1/" } }, /option connect\.url: Expected an absolute URL, http: or https:/],
  [{ rpc: { url: "http://user:secret@127.0.0.1/" } }, /option rpc\.url: .* without user and password/],
  [{ rpc: { url, passHeaders: ["Cookie"] } }, /option rpc\.passHeaders/],
  [{ rpc: { url, cacheSeconds: 1 } }, /option rpc\.cacheSeconds/],
  [{ connect: { url, passHeaders: ["Host"] } }, /option connect\.passHeaders\.0: .* not the request's own/],
  [{ connect: { url, passHeaders: ["Sec-WebSocket-Key"] } }, /not the request's own/],
  [{ connect: { url, headers: { "Content-Length": "1" } } }, /not the request's own/],
  [{ connect: { url, headers: { "a b": "1" } } }, /Expected the name of a header/],
  [{ connect: { url, headers: { a: "secret\r\n" } } }, /Expected the value of a header/],
  [
    { connect: { url, headers: { cookie: "1" }, passHeaders: ["Cookie"] } },
    /in headers and in passHeaders: leave out one/,
  ],
  [{ rpc: { url, secondsMax: 0 } }, /option rpc\.secondsMax/],
  [{ rpc: { url, secondsMax: 3601 } }, /option rpc\.secondsMax/],
  [{ rpc: { url, concurrencyMax: 0 } }, /option rpc\.concurrencyMax/],
  [{ rpc: { url, queueMax: -1 } }, /option rpc\.queueMax/],
  [{ rpc: { url, answerBytesMax: 0.5 } }, /option rpc\.answerBytesMax/],
  [{ rpc: { url, failuresMax: 0 } }, /option rpc\.failuresMax/],
  [{ rpc: { url, restSeconds: 0 } }, /option rpc\.restSeconds/],
  [{ connect: { url, cacheSeconds: -1 } }, /option connect\.cacheSeconds/],
  [{ state: { url } }, /option state/],
  [{ log: 5 }, /option log/],
];
for (const [options, what] of refusals) {
  test(`proxyHooks refuses ${JSON.stringify(options)}`, () => {
    assert.throws(
      () => proxyHooks(options as object),
      (error) => {
        assert.ok(error instanceof BelfryError && error.code === "BELFRY_BAD_OPTION", String(error));
        assert.match(error.message, what);
        assert.ok(!error.message.includes("secret"), error.message);
        return true;
      },
    );
  });
}

test("proxyHooks takes every option at its bounds", () => {
  const least = {
    secondsMax: 0.01,
    concurrencyMax: 1,
    queueMax: 0,
    answerBytesMax: 1,
    failuresMax: 1,
    restSeconds: 0.01,
  };
  const most = { secondsMax: 3600, concurrencyMax: 2 ** 30, queueMax: 2 ** 30, restSeconds: 3600 };
  proxyHooks({ rpc: { url, ...least }, publish: { url, ...most }, connect: { url, cacheSeconds: 0 } });
  proxyHooks({
    connect: { url, cacheSeconds: 3600, passHeaders: ["X-Real-Ip"], headers: { Authorization: "Basic ü" } },
  });
});
