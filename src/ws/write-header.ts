/** The bit of a message's last frame, in a frame's first byte (RFC 6455, 5.2). */
export const FIN = 0x80;

/** Bytes of the header of a frame with this many bytes of payload (RFC 6455, 5.2); a masked one holds its key. */
export function headerSize(length: number, masked = false): number {
  return (length < 126 ? 2 : length < 65536 ? 4 : 10) + (masked ? 4 : 0);
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

/**
 * The same for a masked frame, as a client sends it (RFC 6455, 5.1). `key` is the masking key, its first byte in the
 * low bits, as in `FrameHeader.maskKey`; the payload that follows is to be masked with it.
 */
export function writeMaskedHeader(bytes: Uint8Array, at: number, first: number, length: number, key: number): number {
  const size = writeHeader(bytes, at, first, length);
  bytes[at + 1] = (bytes[at + 1] as number) | 0x80;
  bytes[at + size] = key;
  bytes[at + size + 1] = key >>> 8;
  bytes[at + size + 2] = key >>> 16;
  bytes[at + size + 3] = key >>> 24;
  return size + 4;
}

function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value / 16777216;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
