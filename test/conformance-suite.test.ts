import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { type Case, close, continuation, ping, text, well } from "./conformance/cases.ts";
import { agreementOf, Deflate, wrongAnswer } from "./conformance/deflate.ts";
import { noExtensions, openDoor } from "./conformance/door.ts";
import type { EchoServer } from "./conformance/endpoint.ts";
import { encodeFrame, FrameReader } from "./conformance/frames.ts";
import { readHead, upgradeAnswer } from "./conformance/handshake.ts";
import { bytesOf } from "./conformance/payloads.ts";
import { runCases } from "./conformance/run.ts";
import { section12data } from "./conformance/section-12.ts";
import { section12rules } from "./conformance/section-12-rules.ts";
import { section13 } from "./conformance/section-13.ts";
import { sections } from "./conformance/sections.ts";

// The suite itself: a tester that finds everything right proves nothing.

const all = [...sections.flatMap(({ cases }) => cases), ...section12data, ...section12rules, ...section13];
const hex = (digits: string) => Buffer.from(digits.replaceAll(" ", ""), "hex");

test("suite: every case has a number and a name of its own, and a clause", () => {
  assert.ok(all.length > 1000, `${all.length} cases`);
  const numbers = new Set(all.map(({ section }) => section));
  const names = new Set(all.map(({ section, name }) => `${section.replace(/\.\d+$/, "")} ${name}`));
  assert.equal(numbers.size, all.length);
  assert.equal(names.size, all.length);
  for (const { section, clause } of all) assert.match(clause, /^RFC \d{4} \d+(\.\d+)*$/, section);
  for (const { number, cases } of sections) {
    for (const { section } of cases) assert.ok(section.startsWith(`${number}.`), `${section} in section ${number}`);
  }
});

test("suite: frames are built as in the examples of RFC 6455, 5.7", () => {
  const key = [0x37, 0xfa, 0x21, 0x3d];
  assert.deepEqual(encodeFrame(text("Hello"), undefined), hex("81 05 48 65 6c 6c 6f"));
  assert.deepEqual(encodeFrame(text("Hello"), key), hex("81 85 37 fa 21 3d 7f 9f 4d 51 58"));
  assert.deepEqual(encodeFrame(text("Hel", { fin: false }), undefined), hex("01 03 48 65 6c"));
  assert.deepEqual(encodeFrame(continuation("lo"), undefined), hex("80 02 6c 6f"));
  assert.deepEqual(encodeFrame(ping("Hello"), undefined), hex("89 05 48 65 6c 6c 6f"));
  assert.deepEqual(encodeFrame(close(1000, "a"), undefined), hex("88 03 03 e8 61"));
  const bytes = (length: number) => ({ opcode: 2, payload: { fill: "stars", bytes: length } as const });
  assert.deepEqual(encodeFrame(bytes(256), undefined).subarray(0, 5), hex("82 7e 01 00 2a"));
  assert.deepEqual(encodeFrame(bytes(65_536), undefined).subarray(0, 11), hex("82 7f 00 00 00 00 00 01 00 00 2a"));
  assert.deepEqual(encodeFrame({ ...bytes(1), lengthBits: 16 }, undefined), hex("82 7e 00 01 2a"));
});

test("suite: the reader reads what the builder builds, in whatever pieces, and says what is wrong with it", () => {
  const frames = [text("Hello"), ping(""), text({ fill: "unicode", bytes: 300 }, { fin: false, rsv: 4 }), close(1000)];
  for (const key of [undefined, [1, 2, 3, 4]]) {
    const octets = Buffer.concat(frames.map((frame) => encodeFrame(frame, key)));
    for (const size of [1, 2, 3, 100, octets.length]) {
      const reader = new FrameReader();
      const seen = [];
      for (let at = 0; at < octets.length; at += size) {
        reader.push(octets.subarray(at, at + size));
        for (let frame = reader.next(); frame; frame = reader.next()) seen.push(frame);
      }
      assert.equal(reader.left, 0);
      const wanted = frames.map(({ opcode, payload, fin = true, rsv = 0 }) => {
        return { opcode, payload: bytesOf(payload), fin, rsv, key, wrong: undefined };
      });
      assert.deepEqual(seen, wanted);
    }
  }
  for (const [octets, wrong] of [
    ["83 00", "the reserved opcode 3"],
    ["09 00", "a fragmented control frame"],
    ["82 7e 00 01 2a", "a length of 1 in 16 bits"],
    [`89 7e 00 7e ${"2a".repeat(126)}`, "a control frame of 126 bytes"],
  ] as const) {
    const reader = new FrameReader();
    reader.push(hex(octets));
    assert.equal(reader.next()?.wrong, wrong);
  }
});

test("suite: DEFLATE is that of RFC 7692's examples, and a window that is overstepped is seen", () => {
  const one = new Deflate(agreementOf("permessage-deflate", "client"));
  assert.deepEqual(one.compress(Buffer.from("Hello")), hex("f2 48 cd c9 c9 07 00"));
  assert.deepEqual(one.compress(Buffer.from("Hello")), hex("f2 00 11 00 00"));
  assert.equal(one.decompress(hex("f2 48 cd c9 c9 07 00")).toString(), "Hello");
  assert.equal(one.decompress(hex("f2 00 11 00 00")).toString(), "Hello");
  const none = "permessage-deflate; client_no_context_takeover; server_no_context_takeover";
  const frugal = new Deflate(agreementOf(none, "client"));
  frugal.compress(Buffer.from("Hello"));
  assert.deepEqual(frugal.compress(Buffer.from("Hello")), hex("f2 48 cd c9 c9 07 00"));
  frugal.decompress(hex("f2 48 cd c9 c9 07 00"));
  assert.throws(() => frugal.decompress(hex("f2 00 11 00 00")), /too far back/);

  const far = Buffer.concat([bytesOf({ fill: "random", bytes: 2000 }), bytesOf({ fill: "random", bytes: 2000 })]);
  const octets = one.compress(far);
  const wide = new Deflate(agreementOf("permessage-deflate", "client"));
  const narrow = new Deflate(agreementOf("permessage-deflate; server_max_window_bits=10", "client"));
  assert.deepEqual(wide.decompress(octets), far);
  assert.throws(() => narrow.decompress(octets), /too far back/);
});

test("suite: an answer is compared with what was offered", () => {
  const PMD = "permessage-deflate";
  for (const [offer, answer, right] of [
    [PMD, PMD, true],
    [PMD, `${PMD}; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9`, true],
    [PMD, `${PMD}; client_max_window_bits=9`, false],
    [`${PMD}; client_max_window_bits`, `${PMD}; client_max_window_bits=9`, true],
    [`${PMD}; client_max_window_bits=10`, `${PMD}; client_max_window_bits=11`, false],
    [`${PMD}; client_max_window_bits`, `${PMD}; client_max_window_bits`, false],
    [`${PMD}; server_no_context_takeover`, PMD, false],
    [`${PMD}; server_max_window_bits=10`, PMD, false],
    [`${PMD}; server_max_window_bits=10`, `${PMD}; server_max_window_bits=11`, false],
    [`${PMD}; server_max_window_bits=10`, `${PMD}; server_max_window_bits=9`, true],
    [`${PMD}; server_max_window_bits=10, ${PMD}`, PMD, true],
    [PMD, `${PMD}, ${PMD}`, false],
    [PMD, "x-unknown", false],
    [PMD, `${PMD}; server_max_window_bits=08`, false],
  ] as const) {
    assert.equal(wrongAnswer(offer, answer) === undefined, right, `${offer} → ${answer}`);
  }
});

/** A server that answers the first frame, whatever it is, with these octets, and ends. */
function parrot(octets: Buffer): EchoServer {
  return {
    role: "server",
    name: "parrot",
    async start() {
      const server = createServer({ allowHalfOpen: true }, (socket) => {
        void readHead(socket).then((head) => {
          socket.write(upgradeAnswer(head, undefined));
          socket.once("data", () => socket.end(octets)).resume();
        });
      });
      await once(server.listen(0, "127.0.0.1"), "listening");
      const stop = () => new Promise((resolve) => server.close(resolve));
      return { port: (server.address() as AddressInfo).port, stop };
    },
  };
}

test("suite: an endpoint that does wrong is told so", async () => {
  const good = "81 05 48 65 6c 6c 6f";
  const bye = "88 02 03 e8";
  const hello: Case = { section: "0.1", ...well("Hello is echoed", "RFC 6455 5.6", [text("Hello")]) };
  for (const [octets, complaint] of [
    [`${good} ${bye}`, ""],
    [bye, "reply 1 of 1 did not come"],
    [`${good} ${good} ${bye}`, "1 replies more"],
    [good, "no close frame came"],
    [`82 05 48 65 6c 6c 6f ${bye}`, "has opcode 2, not 1"],
    [`81 04 48 65 6c 6c ${bye}`, "has 4 bytes, not 5"],
    [`81 05 48 65 6c 6c 70 ${bye}`, "differs at byte 4"],
    [`${good} 88 02 03 ea`, "the close code is 1002"],
    [`81 85 00 00 00 00 48 65 6c 6c 6f ${bye}`, "a masked frame"],
    [`c1 05 48 65 6c 6c 6f ${bye}`, "reserved bits 4"],
    [`81 7e 00 05 48 65 6c 6c 6f ${bye}`, "a length of 5 in 16 bits"],
    [`80 05 48 65 6c 6c 6f ${bye}`, "fragments in disorder"],
    [`${good} 88 01 03`, "a close frame of one octet"],
    [`${good} 88 03 03 e8 ff`, "a reason that is not UTF-8"],
    [`${good} ${bye} 8a 00`, "a frame after the close frame"],
    [`${good} ${bye} 8a`, "1 octets of an unfinished frame"],
  ] as const) {
    const endpoint = parrot(hex(octets));
    const door = await openDoor(endpoint);
    const { failures } = await runCases(endpoint, door, noExtensions, [{ ...hello, chops: ["whole"] }]);
    await door.close();
    if (complaint === "") assert.deepEqual(failures, []);
    else assert.ok(failures[0]?.picture.includes(complaint), `${complaint}: ${failures[0]?.picture}`);
  }
});
