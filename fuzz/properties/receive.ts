import assert from "node:assert/strict";
import { Columns, phases } from "../../src/connection/columns.ts";
import { Receiver } from "../../src/connection/receive.ts";
import { cut } from "../../test/ws-bits.ts";
import { inPieces } from "../bytes.ts";
import { type Conclusion, concluded, endOfClose } from "../conclusion.ts";
import { LentBuffers, rulesOf } from "../message-log.ts";
import { naiveClose, naiveRead } from "../naive-frames.ts";
import type { Property } from "../property.ts";
import type { StreamInput } from "../streams.ts";
import { stream } from "./stream.ts";

/** What a connection makes of a stream: its own way for frames that come whole, and MessageReader for the rest. */
export const receive: Property<StreamInput> = {
  name: "receive",
  proves: "a connection's Receiver, which reads whole frames in place, hands out what RFC 6455 says, however it is cut",
  share: 10,
  inputs: stream.inputs,
  check(input) {
    // Only a server has connections, and pongs are of no interest to it.
    const rules = { ...input, server: true };
    const { events, failure } = naiveRead(input.stream, rules);
    const expected = concluded({ events: events.filter(({ opcode }) => opcode !== 10), failure }, naiveClose);
    assert.deepEqual(received(rules), expected);
  },
};

function received(input: StreamInput): Conclusion {
  const events: string[] = [];
  let end = "more";
  const columns = new Columns();
  columns.begin(0, phases.OPEN);
  const buffers = new LentBuffers();
  const note = (opcode: number, bytes: Uint8Array, from: number, to: number) => {
    events.push(`${opcode}:${Buffer.from(bytes.subarray(from, to)).toString("hex")}`);
  };
  const stop = (how: string) => {
    end = how;
    columns.enter(0, phases.LINGER);
  };
  const receiver = new Receiver({
    columns,
    buffers,
    compression: { plainRules: rulesOf(input), rules: () => rulesOf(input) },
    saturated: () => false,
    hold: () => assert.fail("nothing is to be held"),
    message: (_fd, opcode, bytes, from, to) => note(opcode, bytes, from, to),
    ping: (_fd, bytes, from, to) => note(9, bytes, from, to),
    closed: (_fd, code, reason) => stop(endOfClose(code, Buffer.from(reason))),
    failed: (_fd, code) => stop(`refused with ${code}`),
  });
  inPieces(cut(input.stream, input.cuts), input.guard, (bytes, from, to) => receiver.take(0, bytes, from, to));
  receiver.forget(0);
  buffers.assertNoneOut();
  return { events: events.join(" "), end };
}
