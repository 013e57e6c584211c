import { ProtocolError } from "../errors.ts";
import { closeCodes } from "./close.ts";
import { CONTROL_PAYLOAD_BYTES_MAX, type FrameHeader, isControl, opcodes } from "./frame.ts";

/** What the rules depend on. */
export interface CheckState {
  /** Whether this end is the server, to which every frame comes masked (RFC 6455, 5.1). */
  readonly server: boolean;
  /** Reserved bits that a negotiated extension uses: 4 for permessage-deflate. */
  readonly rsvAllowed: number;
}

/**
 * Judges a frame header by RFC 6455, sections 5.1 to 5.5; `fragmented` says that a message has begun and not ended.
 * Throws {@link ProtocolError} 1002 that names the broken rule.
 */
export function checkHeader(header: FrameHeader, state: CheckState, fragmented: boolean): void {
  const { opcode } = header;
  // The usual frame passes with one comparison for each rule.
  if (header.rsv !== 0) checkReserved(header, state);
  if (header.masked !== state.server)
    broken(state.server ? "a client's frame is not masked" : "a server's frame is masked");
  if (isControl(opcode)) checkControl(header);
  else if (opcode > opcodes.BINARY) broken(`opcode ${opcode} is reserved`);
  else if ((opcode === opcodes.CONTINUATION) !== fragmented) {
    broken(fragmented ? "a new message begins before the last one ended" : "a continuation without a message");
  }
}

/** An extension gives a meaning to reserved bits; RSV1 is that of a message's first frame (RFC 7692, 6.1). */
function checkReserved(header: FrameHeader, state: CheckState): void {
  if ((header.rsv & ~state.rsvAllowed) !== 0) broken(`reserved bits ${header.rsv} are set`);
  if ((header.rsv & 4) === 0) return;
  if (isControl(header.opcode)) broken("a control frame is compressed");
  if (header.opcode === opcodes.CONTINUATION) broken("RSV1 is set in a continuation");
}

function checkControl(header: FrameHeader): void {
  if (header.opcode > opcodes.PONG) broken(`opcode ${header.opcode} is reserved`);
  if (!header.fin) broken("a control frame is fragmented");
  if (header.length > CONTROL_PAYLOAD_BYTES_MAX) broken(`a control frame of ${header.length} bytes`);
}

function broken(rule: string): never {
  throw new ProtocolError(closeCodes.PROTOCOL_ERROR, rule);
}
