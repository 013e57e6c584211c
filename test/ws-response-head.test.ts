import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HandshakeError } from "../src/errors.ts";
import { limits } from "../src/limits.ts";
import { ascii, findHeadEnd, ResponseHead, readResponseHead } from "../src/ws/index.ts";

function latin1(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "latin1"));
}

/** What was read, as text. */
function read(text: string, from = 0) {
  const bytes = latin1(text);
  const head = new ResponseHead();
  const size = readResponseHead(bytes, from, bytes.length, head);
  return { size, head, ...told(head) };
}

function told(head: ResponseHead) {
  const { bytes, minor, status } = head;
  const headers: [string, string][] = [];
  for (let i = 0; i < head.count; i++) {
    headers.push([ascii(bytes, head.nameFrom(i), head.nameTo(i)), ascii(bytes, head.valueFrom(i), head.valueTo(i))]);
  }
  return { minor, status, reason: ascii(bytes, head.reasonFrom, head.reasonTo), headers };
}

const ACCEPTED =
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n";

/** So many header lines. */
function manyHeaders(count: number): string {
  return `HTTP/1.1 200 OK\r\n${Array.from({ length: count }, (_, i) => `X-${i}: ${i}\r\n`).join("")}\r\n`;
}

for (const [line, minor, status, reason] of [
  ["HTTP/1.1 101 Switching Protocols", 1, 101, "Switching Protocols"],
  ["HTTP/1.0 200 OK", 0, 200, "OK"],
  ["HTTP/1.9 999 ?", 1, 999, "?"],
  ["HTTP/1.1 100 ", 1, 100, ""],
  ["HTTP/1.1 404", 1, 404, ""],
  ["HTTP/1.1 302  two blanks\tand \xe4 ", 1, 302, " two blanks\tand \xe4 "],
] as const) {
  for (const lines of ["", "A: b\r\nLocation: \t/c \r\n"]) {
    const text = `${line}\r\n${lines}\r\n`;
    test(`readResponseHead reads ${JSON.stringify(text)}, wherever it lies`, () => {
      const { size, head, ...rest } = read(`xx${text}HTTP/1.1`, 2);
      assert.equal(size, text.length);
      const headers = lines === "" ? [] : [["A", "b"] as const, ["Location", "/c"] as const];
      assert.deepEqual(rest, { minor, status, reason, headers });
      assert.equal(head.find("location"), headers.length - 1);
    });
  }
}

for (const text of [
  ACCEPTED,
  manyHeaders(limits.headerCountMax),
  "HTTP/1.1 404\r\n\r\n",
  "HTTP/1.1 200 \r\nA:\r\n\r\n",
]) {
  test(`readResponseHead of ${JSON.stringify(text.slice(0, 40))}… cut at any byte returns 0, then the whole's size`, () => {
    const bytes = latin1(`${text}more`);
    const head = new ResponseHead();
    for (let to = 0; to < text.length; to++) assert.equal(readResponseHead(bytes, 0, to, head), 0, `cut at ${to}`);
    assert.equal(readResponseHead(bytes, 0, text.length, head), text.length);
    assert.equal(readResponseHead(bytes, 0, bytes.length, head), text.length);
    assert.equal(findHeadEnd(bytes, 0, bytes.length), text.length);
  });
}

test("readResponseHead keeps nothing of the head that it read before", () => {
  const head = new ResponseHead();
  const [first, second] = [latin1(ACCEPTED), latin1("HTTP/1.0 404\r\nA: b\r\n\r\n")];
  readResponseHead(first, 0, first.length, head);
  readResponseHead(second, 0, second.length, head);
  assert.deepEqual(told(head), { minor: 0, status: 404, reason: "", headers: [["A", "b"]] });
  assert.ok([...head.known].every((at) => at === -1));
});

test("ResponseHead.moveTo keeps the head readable in a copy, when the old bytes are overwritten", () => {
  const bytes = latin1(`xxxxx${ACCEPTED}`);
  const head = new ResponseHead();
  assert.equal(readResponseHead(bytes, 5, bytes.length, head), ACCEPTED.length);
  const before = told(head);
  head.moveTo(bytes.slice(5), 5);
  bytes.fill(0);
  assert.deepEqual(told(head), before);
});

for (const [what, text] of [
  ["another protocol", "SSH-2.0-OpenSSH_9.6\r\n"],
  ["one byte of another protocol", "S"],
  ["the beginning of TLS", "\x15\x03\x01\x00\x02"],
  ["an empty line before the status line", `\r\n${ACCEPTED}`],
  ["HTTP/2", "HTTP/2.0 200 OK\r\n\r\n"],
  ["HTTP in lower case", "http/1.1 200 OK\r\n\r\n"],
  ["a minor version of two digits", "HTTP/1.10 200 OK\r\n\r\n"],
  ["a minor version that is none", "HTTP/1.x 200 OK\r\n\r\n"],
  ["a tab behind the version", "HTTP/1.1\t200 OK\r\n\r\n"],
  ["two blanks before the status", "HTTP/1.1  200 OK\r\n\r\n"],
  ["a status of two digits", "HTTP/1.1 20 OK\r\n\r\n"],
  ["a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n"],
  ["a status that is none", "HTTP/1.1 2x0 OK\r\n\r\n"],
  ["a status below 100", "HTTP/1.1 099 OK\r\n\r\n"],
  ["no status", "HTTP/1.1 OK, so it is\r\n\r\n"],
  ["a tab behind the status", "HTTP/1.1 200\tOK\r\n\r\n"],
  ["a bare LF behind the status", "HTTP/1.1 200\n\n"],
  ["a bare LF behind the reason", "HTTP/1.1 200 OK\nA: b\r\n\r\n"],
  ["a bare CR behind the reason", "HTTP/1.1 200 OK\rA: b\r\n\r\n"],
  ["a NUL in the reason", "HTTP/1.1 200 O\0K\r\n\r\n"],
  ["DEL in the reason", "HTTP/1.1 200 O\x7fK\r\n\r\n"],
  ["a bare LF behind a header", "HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n"],
  ["a bare CR in a value", "HTTP/1.1 200 OK\r\nA: b\rC: d\r\n\r\n"],
  ["a folded line", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n"],
  ["a blank before a colon", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n"],
  ["Content-Length twice", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"],
  ["one header line more than headerCountMax", manyHeaders(limits.headerCountMax + 1)],
] as const) {
  test(`readResponseHead refuses with 502: ${what}`, () => {
    const bytes = latin1(text);
    const refuses = (to: number) =>
      assert.throws(
        () => assert.equal(readResponseHead(bytes, 0, to, new ResponseHead()), 0),
        (error) => error instanceof HandshakeError && error.status === 502,
        `cut at ${to}`,
      );
    refuses(bytes.length);
    // A head that comes in pieces is refused at the latest when it is whole, and never read as another one.
    for (let to = 0; to < bytes.length; to++) {
      try {
        assert.equal(readResponseHead(bytes, 0, to, new ResponseHead()), 0, `cut at ${to}`);
      } catch {
        refuses(to);
      }
    }
  });
}

/** The grammar of a head as one expression. */
const T = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const FIELD = "[\\t\\x20-\\x7e\\x80-\\xff]*";
const grammar = new RegExp(`^HTTP/1\\.\\d [1-9]\\d\\d(?: ${FIELD})?\\r\\n(?:${T}:${FIELD}\\r\\n)*\\r\\n`);

function naiveSize(text: string): number {
  return grammar.exec(text)?.[0].length ?? 0;
}

test("readResponseHead takes of mutated heads exactly those that the grammar takes, and throws nothing but refusals", () => {
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
    "1",
    "HTTP/1.1 ",
  );
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(2), pieces), { maxLength: 3 });
  const heads = fc.constantFrom(ACCEPTED, "HTTP/1.0 302 Found\r\nLocation: /\r\n\r\n", "HTTP/1.1 404\r\n\r\n");
  fc.assert(
    fc.property(heads, changes, (head, changes) => {
      let text = head;
      for (const [where, count, piece] of changes) {
        const at = where % text.length;
        text = text.slice(0, at) + piece + text.slice(at + count);
      }
      let size = 0;
      try {
        size = read(text).size;
      } catch (error) {
        assert.ok(error instanceof HandshakeError && error.status === 502, String(error));
      }
      assert.equal(size, naiveSize(text), JSON.stringify(text));
    }),
    { numRuns: 3000 },
  );
});
