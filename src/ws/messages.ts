import { ProtocolError } from "../errors.ts";
import { limits } from "../limits.ts";
import { type CloseStatus, closeCodes } from "./close.ts";
import type { MessageCodec } from "./codec.ts";
import { ControlHandler, type ControlOptions } from "./control.ts";
import { isControl, opcodes } from "./frame.ts";
import { type Buffers, MessageReader } from "./message.ts";
import { decodeText, encodeText } from "./text.ts";

/** A whole message: the receiver's own, to keep and to change. */
export class Message {
  /** TEXT or BINARY of `opcodes`. */
  readonly opcode: number;
  /** The payload; that of a text is valid UTF-8. */
  readonly bytes: Uint8Array;

  constructor(opcode: number, bytes: Uint8Array) {
    this.opcode = opcode;
    this.bytes = bytes;
  }

  get isText(): boolean {
    return this.opcode === opcodes.TEXT;
  }

  /** The payload as text, decoded at each call. */
  text(): string {
    return decodeText(this.bytes);
  }
}

/** What is read of a peer. */
export interface MessageOptions {
  /** Bytes of a message when its fragments are joined and decompressed: 1009 beyond. */
  readonly messageBytesMax?: number | undefined;
  /** Fragments of one message: 1008 beyond. */
  readonly fragmentsMax?: number | undefined;
  /** What was negotiated for compression; without it a compressed message is a protocol error. */
  readonly codec?: MessageCodec | undefined;
}

/**
 * The messages in the bytes of one WebSocket after its handshake, as the peer sent them (RFC 6455, 5 and 7). Control
 * frames are answered through `options.send`; when that returns a promise, reading waits for it.
 *
 * The chunks of `source` may be unmasked in place, and are looked at until the next one is asked for. The source is
 * closed (`return`) in every way out once it was begun; where that cuts the connection, as a socket's does, let `send`
 * return a promise that waits until the frame is out.
 *
 * The end: a close frame is answered, and its code and reason are the generator's return value, 1005 for an empty one;
 * a source that ends without one gives 1006. When the peer breaks a rule it is sent a close frame with the code, and
 * the {@link ProtocolError} is thrown; an error of the source is passed on.
 */
export function messages(
  source: AsyncIterable<Uint8Array>,
  options: ControlOptions & MessageOptions,
): AsyncGenerator<Message, CloseStatus, void> {
  return readMessages(source, new ControlHandler(options), options);
}

/** The same, for a program that shares the handler of control frames, to begin the closing handshake by itself say. */
export async function* readMessages(
  source: AsyncIterable<Uint8Array>,
  control: ControlHandler,
  options: MessageOptions = {},
): AsyncGenerator<Message, CloseStatus, void> {
  const reader = new MessageReader(rulesOf(control.server, options), buffers);
  for await (const bytes of source) {
    // The close frame must be out before the loop closes the source: hence the try is within it.
    try {
      let at = 0;
      while (at < bytes.length) {
        at += reader.read(bytes, at, bytes.length);
        if (reader.opcode < 0) continue;
        const payload = reader.payload.subarray(0, reader.length);
        if (!isControl(reader.opcode)) {
          yield new Message(reader.opcode, new Uint8Array(payload));
          continue;
        }
        const sent = control.handle(reader.opcode, payload);
        if (sent) await sent;
        if (control.closeReceived) return control.closeReceived;
      }
      // Who waits for a message holds no buffer meanwhile.
      if (reader.idle) reader.release();
    } catch (error) {
      if (error instanceof ProtocolError) await refuse(control, error);
      throw error;
    }
  }
  return { code: closeCodes.ABNORMAL, reason: "" };
}

/** Tells the peer why. A connection that is broken as well cannot say so; what the peer did is the error to report. */
async function refuse(control: ControlHandler, error: ProtocolError): Promise<void> {
  const fits = encodeText(error.message).length <= limits.closeReasonBytesMax;
  try {
    await control.close(error.closeCode, fits ? error.message : "");
  } catch {}
}

function rulesOf(server: boolean, options: MessageOptions) {
  const { messageBytesMax = limits.messageBytesMax, fragmentsMax = limits.fragmentsMax, codec } = options;
  return { server, rsvAllowed: codec ? 4 : 0, messageBytesMax, fragmentsMax, ...(codec && { codec }) };
}

/** A larger buffer is not kept: it would be most of what the process holds. */
const SPARE_BYTES_MAX = 65_536;
const NOTHING: Uint8Array = new Uint8Array(0);
let spare = NOTHING;

/**
 * All readers share one spare buffer: a message is copied out as soon as it is whole, and nearly all come whole in one
 * chunk, so it is free again before the next one is needed.
 */
const buffers: Buffers = {
  take: (bytes) => {
    if (bytes > spare.length) return new Uint8Array(bytes);
    const buffer = spare;
    spare = NOTHING;
    return buffer;
  },
  give: (buffer) => {
    if (buffer.length > spare.length && buffer.length <= SPARE_BYTES_MAX) spare = buffer;
  },
};
