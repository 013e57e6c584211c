import { limits } from "../limits.ts";
import { COMPRESSED, closeCodes, FIN, headerSize, opcodes, writeHeader } from "../ws/index.ts";
import { type Columns, flags } from "./columns.ts";
import type { Compression } from "./compression.ts";
import { copyBytes } from "./copy-bytes.ts";
import type { Outbox } from "./outbox.ts";

/** Up to this length a loop writes a text faster than a call. */
const ASCII_LOOP_MAX = 256;
const UTF8_BYTES_MAX = 3;
const MASKLESS_HEADER_MAX = 10;

/** Writes frames to the outbox: header and payload next to each other, without a buffer between. */
export class Sender {
  readonly #outbox: Outbox;
  readonly #columns: Columns;
  readonly #compression: Compression;

  constructor(outbox: Outbox, columns: Columns, compression: Compression) {
    this.#outbox = outbox;
    this.#columns = columns;
    this.#compression = compression;
  }

  /** Sends a text message. */
  text(fd: number, text: string): void {
    const outbox = this.#outbox;
    // A character is at most 3 bytes of UTF-8: mostly that settles the header, and the text need not be measured
    // before.
    const most = text.length * UTF8_BYTES_MAX;
    if (this.#isDeflated(fd) && most >= this.#compression.thresholdBytes) {
      const payload = Buffer.from(text, "utf8");
      return this.message(fd, opcodes.TEXT, payload, 0, payload.length);
    }
    if (MASKLESS_HEADER_MAX + most > outbox.capacity) {
      const payload = Buffer.from(text, "utf8");
      this.#count(payload.length);
      return this.#large(fd, opcodes.TEXT, payload);
    }
    const header =
      headerSize(text.length) === headerSize(most) ? headerSize(most) : headerSize(Buffer.byteLength(text));
    const at = outbox.room(header + most);
    const length = writeText(outbox.slab, text, at + header, most);
    writeHeader(outbox.slab, at, FIN | opcodes.TEXT, length);
    this.#count(length);
    outbox.commit(fd, at, header + length);
  }

  /** Sends `bytes[from, to)` as a message, compressed where that was agreed on and pays; they are copied. */
  message(fd: number, opcode: number, bytes: Uint8Array, from: number, to: number): void {
    this.#count(to - from);
    if (!this.#isDeflated(fd) || to - from < this.#compression.thresholdBytes)
      return this.bytes(fd, opcode, bytes, from, to);
    const payload = this.#compression.rules(fd).codec?.compress(bytes, from, to);
    if (payload) this.bytes(fd, COMPRESSED | opcode, payload, 0, payload.length);
    else this.bytes(fd, opcode, bytes, from, to);
  }

  /** Sends `bytes[from, to)` as the payload of a frame of its own, as they are; they are copied. */
  bytes(fd: number, opcode: number, bytes: Uint8Array, from: number, to: number): void {
    const outbox = this.#outbox;
    const length = to - from;
    const header = headerSize(length);
    if (header + length > outbox.capacity) return this.#large(fd, opcode, copyOf(bytes, from, to));
    const at = outbox.room(header + length);
    const { slab } = outbox;
    writeHeader(slab, at, FIN | opcode, length);
    copyBytes(bytes, from, to, slab, at + header);
    outbox.commit(fd, at, header + length);
  }

  /** Sends a close frame (RFC 6455, 5.5.1), an empty one for 1005. A reason that is too long is cut at a character. */
  close(fd: number, code: number, reason: string): void {
    const { slab } = this.#outbox;
    const at = this.#outbox.room(4 + limits.closeReasonBytesMax);
    let length = 0;
    if (code !== closeCodes.NO_STATUS) {
      slab[at + 2] = code >> 8;
      slab[at + 3] = code;
      length = 2 + slab.write(reason, at + 4, limits.closeReasonBytesMax, "utf8");
    }
    writeHeader(slab, at, FIN | opcodes.CLOSE, length);
    this.#outbox.commit(fd, at, 2 + length);
  }

  /** Sends text as it is: the answer to a handshake that is refused. */
  raw(fd: number, text: string): void {
    const at = this.#outbox.room(text.length);
    this.#outbox.commit(fd, at, this.#outbox.slab.write(text, at, text.length, "latin1"));
  }

  #count(bytes: number): void {
    const { counts } = this.#columns;
    counts.messagesSent++;
    counts.bytesSent += bytes;
  }

  #isDeflated(fd: number): boolean {
    return ((this.#columns.flags[fd] as number) & flags.DEFLATED) !== 0;
  }

  #large(fd: number, opcode: number, payload: Uint8Array): void {
    const header = headerSize(payload.length);
    const at = this.#outbox.room(header);
    writeHeader(this.#outbox.slab, at, FIN | opcode, payload.length);
    this.#outbox.commit(fd, at, header);
    this.#outbox.sendShared(fd, payload);
  }
}

/** A copy, where `slice` of a Buffer would be a view. */
function copyOf(bytes: Uint8Array, from: number, to: number): Uint8Array {
  return Uint8Array.prototype.slice.call(bytes, from, to);
}

/** Writes text as UTF-8; returns how many bytes that were. A short ASCII text is written without leaving JavaScript. */
function writeText(slab: Buffer, text: string, at: number, bytesMax: number): number {
  const { length } = text;
  if (length > ASCII_LOOP_MAX) return slab.write(text, at, bytesMax, "utf8");
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code > 127) return slab.write(text, at, bytesMax, "utf8");
    slab[at + i] = code;
  }
  return length;
}
