import assert from "node:assert/strict";
import fc from "fast-check";
import * as ws from "ws";
import { HandshakeError } from "../../src/errors.ts";
import { ascii, ListCursor, unquote } from "../../src/ws/index.ts";
import { fence, guards, latin1 } from "../bytes.ts";
import { anyLists } from "../lists.ts";
import { type NaiveElement, type NaiveList, naiveList } from "../naive-list.ts";
import type { Property } from "../property.ts";

interface Input {
  readonly value: string;
  readonly guard: Uint8Array;
}

/** Lists with parameters, against RegExps and against the package ws. */
export const list: Property<Input> = {
  name: "list",
  proves: "ListCursor reads the lists of RFC 9110, 5.6.1, as RegExps do, and reads all that the package ws reads",
  share: 6,
  inputs: fc.record({ value: anyLists, guard: guards }),
  check({ value, guard }) {
    const { all, from, to } = fence(latin1(value), guard);
    const { elements, malformed } = walked(all, from, to);
    const expected = naiveList(value);
    assert.equal(malformed, expected.malformed, "malformed");
    assert.deepEqual(elements.slice(0, expected.elements.length), expected.elements);
    const theirs = wsList(value);
    if (theirs !== undefined)
      assert.deepEqual([malformed, grouped(elements)], [false, theirs], "ws reads another list");
  },
};

/** All elements, those up to a refusal if there is one: the last may be one in part. */
function walked(bytes: Uint8Array, from: number, to: number): NaiveList {
  const cursor = new ListCursor();
  const elements: NaiveElement[] = [];
  cursor.start(bytes, from, to);
  try {
    while (cursor.next()) {
      const parameters: [string, string | undefined][] = [];
      elements.push({ item: ascii(bytes, cursor.itemFrom, cursor.itemTo), parameters });
      while (cursor.nextParameter()) parameters.push(parameterOf(cursor, bytes));
    }
  } catch (error) {
    if (!(error instanceof HandshakeError)) throw error;
    assert.equal(cursor.next(), false, "it goes on behind a refusal");
    return { elements, malformed: true };
  }
  return { elements, malformed: false };
}

function parameterOf(cursor: ListCursor, bytes: Uint8Array): [string, string | undefined] {
  const name = ascii(bytes, cursor.nameFrom, cursor.nameTo);
  if (cursor.valueFrom < 0) return [name, undefined];
  assert.equal(cursor.quoted, bytes[cursor.valueFrom - 1] === 0x22, "quoted");
  const read = cursor.quoted ? unquote : ascii;
  return [name, read(bytes, cursor.valueFrom, cursor.valueTo)];
}

type Grouped = Record<string, Record<string, (string | true)[]>[]>;

// It is exported for such uses, and its types are not.
const { extension } = ws as unknown as { extension: { parse(header: string): Grouped } };

/** The list as ws has it; undefined when ws refuses it. */
function wsList(value: string): Grouped | undefined {
  try {
    return plain(extension.parse(value));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function grouped(elements: readonly NaiveElement[]): Grouped {
  const groups: Grouped = {};
  for (const { item, parameters } of elements) {
    const values: Record<string, (string | true)[]> = {};
    for (const [name, value] of parameters) values[name] = [...(values[name] ?? []), value ?? true];
    groups[item] = [...(groups[item] ?? []), values];
  }
  return plain(groups);
}

function plain(groups: Grouped): Grouped {
  return JSON.parse(JSON.stringify(groups)) as Grouped;
}
