import { BelfryError, ProtocolError } from "../errors.ts";
import { type CheckState, checkHeader } from "./check.ts";
import { closeCodes } from "./close.ts";
import type { MessageCodec } from "./codec.ts";
import { CONTROL_PAYLOAD_BYTES_MAX, FrameHeader, HEADER_BYTES_MAX, isControl, opcodes } from "./frame.ts";
import { maskInPlace } from "./mask.ts";
import { readHeader } from "./read-header.ts";
import { checkUtf8, UTF8_START, validUtf8 } from "./utf8.ts";

/** What a reader of messages allows. */
export interface MessageRules extends CheckState {
  /** Bytes of a message when its fragments are joined: 1009 beyond. */
  readonly messageBytesMax: number;
  /** Fragments of one message: 1008 beyond. */
  readonly fragmentsMax: number;
  /** Decompresses messages whose RSV1 is set; `rsvAllowed` must hold that bit. */
  readonly codec?: MessageCodec | undefined;
}

/** Where a reader gets its buffers: `take` gives at least as many bytes as asked, `give` gets them back. */
export interface Buffers {
  take(bytes: number): Uint8Array;
  give(buffer: Uint8Array): void;
}

/** Refuses a message that is, or with this frame would be, larger than allowed, before a byte of it is kept. */
export function checkSize(bytes: number, rules: MessageRules): void {
  if (bytes <= rules.messageBytesMax) return;
  throw new ProtocolError(
    closeCodes.MESSAGE_TOO_BIG,
    `messageBytesMax is ${rules.messageBytesMax} (option messageBytesMax)`,
  );
}

/** Decompresses the payload of a message, whose text is judged then: `bytes[from, to)` is compressed. */
export function inflate(bytes: Uint8Array, from: number, to: number, opcode: number, rules: MessageRules): Uint8Array {
  if (!rules.codec) throw new BelfryError("BELFRY_BAD_STATE", "rsvAllowed holds RSV1, but there is no codec");
  const payload = rules.codec.decompress(bytes, from, to, rules.messageBytesMax);
  if (opcode === opcodes.TEXT && !validUtf8(payload, 0, payload.length)) notUtf8();
  return payload;
}

const NOTHING: Uint8Array = new Uint8Array(0);

/**
 * RFC 6455, section 5.4: puts a message together that comes in pieces, be they fragments or reads that end anywhere. It
 * holds what a connection needs only while it is in the midst of something; a connection whose frames come whole never
 * has one. Each byte is looked at once, so a sender of single bytes costs no more than its bytes.
 */
export class MessageReader {
  /** What `read` has completed: the opcode of a message or control frame, -1 for nothing. */
  opcode = -1;
  /** Its unmasked payload: `payload[0, length)`, valid until the next `read` or `release`. */
  payload: Uint8Array = NOTHING;
  length = 0;

  readonly #rules: MessageRules;
  readonly #buffers: Buffers;
  readonly #header = new FrameHeader();
  readonly #head = new Uint8Array(HEADER_BYTES_MAX);
  #headLength = 0;
  #inFrame = false;
  #frameDone = 0;
  #message = NOTHING;
  #messageLength = 0;
  #messageOpcode = 0;
  #compressed = false;
  #fragments = 0;
  #utf8 = UTF8_START;
  #control = NOTHING;

  constructor(rules: MessageRules, buffers: Buffers) {
    this.#rules = rules;
    this.#buffers = buffers;
  }

  /** Whether nothing is held back: the reader may be dropped, and frames be read without it. */
  get idle(): boolean {
    return !this.#inFrame && this.#headLength === 0 && this.#messageOpcode === 0;
  }

  /**
   * Reads on from `bytes[from, to)`, which it unmasks in place, until a message or a control frame is whole or the
   * bytes end. Returns how many bytes it used. Throws {@link ProtocolError}; the reader is of no use afterwards but for
   * `release`.
   */
  read(bytes: Uint8Array, from: number, to: number): number {
    this.#forget();
    let at = from;
    for (;;) {
      if (!this.#inFrame) {
        const used = this.#readHead(bytes, at, to);
        at += used;
        if (!this.#inFrame) return at - from;
      }
      at += this.#readPayload(bytes, at, to);
      if (this.#frameDone < this.#header.length) return at - from;
      this.#inFrame = false;
      if (this.#complete()) return at - from;
    }
  }

  /** Gives the buffers back. */
  release(): void {
    this.#forget();
    if (this.#message.length > 0) this.#buffers.give(this.#message);
    this.#message = NOTHING;
    this.#messageLength = 0;
    this.#messageOpcode = 0;
    this.#inFrame = false;
    this.#headLength = 0;
  }

  /** The message that was handed out is over: its buffer is free. */
  #forget(): void {
    if (this.opcode >= 0 && !isControl(this.opcode) && this.#message.length > 0) {
      this.#buffers.give(this.#message);
      this.#message = NOTHING;
    }
    this.opcode = -1;
    this.payload = NOTHING;
    this.length = 0;
  }

  #readHead(bytes: Uint8Array, at: number, to: number): number {
    const had = this.#headLength;
    const more = Math.min(HEADER_BYTES_MAX - had, to - at);
    for (let i = 0; i < more; i++) this.#head[had + i] = bytes[at + i] as number;
    const size = readHeader(this.#head, 0, had + more, this.#header);
    this.#headLength = size === 0 ? had + more : 0;
    if (size === 0) return more;
    this.#begin();
    return size - had;
  }

  #begin(): void {
    const header = this.#header;
    checkHeader(header, this.#rules, this.#messageOpcode !== 0);
    this.#inFrame = true;
    this.#frameDone = 0;
    if (isControl(header.opcode)) {
      if (this.#control.length === 0) this.#control = new Uint8Array(CONTROL_PAYLOAD_BYTES_MAX);
      return;
    }
    checkSize(this.#messageLength + header.length, this.#rules);
    if (header.opcode !== opcodes.CONTINUATION) {
      this.#messageOpcode = header.opcode;
      this.#compressed = (header.rsv & 4) !== 0;
      this.#messageLength = 0;
      this.#fragments = 0;
      this.#utf8 = UTF8_START;
    }
    if (++this.#fragments > this.#rules.fragmentsMax) {
      throw new ProtocolError(
        closeCodes.POLICY_VIOLATION,
        `fragmentsMax is ${this.#rules.fragmentsMax} (option fragmentsMax)`,
      );
    }
  }

  #readPayload(bytes: Uint8Array, at: number, to: number): number {
    const header = this.#header;
    const count = Math.min(header.length - this.#frameDone, to - at);
    if (count === 0) return 0;
    const end = at + count;
    const ored = header.masked ? maskInPlace(bytes, at, end, header.maskKey, this.#frameDone) : 0x80;
    if (isControl(header.opcode)) {
      this.#control.set(bytes.subarray(at, end), this.#frameDone);
    } else {
      const isText = this.#messageOpcode === opcodes.TEXT && !this.#compressed;
      if (isText && (ored > 0x7f || this.#utf8 !== UTF8_START)) this.#check(bytes, at, end);
      this.#append(bytes, at, end);
    }
    this.#frameDone += count;
    return count;
  }

  /** A text that is broken is refused at the broken byte, not at its end (8.1). */
  #check(bytes: Uint8Array, from: number, to: number): void {
    this.#utf8 = checkUtf8(bytes, from, to, this.#utf8);
    if (this.#utf8 < 0) notUtf8();
  }

  /** Grows by doubling with what has come, never with what a header announces. */
  #append(bytes: Uint8Array, from: number, to: number): void {
    const needed = this.#messageLength + to - from;
    if (needed > this.#message.length) {
      const larger = this.#buffers.take(
        Math.max(needed, Math.min(this.#message.length * 2, this.#rules.messageBytesMax)),
      );
      larger.set(this.#message.subarray(0, this.#messageLength));
      if (this.#message.length > 0) this.#buffers.give(this.#message);
      this.#message = larger;
    }
    this.#message.set(bytes.subarray(from, to), this.#messageLength);
    this.#messageLength = needed;
  }

  /** Hands out what is whole; false when more fragments are to come. */
  #complete(): boolean {
    const { opcode, fin, length } = this.#header;
    if (isControl(opcode)) {
      this.opcode = opcode;
      this.payload = this.#control;
      this.length = length;
      return true;
    }
    if (!fin) return false;
    if (this.#utf8 !== UTF8_START)
      throw new ProtocolError(closeCodes.INVALID_PAYLOAD, "a text ends within a character");
    this.opcode = this.#messageOpcode;
    this.payload = this.#message;
    this.length = this.#messageLength;
    if (this.#compressed) {
      this.payload = inflate(this.#message, 0, this.#messageLength, this.#messageOpcode, this.#rules);
      this.length = this.payload.length;
    }
    this.#messageOpcode = 0;
    this.#messageLength = 0;
    return true;
  }
}

function notUtf8(): never {
  throw new ProtocolError(closeCodes.INVALID_PAYLOAD, "a text is not UTF-8");
}
