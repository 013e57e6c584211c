import assert from "node:assert/strict";
import fc from "fast-check";
import { checkUtf8, UTF8_BROKEN, UTF8_START, validUtf8 } from "../../src/ws/index.ts";
import { cut, cutPoints, utf8 as encoded } from "../../test/ws-bits.ts";
import { fence, guards, hex, mutated } from "../bytes.ts";
import { brokenAt } from "../naive-frames.ts";
import type { Property } from "../property.ts";

interface Input {
  readonly bytes: Uint8Array;
  readonly cuts: readonly number[];
  readonly guard: Uint8Array;
}

const texts = fc.oneof(
  fc.string({ unit: "binary", maxLength: 30 }),
  fc.string({
    unit: fc.constantFrom(
      "a",
      "\u007f",
      "\u0080",
      "\u07ff",
      "\u0800",
      "\ud7ff",
      "\ue000",
      "\ufeff",
      "\uffff",
      "\u{10000}",
      "\u{10ffff}",
    ),
    maxLength: 30,
  }),
);
/** Bytes at the edges of the table in RFC 3629, section 4. */
const edges = fc
  .array(fc.constantFrom(...hex("007f808f909fa0bfc0c1c2dfe0e1ecedeeeff0f1f3f4f5ff")), { maxLength: 8 })
  .map((bytes) => Uint8Array.from(bytes));

// A byte order mark is valid UTF-8, and RFC 6455 gives it no other meaning. A decoder that is not told to ignore it
// takes it out of the text, which could not be compared with the bytes then.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** UTF-8, whole and in pieces. */
export const utf8: Property<Input> = {
  name: "utf8",
  proves: "checkUtf8, in every cut, and validUtf8 take what TextDecoder takes, and break at the first wrong byte",
  share: 14,
  inputs: fc.record({
    bytes: fc.oneof(texts.map(encoded), mutated(texts.map(encoded), 3), edges, fc.uint8Array({ maxLength: 12 })),
    cuts: cutPoints,
    guard: guards,
  }),
  check({ bytes, cuts, guard }) {
    const { all, from, to } = fence(bytes, guard);
    const valid = decodes(bytes);
    assert.equal(validUtf8(all, from, to), valid, "validUtf8");
    assert.equal(brokenAt(bytes, true) < 0, valid, "the oracles differ");

    const broken = brokenAt(bytes, false);
    let state = UTF8_START;
    let at = from;
    for (const piece of cut(bytes, cuts)) {
      const end = at + piece.length;
      state = checkUtf8(all, at, end, state);
      assert.equal(state, checkUtf8(all, from, end, UTF8_START), "the state depends on the cut");
      assert.equal(state === UTF8_BROKEN, broken >= 0 && end - from >= broken, `broken at byte ${broken}`);
      at = end;
    }
    assert.equal(state === UTF8_START, valid, "the last state");
  },
};

function decodes(bytes: Uint8Array): boolean {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    return false;
  }
  assert.equal(Buffer.compare(encoded(text), bytes), 0, "the decoder reads another text");
  return true;
}
