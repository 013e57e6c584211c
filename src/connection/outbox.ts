import { limits } from "../limits.ts";
import { ENTRY, errnoNumber, interest, type Netpoll } from "../netpoll/index.ts";
import { type Columns, flags, phases } from "./columns.ts";

/** Bytes that wait for a connection whose socket was full. Frames of a fan-out are held by reference. */
interface Queue {
  readonly parts: Uint8Array[];
  /** Bytes of the first part that have gone. */
  sent: number;
  bytes: number;
}

/** What the outbox writes to, and what it tells of each connection. */
export interface OutboxParts {
  readonly poll: Netpoll;
  readonly columns: Columns;
  /** Bytes that may wait for one connection. */
  readonly bytesMax: number;
  /** A connection cannot be written to any more: `-errno`, or 0 when more than `bytesMax` wait for it. */
  readonly broken: (fd: number, result: number) => void;
  /** All that waited for a connection has gone. */
  readonly drained: (fd: number) => void;
}

/**
 * The way out. What is written goes to the output half of the slab, and in one native call to all sockets at the end of
 * the batch; only a connection whose socket is full holds a queue. Within a connection, bytes leave in the order in
 * which they were written, whichever way they take.
 */
export class Outbox {
  /** Where to write: from the offset that `room` gives. */
  readonly slab: Buffer;
  /** The most that `room` can give. */
  readonly capacity: number;
  readonly #parts: OutboxParts;
  readonly #list = new Int32Array(limits.flushEntriesMax * ENTRY);
  readonly #results = new Int32Array(limits.fanoutSliceSends);
  readonly #queues = new Map<number, Queue>();
  /** Connections that broke, and their results, until they are reported. */
  readonly #failed: number[] = [];
  readonly #ends: number[] = [];
  readonly #closes: number[] = [];
  readonly #begin: number;
  #at: number;
  #count = 0;
  #last = -1;
  #inBatch = false;
  #scheduled = false;

  constructor(parts: OutboxParts) {
    this.#parts = parts;
    this.slab = parts.poll.slab;
    this.#begin = parts.poll.inputBytes;
    this.#at = this.#begin;
    this.capacity = this.slab.length - this.#begin;
  }

  /** Runs a batch of work whose output leaves together at its end; output outside of one leaves in a microtask. */
  batch(work: () => void): void {
    this.#inBatch = true;
    try {
      work();
    } finally {
      this.#inBatch = false;
      this.flush();
    }
  }

  /** The offset in the slab at which `bytes`, at most {@link capacity}, may be written; valid until `commit`. */
  room(bytes: number): number {
    if (this.#at + bytes > this.slab.length) this.#flushList();
    return this.#at;
  }

  /** Sends what was written to `slab[at, at + bytes)`, where `at` is what `room` gave. */
  commit(fd: number, at: number, bytes: number): void {
    if (((this.#parts.columns.flags[fd] as number) & flags.BLOCKED) !== 0) {
      this.#enqueue(fd, Uint8Array.prototype.slice.call(this.slab, at, at + bytes));
      this.#reportBroken();
      return;
    }
    const list = this.#list;
    this.#at = at + bytes;
    if (this.#last === fd) {
      // What one connection writes in a row leaves in one send.
      const length = (this.#count - 1) * ENTRY + 2;
      list[length] = (list[length] as number) + bytes;
      return;
    }
    const entry = this.#count * ENTRY;
    list[entry] = fd;
    list[entry + 1] = at;
    list[entry + 2] = bytes;
    this.#last = fd;
    if (++this.#count === limits.flushEntriesMax) this.#flushList();
    this.#schedule();
  }

  /** Sends bytes that nobody will change: for a frame that goes to many, or one that is larger than the slab. */
  sendShared(fd: number, bytes: Uint8Array): void {
    const { columns, poll } = this.#parts;
    this.#flushList();
    if (((columns.flags[fd] as number) & flags.BLOCKED) !== 0) this.#enqueue(fd, bytes);
    else this.#settle(fd, poll.send(fd, bytes, 0, bytes.length), bytes);
    this.#reportBroken();
  }

  /**
   * Sends the same bytes, which nobody will change, to those of `fds[0, count)`, at most fanoutSliceSends, that are
   * open.
   */
  multicast(bytes: Uint8Array, fds: Int32Array, count: number): void {
    const { columns, poll } = this.#parts;
    this.#flushList();
    let free = 0;
    for (let i = 0; i < count; i++) {
      const fd = fds[i] as number;
      if (columns.phase[fd] !== phases.OPEN) continue;
      if (((columns.flags[fd] as number) & flags.BLOCKED) !== 0) this.#enqueue(fd, bytes);
      else fds[free++] = fd;
    }
    const results = this.#results;
    if (poll.multicast(bytes, bytes.length, fds, free, results) === 0) return;
    for (let i = 0; i < free; i++) {
      if (results[i] !== bytes.length) this.#settle(fds[i] as number, results[i] as number, bytes);
    }
    this.#reportBroken();
  }

  /** Bytes that this side still holds for a connection. */
  bufferedBytes(fd: number): number {
    let bytes = this.#queues.get(fd)?.bytes ?? 0;
    for (let i = 0; i < this.#count * ENTRY; i += ENTRY) if (this.#list[i] === fd) bytes += this.#list[i + 2] as number;
    return bytes;
  }

  /** The socket takes bytes again. */
  writable(fd: number): void {
    const queue = this.#queues.get(fd);
    if (!queue) return;
    const { poll } = this.#parts;
    while (queue.parts.length > 0) {
      const part = queue.parts[0] as Uint8Array;
      const sent = poll.send(fd, part, queue.sent, part.length - queue.sent);
      if (sent < 0 && !again(sent)) return this.#parts.broken(fd, sent);
      if (sent > 0) {
        queue.sent += sent;
        queue.bytes -= sent;
      }
      if (queue.sent < part.length) return;
      queue.parts.shift();
      queue.sent = 0;
    }
    this.#unblock(fd);
  }

  /** Ends the sending side when all that was written has gone. */
  end(fd: number): void {
    const { columns } = this.#parts;
    columns.flags[fd] = (columns.flags[fd] as number) | flags.ENDING;
    this.#ends.push(fd);
    this.#schedule();
  }

  /**
   * Closes the descriptor at the end of the batch, when what was written before has been sent; what waits in its queue
   * is dropped. Not at once: a descriptor that came into use again within the batch would get the old one's records.
   */
  close(fd: number): void {
    this.forget(fd);
    this.#closes.push(fd);
    this.#schedule();
  }

  /** Drops what waits for a connection. */
  forget(fd: number): void {
    this.#queues.delete(fd);
  }

  /** Sends everything now, and carries out what `end` and `close` were asked for. */
  flush(): void {
    this.#flushList();
    const { columns, poll } = this.#parts;
    for (const fd of this.#ends.splice(0)) {
      const bits = columns.flags[fd] as number;
      if ((bits & flags.ENDING) !== 0 && (bits & flags.BLOCKED) === 0) poll.shutdown(fd);
    }
    for (const fd of this.#closes.splice(0)) poll.close(fd);
  }

  #schedule(): void {
    if (this.#inBatch || this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.flush();
    });
  }

  #flushList(): void {
    const count = this.#count;
    if (count === 0) return;
    this.#count = 0;
    this.#last = -1;
    const list = this.#list;
    const left = this.#parts.poll.flush(list, count);
    const begin = this.#begin;
    this.#at = begin;
    if (left === 0) return;
    for (let i = 0; i < count * ENTRY; i += ENTRY) {
      const length = list[i + 2] as number;
      if (length === 0) continue;
      const at = list[i + 1] as number;
      if (length < 0) this.#failed.push(list[i] as number, length);
      else this.#enqueue(list[i] as number, Uint8Array.prototype.slice.call(this.slab, at, at + length));
    }
    this.#reportBroken();
  }

  /** Only now, since who is told may write at once, to the slab and lists that were just looked through. */
  #reportBroken(): void {
    if (this.#failed.length === 0) return;
    const failed = this.#failed.splice(0);
    for (let i = 0; i < failed.length; i += 2) this.#parts.broken(failed[i] as number, failed[i + 1] as number);
  }

  /** Deals with the result of one send of `bytes`. */
  #settle(fd: number, result: number, bytes: Uint8Array): void {
    if (result === bytes.length) return;
    if (result < 0 && !again(result)) this.#failed.push(fd, result);
    else this.#enqueue(fd, result > 0 ? bytes.subarray(result) : bytes);
  }

  #enqueue(fd: number, bytes: Uint8Array): void {
    const { columns, poll, bytesMax } = this.#parts;
    let queue = this.#queues.get(fd);
    if (!queue) {
      queue = { parts: [], sent: 0, bytes: 0 };
      this.#queues.set(fd, queue);
      columns.flags[fd] = (columns.flags[fd] as number) | flags.BLOCKED;
      poll.arm(fd, interestOf(columns.flags[fd] as number));
    }
    queue.parts.push(bytes);
    queue.bytes += bytes.length;
    if (queue.bytes > bytesMax) this.#failed.push(fd, 0);
  }

  #unblock(fd: number): void {
    const { columns, poll } = this.#parts;
    this.#queues.delete(fd);
    const bits = (columns.flags[fd] as number) & ~flags.BLOCKED;
    columns.flags[fd] = bits;
    poll.arm(fd, interestOf(bits));
    if ((bits & flags.ENDING) !== 0) poll.shutdown(fd);
    this.#parts.drained(fd);
  }
}

/** What to watch a connection for: to read unless it is paused, to write while it is blocked. */
export function interestOf(bits: number): number {
  return ((bits & flags.PAUSED) === 0 ? interest.READ : 0) | ((bits & flags.BLOCKED) !== 0 ? interest.WRITE : 0);
}

const EAGAIN = errnoNumber("EAGAIN");
function again(result: number): boolean {
  return result === -EAGAIN;
}
