import type { Frame } from "./frame.ts";
import { maskInPlace } from "./mask.ts";
import { readHeader } from "./read-header.ts";

/**
 * Reads a whole frame (RFC 6455, 5.2) from `bytes[from, to)` into `frame`. Returns its size in bytes, or 0 when more
 * bytes are needed; what `frame` holds then means nothing. Nothing is copied and nothing is unmasked: the payload is
 * where it was, and the bytes stay the caller's. Throws what `readHeader` throws. Whoever must refuse a frame before
 * all of it has come reads its header first.
 */
export function readFrame(bytes: Uint8Array, from: number, to: number, frame: Frame): number {
  const size = readHeader(bytes, from, to, frame);
  if (size === 0 || frame.length > to - from - size) return 0;
  frame.payloadFrom = from + size;
  frame.payloadTo = from + size + frame.length;
  return size + frame.length;
}

/**
 * Unmasks the payload of a frame of `readFrame` where it lies in `bytes`; one that is not masked stays as it is. The
 * frame counts as not masked afterwards, so that a second call does no harm: judge it by the rules of 5.1 before.
 */
export function unmaskFrameInPlace(bytes: Uint8Array, frame: Frame): void {
  if (!frame.masked) return;
  maskInPlace(bytes, frame.payloadFrom, frame.payloadTo, frame.maskKey, 0);
  frame.masked = false;
  frame.maskKey = 0;
}
