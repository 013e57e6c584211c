import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import { HandshakeError } from "../src/errors.ts";
import { limits } from "../src/limits.ts";
import {
  ascii,
  asksForWebSocket,
  checkUpgrade,
  equalsIgnoringCase,
  findHeadEnd,
  known,
  listHolds,
  RequestHead,
  readHead,
} from "../src/ws/index.ts";
import { cut, cutPoints, join } from "./ws-bits.ts";

/** A head's text as bytes, one for each character. */
function latin1(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "latin1"));
}

/** What was read, as text. */
function read(text: string, from = 0) {
  const bytes = latin1(text);
  const head = new RequestHead();
  const size = readHead(bytes, from, bytes.length, head);
  return { size, head, ...told(head) };
}

function told(head: RequestHead) {
  const { bytes } = head;
  const headers: [string, string][] = [];
  for (let i = 0; i < head.count; i++) {
    headers.push([ascii(bytes, head.nameFrom(i), head.nameTo(i)), ascii(bytes, head.valueFrom(i), head.valueTo(i))]);
  }
  return {
    method: ascii(bytes, head.methodFrom, head.methodTo),
    target: ascii(bytes, head.targetFrom, head.targetTo),
    headers,
  };
}

function refused(text: string, status: number): void {
  assert.throws(
    () => read(text),
    (error) => {
      assert.ok(error instanceof HandshakeError, String(error));
      assert.equal(error.status, status, error.message);
      return true;
    },
  );
}

const BROWSER =
  "GET /chat?room=1 HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://example.com\r\nSec-WebSocket-Version: 13\r\n\r\n";

/** So many header lines, and a Host. */
function manyHeaders(count: number): string {
  return `GET / HTTP/1.1\r\nHost: a\r\n${Array.from({ length: count - 1 }, (_, i) => `X-${i}: ${i}\r\n`).join("")}\r\n`;
}

// ---- What is well formed ------------------------------------------------------------------------------------------------

const wellFormed: readonly [what: string, text: string, headers: readonly [string, string][]][] = [
  ["a head behind one empty line (RFC 9112, 2.2)", "\r\nGET / HTTP/1.1\r\nA: b\r\n\r\n", [["A", "b"]]],
  ["no header", "GET / HTTP/1.1\r\n\r\n", []],
  ["an empty value", "GET / HTTP/1.1\r\nA:\r\n\r\n", [["A", ""]]],
  ["a value of white space", "GET / HTTP/1.1\r\nA: \t \r\n\r\n", [["A", ""]]],
  ["white space around a value and within", "GET / HTTP/1.1\r\nA:\t b \t c\t \r\n\r\n", [["A", "b \t c"]]],
  ["no white space around a value", "GET / HTTP/1.1\r\nA:b\r\n\r\n", [["A", "b"]]],
  ["colons in a value", "GET / HTTP/1.1\r\nA::b:\r\n\r\n", [["A", ":b:"]]],
  ["bytes over 0x7F in a value", "GET / HTTP/1.1\r\nA: \x80\xff\r\n\r\n", [["A", "\x80\xff"]]],
  [
    "every character of a token",
    "GET / HTTP/1.1\r\n!#$%&'*+-.^_`|~09AZaz: 1\r\n\r\n",
    [["!#$%&'*+-.^_`|~09AZaz", "1"]],
  ],
  [
    "a header that repeats",
    "GET / HTTP/1.1\r\nA: 1\r\na: 2\r\n\r\n",
    [
      ["A", "1"],
      ["a", "2"],
    ],
  ],
  [
    "lists over several lines",
    "GET / HTTP/1.1\r\nUpgrade: a\r\nUpgrade: b\r\nConnection: c\r\nConnection: d\r\n\r\n",
    [
      ["Upgrade", "a"],
      ["Upgrade", "b"],
      ["Connection", "c"],
      ["Connection", "d"],
    ],
  ],
];
for (const [what, text, headers] of wellFormed) {
  test(`readHead reads ${what}`, () => assert.deepEqual(read(text).headers, headers));
}

for (const [line, method, target, minor] of [
  ["GET / HTTP/1.1", "GET", "/", 1],
  ["\r\nGET / HTTP/1.1", "GET", "/", 1],
  ["GET / HTTP/1.0", "GET", "/", 0],
  ["GET / HTTP/1.9", "GET", "/", 1],
  ["OPTIONS * HTTP/1.1", "OPTIONS", "*", 1],
  ["M-SEARCH http://a/b?c HTTP/1.1", "M-SEARCH", "http://a/b?c", 1],
  ["GET /\xc3\xbc HTTP/1.1", "GET", "/\xc3\xbc", 1],
] as const) {
  test(`readHead reads the request line ${JSON.stringify(line)}`, () => {
    const { head, ...rest } = read(`${line}\r\nHost: a\r\n\r\n`);
    assert.deepEqual([rest.method, rest.target, head.minor], [method, target, minor]);
  });
}

test("readHead finds each header of `known`, whatever its case, and says -1 for those that are not there", () => {
  const names = {
    HOST: "Host",
    UPGRADE: "upgrade",
    CONNECTION: "CONNECTION",
    KEY: "Sec-WebSocket-Key",
    VERSION: "sec-websocket-VERSION",
    PROTOCOL: "Sec-Websocket-Protocol",
    EXTENSIONS: "SEC-WEBSOCKET-EXTENSIONS",
    CONTENT_LENGTH: "content-Length",
    TRANSFER_ENCODING: "Transfer-Encoding",
    ORIGIN: "oRIGIN",
  };
  assert.deepEqual(Object.keys(names), Object.keys(known));
  const present = Object.values(names);
  const { head } = read(`GET / HTTP/1.1\r\nX: 1\r\n${present.map((name) => `${name}: 1\r\n`).join("")}\r\n`);
  assert.deepEqual(
    [...head.known],
    present.map((_, i) => i + 1),
  );
  assert.ok(
    [...read("GET / HTTP/1.1\r\nHosts: 1\r\nSec-WebSocket-Kez: 1\r\n\r\n").head.known].every((at) => at === -1),
  );
});

for (const text of [BROWSER, manyHeaders(limits.headerCountMax), ...wellFormed.map(([, text]) => text)]) {
  const name = text.length > 200 ? `${text.slice(0, 30)}…` : text;
  test(`readHead of ${JSON.stringify(name)} cut at any byte returns 0, then the whole's size`, () => {
    const bytes = latin1(`${text}more`);
    const head = new RequestHead();
    for (let to = 0; to < text.length; to++) assert.equal(readHead(bytes, 0, to, head), 0, `cut at ${to}`);
    assert.equal(readHead(bytes, 0, text.length, head), text.length);
    assert.equal(readHead(bytes, 0, bytes.length, head), text.length, "what follows is not looked at");
    assert.equal(findHeadEnd(bytes, 0, bytes.length), text.length);
  });
}

test("readHead keeps nothing of the head that it read before", () => {
  const head = new RequestHead();
  const first = latin1(BROWSER);
  const second = latin1("GET / HTTP/1.0\r\nA: b\r\n\r\n");
  readHead(first, 0, first.length, head);
  readHead(second, 0, second.length, head);
  assert.deepEqual(told(head), { method: "GET", target: "/", headers: [["A", "b"]] });
  assert.deepEqual([head.minor, [...head.known].some((at) => at >= 0)], [0, false]);
});

test("RequestHead.find gives the lines of a name one after the other, whatever their case", () => {
  const { head } = read("GET / HTTP/1.1\r\nCookie: a=1\r\nX: 2\r\ncOOKIE: b=2\r\nCookies: 3\r\n\r\n");
  assert.equal(head.find("cookie"), 0);
  assert.equal(head.find("cookie", 1), 2);
  assert.equal(head.find("cookie", 3), -1);
  assert.equal(head.find("host"), -1);
});

test("RequestHead.moveTo keeps the head readable in a copy, when the old bytes are overwritten", () => {
  const bytes = latin1(`xxxxx${BROWSER}`);
  const head = new RequestHead();
  assert.equal(readHead(bytes, 5, bytes.length, head), BROWSER.length);
  const before = told(head);
  head.moveTo(bytes.slice(5), 5);
  bytes.fill(0);
  assert.deepEqual(told(head), before);
});

// ---- What is malformed --------------------------------------------------------------------------------------------------

const malformed: readonly [what: string, text: string, status: number][] = [
  ["a bare LF behind the request line (RFC 9112, 2.2)", "GET / HTTP/1.1\nHost: a\n\n", 400],
  ["a bare CR behind the request line (RFC 9112, 2.2)", "GET / HTTP/1.1\rHost: a\r\n\r\n", 400],
  ["a bare LF behind a header (RFC 9112, 2.2)", "GET / HTTP/1.1\r\nHost: a\nB: c\r\n\r\n", 400],
  ["a bare CR in a value (RFC 9112, 2.2)", "GET / HTTP/1.1\r\nHost: a\rB: c\r\n\r\n", 400],
  ["CR CR LF behind a header (RFC 9112, 2.2)", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", 400],
  ["a bare CR instead of the empty line (RFC 9112, 2.2)", "GET / HTTP/1.1\r\nHost: a\r\n\rx", 400],
  ["a bare LF as the empty line (RFC 9112, 2.2)", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400],
  ["two empty lines before the request line", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400],
  ["a bare LF before the request line (RFC 9112, 2.2)", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400],
  ["a bare CR before the request line (RFC 9112, 2.2)", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400],
  ["a blank before the request line", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400],
  ["a blank behind the empty line before the request line", "\r\n GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400],
  ["a line that is folded with a blank (RFC 9112, 5.2)", "GET / HTTP/1.1\r\nHost: a\r\nB: c\r\n d\r\n\r\n", 400],
  ["a line that is folded with a tab (RFC 9112, 5.2)", "GET / HTTP/1.1\r\nHost: a\r\nB: c\r\n\td\r\n\r\n", 400],
  ["white space before the first header (RFC 9112, 2.2)", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400],
  ["a blank before a colon (RFC 9112, 5.1)", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400],
  ["a tab before a colon (RFC 9112, 5.1)", "GET / HTTP/1.1\r\nHost\t: a\r\n\r\n", 400],
  ["a header without a name", "GET / HTTP/1.1\r\n: a\r\n\r\n", 400],
  ["a header without a colon", "GET / HTTP/1.1\r\nHost\r\n\r\n", 400],
  ["a byte over 0x7F in a name", "GET / HTTP/1.1\r\nH\xf6st: a\r\n\r\n", 400],
  ["a parenthesis in a name", "GET / HTTP/1.1\r\nHo(st: a\r\n\r\n", 400],
  ["a NUL in a name", "GET / HTTP/1.1\r\nHo\0st: a\r\n\r\n", 400],
  ["a NUL in a value", "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", 400],
  ["a NUL in the target", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", 400],
  ["DEL in a value", "GET / HTTP/1.1\r\nHost: a\x7f\r\n\r\n", 400],
  ["ESC in a value", "GET / HTTP/1.1\r\nHost: a\x1b[0m\r\n\r\n", 400],
  ["a tab in the target", "GET /\tb HTTP/1.1\r\nHost: a\r\n\r\n", 400],
  ["Host twice", "GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", 400],
  [
    "Content-Length twice, though alike",
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
    400,
  ],
  [
    "Transfer-Encoding twice",
    "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\ntransfer-encoding: x\r\n\r\n",
    400,
  ],
  [
    "Sec-WebSocket-Key twice (RFC 6455, 11.3.1)",
    "GET / HTTP/1.1\r\nSec-WebSocket-Key: a\r\nSec-WebSocket-Key: a\r\n\r\n",
    400,
  ],
  [
    "Sec-WebSocket-Version twice (RFC 6455, 11.3.5)",
    "GET / HTTP/1.1\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 8\r\n\r\n",
    400,
  ],
  ["Origin twice", "GET / HTTP/1.1\r\nOrigin: a\r\nOrigin: b\r\n\r\n", 400],
  ["no version", "GET /\r\nHost: a\r\n\r\n", 400],
  ["neither target nor version", "GET\r\nHost: a\r\n\r\n", 400],
  ["two blanks before the target", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400],
  ["two blanks before the version", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400],
  ["a tab for a blank", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400],
  ["a fragment in the target (RFC 9112, 3.2)", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400],
  ["a blank in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400],
  ["a blank behind the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400],
  ["a version in lower case", "GET / http/1.1\r\nHost: a\r\n\r\n", 400],
  ["another protocol", "GET / ICAP/1.1\r\nHost: a\r\n\r\n", 400],
  ["a minor version of two digits", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400],
  ["a minor version that is none", "GET / HTTP/1.x\r\nHost: a\r\n\r\n", 400],
  ["the beginning of TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400],
  ["the beginning of TLS, one byte of it", "\x16", 400],
  ["a WebSocket's frame", "\x81\x85\x37\xfa\x21\x3d", 400],
  ["nothing but a line feed", "\n", 400],
  ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505],
  ["HTTP/2", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505],
  ["HTTP/0.9 with its version", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505],
  ["HTTP/11", "GET / HTTP/11.1\r\nHost: a\r\n\r\n", 505],
  ["one header line more than headerCountMax", manyHeaders(limits.headerCountMax + 1), 431],
];
for (const [what, text, status] of malformed) {
  test(`readHead refuses with ${status}: ${what}`, () => {
    refused(text, status);
    // A head that comes in pieces is refused at the latest when it is whole, and never read as another one.
    const bytes = latin1(text);
    for (let to = 0; to < bytes.length; to++) {
      try {
        assert.equal(readHead(bytes, 0, to, new RequestHead()), 0, `cut at ${to}`);
      } catch (error) {
        assert.ok(error instanceof HandshakeError && error.status === status, `cut at ${to}: ${error}`);
      }
    }
  });
}

/** The request of an upgrade with one line more, or with another line in place of one of its own. */
function upgradeWith(line: string, instead?: string): string {
  return instead === undefined
    ? BROWSER.replace("Origin: http://example.com\r\n", `$&${line}\r\n`)
    : BROWSER.replace(instead, line);
}

const smuggling: readonly [what: string, text: string][] = [
  ["a bare CR in a value (2.2)", upgradeWith("X: a\rContent-Length: 5")],
  ["a bare CR before the end of a line (2.2)", upgradeWith("X: a\r")],
  ["a bare LF that ends a line (2.2)", upgradeWith("X: a\nContent-Length: 5")],
  ["a bare LF that ends the request line (2.2)", upgradeWith("HTTP/1.1\n", "HTTP/1.1\r\n")],
  ["a bare LF as the empty line (2.2)", upgradeWith("13\r\n\n", "13\r\n\r\n")],
  ["a bare CR as the empty line (2.2)", upgradeWith("13\r\n\rx", "13\r\n\r\n")],
  ["white space before the first header line (2.2)", upgradeWith("\r\n Host", "\r\nHost")],
  ["white space behind the version (3)", upgradeWith("HTTP/1.1 \r\n", "HTTP/1.1\r\n")],
  ["white space in the target (3.2)", upgradeWith("/chat ?room=1", "/chat?room=1")],
  ["Host twice (3.2)", upgradeWith("Host: other.example.com")],
  ["Host twice, in another case (3.2)", upgradeWith("hOST: server.example.com")],
  ["a blank before the colon (5.1)", upgradeWith("Content-Length : 5")],
  ["a tab before the colon (5.1)", upgradeWith("Transfer-Encoding\t: chunked")],
  ["a folded line (5.2)", upgradeWith("X: a\r\n Content-Length: 5")],
  ["a line folded with a tab (5.2)", upgradeWith("X: a\r\n\tb")],
  ["a folded Transfer-Encoding (5.2)", upgradeWith("Transfer-Encoding:\r\n chunked")],
  ["a header line without a name (5)", upgradeWith(": a")],
  ["a header line without a colon (5)", upgradeWith("Content-Length")],
  ["a NUL in a value (RFC 9110, 5.5)", upgradeWith("X: a\0b")],
  ["a NUL in a name (RFC 9110, 5.1)", upgradeWith("Content-Length\0: 5")],
  ["a vertical tab before a value (RFC 9110, 5.5)", upgradeWith("Transfer-Encoding: \x0bchunked")],
  ["a form feed in a name (RFC 9110, 5.1)", upgradeWith("\x0cContent-Length: 5")],
  ["DEL in a value (RFC 9110, 5.5)", upgradeWith("X: \x7f")],
  ["a no-break space in a name (RFC 9110, 5.1)", upgradeWith("Content-Length\xa0: 5")],
  ["a body's length (6.3)", upgradeWith("Content-Length: 5")],
  ["Content-Length twice (6.3)", upgradeWith("Content-Length: 0\r\nContent-Length: 5")],
  ["Content-Length as a list (6.3)", upgradeWith("Content-Length: 0, 0")],
  ["Content-Length with a sign (6.3)", upgradeWith("Content-Length: +0")],
  ["a Transfer-Encoding (6.1)", upgradeWith("Transfer-Encoding: chunked")],
  ["a Transfer-Encoding that is none (6.1)", upgradeWith("Transfer-Encoding: identity")],
  ["Transfer-Encoding twice (6.1)", upgradeWith("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity")],
  ["Transfer-Encoding and Content-Length (6.1)", upgradeWith("Transfer-Encoding: chunked\r\nContent-Length: 0")],
  ["Sec-WebSocket-Key twice (RFC 6455, 11.3.1)", upgradeWith("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")],
  ["Sec-WebSocket-Version twice (RFC 6455, 11.3.5)", upgradeWith("Sec-WebSocket-Version: 13")],
];
for (const [what, text] of smuggling) {
  test(`an upgrade is refused with 400 for what RFC 9112 calls a risk of smuggling: ${what}`, () => {
    assert.notEqual(text, BROWSER, "the table changes nothing");
    assert.throws(
      () => {
        const { head, size } = read(text);
        assert.ok(size > 0, "it waits for more");
        assert.ok(asksForWebSocket(head));
        checkUpgrade(head);
      },
      (error) => error instanceof HandshakeError && error.status === 400,
    );
  });
}

test("an upgrade with nothing of that passes", () => checkUpgrade(read(upgradeWith("X: a")).head));

test("readHead takes every byte in a name, a target and a value that RFC 9110 lets stand there, and no other", () => {
  const tchar = /[!#$%&'*+\-.^_`|~0-9A-Za-z]/;
  for (let code = 0; code < 256; code++) {
    const c = String.fromCharCode(code);
    const takes = (text: string) => {
      try {
        return read(text).size === text.length;
      } catch (error) {
        assert.ok(error instanceof HandshakeError && error.status === 400);
        return false;
      }
    };
    assert.equal(takes(`G${c}T / HTTP/1.1\r\n\r\n`), tchar.test(c), `method, byte ${code}`);
    assert.equal(
      takes(`GET /${c}a HTTP/1.1\r\n\r\n`),
      code > 0x20 && code !== 0x7f && c !== "#",
      `target, byte ${code}`,
    );
    assert.equal(takes(`GET / HTTP/1.1\r\na${c}b: 1\r\n\r\n`), tchar.test(c) || c === ":", `name, byte ${code}`);
    assert.equal(
      takes(`GET / HTTP/1.1\r\na: 1${c}2\r\n\r\n`),
      code === 9 || (code >= 0x20 && code !== 0x7f),
      `value, byte ${code}`,
    );
  }
});

// ---- Against naive oracles ------------------------------------------------------------------------------------------------

const token = fc.string({ unit: fc.constantFrom(..."!#$%&'*+-.^_`|~09AZaz"), minLength: 1, maxLength: 12 });
const value = fc.string({ unit: fc.constantFrom(...'\t  !"(),/:;<=>?@[]{}09AZaz~\x80\xa0\xff'), maxLength: 20 });
const blanks = fc.string({ unit: fc.constantFrom(" ", "\t"), maxLength: 3 });
const reserved = new Set(["host", "upgrade", "connection", "content-length", "transfer-encoding", "expect", "origin"]);
const headerLines = fc.array(
  fc.tuple(
    token.filter((name) => !reserved.has(name.toLowerCase())),
    blanks,
    value,
    blanks,
  ),
  { maxLength: 20 },
);
const path = fc
  .string({ unit: fc.constantFrom(..."/?&=%._~-!$'()*+,;:@09AZaz"), maxLength: 20 })
  .map((rest) => `/${rest}`);

/** A valid head, and what it says. */
const heads = fc.tuple(path, headerLines, fc.constantFrom("", "", "\r\n")).map(([target, lines, before]) => ({
  target,
  text: `${before}GET ${target} HTTP/1.1\r\nHost: a\r\n${lines.map(([name, b, value, e]) => `${name}:${b}${value}${e}\r\n`).join("")}\r\n`,
  headers: [["Host", "a"], ...lines.map(([name, , value]) => [name, value.replace(/^[\t ]+|[\t ]+$/g, "")])],
}));

test("readHead says of generated heads what was put in, wherever they lie", () => {
  fc.assert(
    fc.property(heads, fc.nat(9), ({ target, text, headers }, from) => {
      const said = read(`${"x".repeat(from)}${text}\x81\x00`, from);
      assert.equal(said.size, text.length);
      assert.deepEqual([said.method, said.target, said.headers], ["GET", target, headers]);
    }),
    { numRuns: 300 },
  );
});

/** The grammar of a head as one expression. */
const T = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const grammar = new RegExp(
  `^(?:\\r\\n)?${T} [\\x21-\\x7e\\x80-\\xff]+ HTTP/1\\.\\d\\r\\n((?:${T}:[\\t\\x20-\\x7e\\x80-\\xff]*\\r\\n)*)\\r\\n`,
);

/** The size of the head that a text begins with; 0 when it begins with none. */
function naiveSize(text: string): number {
  const match = grammar.exec(text);
  if (!match) return 0;
  const single = [
    "host",
    "origin",
    "content-length",
    "transfer-encoding",
    "sec-websocket-key",
    "sec-websocket-version",
  ];
  const names = (match[1] as string).split("\r\n").map((line) => line.split(":", 1)[0]?.toLowerCase());
  const repeats = single.some((name) => names.filter((other) => other === name).length > 1);
  return repeats || names.length - 1 > limits.headerCountMax ? 0 : match[0].length;
}

test("readHead takes of mutated heads exactly those that the grammar takes, and throws nothing but refusals", () => {
  const pieces = fc.constantFrom(
    "\r",
    "\n",
    "\r\n",
    "\r\n\r\n",
    " ",
    "\t",
    ":",
    "\0",
    "\x7f",
    "\x80",
    "Host: b\r\n",
    "HTTP/1.1",
    "a",
  );
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(2), pieces), { maxLength: 3 });
  fc.assert(
    fc.property(
      fc.oneof(
        heads.map(({ text }) => text),
        fc.constant(BROWSER),
      ),
      changes,
      (head, changes) => {
        let text = head;
        for (const [where, count, piece] of changes) {
          const at = where % text.length;
          text = text.slice(0, at) + piece + text.slice(at + count);
        }
        let size = 0;
        try {
          size = read(text).size;
        } catch (error) {
          assert.ok(error instanceof HandshakeError && [400, 431, 505].includes(error.status), String(error));
        }
        assert.equal(size, naiveSize(text), JSON.stringify(text));
      },
    ),
    { numRuns: 2000 },
  );
});

describe("readHead and the parser of node:http", () => {
  const server = createServer((request, response) => {
    response.end(JSON.stringify({ url: request.url, headers: request.rawHeaders }));
  });
  let port = 0;
  before(async () => {
    await once(server.listen(0, "127.0.0.1"), "listening");
    port = (server.address() as AddressInfo).port;
  });
  after(() => server.close());

  test("readHead reads the same names and values as node:http", async () => {
    await fc.assert(
      fc.asyncProperty(heads, async ({ text }) => {
        const socket = connect(port, "127.0.0.1");
        socket.end(latin1(text));
        const chunks: Buffer[] = [];
        for await (const chunk of socket) chunks.push(chunk);
        const answer = Buffer.concat(chunks).toString("utf8");
        assert.match(answer, /^HTTP\/1\.1 200 /, JSON.stringify(text));
        const said = read(text);
        const body = JSON.parse(answer.slice(answer.indexOf("{"), answer.lastIndexOf("}") + 1));
        assert.deepEqual(body, { url: said.target, headers: said.headers.flat() });
      }),
      { numRuns: 100 },
    );
  });
});

// ---- The end of a head ----------------------------------------------------------------------------------------------------

for (const [text, end] of [
  ["", -1],
  ["\r\n\r\n", 4],
  ["\n\n", 2],
  ["\n\r\n", 3],
  ["\r\n\n", 3],
  ["a\r\n\r", -1],
  ["a\r\n\rb\n\n", 7],
  ["a\n", -1],
  ["\r\r\r\r", -1],
  ["a\r\nb\r\n\r\nc\r\n\r\n", 8],
] as const) {
  test(`findHeadEnd of ${JSON.stringify(text)} is ${end}`, () => {
    assert.equal(findHeadEnd(latin1(text), 0, text.length), end);
    const around = latin1(`\n\n${text}\n\n`);
    assert.equal(findHeadEnd(around, 2, 2 + text.length), end < 0 ? -1 : end + 2, "it looked beyond its bounds");
  });
}

test("findHeadEnd in pieces, each time from three bytes before the new ones, finds what it finds in the whole", () => {
  const text = fc.string({ unit: fc.constantFrom("\r", "\n", "a"), maxLength: 30 });
  fc.assert(
    fc.property(text, cutPoints, (text, points) => {
      const bytes = latin1(text);
      let end = -1;
      let had = 0;
      for (const piece of cut(bytes, points)) {
        const length = had + piece.length;
        end = findHeadEnd(bytes, Math.max(0, had - 3), length);
        if (end >= 0) break;
        had = length;
      }
      assert.equal(end, findHeadEnd(bytes, 0, bytes.length));
      const naive = /\n\r?\n/.exec(text);
      assert.equal(end, naive ? naive.index + naive[0].length : -1);
    }),
    { numRuns: 1000 },
  );
});

// ---- Words ----------------------------------------------------------------------------------------------------------------

for (const [bytes, text, equal] of [
  ["", "", true],
  ["Upgrade", "upgrade", true],
  ["UPGRADE", "upgrade", true],
  ["upgrad", "upgrade", false],
  ["upgradee", "upgrade", false],
  ["up\x67\x52ade", "upgrade", true],
  ["x-@", "x-`", false],
  ["x-[", "x-{", false],
  ["x\x0d", "x-", false],
  ["13", "13", true],
  ["\x11\x13", "13", false],
  ["\xc1", "a", false],
] as const) {
  test(`equalsIgnoringCase of ${JSON.stringify(bytes)} and ${JSON.stringify(text)} is ${equal}`, () => {
    assert.equal(equalsIgnoringCase(latin1(`x${bytes}y`), 1, 1 + bytes.length, text), equal);
  });
}

for (const [list, holds] of [
  ["upgrade", true],
  ["Upgrade", true],
  ["keep-alive, Upgrade", true],
  ["keep-alive,\tUPGRADE\t,x", true],
  [",,upgrade", true],
  [" upgrade ", true],
  ["", false],
  [",", false],
  ["upgraded", false],
  ["up grade", false],
  ["keep-alive; upgrade", false],
  ['"upgrade"', false],
  ["upgrade/1", false],
  ['a="b, upgrade, c"', false],
  ['a="b, upgrade, c", upgrade', true],
  ['a="\\", upgrade, \\"", x', false],
  ['a="\\\\", upgrade', true],
  ['a="b, upgrade', false],
  ['a="b, upgrade\\', false],
  ['upgrade, a="', true],
] as const) {
  test(`listHolds says ${holds} of upgrade in ${JSON.stringify(list)}`, () => {
    assert.equal(listHolds(latin1(`upgrade,${list},upgrade`), 8, 8 + list.length, "upgrade"), holds);
  });
}

test("equalsIgnoringCase agrees with toLowerCase on ASCII", () => {
  const text = fc.string({ unit: fc.constantFrom(..."aAzZ09-"), maxLength: 4 });
  fc.assert(
    fc.property(text, text, (a, b) => {
      const lower = b.toLowerCase();
      assert.equal(equalsIgnoringCase(join(latin1(a)), 0, a.length, lower), a.toLowerCase() === lower);
    }),
  );
});
