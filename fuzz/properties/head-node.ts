import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { HandshakeError } from "../../src/errors.ts";
import { ascii, RequestHead, readHead } from "../../src/ws/index.ts";
import { text } from "../bytes.ts";
import { headersOf } from "../head-checks.ts";
import { anyHeads } from "../heads.ts";
import { type HeadDispute, headDifferences } from "../node-differences.ts";
import { type HeadReading, nodeRead } from "../node-peer.ts";
import type { Property } from "../property.ts";

interface Input {
  readonly bytes: Uint8Array;
}

const head = new RequestHead();

/** The same head into Belfry and into node:http: two readers that disagree are what smuggling is made of. */
export const headNode: Property<Input> = {
  name: "head-node",
  proves: "readHead reads what node:http reads, to the same byte, but for the differences of node-differences.ts",
  share: 8,
  inputs: fc.record({ bytes: anyHeads }),
  check({ bytes }) {
    const dispute = headDispute(bytes);
    if (!dispute || headDifferences.some(({ explains }) => explains(dispute))) return;
    const { ours, theirs } = dispute;
    assert.fail(`a difference that is not listed: ${told(ours)} for Belfry, ${told(theirs)} for node:http`);
  },
};

/** How Belfry and node:http read a head; undefined when they read it alike. */
export function headDispute(bytes: Uint8Array): HeadDispute | undefined {
  const theirs = nodeRead(bytes);
  const ours = ourReading(bytes);
  if (isAlike(ours, theirs)) return undefined;
  return { text: text(bytes), ours, theirs };
}

/** The size counts when both tell it. */
function isAlike(ours: HeadReading, theirs: HeadReading): boolean {
  if (typeof ours === "string" || typeof theirs === "string" || theirs.size !== undefined) {
    return isDeepStrictEqual(ours, theirs);
  }
  return isDeepStrictEqual({ ...ours, size: undefined }, theirs);
}

function ourReading(bytes: Uint8Array): HeadReading {
  let size: number;
  try {
    size = readHead(bytes, 0, bytes.length, head);
  } catch (error) {
    if (error instanceof HandshakeError) return "refused";
    throw error;
  }
  if (size === 0) return "more";
  const method = ascii(bytes, head.methodFrom, head.methodTo);
  const target = ascii(bytes, head.targetFrom, head.targetTo);
  return { method, target, headers: headersOf(head).flat(), size };
}

function told(reading: HeadReading): string {
  return typeof reading === "string" ? reading : JSON.stringify(reading);
}
