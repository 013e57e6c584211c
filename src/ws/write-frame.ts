import { BelfryError } from "../errors.ts";
import { maskInPlace } from "./mask.ts";
import { headerSize, writeHeader, writeMaskedHeader } from "./write-header.ts";

/**
 * Writes a whole frame (RFC 6455, 5.2) at `bytes[at]`; returns its size. `first` is the first byte as for
 * `writeHeader`. With a `key`, as in `FrameHeader.maskKey`, the frame is masked; `payload` itself stays as it is, and
 * may lie anywhere, in `bytes` too. Throws {@link BelfryError} BELFRY_BAD_OPTION when the frame does not fit, and has
 * written nothing then.
 */
export function writeFrame(bytes: Uint8Array, at: number, first: number, payload: Uint8Array, key?: number): number {
  const { length } = payload;
  const header = headerSize(length, key !== undefined);
  if (header + length > bytes.length - at) {
    throw new BelfryError(
      "BELFRY_BAD_OPTION",
      `a frame of ${header + length} bytes does not fit at ${at} of ${bytes.length} bytes: see headerSize`,
    );
  }
  // The payload goes first: it may lie where the header will.
  bytes.set(payload, at + header);
  if (key === undefined) {
    writeHeader(bytes, at, first, length);
  } else {
    writeMaskedHeader(bytes, at, first, length, key);
    maskInPlace(bytes, at + header, at + header + length, key, 0);
  }
  return header + length;
}
