import assert from "node:assert/strict";
import { isUtf8 } from "node:buffer";
import { test } from "node:test";
import fc from "fast-check";
import { checkUtf8, UTF8_BROKEN, UTF8_START, validUtf8 } from "../src/ws/index.ts";
import { cut, cutPoints, join, utf8 } from "./ws-bits.ts";

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Whether the platform's decoder takes the bytes. */
function decodes(bytes: Uint8Array): boolean {
  try {
    decoder.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** Ends of characters: whatever a text was cut in, one of them makes it whole. */
const endings = ["", "80", "a0", "90", "8080", "a080", "9080", "808080", "908080"].map((hex) =>
  Buffer.from(hex, "hex"),
);

/** The first byte with which nothing can make the text valid any more; -1 when all is well so far. */
function brokenAt(bytes: Uint8Array): number {
  return bytes.findIndex((_, i) => !endings.some((ending) => isUtf8(join(bytes.subarray(0, i + 1), ending))));
}

const texts = fc.string({ unit: "binary", maxLength: 40 });
/** Texts in which some bytes were changed, left out or put in: nearly UTF-8, and so the more instructive. */
const mutated = fc
  .tuple(
    texts,
    fc.array(
      fc.tuple(
        fc.nat(200),
        fc.nat(2),
        fc.oneof(fc.nat(255), fc.constantFrom(0x80, 0xbf, 0xc0, 0xe0, 0xed, 0xf0, 0xf4)),
      ),
    ),
  )
  .map(([text, changes]) => {
    const bytes = [...utf8(text)];
    for (const [at, count, byte] of changes) bytes.splice(at % (bytes.length + 1), count, byte);
    return Uint8Array.from(bytes);
  });
const anyBytes = fc.oneof(mutated, fc.uint8Array({ maxLength: 12 }), texts.map(utf8));

/** Sequences around every boundary of the table in RFC 3629, section 4. */
const sequences: readonly [hex: string, what: string, valid: boolean][] = [
  ["", "nothing", true],
  ["00", "U+0000", true],
  ["7f", "U+007F, the last of one byte", true],
  ["80", "a tail alone", false],
  ["bf", "a tail alone", false],
  ["c080", "U+0000 in two bytes", false],
  ["c1bf", "U+007F in two bytes", false],
  ["c280", "U+0080, the first of two bytes", true],
  ["dfbf", "U+07FF, the last of two bytes", true],
  ["c27f", "a lead and no tail", false],
  ["c2c0", "a lead and a lead", false],
  ["e09fbf", "U+07FF in three bytes", false],
  ["e0a080", "U+0800, the first of three bytes", true],
  ["ed9fbf", "U+D7FF, before the surrogates", true],
  ["eda080", "U+D800, a surrogate", false],
  ["edbfbf", "U+DFFF, a surrogate", false],
  ["eda081edb080", "a pair of surrogates", false],
  ["ee8080", "U+E000, behind the surrogates", true],
  ["efbbbf", "U+FEFF, the byte order mark", true],
  ["efbfbf", "U+FFFF, the last of three bytes", true],
  ["f08fbfbf", "U+FFFF in four bytes", false],
  ["f0908080", "U+10000, the first of four bytes", true],
  ["f48fbfbf", "U+10FFFF, the last of all", true],
  ["f4908080", "U+110000", false],
  ["f5808080", "a lead beyond all", false],
  ["f888808080", "five bytes", false],
  ["fe", "0xFE", false],
  ["ff", "0xFF", false],
  ["cebae1bdb9cf83cebcceb5eda080656469746564", "κόσμε, then a surrogate", false],
];
for (const [hex, what, valid] of sequences) {
  test(`validUtf8 ${valid ? "takes" : "refuses"} ${hex || "no bytes"}: ${what}`, () => {
    const bytes = Buffer.from(hex, "hex");
    assert.equal(validUtf8(bytes, 0, bytes.length), valid);
    assert.equal(isUtf8(bytes), valid, "the table is wrong");
  });
}

test("validUtf8 agrees with the platform on all texts of one and two bytes", () => {
  const bytes = new Uint8Array(2);
  let wrong = 0;
  for (let all = 0; all < 65_536; all++) {
    bytes[0] = all >> 8;
    bytes[1] = all & 255;
    if (validUtf8(bytes, 0, 2) !== isUtf8(bytes)) wrong++;
    if (validUtf8(bytes, 1, 2) !== all % 256 < 128) wrong++;
  }
  assert.equal(wrong, 0);
});

test("validUtf8 agrees with the platform on all texts of three bytes that begin with 0xC0 and more", () => {
  const bytes = new Uint8Array(3);
  let wrong = 0;
  for (let all = 0xc00000; all <= 0xffffff; all++) {
    bytes[0] = all >> 16;
    bytes[1] = all >> 8;
    bytes[2] = all;
    // A lead of two bytes and a bad tail is refused whatever follows; of the rest each is looked at.
    if ((bytes[0] < 0xe0 || bytes[0] > 0xef) && (bytes[2] + 1) % 0x20 > 1) continue;
    if (validUtf8(bytes, 0, 3) !== isUtf8(bytes)) wrong++;
  }
  assert.equal(wrong, 0);
});

test("validUtf8 agrees with the platform on four bytes: every lead and second byte, the edges of the others", () => {
  const edges = [0x00, 0x7f, 0x80, 0x81, 0x9f, 0xa0, 0xbf, 0xc0, 0xff];
  const bytes = new Uint8Array(4);
  let wrong = 0;
  for (bytes[0] = 0xe0; ; bytes[0]++) {
    for (let second = 0; second < 256; second++) {
      bytes[1] = second;
      for (const third of edges) {
        for (const fourth of edges) {
          bytes[2] = third;
          bytes[3] = fourth;
          if (validUtf8(bytes, 0, 4) !== isUtf8(bytes)) wrong++;
        }
      }
    }
    if (bytes[0] === 255) break;
  }
  assert.equal(wrong, 0);
});

test("validUtf8 takes every character there is", () => {
  for (let from = 0; from < 0x110000; from += 4096) {
    let text = "";
    for (let point = from; point < from + 4096; point++)
      if (point < 0xd800 || point > 0xdfff) text += String.fromCodePoint(point);
    const bytes = utf8(text);
    assert.ok(validUtf8(bytes, 0, bytes.length), `from U+${from.toString(16)}`);
  }
});

test("validUtf8 agrees with TextDecoder on random and mutated texts, wherever they lie", () => {
  fc.assert(
    fc.property(anyBytes, fc.nat(3), (bytes, at) => {
      const around = join(new Uint8Array(at).fill(0xff), bytes, Uint8Array.of(0xff));
      assert.equal(validUtf8(around, at, at + bytes.length), decodes(bytes));
    }),
    { numRuns: 2000 },
  );
});

test("checkUtf8 of pieces, cut anywhere, comes to the state of the whole", () => {
  fc.assert(
    fc.property(anyBytes, cutPoints, (bytes, points) => {
      let state = UTF8_START;
      for (const piece of cut(bytes, points)) state = checkUtf8(piece, 0, piece.length, state);
      assert.equal(state, checkUtf8(bytes, 0, bytes.length, UTF8_START));
    }),
    { numRuns: 1000 },
  );
});

test("checkUtf8 breaks at the first byte after which nothing can be valid, and stays broken", () => {
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      const broken = brokenAt(bytes);
      let state = UTF8_START;
      for (let i = 0; i < bytes.length; i++) {
        state = checkUtf8(bytes, i, i + 1, state);
        assert.equal(
          state === UTF8_BROKEN,
          broken >= 0 && i >= broken,
          `byte ${i} of ${Buffer.from(bytes).toString("hex")}`,
        );
        assert.equal(state === UTF8_START, isUtf8(bytes.subarray(0, i + 1)));
      }
      for (let to = 0; to <= bytes.length; to++) {
        assert.equal(checkUtf8(bytes, 0, to, UTF8_START) === UTF8_BROKEN, broken >= 0 && to > broken);
      }
    }),
    { numRuns: 1000 },
  );
});
