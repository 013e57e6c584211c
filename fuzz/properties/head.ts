import fc from "fast-check";
import { ascii, RequestHead, readHead } from "../../src/ws/index.ts";
import { fence, guards, text } from "../bytes.ts";
import { checkHead } from "../head-checks.ts";
import { anyHeads } from "../heads.ts";
import { naiveRequest } from "../naive-head.ts";
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
  share: 10,
  inputs: fc.record({ bytes: anyHeads, guard: guards }),
  check({ bytes, guard }) {
    const fenced = fence(bytes, guard);
    checkHead(fenced, naiveRequest(text(bytes)), head, readHeadInto, () => ({
      method: ascii(fenced.all, head.methodFrom, head.methodTo),
      target: ascii(fenced.all, head.targetFrom, head.targetTo),
    }));
  },
};

function readHeadInto(bytes: Uint8Array, from: number, to: number): number {
  return readHead(bytes, from, to, head);
}
