import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { BelfryError, HandshakeError } from "../src/errors.ts";
import {
  ACCEPT_BYTES,
  ANSWER_BYTES,
  asksForWebSocket,
  checkUpgrade,
  headerLines,
  KEY_BYTES,
  RequestHead,
  readHead,
  UpgradeRequest,
  validKey,
  writeAccept,
  writeAnswer,
} from "../src/ws/index.ts";

function latin1(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "latin1"));
}

/** The head of a request line and header lines. */
function headOf(line: string, ...headers: readonly string[]): RequestHead {
  const bytes = latin1(`${[line, ...headers].join("\r\n")}\r\n\r\n`);
  const head = new RequestHead();
  assert.equal(readHead(bytes, 0, bytes.length, head), bytes.length);
  return head;
}

/** RFC 6455, 4.2.2, in the platform's words. */
function naiveAccept(key: string): string {
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

function acceptOf(key: string): string {
  const out = new Uint8Array(ACCEPT_BYTES + 4).fill(0x2a);
  writeAccept(latin1(`xyz${key}`), 3, out, 2);
  const text = Buffer.from(out).toString("latin1");
  assert.deepEqual([text.slice(0, 2), text.slice(-2)], ["**", "**"], "it wrote beyond its 28 bytes");
  return text.slice(2, -2);
}

// ---- The key --------------------------------------------------------------------------------------------------------------

test("writeAccept gives the value of RFC 6455, 1.3", () => {
  assert.equal(acceptOf("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
});

test("writeAccept gives what node:crypto gives, on random keys one after the other", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (nonce) => {
      const key = Buffer.from(nonce).toString("base64");
      assert.equal(acceptOf(key), naiveAccept(key));
    }),
    { numRuns: 500 },
  );
});

/** Whether the text is exactly what encoding its decoded bytes gives, and these are 16. */
function naiveValid(key: string): boolean {
  const bytes = Buffer.from(key, "base64");
  return bytes.length === 16 && bytes.toString("base64") === key;
}

test("validKey takes exactly the texts that are the base64 of 16 bytes", () => {
  const nearly = fc
    .tuple(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.nat(23), fc.constantFrom(..."=+/-_ AQgwB9z\0\x80\xff"))
    .map(([nonce, at, other]) => {
      const key = Buffer.from(nonce).toString("base64");
      return key.slice(0, at) + other + key.slice(at + 1);
    });
  fc.assert(
    fc.property(nearly, (key) => {
      assert.equal(validKey(latin1(`x${key}y`), 1, 1 + key.length), naiveValid(key), JSON.stringify(key));
    }),
    { numRuns: 2000 },
  );
});

for (const [key, valid] of [
  ["dGhlIHNhbXBsZSBub25jZQ==", true],
  ["AAAAAAAAAAAAAAAAAAAAAA==", true],
  ["/////////////////////w==", true],
  ["+/+/+/+/+/+/+/+/+/+/+w==", true],
  ["AAAAAAAAAAAAAAAAAAAAAB==", false],
  ["AAAAAAAAAAAAAAAAAAAAAAA=", false],
  ["AAAAAAAAAAAAAAAAAAAAAAAA", false],
  ["AAAAAAAAAAAAAAAAAAAA", false],
  ["-_-_-_-_-_-_-_-_-_-_-w==", false],
  ["AAAAAAAAAA=AAAAAAAAAAA==", false],
  ["", false],
] as const) {
  test(`validKey says ${valid} of ${JSON.stringify(key)}`, () => {
    assert.equal(validKey(latin1(key), 0, key.length), valid);
    assert.equal(naiveValid(key), valid, "the table is wrong");
  });
}

test("validKey takes every last letter of 16 bytes, and no other", () => {
  for (let code = 0; code < 256; code++) {
    const key = `AAAAAAAAAAAAAAAAAAAAA${String.fromCharCode(code)}==`;
    assert.equal(key.length, KEY_BYTES);
    assert.equal(validKey(latin1(key), 0, KEY_BYTES), "AQgw".includes(String.fromCharCode(code)), String(code));
  }
});

// ---- The request ------------------------------------------------------------------------------------------------------------

const KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
const REQUEST = ["Host: a", "Upgrade: websocket", "Connection: Upgrade", KEY, "Sec-WebSocket-Version: 13"];
const without = (name: string) => REQUEST.filter((line) => !line.startsWith(name));

for (const [what, asks, ...headers] of [
  ["Upgrade: websocket", true, "Upgrade: websocket"],
  ["Upgrade: WebSocket", true, "Upgrade: WebSocket"],
  ["a list", true, "Upgrade: h2c, websocket"],
  ["a second line", true, "Upgrade: h2c", "X: y", "upgrade: websocket"],
  ["no Upgrade", false, "Connection: upgrade"],
  ["another Upgrade", false, "Upgrade: h2c"],
  ["websocket in another header", false, "Upgrade: h2c", "X: websocket"],
  ["a longer word", false, "Upgrade: websockets"],
] as const) {
  test(`asksForWebSocket says ${asks} of ${what}`, () => {
    assert.equal(asksForWebSocket(headOf("GET / HTTP/1.1", "Host: a", ...headers)), asks);
  });
}

for (const [what, headers] of [
  ["the request of RFC 6455, 1.3", REQUEST],
  ["other cases", REQUEST.map((line) => line.toLowerCase().replace(KEY.toLowerCase(), KEY))],
  ["Connection as a list", [...without("Connection"), "Connection: keep-alive, Upgrade"]],
  ["Connection over two lines", [...without("Connection"), "Connection: keep-alive", "Connection: upgrade"]],
  ["an empty Host", [...without("Host"), "Host:"]],
  ["a Host that is an IPv6 address with a port", [...without("Host"), "Host: [::1]:8080"]],
] as const) {
  test(`checkUpgrade lets ${what} pass`, () => checkUpgrade(headOf("GET /chat HTTP/1.1", ...headers)));
}

const refusals: readonly [what: string, head: RequestHead, status: number, headers: Record<string, string>][] = [
  ["POST (4.2.1, point 1)", headOf("POST / HTTP/1.1", ...REQUEST), 405, { Allow: "GET" }],
  ["get, since methods have a case (RFC 9110, 9.1)", headOf("get / HTTP/1.1", ...REQUEST), 405, { Allow: "GET" }],
  ["GETS", headOf("GETS / HTTP/1.1", ...REQUEST), 405, { Allow: "GET" }],
  ["HTTP/1.0 (4.2.1, point 1)", headOf("GET / HTTP/1.0", ...REQUEST), 505, {}],
  ["a Host with a path", headOf("GET / HTTP/1.1", ...without("Host"), "Host: a/b"), 400, {}],
  ["a Host of two words", headOf("GET / HTTP/1.1", ...without("Host"), "Host: a b"), 400, {}],
  ["no Host (4.2.1, point 2)", headOf("GET / HTTP/1.1", ...without("Host")), 400, {}],
  ["no Connection (4.2.1, point 4)", headOf("GET / HTTP/1.1", ...without("Connection")), 400, {}],
  [
    "Connection: close (4.2.1, point 4)",
    headOf("GET / HTTP/1.1", ...without("Connection"), "Connection: close"),
    400,
    {},
  ],
  [
    "no version (4.2.1, point 6)",
    headOf("GET / HTTP/1.1", ...without("Sec-WebSocket-V")),
    426,
    { "Sec-WebSocket-Version": "13" },
  ],
  [
    "version 8 (4.4)",
    headOf("GET / HTTP/1.1", ...without("Sec-WebSocket-V"), "Sec-WebSocket-Version: 8"),
    426,
    { "Sec-WebSocket-Version": "13" },
  ],
  [
    "versions as a list (4.4)",
    headOf("GET / HTTP/1.1", ...without("Sec-WebSocket-V"), "Sec-WebSocket-Version: 13, 8"),
    426,
    { "Sec-WebSocket-Version": "13" },
  ],
  ["no key (4.2.1, point 5)", headOf("GET / HTTP/1.1", ...without("Sec-WebSocket-K")), 400, {}],
  [
    "a key of 15 bytes (4.2.1, point 5)",
    headOf("GET / HTTP/1.1", ...without("Sec-WebSocket-K"), "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA"),
    400,
    {},
  ],
];
for (const [what, head, status, headers] of refusals) {
  test(`checkUpgrade refuses with ${status}: ${what}`, () => {
    assert.throws(
      () => checkUpgrade(head),
      (error) => {
        assert.ok(error instanceof HandshakeError, String(error));
        assert.deepEqual([error.status, error.headers], [status, headers]);
        return true;
      },
    );
  });
}

// ---- The answer -------------------------------------------------------------------------------------------------------------

for (const extra of ["", "Sec-WebSocket-Protocol: chat\r\n", "Set-Cookie: a=b\r\nX: \xfc\r\n"]) {
  test(`writeAnswer writes the 101 byte for byte${extra && ` with ${JSON.stringify(extra)}`}`, () => {
    const key = randomBytes(16).toString("base64");
    const head = headOf("GET / HTTP/1.1", ...without("Sec-WebSocket-K"), `Sec-WebSocket-Key: ${key}`);
    const expected =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${naiveAccept(key)}\r\n${extra}\r\n`;
    const out = new Uint8Array(expected.length + 10).fill(0x2a);
    assert.equal(writeAnswer(head, out, 5, extra), ANSWER_BYTES + extra.length);
    assert.equal(Buffer.from(out).toString("latin1"), `*****${expected}*****`);
  });
}

test("headerLines writes each header on a line of its own", () => {
  assert.equal(
    headerLines({ "Set-Cookie": "a=b; Path=/", "X-\u0031": "", Z: "\t~\xff" }),
    "Set-Cookie: a=b; Path=/\r\nX-1: \r\nZ: \t~\xff\r\n",
  );
  assert.equal(headerLines({}), "");
});

for (const [name, value] of [
  ["A", "b\r\nC: d"],
  ["A", "b\n"],
  ["A", "b\r"],
  ["A", "\0"],
  ["A", "\x7f"],
  ["A", "\u0100"],
  ["A", "\u010a"],
  ["A", "\u2028"],
  ["", "b"],
  ["A ", "b"],
  ["A:", "b"],
  ["A\r\nB", "c"],
  ["A\n", "b"],
  ["Ä", "b"],
] as const) {
  test(`headerLines refuses ${JSON.stringify(name)}: ${JSON.stringify(value)}`, () => {
    assert.throws(
      () => headerLines({ Fine: "yes", [name]: value }),
      (error) => error instanceof BelfryError && error.code === "BELFRY_BAD_OPTION",
    );
  });
}

test("headerLines of whatever it takes is read back as the same headers, and as nothing more", () => {
  const text = fc.string({ unit: "binary", maxLength: 6 });
  const awkward = fc.string({ unit: fc.constantFrom("a", ":", " ", "\r", "\n", "\0", "\xff", "Ā"), maxLength: 6 });
  fc.assert(
    fc.property(fc.oneof(text, awkward), fc.oneof(text, awkward), (name, value) => {
      let lines: string;
      try {
        lines = headerLines({ [name]: value });
      } catch (error) {
        assert.ok(error instanceof BelfryError);
        return;
      }
      const request = new UpgradeRequest(headOf("GET / HTTP/1.1", lines.slice(0, -2)), () => "");
      assert.equal(request.header(name), value.replace(/^[\t ]+|[\t ]+$/g, ""));
    }),
    { numRuns: 1000 },
  );
});

// ---- The request as the application sees it -----------------------------------------------------------------------------------

test("UpgradeRequest tells the target, its path and its query", () => {
  for (const [target, path, query] of [
    ["/", "/", []],
    ["/chat", "/chat", []],
    ["/chat?", "/chat", []],
    [
      "/chat?room=1&room=%C3%BC&x",
      "/chat",
      [
        ["room", "1"],
        ["room", "ü"],
        ["x", ""],
      ],
    ],
    ["/a?b?c=d", "/a", [["b?c", "d"]]],
  ] as const) {
    const request = new UpgradeRequest(headOf(`GET ${target} HTTP/1.1`, ...REQUEST), () => "");
    assert.deepEqual([request.url, request.path, [...request.query]], [target, path, query]);
  }
});

test("UpgradeRequest.header finds a header whatever the case, and joins lines of the same name (RFC 9110, 5.3)", () => {
  const head = headOf(
    "GET / HTTP/1.1",
    ...REQUEST,
    "X-A: 1",
    "Cookie: a=1",
    "x-a: 2",
    "COOKIE: b=2",
    "X-A:",
    "X-Umlaut: \xfc",
  );
  const request = new UpgradeRequest(head, () => "");
  assert.equal(request.header("x-A"), "1, 2, ");
  assert.equal(request.header("cookie"), "a=1; b=2");
  assert.equal(request.header("Cookie"), "a=1; b=2");
  assert.equal(request.header("HOST"), "a");
  assert.equal(request.header("X-Umlaut"), "ü");
  assert.equal(request.header("X"), undefined);
  assert.equal(request.header(""), undefined);
});

test("UpgradeRequest.protocols lists what the client offers, in its order, over lines and without blanks", () => {
  const offered = (...lines: string[]) =>
    new UpgradeRequest(headOf("GET / HTTP/1.1", ...REQUEST, ...lines), () => "").protocols;
  assert.deepEqual(offered(), []);
  assert.deepEqual(offered("Sec-WebSocket-Protocol: a"), ["a"]);
  assert.deepEqual(offered("Sec-WebSocket-Protocol: b , a,,c", "sec-websocket-protocol: d"), ["b", "a", "c", "d"]);
  assert.deepEqual(offered("Sec-WebSocket-Protocol:"), []);
});

test("UpgradeRequest asks for the client's address only when it is asked, and each time", () => {
  let asked = 0;
  const request = new UpgradeRequest(headOf("GET / HTTP/1.1", ...REQUEST), () => `10.0.0.${++asked}`);
  assert.equal(request.url, "/");
  assert.equal(asked, 0);
  assert.equal(request.remoteAddress, "10.0.0.1");
  assert.equal(request.remoteAddress, "10.0.0.2");
});

test("UpgradeRequest reads the bytes when it is asked, not before", () => {
  const head = headOf("GET /old HTTP/1.1", ...REQUEST);
  const request = new UpgradeRequest(head, () => "");
  head.bytes.set(latin1("/new"), head.targetFrom);
  assert.equal(request.url, "/new");
});

test("UpgradeRequest throws BELFRY_EXPIRED at every read after it expired", () => {
  const request = new UpgradeRequest(headOf("GET / HTTP/1.1", ...REQUEST), () =>
    assert.fail("the address was asked for"),
  );
  request.expire();
  request.expire();
  const reads: readonly (() => unknown)[] = [
    () => request.url,
    () => request.path,
    () => request.query,
    () => request.remoteAddress,
    () => request.protocols,
    () => request.header("host"),
  ];
  for (const read of reads) {
    assert.throws(read, (error) => error instanceof BelfryError && error.code === "BELFRY_EXPIRED", String(read));
  }
});
