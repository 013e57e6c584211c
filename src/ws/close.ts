import { ProtocolError } from "../errors.ts";
import { validUtf8 } from "./utf8.ts";

/** RFC 6455, section 7.4: status codes. */
export const closeCodes = {
  NORMAL: 1000,
  GOING_AWAY: 1001,
  PROTOCOL_ERROR: 1002,
  UNSUPPORTED_DATA: 1003,
  /** Never on the wire: the close frame held no code. */
  NO_STATUS: 1005,
  /** Never on the wire: the connection broke without a close frame. */
  ABNORMAL: 1006,
  INVALID_PAYLOAD: 1007,
  POLICY_VIOLATION: 1008,
  MESSAGE_TOO_BIG: 1009,
  INTERNAL_ERROR: 1011,
  /** Registered range of libraries; the meaning is Centrifugo's: the reader was too slow. */
  SLOW: 3008,
} as const;

/** Whether an endpoint may send this code (7.4): 1000–1003, 1007–1014 and 3000–4999. */
export function validCloseCode(code: number): boolean {
  return (
    (code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006) || (code >= 3000 && code <= 4999)
  );
}

/**
 * The code in the payload of a close frame, 1005 if it is empty. Throws {@link ProtocolError} for a payload of 5.5.1's
 * rules.
 */
export function readCloseCode(bytes: Uint8Array, from: number, to: number): number {
  if (to === from) return closeCodes.NO_STATUS;
  if (to - from === 1) throw new ProtocolError(closeCodes.PROTOCOL_ERROR, "a close frame with one byte of payload");
  const code = ((bytes[from] as number) << 8) | (bytes[from + 1] as number);
  if (!validCloseCode(code))
    throw new ProtocolError(closeCodes.PROTOCOL_ERROR, `the close code ${code} is not allowed`);
  if (!validUtf8(bytes, from + 2, to)) {
    throw new ProtocolError(closeCodes.INVALID_PAYLOAD, "the reason of a close frame is not UTF-8");
  }
  return code;
}
