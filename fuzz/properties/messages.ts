import assert from "node:assert/strict";
import fc from "fast-check";
import { cut, join } from "../../test/ws-bits.ts";
import { guards } from "../bytes.ts";
import { logOf } from "../message-log.ts";
import { told } from "../naive-frames.ts";
import type { Property } from "../property.ts";
import { cuts, encode, frames, type WireFrame } from "../streams.ts";

interface Input {
  readonly frames: readonly WireFrame[];
  readonly cuts: readonly number[];
  readonly guard: Uint8Array;
}

/** Right streams: what is expected is known from what was sent, without a second decoder. */
export const messages: Property<Input> = {
  name: "messages",
  proves: "MessageReader hands out exactly the messages and control frames that were sent, however they were cut",
  share: 8,
  inputs: fc.boolean().chain((masked) => fc.record({ frames: frames(masked), cuts, guard: guards })),
  check({ frames, cuts, guard }) {
    const server = frames.some(({ key }) => key !== undefined);
    const rules = { server, messageBytesMax: 1_048_576, fragmentsMax: 4096 };
    const log = logOf(rules, cut(join(...frames.map(encode)), cuts), guard);
    assert.equal(log.failure, 0, `refused with ${log.failure}`);
    assert.equal(told(log.events), told([...sent(frames)]));
    assert.ok(log.idle, "it is not idle behind the last message");
  },
};

function* sent(frames: readonly WireFrame[]) {
  let begun: readonly WireFrame[] = [];
  for (const frame of frames) {
    if (frame.opcode >= 8) {
      yield frame;
      continue;
    }
    begun = [...begun, frame];
    if (!frame.fin) continue;
    yield { opcode: begun[0]?.opcode ?? -1, payload: join(...begun.map(({ payload }) => payload)) };
    begun = [];
  }
}
