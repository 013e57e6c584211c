import assert from "node:assert/strict";
import fc from "fast-check";
import { cut } from "../../test/ws-bits.ts";
import { guards } from "../bytes.ts";
import { logOf } from "../message-log.ts";
import { naiveRead, told } from "../naive-frames.ts";
import type { Property } from "../property.ts";
import { cuts, type StreamInput, streams } from "../streams.ts";

/** Streams that are wrong somewhere, and where a reader stops. */
export const stream: Property<StreamInput> = {
  name: "stream",
  proves: "MessageReader takes what RFC 6455 takes, and refuses the rest at the same byte, however it is cut",
  share: 12,
  inputs: fc.boolean().chain((server) =>
    fc.record({
      server: fc.constant(server),
      stream: streams(server),
      cuts,
      guard: guards,
      messageBytesMax: fc.constantFrom(1_048_576, 1_048_576, 126, 10),
      fragmentsMax: fc.constantFrom(4096, 4096, 3),
    }),
  ),
  check(input) {
    const expected = naiveRead(input.stream, input);
    const log = logOf(input, cut(input.stream, input.cuts), input.guard);
    assert.equal(told(log.events), told(expected.events));
    assert.equal(log.failure, expected.failure);
    if (log.failure === 0) return assert.equal(log.idle, expected.idle, "idle");
    const { failedFrom, failedTo } = log;
    assert.ok(
      failedFrom < expected.at && expected.at <= failedTo,
      `byte ${expected.at} breaks it, and it was refused amid ${failedFrom} to ${failedTo}`,
    );
  },
};
