import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { nestsDeeper } from "../src/push/api/json-depth.ts";
import { jsonFault } from "../src/push/api/json-fault.ts";
import { parseJson } from "../src/push/api/json-text.ts";

const DEPTH_MAX = 128;

/** How deep a value nests, as anybody would count it. */
function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

/** JSON texts, with the spaces and escapes that JSON.stringify does not make. */
const jsonText = fc
  .tuple(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom(undefined, 1, "\t", "\r\n"))
  .map(([value, space]) => JSON.stringify(value, undefined, space));

/** JSON texts with a piece of them replaced. */
const nearlyJson = fc
  .tuple(
    jsonText,
    fc.nat(),
    fc.nat({ max: 3 }),
    fc.string({ unit: fc.constantFrom(...'{}[]",:\\u0e.-+1tn \n\u0001ä'), maxLength: 3 }),
  )
  .map(([text, at, length, piece]) => {
    const from = at % (text.length + 1);
    return text.slice(0, from) + piece + text.slice(from + length);
  });

test("nestsDeeper counts as one does who has parsed the text", () => {
  fc.assert(
    fc.property(jsonText, fc.nat({ max: 8 }), (text, depthMax) => {
      assert.equal(nestsDeeper(text, depthMax), depthOf(JSON.parse(text)) > depthMax);
    }),
  );
});

for (const [text, depth] of [
  ["1", 0],
  ["[]", 1],
  ['{"a":[{}],"b":[]}', 3],
  ['"[[["', 0],
  ['["\\"[[["]', 1],
  ['["\\\\",["[\\\\\\"["]]', 2],
  ["[[],[],[]]", 2],
] as const) {
  test(`nestsDeeper: ${text} nests ${depth} deep`, () => {
    assert.equal(nestsDeeper(text, depth), false);
    if (depth > 0) assert.equal(nestsDeeper(text, depth - 1), true);
  });
}

test("nestsDeeper bears millions of brackets, quotes and backslashes", () => {
  const many = 2_000_000;
  assert.equal(nestsDeeper("[".repeat(many), DEPTH_MAX), true);
  assert.equal(nestsDeeper(`"${"[".repeat(many)}`, DEPTH_MAX), false);
  assert.equal(nestsDeeper(`"${'\\"'.repeat(many)}"`, DEPTH_MAX), false);
  assert.equal(nestsDeeper(`"${"\\".repeat(many)}"`, DEPTH_MAX), false);
});

test("jsonFault finds a fault in what JSON.parse refuses, and in nothing else", () => {
  fc.assert(
    fc.property(fc.oneof(jsonText, nearlyJson), (text) => {
      const fault = jsonFault(text);
      assert.equal(fault >= 0, !isJson(text), text);
      assert.ok(fault <= text.length);
      // What stands behind the fault has nothing to do with it.
      if (fault >= 0 && fault < text.length) assert.equal(jsonFault(`${text.slice(0, fault + 1)}]]}}`), fault, text);
    }),
    { numRuns: 2000 },
  );
});

for (const [text, fault] of [
  ["", 0],
  ["  ", 2],
  ["{", 1],
  ['{"a":x}', 5],
  ['{"a" 1}', 5],
  ["{a:1}", 1],
  ["[1,]", 3],
  ["[1", 2],
  ["[1] x", 4],
  ["01", 1],
  ["-", 0],
  ["1.", 1],
  ["nul", 0],
  ['"abc', 4],
  ['"a\nb"', 2],
  ['"\\x"', 1],
  ['"\\u12g4"', 1],
] as const) {
  test(`jsonFault: ${JSON.stringify(text)} stops being JSON at ${fault}`, () => {
    assert.equal(jsonFault(text), fault);
  });
}

test("jsonFault bears long texts", () => {
  const many = 2_000_000;
  assert.equal(jsonFault(`"${"ä".repeat(many)}`), many + 1);
  assert.equal(jsonFault(`[${"1,".repeat(many)}`), many * 2 + 1);
  assert.equal(jsonFault(`[${"9".repeat(many)}x`), many + 1);
});

for (const [name, text, message] of [
  ["nothing", "", /^is empty, and not JSON$/],
  ["an early end", "[1,", /^is not JSON: it ends too early, after character 3$/],
  ["a wrong token", '{"a":x}', /^is not JSON: unexpected "x" at character 6$/],
  ["a raw control character", '"\u0000"', /^is not JSON: unexpected "\\u0000" at character 2$/],
  ["a character of two units", "😀", /^is not JSON: unexpected "😀" at character 1$/],
  ["129 brackets", "[".repeat(DEPTH_MAX + 1), /^nests deeper than 128 \(apiJsonDepthMax\)$/],
] as const) {
  test(`parseJson says what is wrong with ${name}`, () => {
    assert.throws(() => parseJson(text), { name: "SyntaxError", message });
  });
}

test("parseJson takes what nests as deep as apiJsonDepthMax", () => {
  const text = `${"[".repeat(DEPTH_MAX)}${"]".repeat(DEPTH_MAX)}`;
  assert.equal(JSON.stringify(parseJson(text)), text);
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
