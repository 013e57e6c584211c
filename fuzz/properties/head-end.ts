import assert from "node:assert/strict";
import fc from "fast-check";
import { findHeadEnd } from "../../src/ws/index.ts";
import { cut, cutPoints } from "../../test/ws-bits.ts";
import { fence, guards, latin1 } from "../bytes.ts";
import type { Property } from "../property.ts";

interface Input {
  readonly text: string;
  readonly cuts: readonly number[];
  readonly guard: Uint8Array;
}

/** The end of a head, looked for in what is new only. */
export const headEnd: Property<Input> = {
  name: "head-end",
  proves: "findHeadEnd finds in pieces, from three bytes before the new ones, what a RegExp finds in the whole",
  share: 8,
  inputs: fc.record({
    text: fc.string({ unit: fc.constantFrom("\r", "\n", "\r\n", "a"), maxLength: 30 }),
    cuts: cutPoints,
    guard: guards,
  }),
  check({ text, cuts, guard }) {
    const { all, from, to } = fence(latin1(text), guard);
    const naive = /\n\r?\n/.exec(text);
    const expected = naive ? from + naive.index + naive[0].length : -1;
    assert.equal(findHeadEnd(all, from, to), expected, "in the whole");
    let end = -1;
    let had = from;
    for (const piece of cut(latin1(text), cuts)) {
      end = findHeadEnd(all, Math.max(from, had - 3), had + piece.length);
      if (end >= 0) break;
      had += piece.length;
    }
    assert.equal(end, expected, "in pieces");
  },
};
