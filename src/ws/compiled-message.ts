import type { MessageCodec } from "./codec.ts";
import { compileFrame } from "./compile.ts";
import { opcodes } from "./frame.ts";
import { headerSize } from "./write-header.ts";

const encoder = new TextEncoder();

/** A message that goes to many: framed once, and compressed once for all who have permessage-deflate. */
export class CompiledMessage {
  readonly opcode: number;
  /** The whole frame as it is; nobody changes it. */
  readonly frame: Uint8Array;
  /** The payload, a view of the frame. */
  readonly payload: Uint8Array;
  #compressed: Uint8Array | undefined;

  /** A string is a text message, bytes are a binary one; they are copied. */
  constructor(message: string | Uint8Array) {
    const isText = typeof message === "string";
    const payload = isText ? encoder.encode(message) : message;
    this.opcode = isText ? opcodes.TEXT : opcodes.BINARY;
    this.frame = compileFrame(this.opcode, payload);
    this.payload = this.frame.subarray(headerSize(payload.length));
  }

  /** The frame for peers that share this codec, the same in all calls: the plain one where compression does not pay. */
  compressed(codec: MessageCodec): Uint8Array {
    if (this.#compressed) return this.#compressed;
    const payload = codec.compress(this.payload, 0, this.payload.length);
    this.#compressed = payload ? compileFrame(this.opcode, payload, { rsv: 4 }) : this.frame;
    return this.#compressed;
  }
}
