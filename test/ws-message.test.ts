import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Buffers, closeCodes, isControl, MessageReader, type MessageRules, opcodes } from "../src/ws/index.ts";
import { bits, cut, type Frame, join, keys, naiveFrame, naiveHeader, naiveMask, refused, utf8 } from "./ws-bits.ts";

const { TEXT, BINARY, CONTINUATION, PING, PONG, CLOSE } = opcodes;
const KEY = [0x37, 0xfa, 0x21, 0x3d];

/** What a reader handed out. */
interface Event {
  readonly opcode: number;
  readonly payload: Uint8Array;
}

/** Buffers that know which of them are out, and spoil what comes back, so that a late look at it shows. */
class CountingBuffers implements Buffers {
  readonly out = new Set<Uint8Array>();
  taken = 0;
  /** Bytes of the largest `take`. */
  largest = 0;
  readonly #slack: number;
  constructor(slack = 0) {
    this.#slack = slack;
  }
  take(bytes: number): Uint8Array {
    const buffer = new Uint8Array(bytes + this.#slack).fill(0xee);
    this.out.add(buffer);
    this.taken++;
    this.largest = Math.max(this.largest, bytes);
    return buffer;
  }
  give(buffer: Uint8Array): void {
    assert.ok(this.out.delete(buffer), "a buffer is given back that was not taken, or twice");
    buffer.fill(0xee);
  }
}

function rulesOf(rules: Partial<MessageRules> = {}): MessageRules {
  return { server: true, rsvAllowed: 0, messageBytesMax: 1_048_576, fragmentsMax: 4096, ...rules };
}

/** Feeds pieces to a reader and collects what it hands out. */
function readAll(reader: MessageReader, pieces: readonly Uint8Array[]): Event[] {
  const events: Event[] = [];
  for (const piece of pieces) {
    let at = 0;
    do {
      const used = reader.read(piece, at, piece.length);
      at += used;
      if (reader.opcode >= 0) events.push({ opcode: reader.opcode, payload: reader.payload.slice(0, reader.length) });
      else assert.equal(at, piece.length, "the reader stopped before the end and completed nothing");
    } while (at < piece.length);
  }
  return events;
}

/** The naive decoder: needs all bytes at once, copies everything, trusts its input. */
function naiveDecode(wire: Uint8Array): Event[] {
  const events: Event[] = [];
  const view = new DataView(wire.buffer, wire.byteOffset, wire.length);
  let fragments: Uint8Array[] = [];
  let opcode = 0;
  for (let at = 0; at < wire.length; ) {
    const first = view.getUint8(at);
    const second = view.getUint8(at + 1);
    at += 2;
    let length = second & 127;
    if (length === 126) {
      length = view.getUint16(at);
      at += 2;
    } else if (length === 127) {
      length = Number(view.getBigUint64(at));
      at += 8;
    }
    let key = [0, 0, 0, 0];
    if (second >= 128) {
      key = [...wire.subarray(at, at + 4)];
      at += 4;
    }
    const payload = naiveMask(wire.subarray(at, at + length), key, 0);
    at += length;
    if ((first & 8) !== 0) {
      events.push({ opcode: first & 15, payload });
      continue;
    }
    if ((first & 15) !== 0) opcode = first & 15;
    fragments.push(payload);
    if (first < 128) continue;
    events.push({ opcode, payload: join(...fragments) });
    fragments = [];
  }
  return events;
}

const payloads = fc.oneof(
  fc.string({ unit: "binary", maxLength: 20 }).map((text) => ({ opcode: TEXT, payload: utf8(text) })),
  fc.string({ maxLength: 300, unit: "grapheme-ascii" }).map((text) => ({ opcode: TEXT, payload: utf8(text) })),
  fc.uint8Array({ maxLength: 40 }).map((payload) => ({ opcode: BINARY, payload })),
  fc.tuple(fc.nat(255), fc.constantFrom(125, 126, 127, 4000, 65_535, 65_536)).map(([byte, length]) => {
    return { opcode: BINARY, payload: new Uint8Array(length).fill(byte) };
  }),
);
const controls = fc
  .tuple(fc.constantFrom(PING, PONG, CLOSE), fc.uint8Array({ maxLength: 125 }))
  .map(([opcode, payload]) => ({ opcode, payload }));
/** A message, where its fragments end, and the control frames before each of them. */
const messages = fc.record({
  message: payloads,
  ends: fc.array(fc.nat(), { maxLength: 5 }),
  between: fc.array(fc.array(controls, { maxLength: 2 }), { minLength: 6, maxLength: 6 }),
});

/** The frames of a message and of the control frames in between; and what a reader makes of them. */
function framesOf({ message, ends, between }: { message: Event; ends: number[]; between: Event[][] }) {
  const frames: Frame[] = [];
  const events: Event[] = [];
  const fragments = cut(message.payload, ends);
  for (const [i, payload] of fragments.entries()) {
    for (const control of between[i] ?? []) {
      frames.push({ fin: true, ...control });
      events.push(control);
    }
    frames.push({ fin: i === fragments.length - 1, opcode: i === 0 ? message.opcode : CONTINUATION, payload });
  }
  events.push(message);
  return { frames, events };
}

for (const server of [true, false]) {
  test(`MessageReader of a ${server ? "server" : "client"} hands out exactly what was sent, however it was cut`, () => {
    const sizes = fc.infiniteStream(fc.oneof(fc.constant(1), fc.nat(20), fc.nat(5000)));
    fc.assert(
      fc.property(fc.array(messages, { maxLength: 5 }), keys, sizes, fc.nat(70), (sent, key, pieceSizes, slack) => {
        const all = sent.map(framesOf);
        const wire = join(
          ...all.flatMap(({ frames }) => frames).map((frame) => naiveFrame(server ? { ...frame, key } : frame)),
        );
        const expected = all.flatMap(({ events }) => events);
        assert.deepEqual(naiveDecode(wire), expected, "the naive decoder and the encoder differ");

        const pieces: Uint8Array[] = [];
        for (let at = 0; at < wire.length; ) {
          const size = Number(pieceSizes.next().value);
          pieces.push(wire.slice(at, at + size));
          at += size;
        }
        const buffers = new CountingBuffers(slack);
        const reader = new MessageReader(rulesOf({ server }), buffers);
        assert.deepEqual(readAll(reader, pieces), expected);
        assert.ok(reader.idle);
        reader.release();
        assert.equal(buffers.out.size, 0, "buffers are missing");
      }),
    );
  });
}

test("MessageReader reads one message of fragments and a ping cut at every pair of places", () => {
  const wire = join(
    naiveFrame({ fin: false, opcode: TEXT, key: KEY, payload: utf8("Gr") }),
    naiveFrame({ fin: true, opcode: PING, key: KEY, payload: utf8("?") }),
    naiveFrame({ fin: false, opcode: CONTINUATION, key: KEY, payload: bits("11000011") }),
    naiveFrame({ fin: true, opcode: CONTINUATION, key: KEY, payload: bits("10111100 11000011 10011111 01100101") }),
    naiveFrame({ fin: true, opcode: BINARY, key: KEY, payload: Uint8Array.of(0xff) }),
  );
  const expected = [
    { opcode: PING, payload: utf8("?") },
    { opcode: TEXT, payload: utf8("Grüße") },
    { opcode: BINARY, payload: Uint8Array.of(0xff) },
  ];
  for (let first = 0; first <= wire.length; first++) {
    for (let second = first; second <= wire.length; second++) {
      const reader = new MessageReader(rulesOf(), new CountingBuffers());
      assert.deepEqual(readAll(reader, cut(wire, [first, second])), expected, `cut at ${first} and ${second}`);
    }
  }
});

test("MessageReader reads on behind what it does not own, and uses no byte beyond `to`", () => {
  const frame = naiveFrame({ fin: true, opcode: TEXT, key: KEY, payload: utf8("Hello") });
  const around = join(Uint8Array.of(0xff, 0xff), frame, frame, Uint8Array.of(0xff));
  const reader = new MessageReader(rulesOf(), new CountingBuffers());
  assert.equal(reader.read(around, 2, 2), 0);
  assert.equal(reader.opcode, -1);
  assert.equal(reader.read(around, 2, 2 + frame.length * 2), frame.length);
  assert.deepEqual(reader.payload.slice(0, reader.length), utf8("Hello"));
  assert.deepEqual(around.subarray(2 + frame.length), join(frame, Uint8Array.of(0xff)), "the next frame was touched");
});

test("MessageReader is idle exactly between messages", () => {
  const wire = join(
    naiveFrame({ fin: false, opcode: TEXT, key: KEY, payload: utf8("a") }),
    naiveFrame({ fin: true, opcode: PING, key: KEY, payload: utf8("b") }),
    naiveFrame({ fin: true, opcode: CONTINUATION, key: KEY, payload: utf8("c") }),
  );
  const reader = new MessageReader(rulesOf(), new CountingBuffers());
  assert.ok(reader.idle);
  for (let at = 0; at < wire.length; at++) {
    reader.read(wire, at, at + 1);
    assert.equal(reader.idle, at === wire.length - 1, `behind byte ${at}`);
  }
});

test("MessageReader keeps a message that is in part while a control frame is handed out and let go", () => {
  const buffers = new CountingBuffers();
  const reader = new MessageReader(rulesOf(), buffers);
  const ping = naiveFrame({ fin: true, opcode: PING, key: KEY, payload: utf8("?") });
  readAll(reader, [naiveFrame({ fin: false, opcode: BINARY, key: KEY, payload: utf8("half") })]);
  for (let i = 0; i < 3; i++) assert.deepEqual(readAll(reader, [ping.slice()]), [{ opcode: PING, payload: utf8("?") }]);
  assert.equal(buffers.out.size, 1);
  assert.deepEqual(readAll(reader, [naiveFrame({ fin: true, opcode: CONTINUATION, key: KEY, payload: utf8("!") })]), [
    { opcode: BINARY, payload: utf8("half!") },
  ]);
});

// ---- Buffers ----------------------------------------------------------------------------------------------------------

test("MessageReader gives a message's buffer back at the next read", () => {
  const buffers = new CountingBuffers();
  const reader = new MessageReader(rulesOf(), buffers);
  readAll(reader, [naiveFrame({ fin: true, opcode: BINARY, key: KEY, payload: utf8("some") })]);
  assert.equal(buffers.out.size, 1);
  reader.read(new Uint8Array(0), 0, 0);
  assert.equal(buffers.out.size, 0);
  assert.equal(reader.payload.length, 0);
});

test("MessageReader.release gives everything back, in whatever it stopped, and makes the reader idle", () => {
  const wire = join(
    naiveFrame({ fin: false, opcode: TEXT, key: KEY, payload: utf8("begin") }),
    naiveFrame({ fin: true, opcode: PING, key: KEY, payload: utf8("ping") }),
    naiveFrame({ fin: true, opcode: CONTINUATION, key: KEY, payload: utf8("end") }),
  );
  for (let to = 0; to <= wire.length; to++) {
    const buffers = new CountingBuffers();
    const reader = new MessageReader(rulesOf(), buffers);
    readAll(reader, [wire.slice(0, to)]);
    reader.release();
    reader.release();
    assert.equal(buffers.out.size, 0, `stopped at ${to}`);
    assert.ok(reader.idle);
  }
});

test("MessageReader.release gives everything back after a refusal", () => {
  const buffers = new CountingBuffers();
  const reader = new MessageReader(rulesOf(), buffers);
  readAll(reader, [naiveFrame({ fin: false, opcode: TEXT, key: KEY, payload: utf8("begin") })]);
  const broken = naiveFrame({ fin: true, opcode: CONTINUATION, key: KEY, payload: Uint8Array.of(0xff) });
  refused(() => reader.read(broken, 0, broken.length), closeCodes.INVALID_PAYLOAD);
  reader.release();
  assert.equal(buffers.out.size, 0);
});

test("MessageReader takes room for what has come, not for what a header announces", () => {
  const buffers = new CountingBuffers();
  const reader = new MessageReader(rulesOf(), buffers);
  const wire = join(naiveHeader({ fin: true, opcode: BINARY, key: KEY }, 1_048_576), new Uint8Array(10));
  reader.read(wire, 0, wire.length);
  assert.ok(buffers.largest <= 64, `${buffers.largest} bytes were taken for 10`);
});

test("MessageReader takes a buffer only a few times for a message that comes byte by byte", () => {
  const buffers = new CountingBuffers();
  const reader = new MessageReader(rulesOf({ messageBytesMax: 5000 }), buffers);
  const wire = naiveFrame({ fin: true, opcode: BINARY, key: KEY, payload: new Uint8Array(5000) });
  for (let at = 0; at < wire.length; at++) reader.read(wire, at, at + 1);
  assert.equal(reader.length, 5000);
  assert.ok(buffers.taken <= 14, `${buffers.taken} buffers`);
  assert.ok(buffers.largest <= 5000, "more than messageBytesMax was taken");
});

// ---- Limits -----------------------------------------------------------------------------------------------------------

/** Frames of `lengths` bytes each, that make one binary message. */
function fragmented(lengths: readonly number[]): Uint8Array[] {
  return lengths.map((length, i) => {
    const opcode = i === 0 ? BINARY : CONTINUATION;
    return naiveFrame({ fin: i === lengths.length - 1, opcode, key: KEY, payload: new Uint8Array(length) });
  });
}

for (const [what, allowed, over] of [
  ["in one frame", [1000], [1001]],
  ["over fragments", [300, 0, 700], [300, 0, 701]],
  ["with its last fragment of one byte", [1000, 0], [1000, 1]],
] as const) {
  test(`MessageReader takes messageBytesMax ${what}, and refuses one byte more with 1009 at its header`, () => {
    const rules = rulesOf({ messageBytesMax: 1000 });
    const [event] = readAll(new MessageReader(rules, new CountingBuffers()), fragmented(allowed));
    assert.equal(event?.payload.length, 1000);

    const frames = fragmented(over);
    const last = frames.pop() as Uint8Array;
    const reader = new MessageReader(rules, new CountingBuffers());
    readAll(reader, frames);
    const lastLength = over[over.length - 1] as number;
    const headerBytes = last.length - lastLength;
    assert.equal(reader.read(last, 0, headerBytes - 1), headerBytes - 1);
    refused(() => reader.read(last, headerBytes - 1, headerBytes), closeCodes.MESSAGE_TOO_BIG);
  });
}

test("MessageReader counts a message's bytes anew for the next one", () => {
  const reader = new MessageReader(rulesOf({ messageBytesMax: 10, fragmentsMax: 2 }), new CountingBuffers());
  for (let i = 0; i < 5; i++) assert.equal(readAll(reader, fragmented([4, 6])).length, 1);
});

test("MessageReader does not count control frames into a message", () => {
  const reader = new MessageReader(rulesOf({ messageBytesMax: 10, fragmentsMax: 2 }), new CountingBuffers());
  const [first, second] = fragmented([4, 6]) as [Uint8Array, Uint8Array];
  const ping = naiveFrame({ fin: true, opcode: PING, key: KEY, payload: new Uint8Array(125) });
  assert.equal(readAll(reader, [first, ping.slice(), ping.slice(), ping.slice(), second]).length, 4);
});

test("MessageReader refuses a header of 2^40 bytes at once with 1009, and takes no buffer for it", () => {
  const buffers = new CountingBuffers();
  const wire = naiveHeader({ fin: true, opcode: BINARY, key: KEY }, 2 ** 40);
  refused(() => new MessageReader(rulesOf(), buffers).read(wire, 0, wire.length), closeCodes.MESSAGE_TOO_BIG);
  assert.equal(buffers.taken, 0);
});

test("MessageReader takes fragmentsMax fragments, and refuses one more with 1008", () => {
  const rules = rulesOf({ fragmentsMax: 5 });
  assert.equal(readAll(new MessageReader(rules, new CountingBuffers()), fragmented([0, 1, 0, 1, 0])).length, 1);
  const frames = fragmented([0, 0, 0, 0, 0, 0]);
  const last = frames.pop() as Uint8Array;
  const reader = new MessageReader(rules, new CountingBuffers());
  assert.deepEqual(readAll(reader, frames), []);
  refused(() => reader.read(last, 0, last.length), closeCodes.POLICY_VIOLATION);
});

// ---- Rules ------------------------------------------------------------------------------------------------------------

const brokenSequences: readonly [rule: string, frames: readonly Frame[]][] = [
  ["a continuation without a message", [{ fin: true, opcode: CONTINUATION, payload: utf8("a") }]],
  [
    "a message within a message",
    [
      { fin: false, opcode: TEXT, payload: utf8("a") },
      { fin: true, opcode: TEXT, payload: utf8("b") },
    ],
  ],
  [
    "a continuation behind a whole message",
    [
      { fin: true, opcode: TEXT, payload: utf8("a") },
      { fin: true, opcode: CONTINUATION, payload: utf8("b") },
    ],
  ],
  [
    "a message within one whose first fragment is empty",
    [
      { fin: false, opcode: BINARY, payload: utf8("") },
      { fin: true, opcode: BINARY, payload: utf8("b") },
    ],
  ],
  ["a fragmented ping", [{ fin: false, opcode: PING, payload: utf8("a") }]],
  ["a ping of 126 bytes", [{ fin: true, opcode: PING, payload: new Uint8Array(126) }]],
  ["a reserved bit", [{ fin: true, rsv: 4, opcode: TEXT, payload: utf8("a") }]],
  ["a reserved opcode", [{ fin: true, opcode: 3, payload: utf8("a") }]],
];
for (const [rule, frames] of brokenSequences) {
  test(`MessageReader refuses with 1002: ${rule} (5.4, 5.5)`, () => {
    const wire = frames.map((frame) => naiveFrame({ ...frame, key: KEY }));
    refused(() => readAll(new MessageReader(rulesOf(), new CountingBuffers()), wire), closeCodes.PROTOCOL_ERROR);
  });
}

test("MessageReader of a server refuses an unmasked frame with 1002, and that of a client a masked one (5.1)", () => {
  for (const server of [true, false]) {
    const frame = { fin: true, opcode: TEXT, payload: utf8("a") };
    const wire = naiveFrame(server ? frame : { ...frame, key: KEY });
    const reader = new MessageReader(rulesOf({ server }), new CountingBuffers());
    refused(() => reader.read(wire, 0, wire.length), closeCodes.PROTOCOL_ERROR);
  }
});

// ---- Text -------------------------------------------------------------------------------------------------------------

const brokenTexts: readonly [hex: string, at: number][] = [
  ["4865ff6c6c6f", 2],
  ["80", 0],
  ["41c341", 2],
  ["e282416161616161", 2],
  ["eda0806161", 1],
  ["f0908041", 3],
  ["f490808061", 1],
  [`${"61".repeat(100)}c0${"61".repeat(100)}`, 100],
];
for (const server of [true, false]) {
  for (const [hex, at] of brokenTexts) {
    const payload = new Uint8Array(Buffer.from(hex, "hex"));
    const name = hex.length > 20 ? "100 letters and c0" : hex;
    test(`MessageReader of a ${server ? "server" : "client"} refuses the text ${name} at its byte ${at} with 1007, however it is cut (8.1)`, () => {
      for (let end = 0; end <= payload.length; end++) {
        const frames = cut(payload, [end]).map((fragment, i): Frame => {
          const frame = { fin: i === 1, opcode: i === 0 ? TEXT : CONTINUATION, payload: fragment };
          return server ? { ...frame, key: KEY } : frame;
        });
        const wire = join(...frames.map(naiveFrame));
        const [first, second] = frames.map((frame) => naiveFrame(frame).length - frame.payload.length) as [
          number,
          number,
        ];
        const brokenAt = at < end ? first + at : first + second + at;
        const reader = new MessageReader(rulesOf({ server }), new CountingBuffers());
        for (let i = 0; i < brokenAt; i++) reader.read(wire, i, i + 1);
        refused(
          () => reader.read(wire, brokenAt, brokenAt + 1),
          closeCodes.INVALID_PAYLOAD,
          `fragment of ${end} bytes`,
        );
      }
    });
  }
}

test("MessageReader refuses a text that ends within a character with 1007, also when its last fragment is empty", () => {
  for (const hex of ["c3", "61e2", "61e282", "f09f98"]) {
    const payload = new Uint8Array(Buffer.from(hex, "hex"));
    for (const frames of [
      [{ fin: true, opcode: TEXT, key: KEY, payload }],
      [
        { fin: false, opcode: TEXT, key: KEY, payload },
        { fin: true, opcode: CONTINUATION, key: KEY, payload: utf8("") },
      ],
    ]) {
      const reader = new MessageReader(rulesOf(), new CountingBuffers());
      refused(() => readAll(reader, frames.map(naiveFrame)), closeCodes.INVALID_PAYLOAD);
    }
  }
});

test("MessageReader does not judge binary messages and control frames as text", () => {
  const payload = Uint8Array.of(0xff, 0xc3, 0x80, 0xed);
  for (const opcode of [BINARY, PING, PONG]) {
    const wire = naiveFrame({ fin: true, opcode, key: KEY, payload });
    assert.deepEqual(readAll(new MessageReader(rulesOf(), new CountingBuffers()), [wire]), [{ opcode, payload }]);
    assert.equal(isControl(opcode), opcode !== BINARY);
  }
});

test("MessageReader keeps the state of a text over a control frame with other bytes", () => {
  const wire = [
    naiveFrame({ fin: false, opcode: TEXT, key: KEY, payload: Uint8Array.of(0xe2, 0x82) }),
    naiveFrame({ fin: true, opcode: PING, key: KEY, payload: Uint8Array.of(0xff, 0x80) }),
    naiveFrame({ fin: true, opcode: CONTINUATION, key: KEY, payload: Uint8Array.of(0xac) }),
  ];
  const events = readAll(new MessageReader(rulesOf(), new CountingBuffers()), wire);
  assert.deepEqual(events[1], { opcode: TEXT, payload: utf8("€") });
});
