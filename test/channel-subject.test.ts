import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { channelOf, subjectOf } from "../src/bus/channel-subject.ts";
import { isSubject } from "../src/bus/subjects.ts";
import { limits } from "../src/index.ts";

const PREFIX = "belfry.ch.";

const name = fc
  .oneof(
    fc.string({ unit: "binary", minLength: 1, maxLength: 255 }),
    fc.string({ unit: fc.constantFrom(".", "*", ">", "%", "%2E", " ", "a", "\0", "\n", "\u00a0"), minLength: 1 }),
  )
  .filter((text) => text.isWellFormed() && Buffer.byteLength(text) <= limits.channelBytesMax);

test("channelOf undoes subjectOf for every name, and the subject is one that may be published to", () => {
  fc.assert(
    fc.property(name, (channel) => {
      const subject = subjectOf(PREFIX, channel);
      assert.ok(isSubject(subject), subject);
      assert.doesNotMatch(subject, /[\s\p{Cc}]/u);
      assert.equal(channelOf(PREFIX, subject), channel);
    }),
    { numRuns: 2000 },
  );
});

test("subjectOf gives every name a subject of its own", () => {
  fc.assert(
    fc.property(name, name, (one, other) => {
      assert.equal(subjectOf(PREFIX, one) === subjectOf(PREFIX, other), one === other);
    }),
    { numRuns: 2000 },
  );
});

for (const [channel, subject] of [
  ["news", "belfry.ch.news"],
  ["mail.42", "belfry.ch.mail.42"],
  ["$private:ö", "belfry.ch.$private:ö"],
  [".", "belfry.ch.%2E"],
  ["..", "belfry.ch.%2E%2E"],
  ["a..b", "belfry.ch.a%2E.b"],
  ["a b*>%", "belfry.ch.a%20b%2A%3E%25"],
  ["\u2028", "belfry.ch.%E2%80%A8"],
] as const) {
  test(`subjectOf writes ${JSON.stringify(channel)} as ${subject}`, () => {
    assert.equal(subjectOf(PREFIX, channel), subject);
  });
}

test("channelOf knows no channel of another prefix, nor of an escape that is none", () => {
  for (const subject of ["other.ch.a", "belfry.ch", "belfry.ch.%", "belfry.ch.%E2%80"]) {
    assert.equal(channelOf(PREFIX, subject), undefined, subject);
  }
});
