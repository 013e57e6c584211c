import assert from "node:assert/strict";
import fc from "fast-check";
import { ProtocolError } from "../../src/errors.ts";
import { readCloseCode } from "../../src/ws/index.ts";
import { join, utf8 } from "../../test/ws-bits.ts";
import { fence, guards, mutated } from "../bytes.ts";
import { naiveClose } from "../naive-frames.ts";
import type { Property } from "../property.ts";

interface Input {
  readonly payload: Uint8Array;
  readonly guard: Uint8Array;
}

const codes = fc.oneof(
  fc.integer({ min: 990, max: 1020 }),
  fc.constantFrom(0, 2999, 3000, 3999, 4000, 4999, 5000),
  fc.nat(65_535),
);
const payloads = fc
  .tuple(codes, fc.string({ unit: "binary", maxLength: 30 }))
  .map(([code, reason]) => join(Uint8Array.of(code >> 8, code), utf8(reason)));

/** Payloads of close frames. */
export const close: Property<Input> = {
  name: "close",
  proves: "readCloseCode takes the codes that 7.4 lists with a reason in UTF-8, and refuses the rest with 1002 or 1007",
  share: 8,
  inputs: fc.record({
    payload: fc.oneof(payloads, mutated(payloads, 2), fc.uint8Array({ maxLength: 125 })),
    guard: guards,
  }),
  check({ payload, guard }) {
    const { all, from, to } = fence(payload, guard);
    let read: number;
    try {
      read = readCloseCode(all, from, to);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      read = -error.closeCode;
    }
    assert.equal(read, naiveClose(payload));
  },
};
