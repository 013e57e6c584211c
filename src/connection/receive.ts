import { ProtocolError } from "../errors.ts";
import { limits } from "../limits.ts";
import {
  type Buffers,
  checkHeader,
  checkSize,
  closeCodes,
  FrameHeader,
  inflate,
  isControl,
  MessageReader,
  maskInPlace,
  opcodes,
  readCloseCode,
  readHeader,
  validUtf8,
} from "../ws/index.ts";
import { type Columns, flags, phases } from "./columns.ts";
import type { Compression } from "./compression.ts";

/** Where each kind of frame goes, and what holds it back; bytes are valid until the call returns. */
export interface ReceiverParts {
  readonly columns: Columns;
  readonly compression: Pick<Compression, "plainRules" | "rules">;
  readonly buffers: Buffers;
  /** Whether no more work may begin: what comes is held back. */
  readonly saturated: () => boolean;
  /** Keeps `bytes[from, to)` until the connection goes on. */
  readonly hold: (fd: number, bytes: Uint8Array, from: number, to: number) => void;
  /** A message has come: unmasked, its text checked, valid until the call returns. */
  readonly message: (fd: number, opcode: number, bytes: Uint8Array, from: number, to: number) => void;
  readonly ping: (fd: number, bytes: Uint8Array, from: number, to: number) => void;
  /** The peer has sent a close frame. */
  readonly closed: (fd: number, code: number, reason: string) => void;
  /** The peer broke the protocol: it must be told this code. */
  readonly failed: (fd: number, code: number, reason: string) => void;
}

/**
 * The way in, behind the handshake: frames become messages. A frame that came whole is unmasked and handed on where it
 * lies; only a connection cut in the midst of a frame or message has a MessageReader.
 */
export class Receiver {
  readonly #parts: ReceiverParts;
  readonly #header = new FrameHeader();
  readonly #readers = new Map<number, MessageReader>();
  /** Control frames of this read. */
  #controls = 0;

  constructor(parts: ReceiverParts) {
    this.#parts = parts;
  }

  /** Takes `bytes[from, to)` of a connection, all of it. */
  take(fd: number, bytes: Uint8Array, from: number, to: number): void {
    this.#controls = 0;
    try {
      this.#frames(fd, bytes, from, to);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#parts.failed(fd, error.closeCode, error.message);
    }
  }

  /** Whether the peer stopped in the midst of a frame or message. */
  isPartial(fd: number): boolean {
    return ((this.#parts.columns.flags[fd] as number) & flags.PARTIAL) !== 0;
  }

  /** Drops what is kept for a connection. */
  forget(fd: number): void {
    if (this.isPartial(fd)) this.#dropReader(fd);
  }

  #frames(fd: number, bytes: Uint8Array, from: number, to: number): void {
    const { columns, compression, saturated, hold } = this.#parts;
    const header = this.#header;
    let at = from;
    while (at < to) {
      const bits = columns.flags[fd] as number;
      const phase = columns.phase[fd];
      if (phase !== phases.OPEN && phase !== phases.CLOSING) return;
      if ((bits & flags.PAUSED) !== 0 || saturated()) return hold(fd, bytes, at, to);
      if ((bits & flags.PARTIAL) !== 0) {
        at += this.#readOn(fd, bytes, at, to);
        continue;
      }
      const size = readHeader(bytes, at, to, header);
      const begin = at + size;
      const end = begin + header.length;
      if (size === 0 || end > to || !header.fin || header.opcode === opcodes.CONTINUATION) {
        this.#makeReader(fd);
        continue;
      }
      const rules = (bits & flags.DEFLATED) === 0 ? compression.plainRules : compression.rules(fd);
      checkHeader(header, rules, false);
      const ored = maskInPlace(bytes, begin, end, header.maskKey, 0);
      at = end;
      if (isControl(header.opcode)) {
        this.#control(fd, header.opcode, bytes, begin, end);
      } else {
        checkSize(header.length, rules);
        if (header.rsv !== 0) {
          this.#inflated(fd, header.opcode, inflate(bytes, begin, end, header.opcode, rules));
          continue;
        }
        if (ored > 0x7f && header.opcode === opcodes.TEXT && !validUtf8(bytes, begin, end)) {
          throw new ProtocolError(closeCodes.INVALID_PAYLOAD, "a text is not UTF-8");
        }
        if (phase === phases.OPEN) this.#parts.message(fd, header.opcode, bytes, begin, end);
      }
    }
  }

  #inflated(fd: number, opcode: number, payload: Uint8Array): void {
    if (this.#parts.columns.phase[fd] === phases.OPEN) this.#parts.message(fd, opcode, payload, 0, payload.length);
  }

  #makeReader(fd: number): void {
    const { columns, compression, buffers } = this.#parts;
    columns.flags[fd] = (columns.flags[fd] as number) | flags.PARTIAL;
    this.#readers.set(fd, new MessageReader(compression.rules(fd), buffers));
  }

  #dropReader(fd: number): void {
    const { columns } = this.#parts;
    columns.flags[fd] = (columns.flags[fd] as number) & ~flags.PARTIAL;
    this.#readers.get(fd)?.release();
    this.#readers.delete(fd);
  }

  /** Lets the connection's reader go on; returns how many bytes it used. */
  #readOn(fd: number, bytes: Uint8Array, at: number, to: number): number {
    const reader = this.#readers.get(fd) as MessageReader;
    const used = reader.read(bytes, at, to);
    const { opcode, payload, length } = reader;
    if (opcode < 0) return used;
    if (isControl(opcode)) this.#control(fd, opcode, payload, 0, length);
    else if (this.#parts.columns.phase[fd] === phases.OPEN) this.#parts.message(fd, opcode, payload, 0, length);
    if (reader.idle && this.#readers.get(fd) === reader) this.#dropReader(fd);
    return used;
  }

  #control(fd: number, opcode: number, bytes: Uint8Array, from: number, to: number): void {
    if (++this.#controls > limits.controlFramesPerReadMax) flooded();
    if (opcode === opcodes.PING) {
      if (this.#parts.columns.phase[fd] === phases.OPEN) this.#parts.ping(fd, bytes, from, to);
    } else if (opcode === opcodes.CLOSE) {
      const code = readCloseCode(bytes, from, to);
      const reason = to - from > 2 ? Buffer.from(bytes.subarray(from + 2, to)).toString("utf8") : "";
      this.#parts.closed(fd, code, reason);
    }
  }
}

function flooded(): never {
  throw new ProtocolError(
    closeCodes.POLICY_VIOLATION,
    `controlFramesPerReadMax is ${limits.controlFramesPerReadMax}: too many pings at once`,
  );
}
