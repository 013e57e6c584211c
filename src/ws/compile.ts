import { BelfryError } from "../errors.ts";
import { writeClosePayload } from "./close.ts";
import { CONTROL_PAYLOAD_BYTES_MAX, isControl, opcodes } from "./frame.ts";
import { encodeText } from "./text.ts";
import { writeFrame } from "./write-frame.ts";
import { FIN, headerSize } from "./write-header.ts";

/** How a compiled frame is masked. */
export interface MaskOptions {
  /** The masking key of a client's frame, of `randomKey`; without one the frame is a server's, and not masked. */
  readonly key?: number | undefined;
}

/** What a compiled frame says besides its opcode and payload. */
export interface FrameOptions extends MaskOptions {
  /** Whether the frame is its message's last; true unless said otherwise. */
  readonly fin?: boolean;
  /** The reserved bits as a number, RSV1 being 4; none unless said otherwise. */
  readonly rsv?: number;
}

const NOTHING = new Uint8Array(0);

/**
 * A whole frame in bytes of its own, for what goes to many readers: made once, sent as it is. The payload is copied.
 * Throws {@link BelfryError} BELFRY_BAD_OPTION for an opcode or reserved bits that do not fit, and for a control frame
 * that is fragmented or longer than 125 bytes (RFC 6455, 5.5). Reserved opcodes pass: an extension may use them.
 */
export function compileFrame(opcode: number, payload: Uint8Array, options: FrameOptions = {}): Uint8Array {
  const { fin = true, rsv = 0, key } = options;
  if ((opcode & 15) !== opcode) throw bad(`an opcode is 0 to 15, not ${opcode}`);
  if ((rsv & 7) !== rsv) throw bad(`the reserved bits are 0 to 7, not ${rsv}`);
  if (isControl(opcode)) checkControl(payload.length, fin);
  const frame = new Uint8Array(headerSize(payload.length, key !== undefined) + payload.length);
  writeFrame(frame, 0, (fin ? FIN : 0) | (rsv << 4) | opcode, payload, key);
  return frame;
}

/** The frame of a text, which is encoded as `encodeText` does. */
export function compileText(text: string, options?: FrameOptions): Uint8Array {
  return compileFrame(opcodes.TEXT, encodeText(text), options);
}

/** A ping (RFC 6455, 5.5.2). Throws {@link BelfryError} BELFRY_BAD_OPTION for a payload of more than 125 bytes. */
export function compilePing(payload: Uint8Array = NOTHING, options?: MaskOptions): Uint8Array {
  return compileFrame(opcodes.PING, payload, options);
}

/**
 * A pong (RFC 6455, 5.5.3): its payload is that of the ping it answers. Throws {@link BelfryError} BELFRY_BAD_OPTION
 * for a payload of more than 125 bytes.
 */
export function compilePong(payload: Uint8Array = NOTHING, options?: MaskOptions): Uint8Array {
  return compileFrame(opcodes.PONG, payload, options);
}

/**
 * A close frame (RFC 6455, 5.5.1); without a code its payload is empty. Throws {@link BelfryError} BELFRY_BAD_OPTION
 * for a code that may not be sent (7.4), a reason of more than 123 bytes, and a reason without a code.
 */
export function compileClose(code?: number, reason = "", options?: MaskOptions): Uint8Array {
  if (code === undefined) {
    if (reason !== "") throw bad("a reason for closing needs a code before it");
    return compileFrame(opcodes.CLOSE, NOTHING, options);
  }
  const payload = new Uint8Array(CONTROL_PAYLOAD_BYTES_MAX);
  return compileFrame(opcodes.CLOSE, payload.subarray(0, writeClosePayload(payload, 0, code, reason)), options);
}

function checkControl(length: number, fin: boolean): void {
  if (!fin) throw bad("a control frame cannot be fragmented");
  if (length > CONTROL_PAYLOAD_BYTES_MAX) {
    throw bad(`a control frame has at most ${CONTROL_PAYLOAD_BYTES_MAX} bytes of payload, not ${length}`);
  }
}

function bad(message: string): BelfryError {
  return new BelfryError("BELFRY_BAD_OPTION", message);
}
