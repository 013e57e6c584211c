import assert from "node:assert/strict";
import fc from "fast-check";
import { join } from "../test/ws-bits.ts";

/** Bytes that lie amid others, which a parser must neither look at nor touch. */
export interface Fenced {
  readonly all: Uint8Array;
  readonly from: number;
  readonly to: number;
}

/** A copy of the bytes with `guard` on both sides. */
export function fence(bytes: Uint8Array, guard: Uint8Array): Fenced {
  return { all: join(guard, bytes, guard), from: guard.length, to: guard.length + bytes.length };
}

/** Asserts that nothing was written outside. */
export function assertUntouched({ all, from, to }: Fenced, guard: Uint8Array): void {
  const before = Buffer.compare(all.subarray(0, from), guard);
  const behind = Buffer.compare(all.subarray(to), guard);
  assert.equal(before | behind, 0, "bytes beside its own were written to");
}

/** Guards that would be understood, were they read: ends of lines, frames, tails of characters, quotes; or noise. */
export const guards: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 20 }),
  fc
    .constantFrom(
      "0d0a0d0a0d0a",
      "0a0a0a",
      "613a20620d0a",
      "818000000000",
      "8100810081008100",
      "80808080",
      "bfbfbfbf",
      "22613d223b2c",
    )
    .map(hex),
);

/** Bytes from hexadecimal digits. */
export function hex(digits: string): Uint8Array {
  assert.match(digits, /^([0-9a-f]{2})*$/);
  return new Uint8Array(Buffer.from(digits, "hex"));
}

/** Text as bytes, one for each character. */
export function latin1(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "latin1"));
}

/** Bytes as text, one character for each. */
export function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}

const changes = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("flip" as const), at: fc.nat(), bit: fc.nat(7) }) },
  fc.record({
    kind: fc.constant("set" as const),
    at: fc.nat(),
    to: fc.oneof(fc.constantFrom(0, 9, 10, 13, 32, 0x7f, 0x80, 0xff), fc.nat(255)),
  }),
  fc.record({
    kind: fc.constant("insert" as const),
    at: fc.nat(),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 4 }),
  }),
  fc.record({ kind: fc.constant("delete" as const), at: fc.nat(), count: fc.integer({ min: 1, max: 8 }) }),
  fc.record({ kind: fc.constant("repeat" as const), at: fc.nat(), count: fc.integer({ min: 1, max: 8 }) }),
  fc.record({ kind: fc.constant("truncate" as const), at: fc.nat() }),
);
type Change = typeof changes extends fc.Arbitrary<infer T> ? T : never;

/** Bytes of `source` with up to so many changes: bits flipped, bytes set, put in, left out, repeated, the end cut. */
export function mutated(source: fc.Arbitrary<Uint8Array>, changesMax: number): fc.Arbitrary<Uint8Array> {
  return fc
    .tuple(source, fc.array(changes, { maxLength: changesMax }))
    .map(([bytes, list]) => Uint8Array.from(list.reduce(changed, [...bytes])));
}

function changed(bytes: number[], change: Change): number[] {
  const at = change.at % (bytes.length + 1);
  switch (change.kind) {
    case "flip":
      if (at < bytes.length) bytes[at] = (bytes[at] as number) ^ (1 << change.bit);
      return bytes;
    case "set":
      if (at < bytes.length) bytes[at] = change.to;
      return bytes;
    case "insert":
      bytes.splice(at, 0, ...change.bytes);
      return bytes;
    case "delete":
      bytes.splice(at, change.count);
      return bytes;
    case "repeat":
      bytes.splice(at, 0, ...bytes.slice(at, at + change.count));
      return bytes;
    case "truncate":
      return bytes.slice(0, at);
  }
}

/** The bytes in pieces that lie amid guards; `use` gets each, and nothing beside it may be written to. */
export function inPieces(
  pieces: readonly Uint8Array[],
  guard: Uint8Array,
  use: (bytes: Uint8Array, from: number, to: number) => void,
): void {
  for (const piece of pieces) {
    const fenced = fence(piece, guard);
    try {
      use(fenced.all, fenced.from, fenced.to);
    } finally {
      assertUntouched(fenced, guard);
    }
  }
}
