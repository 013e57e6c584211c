import assert from "node:assert/strict";
import fc from "fast-check";
import { maskInPlace } from "../../src/ws/index.ts";
import { cut, cutPoints, join, keyNumber, keys, naiveMask } from "../../test/ws-bits.ts";
import { inPieces } from "../bytes.ts";
import type { Property } from "../property.ts";

interface Input {
  readonly bytes: Uint8Array;
  readonly key: readonly number[];
  /** Where in the payload the bytes begin. */
  readonly offset: number;
  /** Where the view begins in its buffer, and the bytes in the view. */
  readonly view: number;
  readonly guard: Uint8Array;
  readonly cuts: readonly number[];
}

const payloads = fc.oneof(
  fc.uint8Array({ maxLength: 100 }),
  fc.uint8Array({ minLength: 40, maxLength: 60 }),
  fc.tuple(fc.nat(2000), fc.nat(255)).map(([length, step]) => Uint8Array.from({ length }, (_, i) => i * step)),
);

/** Masking, in one go and in pieces. */
export const mask: Property<Input> = {
  name: "mask",
  proves: "maskInPlace masks octet i with key octet i MOD 4, at every alignment, in pieces too, and returns the OR",
  share: 12,
  inputs: fc.record({
    bytes: payloads,
    key: keys,
    offset: fc.oneof(fc.nat(8), fc.maxSafeInteger().map(Math.abs)),
    view: fc.nat(9),
    guard: fc.uint8Array({ maxLength: 70 }),
    cuts: cutPoints,
  }),
  check({ bytes, key, offset, view, guard, cuts }) {
    const expected = naiveMask(bytes, key, offset % 4);
    const or = expected.reduce((before, byte) => before | byte, 0);
    const all = new Uint8Array(join(new Uint8Array(view), guard, bytes, guard).buffer, view);
    const returned = maskInPlace(all, guard.length, guard.length + bytes.length, keyNumber(key), offset);
    assert.equal(Buffer.compare(all, join(guard, expected, guard)), 0, "not what the naive loop makes of it");
    assert.equal(returned & 255, or, "the OR of all");
    assert.equal(returned > 0x7f, or > 0x7f, "the OR as it is compared");

    const pieces: Uint8Array[] = [];
    let done = offset % 4;
    let returnedOfPieces = 0;
    inPieces(cut(bytes, cuts), guard, (piece, from, to) => {
      returnedOfPieces |= maskInPlace(piece, from, to, keyNumber(key), done);
      done += to - from;
      pieces.push(piece.slice(from, to));
    });
    assert.equal(Buffer.compare(join(...pieces), expected), 0, "in pieces it is another");
    assert.equal(returnedOfPieces & 255, or, "the OR of the pieces");
  },
};
