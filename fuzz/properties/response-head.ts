import fc from "fast-check";
import { ascii, ResponseHead, readResponseHead } from "../../src/ws/index.ts";
import { fence, guards, text } from "../bytes.ts";
import { checkHead } from "../head-checks.ts";
import { anyResponses } from "../heads.ts";
import { naiveResponse } from "../naive-head.ts";
import type { Property } from "../property.ts";

interface Input {
  readonly bytes: Uint8Array;
  readonly guard: Uint8Array;
}

const head = new ResponseHead();

/** Response heads, whole and in every beginning. */
export const responseHead: Property<Input> = {
  name: "response-head",
  proves: "readResponseHead reads what RFC 9112 does as RegExps, waits for a head cut short, never unsays a refusal",
  share: 6,
  inputs: fc.record({ bytes: anyResponses, guard: guards }),
  check({ bytes, guard }) {
    const fenced = fence(bytes, guard);
    checkHead(fenced, naiveResponse(text(bytes)), head, readResponseInto, () => ({
      status: head.status,
      reason: ascii(fenced.all, head.reasonFrom, head.reasonTo),
    }));
  },
};

function readResponseInto(bytes: Uint8Array, from: number, to: number): number {
  return readResponseHead(bytes, from, to, head);
}
