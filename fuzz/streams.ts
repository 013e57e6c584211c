import fc from "fast-check";
import { cut, join, naiveMask, utf8 } from "../test/ws-bits.ts";
import { mutated } from "./bytes.ts";
import type { Event } from "./naive-frames.ts";

/** Streams of frames: right ones, and ones that are wrong in a few places. */

/** A frame to encode, right or wrong. */
export interface WireFrame {
  readonly fin: boolean;
  readonly rsv: number;
  readonly opcode: number;
  /** The masking key; without it the frame is not masked. */
  readonly key: readonly number[] | undefined;
  /** Bits of the extended length; undefined for the fewest that do. */
  readonly form?: 0 | 16 | 64 | undefined;
  /** The length that the header announces; undefined for that of the payload. */
  readonly announced?: bigint | undefined;
  readonly payload: Uint8Array;
}

/** The bytes of a frame. */
export function encode({ fin, rsv, opcode, key, form, announced, payload }: WireFrame): Uint8Array {
  const length = announced ?? BigInt(payload.length);
  const minimal = length < 126n ? 0 : length < 65536n ? 16 : 64;
  const bits = Math.max(form ?? minimal, minimal);
  const short = bits === 64 ? 127 : bits === 16 ? 126 : Number(length);
  const extended = bits === 0 ? "" : length.toString(16).padStart(bits / 4, "0");
  const head = Uint8Array.of((fin ? 128 : 0) + rsv * 16 + opcode, (key ? 128 : 0) + short);
  const body = key ? [Uint8Array.from(key), naiveMask(payload, key, 0)] : [payload];
  return join(head, new Uint8Array(Buffer.from(extended, "hex")), ...body);
}

const keys = fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => [...bytes]);

const closePayloads = fc.oneof(
  fc.constant(new Uint8Array(0)),
  fc
    .tuple(
      fc.oneof(fc.constantFrom(999, 1000, 1004, 1005, 1006, 1014, 1015, 2999, 3000, 4999, 5000), fc.nat(65_535)),
      fc.string({ unit: "binary", maxLength: 10 }),
    )
    .map(([code, reason]) => join(Uint8Array.of(code >> 8, code), utf8(reason))),
  fc.uint8Array({ maxLength: 5 }),
);

const controls: fc.Arbitrary<Event> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ opcode: fc.constantFrom(9, 10), payload: fc.uint8Array({ maxLength: 8 }) }) },
  fc.record({ opcode: fc.constantFrom(9, 10), payload: fc.uint8Array({ minLength: 110, maxLength: 125 }) }),
  closePayloads.map((payload) => ({ opcode: 8, payload })),
);

const messages: fc.Arbitrary<Event> = fc.oneof(
  { weight: 100, arbitrary: fc.string({ unit: "binary", maxLength: 20 }).map((text) => textOf(utf8(text))) },
  { weight: 100, arbitrary: fc.nat(400).map((length) => textOf(new Uint8Array(length).fill(0x61))) },
  { weight: 100, arbitrary: fc.uint8Array({ maxLength: 40 }).map((payload) => ({ opcode: 2, payload })) },
  { weight: 100, arbitrary: filled(125, 126, 127, 1000) },
  // Long ones take long, and only their headers are different.
  filled(65_535, 65_536),
);

function textOf(payload: Uint8Array): Event {
  return { opcode: 1, payload };
}

function filled(...lengths: readonly number[]): fc.Arbitrary<Event> {
  return fc
    .tuple(fc.nat(255), fc.constantFrom(...lengths))
    .map(([byte, length]) => ({ opcode: 2, payload: new Uint8Array(length).fill(byte) }));
}

/** A message in fragments, which may be empty, with the control frames before each. */
const fragmented = fc
  .record({
    message: messages,
    ends: fc.array(fc.nat(), { maxLength: 3 }),
    between: fc.array(fc.array(controls, { maxLength: 2 }), { maxLength: 4 }),
  })
  .map(({ message, ends, between }) => {
    const fragments = cut(message.payload, ends);
    return fragments.flatMap((payload, i) => {
      const fin = i === fragments.length - 1;
      const before = (between[i] ?? []).map((control) => ({ fin: true, ...control }));
      return [...before, { fin, opcode: i === 0 ? message.opcode : 0, payload }];
    });
  });

/** The frames of some messages, each right. `masked` as a client's are. */
export function frames(masked: boolean): fc.Arbitrary<WireFrame[]> {
  const some = fc.array(fragmented, { minLength: 1, maxLength: 4 });
  return fc.tuple(some, keys).map(([messages, key]) => {
    return messages
      .flat()
      .map((frame, i) => ({ ...frame, rsv: 0, key: masked ? key.map((byte) => byte ^ i) : undefined }));
  });
}

/** What is wrong with a frame. */
const wrongs: fc.Arbitrary<(frame: WireFrame) => WireFrame> = fc.oneof(
  fc.constant((frame: WireFrame) => ({ ...frame, fin: !frame.fin })),
  fc.nat(7).map((rsv) => (frame: WireFrame) => ({ ...frame, rsv })),
  fc.nat(15).map((opcode) => (frame: WireFrame) => ({ ...frame, opcode })),
  fc.constant((frame: WireFrame) => ({ ...frame, key: frame.key ? undefined : [1, 2, 3, 4] })),
  fc.constant((frame: WireFrame) => ({ ...frame, key: frame.key && [0, 0, 0, 0] })),
  fc.constantFrom(16 as const, 64 as const).map((form) => (frame: WireFrame) => ({ ...frame, form })),
  fc
    .constantFrom(
      ...[
        "7d",
        "7e",
        "ffff",
        "10000",
        "7fffffff",
        "1fffffffffffff",
        "20000000000000",
        "7fffffffffffffff",
        "8000000000000000",
        "ffffffffffffffff",
      ].map((digits) => BigInt(`0x${digits}`)),
    )
    .map((announced) => (frame: WireFrame) => ({ ...frame, announced })),
  fc.uint8Array({ maxLength: 6 }).map((payload) => (frame: WireFrame) => ({ ...frame, payload })),
  fc
    .constantFrom(0xc3, 0xe2, 0xed, 0xf4, 0xff, 0x80)
    .map((byte) => (frame: WireFrame) => ({ ...frame, payload: join(frame.payload, Uint8Array.of(byte)) })),
);

function right(masked: boolean): fc.Arbitrary<Uint8Array> {
  return frames(masked).map((list) => join(...list.map(encode)));
}

/** Streams with a few frames that are wrong, with a few bytes that are, and noise. */
export function streams(masked: boolean): fc.Arbitrary<Uint8Array> {
  const places = fc.array(fc.tuple(fc.nat(), wrongs), { minLength: 1, maxLength: 2 });
  const wrong = fc.tuple(frames(masked), places).map(([list, places]) => {
    for (const [where, wrong] of places) {
      const at = where % list.length;
      list[at] = wrong(list[at] as WireFrame);
    }
    return join(...list.map(encode));
  });
  return fc.oneof(
    { weight: 6, arbitrary: wrong },
    { weight: 6, arbitrary: mutated(right(masked), 3) },
    { weight: 3, arbitrary: mutated(wrong, 2) },
    { weight: 1, arbitrary: right(masked) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  );
}

/** Where a stream is cut: in a few places, or behind each of its first bytes. */
export const cuts: fc.Arbitrary<readonly number[]> = fc.oneof(
  { weight: 7, arbitrary: fc.array(fc.nat(), { maxLength: 8 }) },
  fc.constant(Array.from({ length: 200 }, (_, i) => i)),
);

/** A stream to the one end or the other, and how it comes. */
export interface StreamInput {
  readonly server: boolean;
  readonly stream: Uint8Array;
  /** Points for `cut` of test/ws-bits.ts. */
  readonly cuts: readonly number[];
  readonly guard: Uint8Array;
  readonly messageBytesMax: number;
  readonly fragmentsMax: number;
}
