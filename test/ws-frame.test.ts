import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type CheckState,
  checkHeader,
  closeCodes,
  compileFrame,
  FIN,
  FrameHeader,
  HEADER_BYTES_MAX,
  headerSize,
  isControl,
  maskInPlace,
  opcodes,
  readCloseCode,
  readHeader,
  validCloseCode,
  writeHeader,
} from "../src/ws/index.ts";
import {
  binary,
  bits,
  cut,
  cutPoints,
  join,
  keyNumber,
  keys,
  naiveFrame,
  naiveHeader,
  naiveMask,
  refused,
  utf8,
} from "./ws-bits.ts";

const { PROTOCOL_ERROR, MESSAGE_TOO_BIG, INVALID_PAYLOAD, NO_STATUS } = closeCodes;
const KEY = [0x37, 0xfa, 0x21, 0x3d];
const keyBits = KEY.map((byte) => binary(byte, 8)).join(" ");

/** Every boundary of the three forms of a length, each drawn by hand. */
const lengths: readonly [length: number, picture: string][] = [
  [0, "0000000"],
  [1, "0000001"],
  [125, "1111101"],
  [126, "1111110 00000000 01111110"],
  [127, "1111110 00000000 01111111"],
  [255, "1111110 00000000 11111111"],
  [256, "1111110 00000001 00000000"],
  [65_535, "1111110 11111111 11111111"],
  [65_536, "1111111 00000000 00000000 00000000 00000000  00000000 00000001 00000000 00000000"],
  [2 ** 31, "1111111 00000000 00000000 00000000 00000000  10000000 00000000 00000000 00000000"],
  [2 ** 32 - 1, "1111111 00000000 00000000 00000000 00000000  11111111 11111111 11111111 11111111"],
  [2 ** 32, "1111111 00000000 00000000 00000000 00000001  00000000 00000000 00000000 00000000"],
  [2 ** 53 - 1, "1111111 00000000 00011111 11111111 11111111  11111111 11111111 11111111 11111111"],
];

for (const [length, picture] of lengths) {
  for (const masked of [false, true]) {
    const who = masked ? "masked" : "unmasked";
    const bytes = bits(masked ? `1 000 0010 1 ${picture} ${keyBits}` : `1 000 0010 0 ${picture}`);

    test(`readHeader reads a ${who} header of ${length} bytes of payload, wherever it lies`, () => {
      for (const before of [0, 1, 5]) {
        const around = new Uint8Array(before + bytes.length + 3).fill(0xff);
        around.set(bytes, before);
        const header = new FrameHeader();
        assert.equal(readHeader(around, before, around.length, header), bytes.length);
        assert.deepEqual(
          { ...header },
          { fin: true, rsv: 0, opcode: 2, masked, maskKey: masked ? keyNumber(KEY) : 0, length },
        );
      }
    });

    test(`readHeader returns 0 for a ${who} header of ${length} bytes of payload cut at any byte`, () => {
      for (let to = 0; to < bytes.length; to++)
        assert.equal(readHeader(bytes, 0, to, new FrameHeader()), 0, `cut at ${to}`);
    });
  }

  test(`writeHeader writes the picture of ${length} bytes of payload, of headerSize bytes and not one more`, () => {
    const bytes = bits(`1 000 0010 0 ${picture}`);
    const out = new Uint8Array(20).fill(0xaa);
    assert.equal(writeHeader(out, 3, FIN | opcodes.BINARY, length), bytes.length);
    assert.equal(headerSize(length), bytes.length);
    assert.deepEqual(out, join(new Uint8Array(3).fill(0xaa), bytes, new Uint8Array(17 - bytes.length).fill(0xaa)));
  });
}

const zeros = (count: number) => "00000000".repeat(count);
const refusedLengths: readonly [what: string, picture: string, closeCode: number][] = [
  ["0 in 16 bits", `1111110 ${zeros(2)}`, PROTOCOL_ERROR],
  ["125 in 16 bits", `1111110 ${binary(125, 16)}`, PROTOCOL_ERROR],
  ["0 in 64 bits", `1111111 ${zeros(8)}`, PROTOCOL_ERROR],
  ["125 in 64 bits", `1111111 ${binary(125, 64)}`, PROTOCOL_ERROR],
  ["126 in 64 bits", `1111111 ${binary(126, 64)}`, PROTOCOL_ERROR],
  ["65535 in 64 bits", `1111111 ${binary(65_535, 64)}`, PROTOCOL_ERROR],
  ["the top bit alone", `1111111 1${binary(0, 63)}`, PROTOCOL_ERROR],
  ["the top bit and 65536", `1111111 1${binary(65_536, 63)}`, PROTOCOL_ERROR],
  ["all bits", `1111111 ${"11111111".repeat(8)}`, PROTOCOL_ERROR],
  ["2^53", `1111111 ${binary(2n ** 53n, 64)}`, MESSAGE_TOO_BIG],
  ["2^63 - 1", `1111111 0${"1".repeat(63)}`, MESSAGE_TOO_BIG],
];
for (const [what, picture, closeCode] of refusedLengths) {
  test(`readHeader refuses the length ${what} with ${closeCode} once the header is whole (5.2)`, () => {
    for (const bytes of [bits(`1 000 0001 0 ${picture}`), bits(`1 000 0001 1 ${picture} ${keyBits}`)]) {
      for (let to = 0; to < bytes.length; to++) assert.equal(readHeader(bytes, 0, to, new FrameHeader()), 0);
      refused(() => readHeader(bytes, 0, bytes.length, new FrameHeader()), closeCode);
    }
  });
}

const anyLength = fc.oneof(
  fc.nat(300),
  fc.integer({ min: 65_000, max: 66_000 }),
  fc.nat(2 ** 31 - 1),
  fc.maxSafeInteger().map(Math.abs),
);

test("readHeader reads what the naive encoder draws, whatever the bits", () => {
  const parts = fc.record({
    fin: fc.boolean(),
    rsv: fc.nat(7),
    opcode: fc.nat(15),
    key: fc.option(keys, { nil: undefined }),
  });
  fc.assert(
    fc.property(parts, anyLength, ({ key, ...parts }, length) => {
      const bytes = naiveHeader(key ? { ...parts, key } : parts, length);
      const header = new FrameHeader();
      assert.ok(bytes.length <= HEADER_BYTES_MAX);
      assert.equal(readHeader(bytes, 0, bytes.length, header), bytes.length);
      assert.deepEqual(
        { ...header },
        { ...parts, masked: key !== undefined, maskKey: key ? keyNumber(key) : 0, length },
      );
      for (let to = 0; to < bytes.length; to++) assert.equal(readHeader(bytes, 0, to, header), 0);
    }),
  );
});

test("writeHeader and readHeader undo each other", () => {
  fc.assert(
    fc.property(fc.nat(255), anyLength, fc.nat(8), (first, length, at) => {
      const bytes = new Uint8Array(24);
      const header = new FrameHeader();
      const size = writeHeader(bytes, at, first, length);
      assert.equal(readHeader(bytes, at, at + size, header), size);
      assert.equal(size, headerSize(length));
      assert.deepEqual(
        { ...header },
        { fin: first >= 128, rsv: (first >> 4) & 7, opcode: first & 15, masked: false, maskKey: 0, length },
      );
    }),
  );
});

for (const length of [0, 1, 125, 126, 127, 65_535, 65_536, 70_000]) {
  test(`compileFrame makes the whole unmasked frame of ${length} bytes`, () => {
    const payload = Uint8Array.from({ length }, (_, i) => i * 7);
    assert.deepEqual(
      Buffer.compare(compileFrame(opcodes.TEXT, payload), naiveFrame({ fin: true, opcode: opcodes.TEXT, payload })),
      0,
    );
  });
}

test("compileFrame makes the examples of RFC 6455, 5.7", () => {
  assert.deepEqual(compileFrame(opcodes.TEXT, utf8("Hello")), Uint8Array.of(0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f));
  assert.deepEqual(compileFrame(opcodes.PING, utf8("Hello")), Uint8Array.of(0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f));
});

// ---- Rules ------------------------------------------------------------------------------------------------------------

const server: CheckState = { server: true, rsvAllowed: 0 };
const client: CheckState = { server: false, rsvAllowed: 0 };
const deflate: CheckState = { server: true, rsvAllowed: 4 };

function headerOf(picture: string, length = 0): FrameHeader {
  const header = new FrameHeader();
  const all = picture.replace(/\s/g, "");
  header.fin = all[0] === "1";
  header.rsv = Number.parseInt(all.slice(1, 4), 2);
  header.opcode = Number.parseInt(all.slice(4, 8), 2);
  header.masked = all[8] === "1";
  header.length = length;
  return header;
}

const rules: readonly [rule: string, header: FrameHeader, state: CheckState, fragmented: boolean, allowed: boolean][] =
  [
    ["a client masks its frames (5.1)", headerOf("1 000 0001 1"), server, false, true],
    ["a client masks its frames (5.1)", headerOf("1 000 0001 0"), server, false, false],
    ["a client masks its control frames (5.1)", headerOf("1 000 1001 0"), server, false, false],
    ["a server does not mask (5.1)", headerOf("1 000 0001 0"), client, false, true],
    ["a server does not mask (5.1)", headerOf("1 000 0001 1"), client, false, false],
    ["RSV1 is 0 without an extension (5.2)", headerOf("1 100 0001 1"), server, false, false],
    ["RSV2 is 0 without an extension (5.2)", headerOf("1 010 0001 1"), server, false, false],
    ["RSV3 is 0 without an extension (5.2)", headerOf("1 001 0001 1"), server, false, false],
    ["RSV1 may be set with an extension that uses it (5.2)", headerOf("1 100 0001 1"), deflate, false, true],
    ["RSV2 may not be set with an extension that uses RSV1 (5.2)", headerOf("1 110 0001 1"), deflate, false, false],
    ["a non-control opcode 3 is reserved (5.2)", headerOf("1 000 0011 1"), server, false, false],
    ["a non-control opcode 7 is reserved, also amid a message (5.2)", headerOf("1 000 0111 1"), server, true, false],
    ["a control opcode 11 is reserved (5.2)", headerOf("1 000 1011 1"), server, false, false],
    ["a control opcode 15 is reserved (5.2)", headerOf("1 000 1111 1"), server, false, false],
    ["a message begins with its opcode (5.4)", headerOf("0 000 0010 1"), server, false, true],
    ["a continuation needs a message (5.4)", headerOf("1 000 0000 1"), server, false, false],
    ["a continuation continues a message (5.4)", headerOf("0 000 0000 1"), server, true, true],
    ["a message ends before the next begins (5.4)", headerOf("1 000 0001 1"), server, true, false],
    ["a control frame may stand amid a message (5.4)", headerOf("1 000 1010 1"), server, true, true],
    ["a control frame is not fragmented (5.5)", headerOf("0 000 1001 1"), server, false, false],
    ["a control frame has 125 bytes (5.5)", headerOf("1 000 1000 1", 125), server, false, true],
    ["a control frame has not 126 bytes (5.5)", headerOf("1 000 1000 1", 126), server, false, false],
    ["a data frame has no such bound (5.2)", headerOf("1 000 0010 1", 2 ** 40), server, false, true],
  ];
for (const [rule, header, state, fragmented, allowed] of rules) {
  test(`checkHeader ${allowed ? "lets pass" : "refuses with 1002"}: ${rule}`, () => {
    if (allowed) checkHeader(header, state, fragmented);
    else refused(() => checkHeader(header, state, fragmented), PROTOCOL_ERROR);
  });
}

test("checkHeader agrees with the rules, read one by one, on every header", () => {
  const header = new FrameHeader();
  let wrong = 0;
  for (let all = 0; all < 2 ** 9; all++) {
    header.fin = (all & 0x100) !== 0;
    header.rsv = (all >> 5) & 7;
    header.opcode = (all >> 1) & 15;
    header.masked = (all & 1) !== 0;
    assert.equal(isControl(header.opcode), header.opcode >= 8);
    for (header.length of [0, 125, 126, 2 ** 32]) {
      for (const state of [server, client, deflate, { server: false, rsvAllowed: 7 }]) {
        for (const fragmented of [false, true]) {
          const { fin, rsv, opcode, masked, length } = header;
          const control = [8, 9, 10].includes(opcode);
          const allowed =
            masked === state.server &&
            [4, 2, 1].every((bit) => (rsv & bit) === 0 || (state.rsvAllowed & bit) !== 0) &&
            ((rsv & 4) === 0 || opcode === 1 || opcode === 2) &&
            [0, 1, 2, 8, 9, 10].includes(opcode) &&
            (control ? fin && length <= 125 : fragmented ? opcode === 0 : opcode !== 0);
          if (allowed !== passes(() => checkHeader(header, state, fragmented))) wrong++;
        }
      }
    }
  }
  assert.equal(wrong, 0);
});

function passes(work: () => void): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}

// ---- Masking ----------------------------------------------------------------------------------------------------------

/** Masks a copy of `bytes` that lies at `from` in a view that begins at `offset` of its buffer, and looks at all of it. */
function checkMask(bytes: Uint8Array, key: readonly number[], from: number, byteOffset: number, offset: number): void {
  const buffer = new ArrayBuffer(byteOffset + from + bytes.length + (bytes.length % 3));
  const all = new Uint8Array(buffer).fill(0x5a);
  const view = new Uint8Array(buffer, byteOffset);
  view.set(bytes, from);
  const masked = naiveMask(bytes, key, offset);
  const expected = all.slice();
  expected.set(masked, byteOffset + from);
  const or = masked.reduce((before, byte) => before | byte, 0);
  const returned = maskInPlace(view, from, from + bytes.length, keyNumber(key), offset);
  const where = `${bytes.length} bytes at ${from} of a view at ${byteOffset}, offset ${offset}`;
  assert.equal(Buffer.compare(all, expected), 0, where);
  assert.equal(returned & 255, or, where);
  assert.equal(
    returned < 0x80,
    masked.every((byte) => byte < 0x80),
    where,
  );
}

test("maskInPlace masks every length up to 140 at every alignment and offset, and touches nothing else", () => {
  for (let length = 0; length <= 140; length++) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 37 + length) & 255);
    for (let alignment = 0; alignment < 4; alignment++) {
      for (let offset = 0; offset < 4; offset++)
        checkMask(bytes, [0x80, 0x01, 0xfe, 0x7f], alignment, 4 - alignment, offset);
      checkMask(bytes, KEY, 0, alignment, 5);
    }
  }
});

test("maskInPlace returns less than 0x80 for plain ASCII only, wherever the one other byte lies", () => {
  const key = [0xf1, 0x82, 0x03, 0x74];
  for (const length of [1, 3, 4, 47, 48, 49, 64, 67, 70]) {
    const ascii = Uint8Array.from({ length }, (_, i) => i & 0x7f);
    const bytes = naiveMask(ascii, key, 0);
    checkMask(bytes, key, 3, 2, 0);
    for (let i = 0; i < length; i++) {
      const other = bytes.slice();
      other[i] = (other[i] as number) ^ 0x80;
      checkMask(other, key, 3, 2, 0);
    }
  }
});

test("maskInPlace agrees with the naive oracle on random payloads, keys, views and offsets", () => {
  const sizes = fc.oneof(fc.uint8Array({ maxLength: 80 }), fc.uint8Array({ minLength: 1000, maxLength: 1100 }));
  fc.assert(fc.property(sizes, keys, fc.nat(9), fc.nat(9), fc.nat(2 ** 31 - 1), checkMask));
});

test("maskInPlace of pieces with a running offset equals that of the whole, and the ORs add up", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), keys, cutPoints, (bytes, key, points) => {
      const whole = bytes.slice();
      const or = maskInPlace(whole, 0, whole.length, keyNumber(key), 0);
      let offset = 0;
      let orOfPieces = 0;
      const pieces = cut(bytes, points);
      for (const piece of pieces) {
        orOfPieces |= maskInPlace(piece, 0, piece.length, keyNumber(key), offset);
        offset += piece.length;
      }
      assert.deepEqual(join(...pieces), whole);
      assert.equal(orOfPieces & 255, or & 255);
    }),
  );
});

test("maskInPlace twice gives the payload back", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer(), fc.nat(3), (bytes, key, offset) => {
      const copy = bytes.slice();
      maskInPlace(copy, 0, copy.length, key, offset);
      maskInPlace(copy, 0, copy.length, key, offset);
      assert.deepEqual(copy, bytes);
    }),
  );
});

test("maskInPlace unmasks the example of RFC 6455, 5.7", () => {
  const bytes = Uint8Array.of(0x7f, 0x9f, 0x4d, 0x51, 0x58);
  maskInPlace(bytes, 0, 5, keyNumber(KEY), 0);
  assert.deepEqual(bytes, utf8("Hello"));
});

// ---- Close codes --------------------------------------------------------------------------------------------------------

test("validCloseCode allows what 7.4 lets an endpoint send, and nothing else of 65536", () => {
  const listed = new Set([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014]);
  for (let code = 3000; code < 5000; code++) listed.add(code);
  for (let code = 0; code < 65_536; code++) assert.equal(validCloseCode(code), listed.has(code), String(code));
});

const closePayloads: readonly [what: string, payload: Uint8Array, code: number, refusal: boolean][] = [
  ["is empty", bits(""), NO_STATUS, false],
  ["is 1000 alone", bits(binary(1000, 16)), 1000, false],
  ["is 4999 and a reason", join(bits(binary(4999, 16)), utf8("tschüß 👋")), 4999, false],
  ["is one byte", bits("00000011"), PROTOCOL_ERROR, true],
  ["is 1005, which is never sent", bits(binary(1005, 16)), PROTOCOL_ERROR, true],
  ["is 0", bits(binary(0, 16)), PROTOCOL_ERROR, true],
  ["is 65535", bits(binary(65_535, 16)), PROTOCOL_ERROR, true],
  ["has a reason that is not UTF-8", join(bits(binary(1000, 16)), Uint8Array.of(0x61, 0xff)), INVALID_PAYLOAD, true],
  [
    "has a reason that ends within a character",
    join(bits(binary(1000, 16)), Uint8Array.of(0xe2, 0x82)),
    INVALID_PAYLOAD,
    true,
  ],
];
for (const [what, payload, code, refusal] of closePayloads) {
  test(`readCloseCode ${refusal ? "refuses" : "reads"} a payload that ${what}: ${code} (5.5.1)`, () => {
    const around = join(Uint8Array.of(0xff), payload, Uint8Array.of(0xff));
    const read = () => readCloseCode(around, 1, 1 + payload.length);
    if (refusal) refused(read, code);
    else assert.equal(read(), code);
  });
}
