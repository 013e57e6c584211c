import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type CheckState,
  checkHeader,
  closeCodes,
  FIN,
  Frame,
  FrameHeader,
  HEADER_BYTES_MAX,
  headerSize,
  isControl,
  isData,
  isReserved,
  maskInPlace,
  opcodes,
  readFrame,
  readHeader,
  unmaskFrameInPlace,
  writeFrame,
  writeHeader,
  writeMaskedHeader,
} from "../src/ws/index.ts";
import {
  binary,
  bits,
  cut,
  cutPoints,
  join,
  keyNumber,
  keys,
  type Frame as NaiveFrame,
  naiveFrame,
  naiveHeader,
  naiveMask,
  refused,
  utf8,
} from "./ws-bits.ts";

const { PROTOCOL_ERROR, MESSAGE_TOO_BIG } = closeCodes;
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

  test(`writeMaskedHeader writes the picture of ${length} bytes of payload, of headerSize bytes and not one more`, () => {
    const bytes = bits(`0 000 0001 1 ${picture} ${keyBits}`);
    const out = new Uint8Array(20).fill(0xaa);
    assert.equal(writeMaskedHeader(out, 3, opcodes.TEXT, length, keyNumber(KEY)), bytes.length);
    assert.equal(headerSize(length, true), bytes.length);
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

test("writeMaskedHeader and readHeader undo each other", () => {
  fc.assert(
    fc.property(fc.nat(255), anyLength, fc.nat(8), fc.integer(), (first, length, at, maskKey) => {
      const bytes = new Uint8Array(24);
      const header = new FrameHeader();
      const size = writeMaskedHeader(bytes, at, first, length, maskKey);
      assert.equal(readHeader(bytes, at, at + size, header), size);
      assert.deepEqual(
        { ...header },
        { fin: first >= 128, rsv: (first >> 4) & 7, opcode: first & 15, masked: true, maskKey, length },
      );
    }),
  );
});

// ---- Whole frames -----------------------------------------------------------------------------------------------------

/** Frames whose payload a test can hold, each drawn by hand up to its payload, with every boundary of the length. */
const frames: readonly [what: string, frame: NaiveFrame, picture: string][] = [
  ["an empty close frame", { fin: true, opcode: 8, payload: filled(0) }, "1 000 1000 0 0000000"],
  ["an empty masked ping", { fin: true, opcode: 9, key: KEY, payload: filled(0) }, `1 000 1001 1 0000000 ${keyBits}`],
  ["a pong of 125 bytes", { fin: true, opcode: 10, payload: filled(125) }, "1 000 1010 0 1111101"],
  ["a first fragment", { fin: false, opcode: 1, key: KEY, payload: filled(5) }, `0 000 0001 1 0000101 ${keyBits}`],
  ["a compressed text", { fin: true, rsv: 4, opcode: 1, payload: filled(7) }, "1 100 0001 0 0000111"],
  ["all bits of an extension", { fin: true, rsv: 7, opcode: 15, payload: filled(1) }, "1 111 1111 0 0000001"],
  ...lengths
    .filter(([length]) => length <= 65_536)
    .flatMap(([length, picture]): [string, NaiveFrame, string][] => [
      [`${length} bytes`, { fin: true, opcode: 2, payload: filled(length) }, `1 000 0010 0 ${picture}`],
      [
        `${length} masked bytes`,
        { fin: true, opcode: 2, key: KEY, payload: filled(length) },
        `1 000 0010 1 ${picture} ${keyBits}`,
      ],
    ]),
];

function filled(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 37 + length) & 255);
}

for (const [what, frame, picture] of frames) {
  const { fin, rsv = 0, opcode, key, payload } = frame;
  const head = bits(picture);
  const wire = join(head, key ? naiveMask(payload, key, 0) : payload);
  const first = (fin ? FIN : 0) | (rsv << 4) | opcode;

  test(`writeFrame writes ${what}, of as many bytes as there are and not one more`, () => {
    const out = new Uint8Array(wire.length + 5).fill(0xaa);
    const kept = payload.slice();
    assert.equal(writeFrame(out, 2, first, payload, key && keyNumber(key)), wire.length);
    assert.equal(Buffer.compare(out.subarray(2, 2 + wire.length), wire), 0);
    assert.deepEqual([...out.subarray(0, 2), ...out.subarray(2 + wire.length)], [0xaa, 0xaa, 0xaa, 0xaa, 0xaa]);
    assert.equal(Buffer.compare(payload, kept), 0, "the payload was changed");
  });

  test(`readFrame reads ${what}, wherever it lies, and unmaskFrameInPlace unmasks it`, () => {
    const around = join(Uint8Array.of(1, 2, 3), wire, Uint8Array.of(4, 5));
    const read = new Frame();
    assert.equal(readFrame(around, 3, around.length, read), wire.length);
    assert.deepEqual(
      { ...read },
      {
        ...{ fin, rsv, opcode, masked: key !== undefined, maskKey: key ? keyNumber(key) : 0, length: payload.length },
        ...{ payloadFrom: 3 + head.length, payloadTo: 3 + wire.length },
      },
    );
    assert.equal(Buffer.compare(around.subarray(3, 3 + wire.length), wire), 0, "reading changed the bytes");
    const unmasked = join(Uint8Array.of(1, 2, 3), head, payload, Uint8Array.of(4, 5));
    for (let i = 0; i < 2; i++) {
      unmaskFrameInPlace(around, read);
      assert.equal(Buffer.compare(around, unmasked), 0, `call ${i + 1}`);
      assert.deepEqual([read.masked, read.maskKey], [false, 0]);
    }
  });

  test(`readFrame returns 0 for ${what} cut at any byte`, () => {
    const read = new Frame();
    for (let to = 0; to < wire.length; to++) assert.equal(readFrame(wire, 0, to, read), 0, `cut at ${to}`);
  });
}

test("readFrame waits for a frame of 2^53 - 1 bytes, and refuses what readHeader refuses", () => {
  for (const key of [undefined, KEY]) {
    const wire = naiveHeader(key ? { fin: true, opcode: 2, key } : { fin: true, opcode: 2 }, 2 ** 53 - 1);
    assert.equal(readFrame(wire, 0, wire.length, new Frame()), 0);
  }
  const broken = bits(`1 000 0010 0 1111110 ${binary(125, 16)}`);
  refused(() => readFrame(broken, 0, broken.length, new Frame()), PROTOCOL_ERROR);
});

const anyFrame = fc.record({
  fin: fc.boolean(),
  rsv: fc.nat(7),
  opcode: fc.nat(15),
  key: fc.option(keys, { nil: undefined }),
  payload: fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(65_535, 65_536).map(filled)),
});

test("readFrame reads one frame after the other of what writeFrame wrote, and unmasked they are what was given", () => {
  fc.assert(
    fc.property(fc.array(anyFrame, { maxLength: 6 }), (sent) => {
      const wire = new Uint8Array(sent.reduce((sum, { payload }) => sum + HEADER_BYTES_MAX + payload.length, 0));
      let end = 0;
      for (const { fin, rsv, opcode, key, payload } of sent) {
        const size = writeFrame(wire, end, (fin ? FIN : 0) | (rsv << 4) | opcode, payload, key && keyNumber(key));
        const parts = { fin, rsv, opcode, payload };
        assert.equal(Buffer.compare(wire.subarray(end, end + size), naiveFrame(key ? { ...parts, key } : parts)), 0);
        end += size;
      }
      const frame = new Frame();
      let at = 0;
      for (const { fin, rsv, opcode, payload } of sent) {
        at += readFrame(wire, at, end, frame);
        unmaskFrameInPlace(wire, frame);
        assert.deepEqual([frame.fin, frame.rsv, frame.opcode, frame.length], [fin, rsv, opcode, payload.length]);
        assert.equal(Buffer.compare(wire.subarray(frame.payloadFrom, frame.payloadTo), payload), 0);
      }
      assert.equal(at, end);
    }),
  );
});

for (const key of [undefined, keyNumber(KEY)]) {
  const who = key === undefined ? "an unmasked" : "a masked";
  test(`writeFrame takes the room of ${who} frame, and refuses one byte less without writing any`, () => {
    for (const length of [0, 125, 126, 65_535, 65_536]) {
      const size = headerSize(length, key !== undefined) + length;
      assert.equal(writeFrame(new Uint8Array(size + 3), 3, FIN, filled(length), key), size);
      const tight = new Uint8Array(size + 2).fill(0xaa);
      assert.throws(() => writeFrame(tight, 3, FIN, filled(length), key), {
        code: "BELFRY_BAD_OPTION",
        message: `a frame of ${size} bytes does not fit at 3 of ${size + 2} bytes: see headerSize`,
      });
      assert.ok(tight.every((byte) => byte === 0xaa));
    }
  });

  test(`writeFrame makes ${who} frame of a payload that lies in the same bytes, wherever`, () => {
    for (const length of [3, 60, 130]) {
      const expected = naiveFrame({ fin: true, opcode: 2, payload: filled(length), ...(key && { key: KEY }) });
      for (let from = 0; from < 20; from++) {
        const bytes = new Uint8Array(200);
        bytes.set(filled(length), from);
        const size = writeFrame(bytes, 5, FIN | 2, bytes.subarray(from, from + length), key);
        assert.deepEqual(bytes.slice(5, 5 + size), expected, `from ${from}`);
      }
    }
  });
}

test("isControl, isData and isReserved sort the opcodes as 5.2 does", () => {
  const all = Array.from({ length: 16 }, (_, opcode) => opcode);
  assert.deepEqual(all.filter(isControl), [8, 9, 10, 11, 12, 13, 14, 15]);
  assert.deepEqual(all.filter(isData), [0, 1, 2, 3, 4, 5, 6, 7]);
  assert.deepEqual(all.filter(isReserved), [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]);
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

test("maskInPlace masks all of a buffer that has grown since it was last seen", () => {
  // The typings of this version of the language know no buffers that grow.
  const buffer = Reflect.construct(ArrayBuffer, [100, { maxByteLength: 200 }]) as ArrayBuffer;
  maskInPlace(new Uint8Array(buffer), 0, 100, 0, 0);
  (buffer as ArrayBuffer & { resize(bytes: number): void }).resize(200);
  const bytes = new Uint8Array(buffer);
  bytes.set(filled(200));
  maskInPlace(bytes, 0, 200, keyNumber(KEY), 0);
  assert.deepEqual(new Uint8Array(bytes), naiveMask(filled(200), KEY, 0));
});

test("maskInPlace unmasks the example of RFC 6455, 5.7", () => {
  const bytes = Uint8Array.of(0x7f, 0x9f, 0x4d, 0x51, 0x58);
  maskInPlace(bytes, 0, 5, keyNumber(KEY), 0);
  assert.deepEqual(bytes, utf8("Hello"));
});
