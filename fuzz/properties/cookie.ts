import assert from "node:assert/strict";
import fc from "fast-check";
import { ascii, CookieCursor, cookie as cookieNamed } from "../../src/ws/index.ts";
import { fence, guards, latin1 } from "../bytes.ts";
import type { Property } from "../property.ts";

interface Input {
  readonly value: string;
  readonly guard: Uint8Array;
}

const values = fc.string({ unit: fc.constantFrom(...'ab=; \t"\x80\xff', "; ", "a=b"), maxLength: 16 });

/** The header Cookie. */
export const cookie: Property<Input> = {
  name: "cookie",
  proves:
    "CookieCursor finds the pairs of RFC 6265, 4.2.1, that splitting at semicolons finds; cookie() the first of a name",
  share: 4,
  inputs: fc.record({ value: values, guard: guards }),
  check({ value, guard }) {
    const { all, from, to } = fence(latin1(value), guard);
    const cursor = new CookieCursor();
    const pairs: [string, string][] = [];
    cursor.start(all, from, to);
    while (cursor.next()) {
      pairs.push([ascii(all, cursor.nameFrom, cursor.nameTo), ascii(all, cursor.valueFrom, cursor.valueTo)]);
    }
    const expected = naivePairs(value);
    assert.deepEqual(pairs, expected);
    for (const name of ["a", "ab", "", ...expected.map(([name]) => name)]) {
      assert.equal(cookieNamed(all, from, to, name), expected.find(([other]) => other === name)?.[1], `cookie ${name}`);
    }
  },
};

function naivePairs(text: string): [string, string][] {
  return text.split(";").flatMap((pair): [string, string][] => {
    const [name = "", ...rest] = pair.split("=");
    if (rest.length === 0 || trimmed(name) === "") return [];
    const value = trimmed(rest.join("="));
    return [[trimmed(name), /^".*"$/.test(value) && value.length > 1 ? value.slice(1, -1) : value]];
  });
}

function trimmed(text: string): string {
  return text.replace(/^[\t ]+|[\t ]+$/g, "");
}
