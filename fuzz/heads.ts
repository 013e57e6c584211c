import fc from "fast-check";
import { latin1, mutated } from "./bytes.ts";

/** Request heads: right ones, and ones that are wrong in a few places. */

const names = fc.oneof(
  fc.string({ unit: fc.constantFrom(..."!#$%&'*+-.^_`|~09AZaz"), minLength: 1, maxLength: 8 }),
  fc.constantFrom("Host", "host", "Upgrade", "Connection", "Content-Length", "Transfer-Encoding", "Origin", "Cookie"),
  fc.constantFrom(
    "Sec-WebSocket-Key",
    "sec-websocket-key",
    "Sec-WebSocket-Version",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Extensions",
  ),
);
const values = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'\t  !"(),/:;<=>?@[]{}09AZaz~\x80\xa0\xff'), maxLength: 16 }),
  fc.constantFrom(
    "websocket",
    "Upgrade",
    "keep-alive, Upgrade",
    "13",
    "dGhlIHNhbXBsZSBub25jZQ==",
    "0",
    "chunked",
    "a, b,,c",
  ),
  // Lists that hold what the handshake looks for, and lists that nearly do.
  fc.constantFrom(
    "keep-alive; upgrade",
    "upgrades",
    "x upgrade",
    ",\tUpGrAdE ,",
    "websocket/13",
    '"websocket"',
    "h2c,websocket",
    'a="b, upgrade, websocket", c',
    '"a, upgrade, websocket',
  ),
);
const blanks = fc.constantFrom(" ", " ", " ", "", "\t", " \t ");
const lines = fc
  .tuple(names, blanks, values, blanks)
  .map(([name, before, value, behind]) => `${name}:${before}${value}${behind}\r\n`);
const methods = fc.constantFrom("GET", "GET", "GET", "get", "POST", "OPTIONS", "M-SEARCH", "GETS", "G");
const targets = fc.oneof(
  fc.constantFrom("/", "/chat?room=1", "*", "http://a/b?c", "/a?b?c=d", "/%zz?%zz=%f0"),
  fc.string({ unit: fc.constantFrom(..."/?&=%._~-!$'()*+,;:@09AZaz\x80\xff"), minLength: 1, maxLength: 12 }),
);
const versions = fc.constantFrom("1.1", "1.1", "1.1", "1.1", "1.0", "1.9");

/** Request heads as RFC 9112 has them. */
export const rightHeads: fc.Arbitrary<string> = fc
  .tuple(methods, targets, versions, fc.array(lines, { maxLength: 8 }))
  .map(([method, target, version, lines]) => `${method} ${target} HTTP/${version}\r\n${lines.join("")}\r\n`);

/** A browser's request for an upgrade, of which lines are left out, said twice, or replaced. */
export const upgradeRequests: fc.Arbitrary<string> = fc
  .record({
    method: fc.constantFrom("GET", "GET", "GET", "GET", "get", "POST", "GETS"),
    target: targets,
    version: fc.constantFrom("1.1", "1.1", "1.1", "1.1", "1.0"),
    changes: fc.array(fc.tuple(fc.nat(), fc.constantFrom("omit", "repeat", "replace", "add"), lines), { maxLength: 2 }),
    order: fc.boolean(),
  })
  .map(({ method, target, version, changes, order }) => {
    const all = [
      "Host: server.example.com\r\n",
      "Upgrade: websocket\r\n",
      "Connection: Upgrade\r\n",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
      "Sec-WebSocket-Version: 13\r\n",
      "Sec-WebSocket-Protocol: chat, superchat\r\n",
      "Origin: http://example.com\r\n",
    ];
    for (const [where, kind, line] of changes) {
      const at = where % all.length;
      const old = all[at] as string;
      if (kind === "omit") all.splice(at, 1);
      else if (kind === "repeat") all.splice(at, 0, old);
      else if (kind === "replace") all[at] = `${old.split(":", 1)[0]}${line.slice(line.indexOf(":"))}`;
      else all.splice(at, 0, line);
    }
    if (order) all.reverse();
    return `${method} ${target} HTTP/${version}\r\n${all.join("")}\r\n`;
  });

const pieces = fc.constantFrom(
  "\r",
  "\n",
  "\r\n",
  "\r\n\r\n",
  "\n\n",
  " ",
  "\t",
  ":",
  "\0",
  "\v",
  "\x1f",
  "\x7f",
  "\x80",
  "Host: b\r\n",
  " HTTP/1.1\r\n",
  "HTTP/2",
  "a",
  "a: b\r\n",
);

/** Heads into which pieces were put that mean something. */
function disturbed(source: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .tuple(source, fc.array(fc.tuple(fc.nat(), fc.nat(2), pieces), { minLength: 1, maxLength: 3 }))
    .map(([head, changes]) => {
      return changes.reduce((text, [where, count, piece]) => {
        const at = where % (text.length + 1);
        return text.slice(0, at) + piece + text.slice(at + count);
      }, head);
    });
}

/** More header lines than a head may have, or just as many. */
const long = fc
  .tuple(fc.integer({ min: 98, max: 102 }), lines)
  .map(([count, line]) => `GET / HTTP/1.1\r\n${`a: 1\r\n`.repeat(count)}${line}\r\n`);

/** Texts in Latin-1: as they are, disturbed and mutated, with something behind; and noise. */
function comings(source: fc.Arbitrary<string>): fc.Arbitrary<Uint8Array> {
  const around = fc.tuple(
    fc.constantFrom("", "", "", "\r\n"),
    source,
    fc.constantFrom("", "\x81\x80", "\r\n", "GET / HTTP/1.1\r\n\r\n"),
  );
  return fc.oneof(
    { weight: 3, arbitrary: around.map((texts) => latin1(texts.join(""))) },
    { weight: 6, arbitrary: disturbed(source).map(latin1) },
    { weight: 6, arbitrary: mutated(source.map(latin1), 3) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  );
}

/** What may come for the head of a request: right ones, ones that are wrong in a few places, and too long ones. */
export const anyHeads: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 16, arbitrary: comings(fc.oneof(rightHeads, upgradeRequests)) },
  { weight: 1, arbitrary: long.map(latin1) },
);

const reasons = fc.constantFrom(" Switching Protocols", " OK", " ", "", " \t\x80", "  ");
const statuses = fc.oneof(fc.constantFrom("101", "101", "200", "404", "099", "1010", "10"), fc.nat(999).map(String));
const responses = fc
  .tuple(versions, statuses, reasons, fc.array(lines, { maxLength: 8 }))
  .map(([version, status, reason, lines]) => `HTTP/${version} ${status}${reason}\r\n${lines.join("")}\r\n`);

/** The same for the head of a response. */
export const anyResponses: fc.Arbitrary<Uint8Array> = comings(responses);
