import assert from "node:assert/strict";
import fc from "fast-check";
import { MessageReader } from "../../src/ws/index.ts";
import { cut, join } from "../../test/ws-bits.ts";
import { guards } from "../bytes.ts";
import { LentBuffers, readPieces, rulesOf } from "../message-log.ts";
import { naiveRead, told } from "../naive-frames.ts";
import type { Property } from "../property.ts";
import { cuts, encode, frames, type StreamInput } from "../streams.ts";

interface Input extends StreamInput {
  /** What the reader reads before it is released, as far as it goes. */
  readonly abandoned: Uint8Array;
}

/** What a reader was in the midst of when it was released leaves no trace. */
export const release: Property<Input> = {
  name: "release",
  proves: "a MessageReader that is released wherever it stopped has given its buffers back, and reads on as a new one",
  share: 5,
  inputs: fc.boolean().chain((server) => {
    const stream = frames(server).map((list) => join(...list.map(encode)));
    return fc.record({
      server: fc.constant(server),
      abandoned: fc.tuple(stream, fc.nat()).map(([bytes, to]) => bytes.slice(0, to % (bytes.length + 1))),
      stream,
      cuts,
      guard: guards,
      messageBytesMax: fc.constantFrom(1_048_576, 130, 20),
      fragmentsMax: fc.constantFrom(4096, 3),
    });
  }),
  check(input) {
    const buffers = new LentBuffers();
    const reader = new MessageReader(rulesOf(input), buffers);
    const before = readPieces(reader, cut(input.abandoned, input.cuts), input.guard);
    reader.release();
    buffers.assertNoneOut();
    assert.ok(reader.idle);
    // A reader that has refused something is of no further use, says its contract.
    if (before.failure !== 0) return;
    const expected = naiveRead(input.stream, input);
    const log = readPieces(reader, cut(input.stream, input.cuts), input.guard);
    assert.equal(told(log.events), told(expected.events));
    assert.equal(log.failure, expected.failure);
  },
};
