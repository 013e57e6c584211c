/** Bytes of the header of an unmasked frame with this many bytes of payload (RFC 6455, 5.2). */
export function headerSize(length: number): number {
  return length < 126 ? 2 : length < 65536 ? 4 : 10;
}

/**
 * Writes the header of an unmasked frame at `bytes[at]`, the length in its minimal encoding; returns its size. `first`
 * is the first byte: {@link FIN}, reserved bits, opcode.
 */
export function writeHeader(bytes: Uint8Array, at: number, first: number, length: number): number {
  bytes[at] = first;
  if (length < 126) {
    bytes[at + 1] = length;
    return 2;
  }
  if (length < 65536) {
    bytes[at + 1] = 126;
    bytes[at + 2] = length >> 8;
    bytes[at + 3] = length;
    return 4;
  }
  bytes[at + 1] = 127;
  writeUint32(bytes, at + 2, Math.floor(length / 4294967296));
  writeUint32(bytes, at + 6, length);
  return 10;
}

/** The bit of a message's last frame. */
export const FIN = 0x80;

/** A whole unmasked frame, for bytes that go to many readers: made once, sent as it is. */
export function compileFrame(opcode: number, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(headerSize(payload.length) + payload.length);
  frame.set(payload, writeHeader(frame, 0, FIN | opcode, payload.length));
  return frame;
}

function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value / 16777216;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
