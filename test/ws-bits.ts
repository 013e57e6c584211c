import assert from "node:assert/strict";
import fc from "fast-check";
import { ProtocolError } from "../src/errors.ts";

/** Frames as pictures, and a naive codec of frames: what the tests of src/ws compare with. */

/** Bytes from a picture of their bits; blanks mean nothing: `bits("1 000 0001  1 0000101")` begins a masked text of 5 bytes. */
export function bits(picture: string): Uint8Array {
  const digits = picture.replace(/\s/g, "");
  assert.match(digits, /^([01]{8})*$/, `whole bytes of 0 and 1: ${picture}`);
  return Uint8Array.from(digits.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2));
}

/** A number as `width` bits. */
export function binary(value: number | bigint, width: number): string {
  const digits = BigInt(value).toString(2);
  assert.ok(digits.length <= width, `${value} does not fit into ${width} bits`);
  return digits.padStart(width, "0");
}

/** A frame to encode; without a key it is not masked. */
export interface Frame {
  readonly fin: boolean;
  readonly rsv?: number;
  readonly opcode: number;
  /** The four bytes of the masking key, in the order of the wire. */
  readonly key?: readonly number[];
  readonly payload: Uint8Array;
}

/** The header of a frame that announces `length` bytes, whatever its payload (RFC 6455, 5.2, drawn bit by bit). */
export function naiveHeader(frame: Omit<Frame, "payload">, length: number): Uint8Array {
  const { fin, rsv = 0, opcode, key } = frame;
  const form =
    length < 126 ? binary(length, 7) : length < 65536 ? `1111110${binary(length, 16)}` : `1111111${binary(length, 64)}`;
  const keyBits = key ? key.map((byte) => binary(byte, 8)).join("") : "";
  return bits(`${fin ? 1 : 0}${binary(rsv, 3)}${binary(opcode, 4)}${key ? 1 : 0}${form}${keyBits}`);
}

/** The whole frame. */
export function naiveFrame(frame: Frame): Uint8Array {
  const payload = frame.key ? naiveMask(frame.payload, frame.key, 0) : frame.payload;
  return join(naiveHeader(frame, frame.payload.length), payload);
}

/** RFC 6455, 5.3, word for word: octet i is XORed with octet i MOD 4 of the key. */
export function naiveMask(bytes: Uint8Array, key: readonly number[], offset: number): Uint8Array {
  return Uint8Array.from(bytes, (byte, i) => byte ^ (key[(offset + i) % 4] as number));
}

/** The key's bytes as the number that `FrameHeader.maskKey` holds: the first byte in the low bits. */
export function keyNumber(key: readonly number[]): number {
  return new DataView(Uint8Array.from(key).buffer).getInt32(0, true);
}

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** The bytes in pieces, cut at `points`, which need no order and may repeat; each piece is a copy. */
export function cut(bytes: Uint8Array, points: readonly number[]): Uint8Array[] {
  const ends = [...points.map((point) => point % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return ends.map((end, i) => bytes.slice(i === 0 ? 0 : ends[i - 1], end));
}

/** Masking keys. */
export const keys = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 4, maxLength: 4 });

/** Points for `cut`. */
export const cutPoints = fc.array(fc.nat(), { maxLength: 12 });

/** Asserts that `work` is refused with this close status. */
export function refused(work: () => unknown, closeCode: number, message?: string): void {
  assert.throws(
    work,
    (error) => {
      assert.ok(error instanceof ProtocolError, String(error));
      assert.equal(error.closeCode, closeCode, error.message);
      return true;
    },
    message,
  );
}
