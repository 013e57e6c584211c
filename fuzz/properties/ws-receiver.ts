import assert from "node:assert/strict";
import { ProtocolError } from "../../src/errors.ts";
import { readCloseCode } from "../../src/ws/index.ts";
import { cut } from "../../test/ws-bits.ts";
import { concluded } from "../conclusion.ts";
import { logOf } from "../message-log.ts";
import { naiveRead } from "../naive-frames.ts";
import type { Property } from "../property.ts";
import type { StreamInput } from "../streams.ts";
import { type Dispute, differences } from "../ws-differences.ts";
import { wsRead } from "../ws-peer.ts";
import { stream } from "./stream.ts";

/** The same stream into Belfry and into the package ws: two readers of RFC 6455 that know nothing of each other. */
export const wsReceiver: Property<StreamInput> = {
  name: "ws-receiver",
  proves: "MessageReader delivers and closes as the package ws does, but for the differences of ws-differences.ts",
  share: 12,
  inputs: stream.inputs,
  check(input) {
    const dispute = wsDispute(input);
    if (!dispute || differences.some(({ explains }) => explains(dispute))) return;
    assert.deepEqual(dispute.ours, dispute.theirs, "a difference that is not listed");
  },
};

/** How Belfry and ws read a stream; undefined when they read it alike. */
export function wsDispute(input: StreamInput): Dispute | undefined {
  const pieces = cut(input.stream, input.cuts);
  const ours = concluded(logOf(input, pieces, input.guard), closeCode);
  const theirs = wsRead(pieces, input);
  if (ours.events === theirs.events && ours.end === theirs.end) return undefined;
  return { ours, theirs, last: naiveRead(input.stream, input).header };
}

function closeCode(payload: Uint8Array): number {
  try {
    return readCloseCode(payload, 0, payload.length);
  } catch (error) {
    if (error instanceof ProtocolError) return -error.closeCode;
    throw error;
  }
}
