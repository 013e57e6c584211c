import { BelfryError, ProtocolError } from "../errors.ts";
import { limits } from "../limits.ts";
import { decodeText, encodeText } from "./text.ts";
import { validUtf8 } from "./utf8.ts";

/** RFC 6455, section 7.4, and IANA's registry of it: status codes. */
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
  /** A client's: the server did not agree to an extension that it cannot do without. */
  MANDATORY_EXTENSION: 1010,
  INTERNAL_ERROR: 1011,
  SERVICE_RESTART: 1012,
  TRY_AGAIN_LATER: 1013,
  BAD_GATEWAY: 1014,
  /** Never on the wire: TLS could not be set up. */
  TLS_HANDSHAKE: 1015,
  /** Registered range of libraries; the meaning is Centrifugo's: the reader was too slow. */
  SLOW: 3008,
} as const;

/** How a WebSocket ended: what was in the close frame, or a code that is never on the wire (7.1.5, 7.1.6). */
export interface CloseStatus {
  readonly code: number;
  readonly reason: string;
}

/** Whether an endpoint may send this code (7.4): 1000–1003, 1007–1014 and 3000–4999. */
export function validCloseCode(code: number): boolean {
  if (!Number.isInteger(code)) return false;
  return (code >= 1000 && code <= 1014 && !(code >= 1004 && code <= 1006)) || (code >= 3000 && code <= 4999);
}

/** Whether the code belongs to the protocol, its revisions and extensions (7.4.2): 1000–2999. */
export function isProtocolCloseCode(code: number): boolean {
  return code >= 1000 && code <= 2999;
}

/** Whether the code is one that libraries and frameworks register with IANA (7.4.2): 3000–3999. */
export function isLibraryCloseCode(code: number): boolean {
  return code >= 3000 && code <= 3999;
}

/** Whether the code is for private use between applications (7.4.2): 4000–4999. */
export function isPrivateCloseCode(code: number): boolean {
  return code >= 4000 && code <= 4999;
}

const closeTexts: Readonly<Record<number, string>> = {
  [closeCodes.NORMAL]: "normal closure",
  [closeCodes.GOING_AWAY]: "going away",
  [closeCodes.PROTOCOL_ERROR]: "protocol error",
  [closeCodes.UNSUPPORTED_DATA]: "unsupported data",
  [closeCodes.NO_STATUS]: "no status received",
  [closeCodes.ABNORMAL]: "abnormal closure: no close frame came",
  [closeCodes.INVALID_PAYLOAD]: "invalid payload data",
  [closeCodes.POLICY_VIOLATION]: "policy violation",
  [closeCodes.MESSAGE_TOO_BIG]: "message too big",
  [closeCodes.MANDATORY_EXTENSION]: "mandatory extension missing",
  [closeCodes.INTERNAL_ERROR]: "internal error",
  [closeCodes.SERVICE_RESTART]: "service restart",
  [closeCodes.TRY_AGAIN_LATER]: "try again later",
  [closeCodes.BAD_GATEWAY]: "bad gateway",
  [closeCodes.TLS_HANDSHAKE]: "TLS handshake failed",
  [closeCodes.SLOW]: "slow reader",
};

/** What a code means, in words for people; for a code without a meaning of its own, whose it is. */
export function closeReason(code: number): string {
  const text = closeTexts[code];
  if (text !== undefined) return text;
  if (isProtocolCloseCode(code)) return `unknown code ${code} of the protocol`;
  if (isLibraryCloseCode(code)) return `code ${code} of a library`;
  if (isPrivateCloseCode(code)) return `code ${code} of the application`;
  return `${code} is no close code`;
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

/** Code and reason of a close frame's payload; 1005 and "" if it is empty. Throws what {@link readCloseCode} throws. */
export function readClose(bytes: Uint8Array, from: number, to: number): CloseStatus {
  const code = readCloseCode(bytes, from, to);
  return { code, reason: to - from > 2 ? decodeText(bytes.subarray(from + 2, to)) : "" };
}

/**
 * Writes the payload of a close frame at `bytes[at]`; returns its size, 125 bytes at most. Throws {@link BelfryError}
 * BELFRY_BAD_OPTION for a code that may not be sent (7.4), a reason that is too long (5.5), and when the payload does
 * not fit; nothing is written then. A close frame without a code has no payload, and needs no call.
 */
export function writeClosePayload(bytes: Uint8Array, at: number, code: number, reason = ""): number {
  if (!validCloseCode(code)) throw bad(`the close code ${code} may not be sent: 1000-1003, 1007-1014, 3000-4999 may`);
  const text = encodeText(reason);
  if (text.length > limits.closeReasonBytesMax) {
    throw bad(
      `a reason of ${text.length} bytes: closeReasonBytesMax is ${limits.closeReasonBytesMax}, by the protocol; shorten it`,
    );
  }
  if (2 + text.length > bytes.length - at) {
    throw bad(`${2 + text.length} bytes of a close payload do not fit at ${at} of ${bytes.length} bytes`);
  }
  bytes[at] = code >> 8;
  bytes[at + 1] = code;
  bytes.set(text, at + 2);
  return 2 + text.length;
}

function bad(message: string): BelfryError {
  return new BelfryError("BELFRY_BAD_OPTION", message);
}
