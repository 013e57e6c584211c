import { limits } from "../limits.ts";
import type { CompiledMessage } from "../ws/index.ts";
import { type Columns, phases } from "./columns.ts";
import type { Compression } from "./compression.ts";
import type { Outbox } from "./outbox.ts";
import type { Sender } from "./sender.ts";

/** Compiled messages to many connections, each in the form that it agreed on. */
export class Multicast {
  readonly #columns: Columns;
  readonly #compression: Compression;
  readonly #outbox: Outbox;
  readonly #sender: Sender;
  readonly #compressed = new Int32Array(limits.fanoutSliceSends);
  readonly #single = new Int32Array(1);

  constructor(columns: Columns, compression: Compression, outbox: Outbox, sender: Sender) {
    this.#columns = columns;
    this.#compression = compression;
    this.#outbox = outbox;
    this.#sender = sender;
  }

  /** Sends to one connection. */
  one(fd: number, message: CompiledMessage): void {
    this.#single[0] = fd;
    this.many(message, this.#single, 1);
  }

  /** Sends to those of `fds[0, count)`, at most fanoutSliceSends, that are open; changes the array. */
  many(message: CompiledMessage, fds: Int32Array, count: number): void {
    const compression = this.#compression;
    if (compression.connections === 0 || message.payload.length < compression.thresholdBytes) {
      return this.#count(this.#outbox.multicast(message.frame, fds, count), message);
    }
    let plain = 0;
    let compressed = 0;
    for (let i = 0; i < count; i++) {
      const fd = fds[i] as number;
      if (!compression.has(fd)) fds[plain++] = fd;
      else if (compression.isShared(fd)) this.#compressed[compressed++] = fd;
      else if (this.#columns.phase[fd] === phases.OPEN)
        this.#sender.message(fd, message.opcode, message.payload, 0, message.payload.length);
    }
    if (plain > 0) this.#count(this.#outbox.multicast(message.frame, fds, plain), message);
    if (compressed === 0) return;
    const frame = message.compressed(compression.codec);
    this.#count(this.#outbox.multicast(frame, this.#compressed, compressed), message);
  }

  #count(messages: number, { payload }: CompiledMessage): void {
    const { counts } = this.#columns;
    counts.messagesSent += messages;
    counts.bytesSent += messages * payload.length;
  }
}
