/** RFC 6455, section 5.2: the base framing protocol. */

/** Opcodes; 3–7 and 11–15 are reserved. */
export const opcodes = {
  CONTINUATION: 0,
  TEXT: 1,
  BINARY: 2,
  CLOSE: 8,
  PING: 9,
  PONG: 10,
} as const;

/** Control frames carry at most this many bytes (5.5). */
export const CONTROL_PAYLOAD_BYTES_MAX = 125;

/** Longest frame header: 2 bytes, 8 of length, 4 of masking key. */
export const HEADER_BYTES_MAX = 14;

/** A frame's header. One object serves for all frames of a reader: `readHeader` overwrites it. */
export class FrameHeader {
  fin = false;
  /** The three reserved bits as a number, RSV1 being 4. */
  rsv = 0;
  opcode = 0;
  masked = false;
  /** The masking key, its first byte in the low bits (as a little-endian int32); 0 when not masked. */
  maskKey = 0;
  /** Bytes of payload. */
  length = 0;
}

/** A frame: its header, and where its payload lies. One object serves for all frames: `readFrame` overwrites it. */
export class Frame extends FrameHeader {
  /** The payload is `bytes[payloadFrom, payloadTo)` of the bytes that were read from. */
  payloadFrom = 0;
  payloadTo = 0;
}

/** Whether the opcode is that of a control frame: close, ping, pong or a reserved one (5.5). */
export function isControl(opcode: number): boolean {
  return (opcode & 8) !== 0;
}

/** Whether the opcode is that of a data frame: text, binary, a continuation or a reserved one (5.6). */
export function isData(opcode: number): boolean {
  return (opcode & 8) === 0;
}

/** Whether the opcode has no meaning yet, and only an extension can give it one (5.2). */
export function isReserved(opcode: number): boolean {
  return (opcode & 7) > 2;
}
