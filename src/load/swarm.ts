import { Columns, phases } from "../connection/columns.ts";
import { Outbox } from "../connection/outbox.ts";
import { HandshakeError } from "../errors.ts";
import { limits } from "../limits.ts";
import { type DriverChoice, errnoName, events, interest, type Netpoll, openDriver, RECORD } from "../netpoll/index.ts";
import {
  checkDialResponse,
  compileClose,
  compilePong,
  FrameHeader,
  isControl,
  opcodes,
  ResponseHead,
  readClose,
  readHeader,
  readResponseHead,
} from "../ws/index.ts";
import type { Target } from "./target.ts";

/** Frames of a client are masked; this key is a constant, since nobody is to be protected from this client. */
export const MASK_KEY = 0x5a3c_96e1;

/** What {@link Swarm} needs, and whom it tells. */
export interface SwarmParts {
  readonly target: Target;
  /** Addresses to connect from, taken in turn; none: the kernel chooses. */
  readonly sources: readonly string[];
  readonly driver: DriverChoice;
  readonly opened: (fd: number) => void;
  /**
   * A message's last frame has come: its payload is `bytes[from, to)`, valid until the call returns. Of a message in
   * several frames it is the last one's.
   */
  readonly message: (fd: number, bytes: Buffer, from: number, to: number) => void;
  /** A connection that was open is over; why is a few words, the same for all that end alike. */
  readonly closed: (fd: number, why: string) => void;
  /** One could not be opened; its descriptor is -1 when it did not even begin. */
  readonly failed: (fd: number, why: string) => void;
}

/**
 * Very many client connections on one poll, in columns, with nothing kept for one that is idle. It answers pings and
 * close frames, and knows no extension.
 */
export class Swarm {
  /** Those that are being opened. */
  opening = 0;
  /** Those that are open. */
  open = 0;
  readonly #parts: SwarmParts;
  readonly #poll: Netpoll;
  readonly #columns = new Columns();
  readonly #outbox: Outbox;
  readonly #head = new ResponseHead();
  readonly #header = new FrameHeader();
  /** The beginnings of answers and frames whose rest has not come. */
  readonly #rests = new Map<number, Buffer>();
  readonly #expected: { key: string; protocols: string[]; extensions: string };
  #source = 0;

  /** Throws BELFRY_NO_ADDON when the driver "native" was asked for and is not there. */
  constructor(parts: SwarmParts) {
    this.#parts = parts;
    this.#expected = { key: parts.target.key, protocols: [], extensions: "" };
    this.#poll = openDriver({
      choice: parts.driver,
      inputBytes: limits.inputSlabBytes,
      outputBytes: limits.outputSlabBytes,
      ready: () => this.#turn(),
      says: () => {},
    });
    this.#outbox = new Outbox({
      poll: this.#poll,
      columns: this.#columns,
      options: {},
      broken: (fd, result) => this.#end(fd, errnoName(result)),
      drained: () => {},
    });
  }

  /** Begins one more connection; returns its descriptor, or what the kernel said, which was told as a failure. */
  connect(): number {
    const { target, sources, failed } = this.#parts;
    const source = sources.length === 0 ? "" : (sources[this.#source++ % sources.length] as string);
    const fd = this.#poll.connect(target.address, target.port, source);
    if (fd < 0) {
      failed(-1, errnoName(fd));
      return fd;
    }
    this.opening++;
    this.#columns.begin(fd, phases.HEAD);
    return fd;
  }

  /** Sends a frame of {@link MASK_KEY}, which is copied. */
  send(fd: number, frame: Uint8Array): void {
    if (frame.length > this.#outbox.capacity) return this.#outbox.sendShared(fd, frame);
    const at = this.#outbox.room(frame.length);
    this.#outbox.slab.set(frame, at);
    this.#outbox.commit(fd, at, frame.length);
  }

  /** Runs work whose output leaves together. */
  batch(work: () => void): void {
    this.#outbox.batch(work);
  }

  /** Reads nothing more of a connection. */
  deafen(fd: number): void {
    this.#poll.arm(fd, interest.NONE);
  }

  isOpen(fd: number): boolean {
    return this.#columns.phase[fd] === phases.OPEN;
  }

  /** Says goodbye and ends a connection; its end is not told of. */
  close(fd: number): void {
    if (!this.isOpen(fd)) return;
    this.send(fd, GOODBYE);
    this.#free(fd);
  }

  /** Ends everything at once. */
  destroy(): void {
    for (let fd = 0; fd < this.#columns.high; fd++) if (this.#columns.phase[fd] !== phases.FREE) this.#poll.close(fd);
    this.#poll.destroy();
  }

  /** Several small batches, as the server has them: where many processes share a core each turn has to bring much. */
  #turn(): void {
    let count: number = limits.fullBatchRecords;
    for (let i = 0; i < limits.batchesPerTurn && count >= limits.fullBatchRecords; i++) {
      this.#outbox.batch(() => {
        count = this.#harvest();
      });
    }
  }

  /** Returns how many records there were. */
  #harvest(): number {
    const { records, slab } = this.#poll;
    const count = this.#poll.wait();
    for (let i = 0; i < count * RECORD; i += RECORD) {
      const fd = records[i] as number;
      const value = records[i + 2] as number;
      const offset = records[i + 3] as number;
      if (this.#columns.phase[fd] === phases.FREE) continue;
      if (records[i + 1] === events.DATA) this.#received(fd, slab, offset, offset + value);
      else if (records[i + 1] === events.WRITABLE) this.#outbox.writable(fd);
      else if (records[i + 1] === events.END)
        this.#end(fd, value === 0 ? "ended without a close frame" : errnoName(value));
      else if (records[i + 1] === events.CONNECTED) this.#connected(fd, value);
    }
    return count;
  }

  #connected(fd: number, result: number): void {
    if (result < 0) this.#end(fd, errnoName(result));
    else this.send(fd, this.#parts.target.request);
  }

  #received(fd: number, bytes: Buffer, from: number, to: number): void {
    const before = this.#rests.get(fd);
    if (before) {
      this.#rests.delete(fd);
      const whole = Buffer.concat([before, bytes.subarray(from, to)]);
      return this.#received(fd, whole, 0, whole.length);
    }
    try {
      const at = this.#read(fd, bytes, from, to);
      if (at < to && this.#columns.phase[fd] !== phases.FREE) this.#rests.set(fd, Buffer.from(bytes.subarray(at, to)));
    } catch (error) {
      this.#end(fd, error instanceof HandshakeError ? `answered ${error.status}` : (error as Error).message);
    }
  }

  /** Returns where what is not whole begins. */
  #read(fd: number, bytes: Buffer, from: number, to: number): number {
    const header = this.#header;
    let at = from;
    if (this.#columns.phase[fd] === phases.HEAD) at += this.#readAnswer(fd, bytes, from, to);
    while (at < to && this.isOpen(fd)) {
      const size = readHeader(bytes, at, to, header);
      const end = at + size + header.length;
      if (size === 0 || end > to) return at;
      this.#frame(fd, bytes, at + size, end);
      at = end;
    }
    return at;
  }

  /** Returns its size, or 0 when it is not whole. */
  #readAnswer(fd: number, bytes: Buffer, from: number, to: number): number {
    const size = readResponseHead(bytes, from, to, this.#head);
    if (size === 0) return 0;
    checkDialResponse(this.#head, this.#expected);
    this.opening--;
    this.open++;
    this.#columns.enter(fd, phases.OPEN);
    this.#parts.opened(fd);
    return size;
  }

  #frame(fd: number, bytes: Buffer, from: number, to: number): void {
    const { opcode, fin } = this.#header;
    if (!isControl(opcode)) {
      if (fin) this.#parts.message(fd, bytes, from, to);
    } else if (opcode === opcodes.PING) {
      this.send(fd, compilePong(bytes.subarray(from, to), { key: MASK_KEY }));
    } else if (opcode === opcodes.CLOSE) {
      const { code, reason } = readClose(bytes, from, to);
      this.send(fd, GOODBYE);
      this.#end(fd, `closed with ${code}${reason === "" ? "" : ` ${reason}`}`);
    }
  }

  #end(fd: number, why: string): void {
    const wasOpen = this.isOpen(fd);
    if (!wasOpen) this.opening--;
    this.#free(fd);
    if (wasOpen) this.#parts.closed(fd, why);
    else this.#parts.failed(fd, why);
  }

  #free(fd: number): void {
    if (this.isOpen(fd)) this.open--;
    this.#rests.delete(fd);
    this.#outbox.close(fd);
    this.#columns.free(fd);
  }
}

const GOODBYE = compileClose(1000, "", { key: MASK_KEY });
