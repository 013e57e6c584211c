import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isPattern, isSubject, matches, overlap, Subjects } from "../src/bus/subjects.ts";

const names: readonly [text: string, subject: boolean, pattern: boolean][] = [
  ["a", true, true],
  ["a.b.c", true, true],
  ["é.日本", true, true],
  ["a-b_c/d:e", true, true],
  ["$JS.API", true, true],
  ["a\u00a0b", true, true],
  ["*", false, true],
  [">", false, true],
  ["a.*.c", false, true],
  ["a.>", false, true],
  ["*.>", false, true],
  // A wildcard is a token of its own: within one it is a character like others.
  ["a*", true, true],
  ["a>.b", true, true],
  ["**", true, true],
  [">.a", false, false],
  ["a.>.b", false, false],
  ["", false, false],
  [".", false, false],
  [".a", false, false],
  ["a.", false, false],
  ["a..b", false, false],
  ["a b", false, false],
  ["a\tb", false, false],
  ["a\rb", false, false],
  ["a\nb", false, false],
  ["a\fb", false, false],
  ["a\0b", false, false],
];

for (const [text, subject, pattern] of names) {
  test(`${JSON.stringify(text)} is ${subject ? "a" : "no"} subject, and ${pattern ? "a" : "no"} pattern`, () => {
    assert.equal(isSubject(text), subject);
    assert.equal(isPattern(text), pattern);
  });
}

const matching: readonly [pattern: string, subject: string, expected: boolean][] = [
  ["a", "a", true],
  ["a", "b", false],
  ["a", "a.b", false],
  ["a.b", "a", false],
  ["*", "a", true],
  ["*", "a.b", false],
  ["a.*", "a.b", true],
  ["a.*", "a", false],
  ["a.*.c", "a.b.c", true],
  ["a.*.c", "a.b.d", false],
  [">", "a", true],
  [">", "a.b.c", true],
  ["a.>", "a.b", true],
  ["a.>", "a.b.c", true],
  ["a.>", "a", false],
  ["a.>", "b.c", false],
  ["*.>", "a.b", true],
  ["*.>", "a", false],
  ["a*", "ab", false],
  ["a*", "a*", true],
];

for (const [pattern, subject, expected] of matching) {
  test(`${pattern} ${expected ? "matches" : "does not match"} ${subject}`, () =>
    assert.equal(matches(pattern, subject), expected));
}

const overlapping: readonly [one: string, other: string, expected: boolean][] = [
  ["a", "a", true],
  ["a", "b", false],
  ["a", "a.b", false],
  ["*", "a", true],
  ["*.b", "a.*", true],
  ["*.b", "a.c", false],
  ["a.>", "a", false],
  ["a.>", "*", false],
  ["a.>", "*.*.*", true],
  ["a.>", "b.>", false],
  [">", "a.b", true],
];

for (const [one, other, expected] of overlapping) {
  test(`${one} and ${other} ${expected ? "overlap" : "do not overlap"}, either way round`, () => {
    assert.equal(overlap(one, other), expected);
    assert.equal(overlap(other, one), expected);
  });
}

const token = fc.constantFrom("a", "b", "c");
const subject = fc.array(token, { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join("."));
const pattern = fc
  .tuple(fc.array(fc.oneof(token, fc.constant("*")), { maxLength: 3 }), fc.oneof(token, fc.constantFrom("*", ">")))
  .map(([tokens, last]) => [...tokens, last].join("."));

/** All subjects of at most five tokens, one more than any of the patterns has. */
const someSubjects = Array.from({ length: 5 }, (_, i) => wordsOf(i + 1)).flat();

function wordsOf(tokens: number): string[] {
  if (tokens === 0) return [""];
  return wordsOf(tokens - 1).flatMap((word) => ["a", "b", "c"].map((token) => (word ? `${word}.${token}` : token)));
}

test("a pattern matches what its regular expression does", () => {
  fc.assert(
    fc.property(pattern, subject, (pattern, subject) => {
      const source = pattern.replaceAll(".", "\\.").replaceAll("*", "[^.]+").replace(">", ".+");
      assert.equal(matches(pattern, subject), new RegExp(`^${source}$`).test(subject));
    }),
    { numRuns: 1000 },
  );
});

test("two patterns overlap where there is a subject that both match", () => {
  fc.assert(
    fc.property(pattern, pattern, (one, other) => {
      const common = someSubjects.some((subject) => matches(one, subject) && matches(other, subject));
      assert.equal(overlap(one, other), common);
    }),
    { numRuns: 300 },
  );
});

test("Subjects finds whose patterns match, once each, after any additions and removals", () => {
  const step = fc.record({ isAdd: fc.boolean(), pattern, value: fc.nat(3) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), fc.array(subject, { maxLength: 5 }), (steps, subjects) => {
      const tree = new Subjects<number>();
      const known = new Map<string, { pattern: string; value: number }>();
      for (const { isAdd, pattern, value } of steps) {
        const key = `${pattern} ${value}`;
        if (isAdd) known.set(key, { pattern, value });
        else known.delete(key);
        if (isAdd) tree.add(pattern, value);
        else tree.remove(pattern, value);
      }
      for (const subject of subjects) {
        const found: number[] = [];
        tree.each(subject, (value) => found.push(value));
        const expected = [...known.values()].filter(({ pattern }) => matches(pattern, subject));
        assert.deepEqual(found.sort(), expected.map(({ value }) => value).sort());
      }
    }),
    { numRuns: 500 },
  );
});

test("Subjects keeps nothing of patterns that are gone", () => {
  fc.assert(
    fc.property(fc.uniqueArray(pattern, { maxLength: 10 }), (patterns) => {
      const tree = new Subjects<object>();
      const value = {};
      for (const pattern of patterns) tree.add(pattern, value);
      for (const pattern of patterns) tree.remove(pattern, value);
      assert.ok(tree.isEmpty);
    }),
  );
});
