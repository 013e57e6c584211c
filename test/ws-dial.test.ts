import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { BelfryError, HandshakeError } from "../src/errors.ts";
import {
  asksForWebSocket,
  checkDialResponse,
  checkUpgrade,
  type DialExpectation,
  type DialRequest,
  dialUrl,
  makeKey,
  RequestHead,
  ResponseHead,
  readHead,
  readResponseHead,
  UpgradeRequest,
  validKey,
  writeAnswer,
  writeDialRequest,
} from "../src/ws/index.ts";

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

function latin1(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "latin1"));
}

/** The text of a request. */
function written(request: Partial<DialRequest> = {}): string {
  return Buffer.from(writeDialRequest({ url: "ws://server.example.com/", key: KEY, ...request })).toString("latin1");
}

function badOption(work: () => unknown, message: RegExp): void {
  assert.throws(work, (error) => {
    assert.ok(error instanceof BelfryError && error.code === "BELFRY_BAD_OPTION", String(error));
    assert.match(error.message, message);
    return true;
  });
}

// ---- The key --------------------------------------------------------------------------------------------------------------

test("makeKey makes valid keys, and no key twice", () => {
  const keys = Array.from({ length: 1000 }, makeKey);
  for (const key of keys) assert.ok(validKey(latin1(key), 0, key.length), key);
  assert.equal(new Set(keys).size, keys.length);
});

// ---- The request ------------------------------------------------------------------------------------------------------------

test("writeDialRequest writes the request of RFC 6455, 1.3", () => {
  const text = written({
    url: "ws://server.example.com/chat",
    protocols: ["chat", "superchat"],
    headers: { Origin: "http://example.com" },
  });
  assert.equal(
    text,
    "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat, superchat\r\n` +
      "Origin: http://example.com\r\n\r\n",
  );
});

for (const [url, target, host] of [
  ["ws://a", "/", "a"],
  ["ws://a:80/", "/", "a"],
  ["ws://a:443/", "/", "a:443"],
  ["wss://a:443/", "/", "a"],
  ["wss://a:80/", "/", "a:80"],
  ["http://a:80/b", "/b", "a"],
  ["https://a:8443/b/", "/b/", "a:8443"],
  ["ws://[::1]:8080/", "/", "[::1]:8080"],
  ["ws://[::1]/", "/", "[::1]"],
  ["ws://A.Example/B?c=d&e", "/B?c=d&e", "a.example"],
  ["ws://a?b", "/?b", "a"],
  ["ws://a/b c/ü?d e=ü", "/b%20c/%C3%BC?d%20e=%C3%BC", "a"],
  ["ws://a/b%23c", "/b%23c", "a"],
  ["ws://bücher.example/", "/", "xn--bcher-kva.example"],
] as const) {
  test(`writeDialRequest asks ${url} for ${target} of ${host}`, () => {
    for (const given of [url, new URL(url)]) {
      const [line, second] = written({ url: given }).split("\r\n");
      assert.deepEqual([line, second], [`GET ${target} HTTP/1.1`, `Host: ${host}`]);
    }
  });
}

for (const [url, authorization] of [
  ["ws://user:secret@a/", "user:secret"],
  ["ws://user@a/", "user:"],
  ["ws://:secret@a/", ":secret"],
  ["ws://us%40er:s%3Aecret@a/", "us@er:s:ecret"],
  ["ws://j%C3%BCrgen:%E2%82%AC@a/", "jürgen:€"],
] as const) {
  test(`writeDialRequest makes of the user in ${url} an authorization, and leaves it out of the rest`, () => {
    const text = written({ url });
    assert.match(text, new RegExp(`\r\nAuthorization: Basic ${Buffer.from(authorization).toString("base64")}\r\n`));
    assert.match(text, /^GET \/ HTTP\/1.1\r\nHost: a\r\n/);
  });
}

test("writeDialRequest writes the offer of extensions and further headers as they are", () => {
  const extensions = 'permessage-deflate; client_max_window_bits, x; y="z, \\"q"';
  const lines = written({ extensions, headers: { Cookie: "a=b", "X-Y": "\xfc\t", Authorization: "Bearer x" } });
  assert.ok(lines.includes(`\r\nSec-WebSocket-Extensions: ${extensions}\r\nCookie: a=b\r\nX-Y: \xfc\t\r\n`));
  assert.match(lines, /\r\nAuthorization: Bearer x\r\n\r\n$/);
  assert.doesNotMatch(written({ extensions: "", protocols: [], headers: {} }), /Protocol|Extensions/);
});

const REQUESTS: readonly [what: string, request: Partial<DialRequest>, message: RegExp][] = [
  ["text that is no URL", { url: "server.example.com/chat" }, /the url is none/],
  ["a relative URL", { url: "/chat" }, /the url is none/],
  ["an empty URL", { url: "" }, /the url is none/],
  ["another scheme", { url: "ftp://a/" }, /scheme is ftp:/],
  ["a fragment (RFC 6455, 3)", { url: "ws://a/#b" }, /fragment/],
  ["an empty fragment", { url: "ws://a/#" }, /fragment/],
  ["a user with a colon (RFC 7617, 2)", { url: "ws://us%3Aer:secret@a/" }, /colon/],
  ["a user with a broken escape", { url: "ws://us%er@a/" }, /no escape/],
  ["a user and an Authorization", { url: "ws://u:p@a/", headers: { authorization: "Bearer x" } }, /Authorization/],
  ["a key that is none", { key: "dGhlIHNhbXBsZSBub25jZQ" }, /key/],
  ["a key with a character that looks like another in one byte", { key: KEY.replace("d", "\u0164") }, /key/],
  ["an empty protocol", { protocols: [""] }, /protocol/],
  ["a protocol with a comma", { protocols: ["a,b"] }, /protocol "a,b"/],
  ["a protocol with a line end", { protocols: ["a\r\nX: y"] }, /protocol/],
  ["a protocol with a character that looks like another in one byte", { protocols: ["\u0161"] }, /protocol/],
  ["a protocol twice (4.1, point 10)", { protocols: ["a", "b", "a"] }, /a is offered twice/],
  ["a malformed offer", { extensions: "a b" }, /extensions "a b"/],
  ["an offer with a line end", { extensions: "a\r\nX: y" }, /extensions/],
  ["an offer of nothing", { extensions: " , " }, /extensions/],
  ["a header's name with a blank", { headers: { "a b": "c" } }, /"a b" is malformed/],
  ["a header's name with a colon", { headers: { "a:": "c" } }, /malformed/],
  ["a header's value with a line end", { headers: { a: "b\r\nHost: c" } }, /"a" is malformed/],
  ["a header's value beyond latin1", { headers: { a: "€" } }, /malformed/],
  ...["Host", "upgrade", "CONNECTION", "Content-Length", "transfer-encoding", "Sec-WebSocket-Key"].map(
    (name): [string, Partial<DialRequest>, RegExp] => [`the header ${name}`, { headers: { [name]: "x" } }, /own/],
  ),
  ["the header Sec-WebSocket-Protocol", { headers: { "sec-websocket-protocol": "x" } }, /own/],
  ["the header Sec-WebSocket-Extensions", { headers: { "Sec-WebSocket-Extensions": "x" } }, /own/],
];
for (const [what, request, message] of REQUESTS) {
  test(`writeDialRequest refuses ${what}`, () => badOption(() => written(request), message));
}

test("dialUrl quotes nothing of a URL that may be a secret", () => {
  for (const url of ["secret://user:secret@a/", "http://user:secret@a/?secret#secret", "ws://user:secret"]) {
    assert.throws(
      () => dialUrl(url),
      (error) => error instanceof BelfryError && !/secret(?!:)/.test(error.message),
    );
  }
});

// ---- The answer -------------------------------------------------------------------------------------------------------------

const EXPECTED: DialExpectation = {
  key: KEY,
  protocols: ["chat", "superchat"],
  extensions: "permessage-deflate; a=b, x-y",
};

/** The head of an answer that agrees, with lines added, or changed by name, or left out. */
function answer(
  change: Record<string, string | undefined> = {},
  line = "HTTP/1.1 101 Switching Protocols",
): ResponseHead {
  const headers = { Upgrade: "websocket", Connection: "Upgrade", "Sec-WebSocket-Accept": ACCEPT, ...change };
  const lines = Object.entries(headers).map(([name, value]) => (value === undefined ? "" : `${name}: ${value}\r\n`));
  const bytes = latin1(`${line}\r\n${lines.join("")}\r\n`);
  const head = new ResponseHead();
  assert.equal(readResponseHead(bytes, 0, bytes.length, head), bytes.length);
  return head;
}

const PROTOCOL = "Sec-WebSocket-Protocol";
const EXTENSIONS = "Sec-WebSocket-Extensions";
for (const [what, change, protocol, extensions] of [
  ["an answer without protocol and extensions", {}, undefined, ""],
  ["other cases", { Upgrade: "WebSocket", Connection: "UPGRADE" }, undefined, ""],
  ["a list in Connection", { Connection: "keep-alive, Upgrade" }, undefined, ""],
  ["Connection over two lines", { Connection: "keep-alive\r\nconnection: Upgrade" }, undefined, ""],
  ["the second protocol", { [PROTOCOL]: "superchat" }, "superchat", ""],
  ["an extension with parameters", { [EXTENSIONS]: 'x-y; z="1, 2"' }, undefined, 'x-y; z="1, 2"'],
  [
    "two extensions in two lines",
    { [EXTENSIONS]: "permessage-deflate\r\nsec-websocket-extensions: x-y" },
    undefined,
    "permessage-deflate, x-y",
  ],
  ["an empty list of extensions", { [EXTENSIONS]: "" }, undefined, ""],
  ["headers that mean nothing here", { "Content-Length": "0", Location: "/", "X-Y": "z" }, undefined, ""],
] as const) {
  test(`checkDialResponse agrees to ${what}`, () => {
    assert.deepEqual(checkDialResponse(answer(change), EXPECTED), { protocol, extensions });
  });
}

for (const [what, change, message] of [
  ["no Upgrade", { Upgrade: undefined }, /Upgrade is not websocket/],
  ["another Upgrade", { Upgrade: "h2c" }, /Upgrade/],
  ["a list in Upgrade", { Upgrade: "h2c, websocket" }, /Upgrade/],
  ["Upgrade twice", { Upgrade: "websocket\r\nUpgrade: websocket" }, /Upgrade/],
  ["no Connection", { Connection: undefined }, /Connection/],
  ["Connection: keep-alive", { Connection: "keep-alive" }, /Connection/],
  ["no Accept", { "Sec-WebSocket-Accept": undefined }, /Sec-WebSocket-Accept/],
  ["an empty Accept", { "Sec-WebSocket-Accept": "" }, /Sec-WebSocket-Accept/],
  ["the key as Accept", { "Sec-WebSocket-Accept": KEY }, /Sec-WebSocket-Accept/],
  ["an Accept in another case", { "Sec-WebSocket-Accept": ACCEPT.toLowerCase() }, /Sec-WebSocket-Accept/],
  ["Accept twice (11.3.3)", { "Sec-WebSocket-Accept": `${ACCEPT}\r\nsec-websocket-accept: ${ACCEPT}` }, /Accept/],
  ["a protocol that was not offered", { [PROTOCOL]: "mqtt" }, /"mqtt", which was not offered/],
  ["a protocol in another case", { [PROTOCOL]: "Chat" }, /"Chat"/],
  ["an empty protocol", { [PROTOCOL]: "" }, /""/],
  ["two protocols", { [PROTOCOL]: "chat, superchat" }, /"chat, superchat"/],
  ["two protocols in two lines (11.3.4)", { [PROTOCOL]: "chat\r\nSec-WebSocket-Protocol: chat" }, /"chat, chat"/],
  ["an extension that was not offered", { [EXTENSIONS]: "x-y, x-z" }, /extension x-z, which was not offered/],
  ["a parameter's name as an extension", { [EXTENSIONS]: "a" }, /extension a/],
  ["malformed extensions", { [EXTENSIONS]: "x-y;" }, /Extensions is malformed/],
] as const) {
  test(`checkDialResponse refuses with 502: ${what}`, () => {
    assert.throws(
      () => checkDialResponse(answer(change), EXPECTED),
      (error) => error instanceof HandshakeError && error.status === 502 && message.test(error.message),
    );
  });
}

test("checkDialResponse refuses a protocol and an extension when none was offered", () => {
  const none = { key: KEY, protocols: [], extensions: "" };
  for (const change of [{ [PROTOCOL]: "chat" }, { [EXTENSIONS]: "permessage-deflate" }]) {
    assert.throws(() => checkDialResponse(answer(change), none), HandshakeError);
  }
  assert.throws(() => checkDialResponse(answer({}, "HTTP/1.0 101 Switching Protocols"), none), /HTTP\/1.0/);
});

for (const [line, headers, status, message] of [
  ["HTTP/1.1 401 Unauthorized", { "WWW-Authenticate": "Basic" }, 401, /answered 401 Unauthorized$/],
  ["HTTP/1.1 503 Service Unavailable", { "Retry-After": "5" }, 503, /answered 503 Service Unavailable$/],
  ["HTTP/1.0 404", {}, 404, /answered 404$/],
  ["HTTP/1.1 200 OK", {}, 200, /answered 200 OK$/],
  ["HTTP/1.1 302 Found", { Location: "wss://b/" }, 302, /302 Found, to wss:\/\/b\/; redirects are not followed/],
  ["HTTP/1.1 301 ", {}, 301, /301, without a Location; redirects are not followed/],
] as const) {
  test(`checkDialResponse gives the server's own refusal: ${line}`, () => {
    assert.throws(
      () => checkDialResponse(answer(headers, line), EXPECTED),
      (error) => {
        assert.ok(error instanceof HandshakeError);
        assert.equal(error.status, status);
        assert.match(error.message, message);
        for (const [name, value] of Object.entries(headers)) assert.equal(error.headers[name.toLowerCase()], value);
        return true;
      },
    );
  });
}

test("checkDialResponse gives headers of any name, joined, and harms no object with them", () => {
  const head = answer({ ["__proto__"]: "x", constructor: "y", "X-A": "1\r\nx-a: 2" }, "HTTP/1.1 403 Forbidden");
  assert.throws(
    () => checkDialResponse(head, EXPECTED),
    (error) => {
      assert.ok(error instanceof HandshakeError);
      const { headers } = error;
      assert.deepEqual(
        ["x-a", "constructor", "__proto__"].map((name) => Object.hasOwn(headers, name) && headers[name]),
        ["1, 2", "y", "x"],
      );
      return true;
    },
  );
});

// ---- Both sides -------------------------------------------------------------------------------------------------------------

test("a server reads of every request what was asked for, and its answer is agreed to", () => {
  const tokens = fc.uniqueArray(fc.string({ unit: fc.constantFrom(..."!*-.^_`|~09AZaz"), minLength: 1, maxLength: 8 }));
  const path = fc.webPath().map((path) => (path.startsWith("/") ? path : `/${path}`));
  const value = fc.string({ unit: fc.constantFrom(..."ab,;= \t\x80\xff"), maxLength: 8 }).map((text) => text.trim());
  fc.assert(
    fc.property(tokens, path, value, fc.nat(), (protocols, path, value, choice) => {
      const key = makeKey();
      const bytes = writeDialRequest({ url: `ws://a:81${path}`, key, protocols, headers: { "X-Y": value } });
      const head = new RequestHead();
      assert.equal(readHead(bytes, 0, bytes.length, head), bytes.length);
      assert.ok(asksForWebSocket(head));
      checkUpgrade(head);
      const request = new UpgradeRequest(head, () => "");
      assert.deepEqual(request.protocols, protocols);
      assert.deepEqual([request.url, request.header("x-y")], [new URL(`ws://a:81${path}`).pathname, value]);

      const chosen = protocols[choice % (protocols.length + 1)];
      const out = new Uint8Array(1024);
      const size = writeAnswer(head, out, 0, chosen === undefined ? "" : `Sec-WebSocket-Protocol: ${chosen}\r\n`);
      const response = new ResponseHead();
      assert.equal(readResponseHead(out, 0, size, response), size);
      const naive = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
      assert.ok(Buffer.from(out).includes(naive));
      const agreement = checkDialResponse(response, { key, protocols, extensions: "" });
      assert.deepEqual(agreement, { protocol: chosen, extensions: "" });
    }),
    { numRuns: 200 },
  );
});
