import { describe, it } from "node:test";
import { limits } from "../src/index.ts";
import type { PushOptions } from "../src/push/index.ts";
import { inSeconds, refused, SECRET, tokenOf } from "./protocol-client.ts";
import { BAD_REQUEST, CONNECT, CONNECTED, INVALID_TOKEN, play, RESULT, type Row, row } from "./protocol-row.ts";

// The envelope, connect, ping, and what closes a connection: what a client sends, and all that it is answered.

const everything = {
  allowSubscribeForClient: true,
  allowSubscribeForAnonymous: true,
  allowPublishForClient: true,
  allowPublishForAnonymous: true,
};
const usual: PushOptions = { channels: { withoutNamespace: everything }, tokens: { hmacSecret: SECRET } };

const subscribe = (id: number, channel: string) => ({ id, subscribe: { channel } });

/** A connect command of so many bytes. */
const sized = (bytes: number) => '{"id":1,"connect":{}}'.padEnd(bytes, " ");

const framing: Row[] = [
  row(
    "commands of one frame are answered in their order",
    [[CONNECT, subscribe(2, "a"), { id: 3, unsubscribe: { channel: "a" } }]],
    [CONNECTED, { id: 2, subscribe: {} }, { id: 3, unsubscribe: {} }],
  ),
  row(
    "line feeds at the end, or between commands, mean nothing",
    ['\n{"id":1,"connect":{}}\n\n{"id":2,"subscribe":{"channel":"a"}}\n\n'],
    [CONNECTED, { id: 2, subscribe: {} }],
  ),
  row("a frame without a command closes", [CONNECT, ""], [CONNECTED, BAD_REQUEST]),
  row("a frame of line feeds closes", [CONNECT, "\n\n"], [CONNECTED, BAD_REQUEST]),
  row("text that is no JSON closes, and what stood before it is answered", [[CONNECT], "{"], [CONNECTED, BAD_REQUEST]),
  row(
    "what stood before a fault in one frame is answered, what stands behind it is not",
    ['{"id":1,"connect":{}}\n[]\n{"id":2,"subscribe":{"channel":"a"}}'],
    [CONNECTED, BAD_REQUEST],
  ),
  ...["[]", "7", "null", '"connect"'].map((text) =>
    row(`${text} is no command`, [CONNECT, text], [CONNECTED, BAD_REQUEST]),
  ),
  row("commandBytesMax bytes are taken", [sized(limits.commandBytesMax)], [CONNECTED]),
  row(
    "one byte more closes with 1009",
    [sized(limits.commandBytesMax + 1)],
    [{ close: [1009, `messageBytesMax is ${limits.commandBytesMax} (option messageBytesMax)`] }],
  ),
  row(
    "data goes through as JSON, and never brings a raw line feed",
    [CONNECT, subscribe(2, "a"), '{"id":3,"publish":{"channel":"a","data":"1\\n2\\u2028"}}'],
    [
      CONNECTED,
      { id: 2, subscribe: {} },
      { push: { channel: "a", pub: { data: "1\n2\u2028", info: { client: "CLIENT" } } } },
      { id: 3, publish: {} },
    ],
  ),
  row(
    "data may be null, and of a number of more than 15 digits some are lost",
    [CONNECT, subscribe(2, "a"), '{"id":3,"publish":{"channel":"a","data":[null,12345678901234567]}}'],
    [
      CONNECTED,
      { id: 2, subscribe: {} },
      { push: { channel: "a", pub: { data: [null, 12345678901234568], info: { client: "CLIENT" } } } },
      { id: 3, publish: {} },
    ],
  ),
];

const methods = [
  "subscribe",
  "unsubscribe",
  "publish",
  "presence",
  "presence_stats",
  "history",
  "rpc",
  "refresh",
  "sub_refresh",
];

const envelope: Row[] = [
  row("an id may be as large as 32 bits", [{ id: 0xffffffff, connect: {} }], [{ id: 0xffffffff, connect: RESULT }]),
  ...["4294967296", "-1", "1.5", '"1"', "null", "true", "[1]"].map((id) =>
    row(`the id ${id} closes`, [`{"id":${id},"connect":{}}`], [BAD_REQUEST]),
  ),
  row("an id that comes again is answered again", [CONNECT, subscribe(1, "a")], [CONNECTED, { id: 1, subscribe: {} }]),
  row("unknown fields are ignored", ['{"id":1,"connect":{"flag":1,"profile":2,"dict":3,"x":4},"y":5}'], [CONNECTED]),
  row(
    "of several methods the first in the protocol's order is carried out",
    [
      { id: 1, sub_refresh: {}, connect: {}, subscribe: {} },
      { id: 2, history: {}, unsubscribe: { channel: "a" }, publish: {} },
    ],
    [CONNECTED, { id: 2, unsubscribe: {} }],
  ),
  ...["ping", "fly", "toString", "__proto__", "error", "push"].map((method) =>
    row(`the method ${method} closes`, [CONNECT, `{"id":2,"${method}":{}}`], [CONNECTED, BAD_REQUEST]),
  ),
  row("an id without a method closes", [CONNECT, { id: 2 }], [CONNECTED, BAD_REQUEST]),
  ...["null", "[]", "7", '"a"'].map((fields) =>
    row(
      `a method whose fields are ${fields} closes`,
      [CONNECT, `{"id":2,"subscribe":${fields}}`],
      [CONNECTED, BAD_REQUEST],
    ),
  ),
  row("a send has no reply", [CONNECT, { send: { data: 1 } }, { id: 0, send: {} }], [CONNECTED]),
  row("a send with an id closes", [CONNECT, { id: 2, send: {} }], [CONNECTED, BAD_REQUEST]),
  row("a send before connect closes", [{ send: {} }], [BAD_REQUEST]),
  ...["{}", '{"id":0}', '{"id":0,"subscribe":{"channel":"a"}}', '{"subscribe":{"channel":"a"}}', " {} "].map((text) =>
    row(`${text} is a pong, which closes when no ping is out`, [CONNECT, text], [CONNECTED, BAD_REQUEST]),
  ),
  row("a pong before connect closes", ["{}"], [BAD_REQUEST]),
  ...methods.map((method) =>
    row(`${method} before connect closes`, [{ id: 1, [method]: { channel: "a" } }], [BAD_REQUEST]),
  ),
  row("a second connect closes", [CONNECT, { id: 2, connect: {} }], [CONNECTED, BAD_REQUEST]),
  row("a second connect in the same frame closes", [[CONNECT, { id: 2, connect: {} }]], [CONNECTED, BAD_REQUEST]),
  ...["subscribe", "connect"].map((method) =>
    row(
      `${method} after a connect that failed closes`,
      [
        { id: 1, connect: { token: tokenOf({ sub: "42", exp: 1 }) } },
        { id: 2, [method]: { channel: "a" } },
      ],
      [refused(1, 109), BAD_REQUEST],
    ),
  ),
  row(
    "a pong after a connect that failed closes",
    [{ id: 1, connect: { token: tokenOf({ sub: "42", exp: 1 }) } }, "{}"],
    [refused(1, 109), BAD_REQUEST],
  ),
  row(
    "commandsPerSecondMax commands are answered, twice that at once, and one more is 111",
    [[CONNECT, subscribe(2, "a"), subscribe(3, "b")]],
    [CONNECTED, { id: 2, subscribe: {} }, refused(3, 111)],
    { commandsPerSecondMax: 1 },
  ),
];

const exp = inSeconds(3600);
const connect = (claims: object) => ({ id: 1, connect: { token: tokenOf(claims) } });

const connects: Row[] = [
  row("without a token a client is anonymous, where that is allowed", [CONNECT], [CONNECTED]),
  row("without a token, where it is not allowed, it is closed", [CONNECT], [BAD_REQUEST], { allowAnonymous: false }),
  row("an empty token is none", [{ id: 1, connect: { token: "" } }], [CONNECTED]),
  row(
    "a token that is no text is a bad request",
    [{ id: 1, connect: { token: 7 } }, subscribe(2, "a")],
    [refused(1, 107), BAD_REQUEST],
  ),
  row("a token that does not expire", [connect({ sub: "42" })], [CONNECTED]),
  row(
    "of a token that expires the rest of its time is told",
    [connect({ sub: "42", exp })],
    [{ id: 1, connect: { ...RESULT, expires: true, ttl: 3600 } }],
  ),
  row(
    "expire_at 0 overrides exp: the connection never expires",
    [connect({ sub: "42", exp, expire_at: 0 })],
    [CONNECTED],
  ),
  row(
    "expire_at overrides exp",
    [connect({ sub: "42", exp, expire_at: exp + 100 })],
    [{ id: 1, connect: { ...RESULT, expires: true, ttl: 3700 } }],
  ),
  row(
    "a token that has expired is 109",
    [connect({ sub: "42", exp: inSeconds(-1) }), "{}"],
    [refused(1, 109), BAD_REQUEST],
  ),
  row(
    "a token whose expire_at has passed is 109",
    [connect({ sub: "42", expire_at: 1 }), "{}"],
    [refused(1, 109), BAD_REQUEST],
  ),
  row(
    "a token of another secret is invalid",
    [{ id: 1, connect: { token: tokenOf({ sub: "42" }, "other") } }],
    [INVALID_TOKEN],
  ),
  row("a token for a subscription is invalid", [connect({ sub: "42", channel: "a" })], [INVALID_TOKEN]),
  row("text that is no token is invalid", [{ id: 1, connect: { token: "x" } }], [INVALID_TOKEN]),
  row("without keys every token is invalid", [connect({ sub: "42" })], [INVALID_TOKEN], { tokens: {} }),
  row(
    "data of the token's is not told, but info and subscriptions serve",
    [
      connect({ sub: "42", info: { name: "Ann" }, channels: ["a"], subs: { b: { data: 7 } } }),
      { id: 2, publish: { channel: "a", data: 1 } },
    ],
    [
      { id: 1, connect: { ...RESULT, subs: { a: {}, b: { data: 7 } } } },
      { push: { channel: "a", pub: { data: 1, info: { client: "CLIENT", user: "42", conn_info: { name: "Ann" } } } } },
      { id: 2, publish: {} },
    ],
  ),
  row(
    "a token may subscribe to channelsPerClientMax channels",
    [connect({ sub: "42", channels: ["a", "b"] })],
    [{ id: 1, connect: { ...RESULT, subs: { a: {}, b: {} } } }],
    { channelsPerClientMax: 2 },
  ),
  row(
    "one channel more closes",
    [connect({ sub: "42", channels: ["a", "b", "c"] })],
    [{ close: [3505, "channel limit"] }],
    { channelsPerClientMax: 2 },
  ),
  row(
    "a channel of an unknown namespace is 102, and the client is not connected",
    [connect({ sub: "42", channels: ["a", "x:a"] }), subscribe(2, "b")],
    [refused(1, 102), BAD_REQUEST],
    { channels: { withoutNamespace: everything, namespaces: { y: {} } } },
  ),
];

for (const [what, rows] of Object.entries({ framing, envelope, connect: connects })) {
  describe(`protocol: ${what}`, () => {
    for (const one of rows) it(one.name, (t) => play(t, one, usual));
  });
}
