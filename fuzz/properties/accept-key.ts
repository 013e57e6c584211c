import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { ACCEPT_BYTES, KEY_BYTES, validKey, writeAccept } from "../../src/ws/index.ts";
import { assertUntouched, fence, guards, latin1, mutated, text } from "../bytes.ts";
import type { Property } from "../property.ts";

interface Input {
  readonly key: Uint8Array;
  readonly guard: Uint8Array;
}

const right = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((nonce) => latin1(Buffer.from(nonce).toString("base64")));
const oneLetterOff = fc
  .tuple(right, fc.nat(23), fc.constantFrom(..."=+/-_ AQgwBCPRhx0129\0\n\x7f\x80\xff"))
  .map(([key, at, letter]) => {
    key[at] = letter.charCodeAt(0);
    return key;
  });

/** Sec-WebSocket-Key and Sec-WebSocket-Accept. */
export const acceptKey: Property<Input> = {
  name: "accept-key",
  proves: "validKey takes exactly the base64 of 16 bytes, and writeAccept writes what node:crypto computes of 24 bytes",
  share: 10,
  inputs: fc.record({ key: fc.oneof(right, oneLetterOff, mutated(right, 2)), guard: guards }),
  check({ key, guard }) {
    const { all, from, to } = fence(key, guard);
    const letters = text(key);
    const decoded = Buffer.from(letters, "base64");
    assert.equal(validKey(all, from, to), decoded.length === 16 && decoded.toString("base64") === letters, "validKey");
    if (key.length !== KEY_BYTES) return;
    const out = fence(new Uint8Array(ACCEPT_BYTES), guard);
    writeAccept(all, from, out.all, out.from);
    assertUntouched(out, guard);
    const sha1 = createHash("sha1").update(key).update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest("base64");
    assert.equal(text(out.all.subarray(out.from, out.to)), sha1, "writeAccept");
  },
};
