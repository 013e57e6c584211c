import assert from "node:assert/strict";
import { HandshakeError } from "../src/errors.ts";
import { ascii, findHeadEnd, type HttpHead, known } from "../src/ws/index.ts";
import type { Fenced } from "./bytes.ts";
import type { NaiveHead, NaiveVerdict } from "./naive-head.ts";

/** What readHead and readResponseHead are tried with alike. */

/** Reads a head as `readHead` does, whose contract this is. */
export type HeadReader = (bytes: Uint8Array, from: number, to: number) => number;

/**
 * Compares what is read with what the naive reader says of the same text, and tries each beginning of it. `head` is
 * what the reader fills, and `first` tells what its first line said.
 */
export function checkHead<Head extends NaiveHead>(
  { all, from, to }: Fenced,
  verdict: NaiveVerdict<Head>,
  head: HttpHead,
  reader: HeadReader,
  first: () => Omit<Head, "size" | "minor" | "headers">,
): void {
  const read = readOrRefuse(reader, all, from, to);
  if ("head" in verdict) {
    const { minor } = head;
    assert.deepEqual({ size: read, minor, headers: headersOf(head), ...first() }, verdict.head);
    assert.deepEqual([...head.known], firstsOf(verdict.head), "known");
    assert.equal(findHeadEnd(all, from, to), from + read, "findHeadEnd");
  } else {
    const allowed = [...verdict.statuses.map((status) => -status), ...(verdict.more ? [0] : [])];
    assert.ok(allowed.includes(read), `it says ${read}, which is none of ${allowed}`);
  }
  checkBeginnings(reader, all, from, read > 0 ? from + read : to, read);
}

/** Each beginning is waited for; but from where on a head is refused, it is refused with the same status. */
function checkBeginnings(reader: HeadReader, all: Uint8Array, from: number, to: number, whole: number): void {
  let refused = whole < 0;
  for (let end = to - 1; end >= from; end--) {
    const read = readOrRefuse(reader, all, from, end);
    if (read === 0) refused = false;
    assert.equal(read, refused ? whole : 0, `cut at ${end - from}`);
  }
}

/** The size, 0 for more, or the negative status of the refusal. */
function readOrRefuse(reader: HeadReader, bytes: Uint8Array, from: number, to: number): number {
  try {
    return reader(bytes, from, to);
  } catch (error) {
    if (error instanceof HandshakeError) return -error.status;
    throw error;
  }
}

/** The header lines of a head as text. */
export function headersOf(head: HttpHead): [name: string, value: string][] {
  return Array.from({ length: head.count }, (_, i) => [
    ascii(head.bytes, head.nameFrom(i), head.nameTo(i)),
    ascii(head.bytes, head.valueFrom(i), head.valueTo(i)),
  ]);
}

const knownNames = Object.keys(known).map((name) => {
  const isOfWebSocket = ["KEY", "VERSION", "PROTOCOL", "EXTENSIONS"].includes(name);
  return (isOfWebSocket ? `sec-websocket-${name}` : name.replace("_", "-")).toLowerCase();
});

function firstsOf({ headers }: NaiveHead): number[] {
  return knownNames.map((known) => headers.findIndex(([name]) => name.toLowerCase() === known));
}
