import assert from "node:assert/strict";
import fc from "fast-check";
import { HandshakeError } from "../../src/errors.ts";
import { ascii, findHeadEnd, known, RequestHead, readHead } from "../../src/ws/index.ts";
import { fence, guards } from "../bytes.ts";
import { anyHeads } from "../heads.ts";
import { type NaiveHead, naiveHead } from "../naive-head.ts";
import type { Property } from "../property.ts";

interface Input {
  readonly bytes: Uint8Array;
  readonly guard: Uint8Array;
}

const head = new RequestHead();

/** Request heads, whole and in every beginning. */
export const requestHead: Property<Input> = {
  name: "head",
  proves: "readHead reads what RFC 9112 does as RegExps, waits for a head cut short, and never unsays a refusal",
  share: 12,
  inputs: fc.record({ bytes: anyHeads, guard: guards }),
  check({ bytes, guard }) {
    const { all, from, to } = fence(bytes, guard);
    const verdict = naiveHead(Buffer.from(bytes).toString("latin1"));
    const read = readOrRefuse(all, from, to);
    if ("head" in verdict) {
      assert.deepEqual({ size: read, ...said(all) }, verdict.head);
      assert.deepEqual([...head.known], firstsOf(verdict.head), "known");
      assert.equal(findHeadEnd(all, from, to), from + read, "findHeadEnd");
    } else {
      const allowed = [...verdict.statuses.map((status) => -status), ...(verdict.more ? [0] : [])];
      assert.ok(allowed.includes(read), `it says ${read}, which is none of ${allowed}`);
    }
    checkBeginnings(all, from, read > 0 ? from + read : to, read);
  },
};

/** Each beginning is waited for; but from where on a head is refused, it is refused with the same status. */
function checkBeginnings(all: Uint8Array, from: number, to: number, whole: number): void {
  let refused = whole < 0;
  for (let end = to - 1; end >= from; end--) {
    const read = readOrRefuse(all, from, end);
    if (read === 0) refused = false;
    assert.equal(read, refused ? whole : 0, `cut at ${end - from}`);
  }
}

/** The size, 0 for more, or the negative status of the refusal. */
function readOrRefuse(bytes: Uint8Array, from: number, to: number): number {
  try {
    return readHead(bytes, from, to, head);
  } catch (error) {
    if (error instanceof HandshakeError) return -error.status;
    throw error;
  }
}

function said(bytes: Uint8Array): Omit<NaiveHead, "size"> {
  const headers = Array.from({ length: head.count }, (_, i) => {
    return [ascii(bytes, head.nameFrom(i), head.nameTo(i)), ascii(bytes, head.valueFrom(i), head.valueTo(i))] as const;
  });
  const method = ascii(bytes, head.methodFrom, head.methodTo);
  const target = ascii(bytes, head.targetFrom, head.targetTo);
  return { method, target, minor: head.minor, headers };
}

const knownNames = Object.keys(known).map((name) => {
  const isOfWebSocket = ["KEY", "VERSION", "PROTOCOL", "EXTENSIONS"].includes(name);
  return (isOfWebSocket ? `sec-websocket-${name}` : name.replace("_", "-")).toLowerCase();
});

function firstsOf({ headers }: NaiveHead): number[] {
  return knownNames.map((known) => headers.findIndex(([name]) => name.toLowerCase() === known));
}
