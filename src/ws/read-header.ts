import { ProtocolError } from "../errors.ts";
import { closeCodes } from "./close.ts";
import type { FrameHeader } from "./frame.ts";

/**
 * Reads a frame header (RFC 6455, 5.2) from `bytes[from, to)` into `header`. Returns its size in bytes, or 0 when more
 * bytes are needed. Throws {@link ProtocolError} 1002 for a length that is not encoded minimally or has its top bit
 * set, 1009 for one that no array can hold. What the bits mean is not judged here: see check.ts.
 */
export function readHeader(bytes: Uint8Array, from: number, to: number, header: FrameHeader): number {
  if (to - from < 2) return 0;
  const first = bytes[from] as number;
  const second = bytes[from + 1] as number;
  const masked = second > 127;
  let length = second & 127;
  let size = masked ? 6 : 2;
  if (length > 125) {
    size += length === 126 ? 2 : 8;
    if (to - from < size) return 0;
    length = length === 126 ? readLength16(bytes, from + 2) : readLength64(bytes, from + 2);
  } else if (to - from < size) {
    return 0;
  }
  header.fin = first > 127;
  header.rsv = (first >> 4) & 7;
  header.opcode = first & 15;
  header.masked = masked;
  header.length = length;
  header.maskKey = masked ? readKey(bytes, from + size - 4) : 0;
  return size;
}

function readKey(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}

function readLength16(bytes: Uint8Array, at: number): number {
  const length = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  if (length < 126) throw new ProtocolError(closeCodes.PROTOCOL_ERROR, `the length ${length} is not encoded minimally`);
  return length;
}

function readLength64(bytes: Uint8Array, at: number): number {
  const high = readUint32(bytes, at);
  const low = readUint32(bytes, at + 4);
  if (high > 0x7fffffff) throw new ProtocolError(closeCodes.PROTOCOL_ERROR, "the top bit of a 64-bit length is set");
  if (high > 0x1fffff) throw new ProtocolError(closeCodes.MESSAGE_TOO_BIG, "a frame of 2^53 bytes or more");
  const length = high * 4294967296 + low;
  if (length < 65536)
    throw new ProtocolError(closeCodes.PROTOCOL_ERROR, `the length ${length} is not encoded minimally`);
  return length;
}

function readUint32(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) * 16777216 +
    (((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number))
  );
}
