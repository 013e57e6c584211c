import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  closeCodes,
  compileClose,
  compileFrame,
  compilePing,
  compilePong,
  compileText,
  Frame,
  messageFrames,
  opcodes,
  preparedFrames,
  randomKey,
  readClose,
  readFrame,
  unmaskFrameInPlace,
} from "../src/ws/index.ts";
import { bits, join, keyNumber, keys, naiveFrame, utf8 } from "./ws-bits.ts";

const { CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG } = opcodes;
const KEY = [0x37, 0xfa, 0x21, 0x3d];

// ---- compileFrame -----------------------------------------------------------------------------------------------------

for (const length of [0, 1, 125, 126, 127, 65_535, 65_536, 70_000]) {
  for (const key of [undefined, KEY]) {
    test(`compileFrame makes the whole ${key ? "masked" : "unmasked"} frame of ${length} bytes`, () => {
      const payload = Uint8Array.from({ length }, (_, i) => i * 7);
      const expected = naiveFrame({ fin: true, opcode: TEXT, payload, ...(key && { key }) });
      assert.equal(Buffer.compare(compileFrame(TEXT, payload, { key: key && keyNumber(key) }), expected), 0);
    });
  }
}

test("compileFrame makes the examples of RFC 6455, 5.7", () => {
  const hello = utf8("Hello");
  const examples: readonly [frame: Uint8Array, hex: string][] = [
    [compileFrame(TEXT, hello), "810548656c6c6f"],
    [compileFrame(TEXT, hello, { key: keyNumber(KEY) }), "818537fa213d7f9f4d5158"],
    [compileFrame(TEXT, utf8("Hel"), { fin: false }), "010348656c"],
    [compileFrame(CONTINUATION, utf8("lo")), "80026c6f"],
    [compilePing(hello), "890548656c6c6f"],
    [compilePong(hello, { key: keyNumber(KEY) }), "8a8537fa213d7f9f4d5158"],
    [compileFrame(BINARY, new Uint8Array(256)), `827e0100${"00".repeat(256)}`],
    [compileFrame(BINARY, new Uint8Array(65_536)), `827f0000000000010000${"00".repeat(65_536)}`],
  ];
  for (const [frame, hex] of examples) assert.equal(Buffer.from(frame).toString("hex"), hex);
});

test("compileFrame agrees with the naive encoder on all that it may be told, and does not touch the payload", () => {
  const frames = fc.record({
    fin: fc.boolean(),
    rsv: fc.nat(7),
    opcode: fc.nat(7),
    key: fc.option(keys, { nil: undefined }),
    payload: fc.uint8Array({ maxLength: 300 }),
  });
  fc.assert(
    fc.property(frames, ({ key, ...frame }) => {
      const { opcode, fin, rsv, payload } = frame;
      const kept = payload.slice();
      const compiled = compileFrame(opcode, payload, { fin, rsv, key: key && keyNumber(key) });
      assert.deepEqual(compiled, naiveFrame(key ? { ...frame, key } : frame));
      assert.equal(compiled.byteLength, compiled.buffer.byteLength, "the frame shares its buffer");
      assert.deepEqual(payload, kept);
    }),
  );
});

const refusedFrames: readonly [what: string, work: () => Uint8Array, message: string][] = [
  ["the opcode 16", () => compileFrame(16, utf8("")), "an opcode is 0 to 15, not 16"],
  ["the opcode -1", () => compileFrame(-1, utf8("")), "an opcode is 0 to 15, not -1"],
  ["the opcode 1.5", () => compileFrame(1.5, utf8("")), "an opcode is 0 to 15, not 1.5"],
  ["reserved bits of 8", () => compileFrame(TEXT, utf8(""), { rsv: 8 }), "the reserved bits are 0 to 7, not 8"],
  ["a fragmented ping", () => compileFrame(PING, utf8(""), { fin: false }), "a control frame cannot be fragmented"],
  ...[CLOSE, PING, PONG, 11].map((opcode): [string, () => Uint8Array, string] => [
    `a control frame ${opcode} of 126 bytes`,
    () => compileFrame(opcode, new Uint8Array(126)),
    "a control frame has at most 125 bytes of payload, not 126",
  ]),
  ["a reason without a code", () => compileClose(undefined, "bye"), "a reason for closing needs a code before it"],
];
for (const [what, work, message] of refusedFrames) {
  test(`compileFrame and its kind refuse ${what}`, () => {
    assert.throws(work, { name: "BelfryError", code: "BELFRY_BAD_OPTION", message });
  });
}

// ---- Its kind ---------------------------------------------------------------------------------------------------------

test("compileText encodes a text, and half a surrogate pair as U+FFFD", () => {
  const text = "grüß 👋 \u{FEFF}";
  assert.deepEqual(compileText(text), naiveFrame({ fin: true, opcode: TEXT, payload: utf8(text) }));
  assert.deepEqual(compileText("a\ud800"), bits("1 000 0001 0 0000100  01100001 11101111 10111111 10111101"));
  const first = compileText("Hel", { fin: false, rsv: 4, key: keyNumber(KEY) });
  assert.deepEqual(first, naiveFrame({ fin: false, rsv: 4, opcode: TEXT, key: KEY, payload: utf8("Hel") }));
});

test("compilePing and compilePong take 125 bytes, none, and a key", () => {
  for (const [compile, opcode] of [
    [compilePing, PING],
    [compilePong, PONG],
  ] as const) {
    const payload = new Uint8Array(125).fill(7);
    assert.deepEqual(compile(), naiveFrame({ fin: true, opcode, payload: utf8("") }));
    assert.deepEqual(compile(payload), naiveFrame({ fin: true, opcode, payload }));
    assert.deepEqual(compile(payload, { key: keyNumber(KEY) }), naiveFrame({ fin: true, opcode, key: KEY, payload }));
    assert.throws(() => compile(new Uint8Array(126)), { code: "BELFRY_BAD_OPTION" });
  }
});

test("compileClose draws a code and a reason, or neither, masked or not", () => {
  assert.deepEqual(compileClose(), bits("1 000 1000 0 0000000"));
  assert.deepEqual(compileClose(1000), bits("1 000 1000 0 0000010  00000011 11101000"));
  const payload = join(bits("00001111 10100000"), utf8("tschüß"));
  assert.deepEqual(compileClose(4000, "tschüß"), naiveFrame({ fin: true, opcode: CLOSE, payload }));
  const masked = compileClose(4000, "tschüß", { key: keyNumber(KEY) });
  assert.deepEqual(masked, naiveFrame({ fin: true, opcode: CLOSE, key: KEY, payload }));
});

test("compileClose takes a reason of 123 bytes and refuses 124, and refuses codes that are never sent (7.4)", () => {
  assert.equal(compileClose(1000, "x".repeat(123)).length, 127);
  assert.throws(() => compileClose(1000, "x".repeat(124)), { code: "BELFRY_BAD_OPTION" });
  for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000]) {
    assert.throws(() => compileClose(code), { code: "BELFRY_BAD_OPTION", message: /may not be sent/ }, String(code));
  }
});

test("preparedFrames are a server's: a ping, a pong, and a close frame for each code that it sends", () => {
  const { ping, pong, close, ...closes } = preparedFrames;
  assert.deepEqual([ping, pong, close], [compilePing(), compilePong(), compileClose()]);
  const names: Record<string, number> = closeCodes;
  for (const [name, frame] of Object.entries(closes)) {
    const code = names[
      name
        .replace(/^close/, "")
        .replace(/(?<=.)[A-Z]/g, "_$&")
        .toUpperCase()
    ] as number;
    assert.deepEqual(frame, compileClose(code), name);
  }
  const sent = Object.values(closes).map((frame) => readClose(frame, 2, frame.length).code);
  assert.deepEqual(sent, [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 1012, 1013, 1014, 3008]);
  assert.ok(Object.isFrozen(preparedFrames));
});

test("randomKey gives keys that do not repeat within and over its blocks, and have every bit", () => {
  const drawn = Array.from({ length: 5000 }, randomKey);
  assert.ok(drawn.every((key) => key === (key | 0)));
  // Of 5000 keys out of 2^32 two are equal once in 340 runs, ten never.
  assert.ok(new Set(drawn).size > 4990);
  for (let bit = 0; bit < 32; bit++) {
    const ones = drawn.filter((key) => ((key >>> bit) & 1) === 1).length;
    assert.ok(ones > 2000 && ones < 3000, `bit ${bit} is set ${ones} times of 5000`);
  }
});

// ---- Messages ---------------------------------------------------------------------------------------------------------

/** The frames of a message, read and unmasked. */
function framesOf(message: string | Uint8Array, options: Parameters<typeof messageFrames>[1]) {
  return Array.from(messageFrames(message, options), (wire) => {
    const frame = new Frame();
    assert.equal(readFrame(wire, 0, wire.length, frame), wire.length);
    const { fin, rsv, opcode, masked } = frame;
    unmaskFrameInPlace(wire, frame);
    return { fin, rsv, opcode, masked, payload: wire.slice(frame.payloadFrom, frame.payloadTo) };
  });
}

test("messageFrames makes one frame of a message, a text for a string and a binary one for bytes", () => {
  for (const server of [true, false]) {
    for (const [message, opcode] of [
      ["", TEXT],
      ["grüß", TEXT],
      [utf8(""), BINARY],
      [new Uint8Array(70_000), BINARY],
    ] as const) {
      const payload = typeof message === "string" ? utf8(message) : message;
      assert.deepEqual(framesOf(message, { server }), [{ fin: true, rsv: 0, opcode, masked: !server, payload }]);
    }
  }
});

test("messageFrames cuts a message into fragments of fragmentBytesMax and a rest, none of them empty", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.integer({ min: 1, max: 210 }),
      fc.boolean(),
      (bytes, max, server) => {
        const frames = framesOf(bytes, { server, fragmentBytesMax: max });
        assert.deepEqual(join(...frames.map(({ payload }) => payload)), bytes);
        assert.equal(frames.length, Math.max(1, Math.ceil(bytes.length / max)));
        for (const [i, { fin, opcode, masked, payload }] of frames.entries()) {
          const last = i === frames.length - 1;
          assert.deepEqual([fin, opcode, masked], [last, i === 0 ? BINARY : CONTINUATION, !server]);
          if (!last) assert.equal(payload.length, max);
        }
      },
    ),
  );
});

test("messageFrames masks each fragment with a key of its own", () => {
  const frames = Array.from(messageFrames(new Uint8Array(100), { server: false, fragmentBytesMax: 10 }));
  assert.equal(new Set(frames.map((frame) => Buffer.from(frame.subarray(2, 6)).toString("hex"))).size, 10);
});

test("messageFrames sets RSV1 on the first frame of what the codec compressed, and on none of what it did not", () => {
  const halves = { compress: (bytes: Uint8Array, _: number, to: number) => bytes.subarray(0, to / 2) };
  const codec = { ...halves, decompress: () => assert.fail("nothing is to be decompressed") };
  assert.deepEqual(framesOf("abcdef", { server: true, codec, fragmentBytesMax: 2 }), [
    { fin: false, rsv: 4, opcode: TEXT, masked: false, payload: utf8("ab") },
    { fin: true, rsv: 0, opcode: CONTINUATION, masked: false, payload: utf8("c") },
  ]);
  const lazy = { ...codec, compress: () => undefined };
  assert.deepEqual(framesOf("abcdef", { server: true, codec: lazy }), [
    { fin: true, rsv: 0, opcode: TEXT, masked: false, payload: utf8("abcdef") },
  ]);
});

test("messageFrames refuses a fragmentBytesMax below 1 and a message that is neither text nor bytes, at once", () => {
  for (const fragmentBytesMax of [0, -1, 1.5, Number.NaN]) {
    assert.throws(() => messageFrames("a", { server: true, fragmentBytesMax }), {
      code: "BELFRY_BAD_OPTION",
      message: `fragmentBytesMax is a whole number from 1, not ${fragmentBytesMax}`,
    });
  }
  assert.equal(framesOf("abc", { server: true, fragmentBytesMax: Infinity }).length, 1);
  for (const message of [5, null, [1], new ArrayBuffer(1)]) {
    assert.throws(() => messageFrames(message as unknown as string, { server: true }), { code: "BELFRY_BAD_OPTION" });
  }
});
