import { limits } from "../limits.ts";
import { ENTRY, errnoNumber, interest, type Netpoll } from "../netpoll/index.ts";
import { type Columns, flags, phases } from "./columns.ts";
import { Outbound, type OutboundOptions, QUEUE_BYTES } from "./outbound.ts";
import { SendQueue } from "./send-queue.ts";

/** What {@link Outbox} needs of the other parts. */
export interface OutboxParts {
  readonly poll: Netpoll;
  readonly columns: Columns;
  /** Bytes that may wait for one connection, and for all together; defaults are in limits.ts. */
  readonly options: OutboundOptions;
  /** A connection cannot be written to any more: `-errno`, or what {@link slowReason} puts into words. */
  readonly broken: (fd: number, result: number) => void;
  /** All that waited for a connection has gone. */
  readonly drained: (fd: number) => void;
}

/** Too much waits for a connection; or for all of them, and most of it for this one. */
const OVER_OUTBOX = 0;
const OVER_OUTBOUND = 1;
const SILENT = flags.BLOCKED | flags.BROKEN;

/**
 * The way out. What is written goes to the output half of the slab, and in one native call to all sockets at the end of
 * the batch; only a connection whose socket is full has a queue. Within a connection, bytes leave in the order in which
 * they were written, whichever way they take.
 *
 * Nobody is called back while something is written: a connection that turns out to be broken is marked, takes no more
 * bytes, and is reported by `flush`. So whoever writes need not fear that the ground moves under it.
 */
export class Outbox {
  /** Where to write: from the offset that `room` gives. */
  readonly slab: Buffer;
  /** The most that `room` can give. */
  readonly capacity: number;
  /** What waits for all connections together. */
  readonly outbound: Outbound;
  readonly #parts: OutboxParts;
  readonly #list = new Int32Array(limits.flushEntriesMax * ENTRY);
  readonly #results = new Int32Array(limits.fanoutSliceSends);
  readonly #queues = new Map<number, SendQueue>();
  /** Connections that broke: descriptor, generation, result of each. */
  readonly #failed: number[] = [];
  readonly #ends: number[] = [];
  readonly #closes: number[] = [];
  readonly #begin: number;
  #at: number;
  #count = 0;
  #last = -1;
  #batches = 0;
  #scheduled = false;

  constructor(parts: OutboxParts) {
    this.#parts = parts;
    this.slab = parts.poll.slab;
    this.#begin = parts.poll.inputBytes;
    this.#at = this.#begin;
    this.capacity = this.slab.length - this.#begin;
    this.outbound = new Outbound(parts.options);
    this.outbound.join({ waiting: this.#queues, shed: (fd) => this.#fail(fd, OVER_OUTBOUND) });
  }

  /** Runs a batch of work whose output leaves together at its end; output outside of one leaves in a microtask. */
  batch(work: () => void): void {
    this.#batches++;
    try {
      work();
    } finally {
      this.#batches--;
      if (this.#batches === 0) this.flush();
    }
  }

  /** The offset in the slab at which `bytes`, at most {@link capacity}, may be written; valid until `commit`. */
  room(bytes: number): number {
    if (this.#at + bytes > this.slab.length) this.#flushList();
    return this.#at;
  }

  /** Sends what was written to `slab[at, at + bytes)`, where `at` is what `room` gave. */
  commit(fd: number, at: number, bytes: number): void {
    if (((this.#parts.columns.flags[fd] as number) & SILENT) !== 0) return this.#enqueue(fd, this.slab, at, at + bytes);
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

  /** Sends bytes that nobody will change: a message that is larger than the slab. */
  sendShared(fd: number, bytes: Uint8Array): void {
    const { columns, poll } = this.#parts;
    this.#flushList();
    if (((columns.flags[fd] as number) & SILENT) !== 0) this.#enqueue(fd, bytes, 0, bytes.length, true);
    else this.#settle(fd, poll.send(fd, bytes, 0, bytes.length), bytes);
  }

  /**
   * Sends the same bytes, which nobody will change, to those of `fds[0, count)`, at most fanoutSliceSends, that are
   * open. Returns how many these were.
   */
  multicast(bytes: Uint8Array, fds: Int32Array, count: number): number {
    const { columns, poll } = this.#parts;
    this.#flushList();
    let free = 0;
    let blocked = 0;
    for (let i = 0; i < count; i++) {
      const fd = fds[i] as number;
      if (columns.phase[fd] !== phases.OPEN) continue;
      if (((columns.flags[fd] as number) & SILENT) === 0) fds[free++] = fd;
      else {
        this.#enqueue(fd, bytes, 0, bytes.length, true);
        blocked++;
      }
    }
    const results = this.#results;
    if (poll.multicast(bytes, bytes.length, fds, free, results) === 0) return free + blocked;
    for (let i = 0; i < free; i++) {
      if (results[i] !== bytes.length) this.#settle(fds[i] as number, results[i] as number, bytes);
    }
    return free + blocked;
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
    const { columns, poll } = this.#parts;
    const before = queue.bytes;
    const result = queue.drain((bytes, offset, length) => poll.send(fd, bytes, offset, length));
    this.outbound.remove(before - queue.bytes);
    // Who reads is alive, even if its pong stands behind what it has not read yet.
    if (queue.bytes < before && columns.phase[fd] === phases.OPEN) columns.age[fd] = 0;
    if (result < 0 && result !== EAGAIN) this.#fail(fd, result);
    else if (queue.bytes === 0) this.#unblock(fd);
  }

  /** Tries all that wait, for a time in which nobody tells who is writable. */
  retry(): void {
    for (const fd of [...this.#queues.keys()]) this.writable(fd);
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
    this.#drop(fd);
    this.#closes.push(fd);
    this.#schedule();
  }

  /** Sends everything now, reports who broke, and carries out what `end` and `close` were asked for. */
  flush(): void {
    const { columns, poll } = this.#parts;
    // Who is told of a broken connection may write again.
    do {
      this.#flushList();
      this.#report();
    } while (this.#count > 0 || this.#failed.length > 0);
    for (const fd of this.#ends.splice(0)) {
      const bits = columns.flags[fd] as number;
      if ((bits & flags.ENDING) !== 0 && (bits & SILENT) === 0) poll.shutdown(fd);
    }
    for (const fd of this.#closes.splice(0)) poll.close(fd);
  }

  #schedule(): void {
    if (this.#batches > 0 || this.#scheduled) return;
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
    this.#at = this.#begin;
    const list = this.#list;
    if (this.#parts.poll.flush(list, count) === 0) return;
    for (let i = 0; i < count * ENTRY; i += ENTRY) {
      const length = list[i + 2] as number;
      const at = list[i + 1] as number;
      if (length < 0) this.#fail(list[i] as number, length);
      else if (length > 0) this.#enqueue(list[i] as number, this.slab, at, at + length);
    }
  }

  #report(): void {
    const { columns, broken } = this.#parts;
    const failed = this.#failed.splice(0);
    for (let i = 0; i < failed.length; i += 3) {
      const [fd, generation, result] = failed.slice(i, i + 3) as [number, number, number];
      if (columns.generation[fd] === generation) broken(fd, result);
    }
  }

  /** Deals with the result of one send of `bytes`. */
  #settle(fd: number, result: number, bytes: Uint8Array): void {
    if (result === bytes.length) return;
    if (result < 0 && result !== EAGAIN) this.#fail(fd, result);
    else this.#enqueue(fd, bytes, Math.max(result, 0), bytes.length, true);
  }

  #fail(fd: number, result: number): void {
    const { columns } = this.#parts;
    const bits = columns.flags[fd] as number;
    if (columns.phase[fd] === phases.FREE || (bits & flags.BROKEN) !== 0) return;
    columns.flags[fd] = bits | flags.BROKEN;
    if (result === OVER_OUTBOX) this.outbound.slow++;
    // Its bytes go nowhere any more; they need not wait for whoever is told.
    this.#drop(fd);
    this.#failed.push(fd, columns.generation[fd] as number, result);
    this.#schedule();
  }

  #enqueue(fd: number, bytes: Uint8Array, from: number, to: number, shared = false): void {
    const { columns, poll } = this.#parts;
    // What could not be sent for a connection that has been given up in the meantime is nobody's.
    if (columns.phase[fd] === phases.FREE || ((columns.flags[fd] as number) & flags.BROKEN) !== 0) return;
    let held = to - from;
    let queue = this.#queues.get(fd);
    if (!queue) {
      held += QUEUE_BYTES;
      queue = new SendQueue();
      this.#queues.set(fd, queue);
      columns.flags[fd] = (columns.flags[fd] as number) | flags.BLOCKED;
      poll.arm(fd, interestOf(columns.flags[fd] as number));
    }
    queue.push(bytes, from, to, shared);
    // Last, since just this queue may be shed for it.
    this.outbound.add(held);
    if (queue.bytes > this.outbound.connectionBytesMax) this.#fail(fd, OVER_OUTBOX);
  }

  /** Lets go of what waits for a connection. */
  #drop(fd: number): void {
    const queue = this.#queues.get(fd);
    if (!queue) return;
    this.#queues.delete(fd);
    this.outbound.remove(queue.bytes + QUEUE_BYTES);
  }

  #unblock(fd: number): void {
    const { columns, poll, drained } = this.#parts;
    this.#drop(fd);
    const bits = (columns.flags[fd] as number) & ~flags.BLOCKED;
    columns.flags[fd] = bits;
    poll.arm(fd, interestOf(bits));
    if ((bits & flags.ENDING) !== 0) poll.shutdown(fd);
    drained(fd);
  }
}

/** The close reason of a connection that is given up because it does not read. */
export function slowReason(result: number): string {
  return result === OVER_OUTBOX ? "slow: outboxBytesMax" : "slow: outboundBytesMax";
}

/** What to watch a connection for: to read unless it is paused, to write while it is blocked. */
export function interestOf(bits: number): number {
  return ((bits & flags.PAUSED) === 0 ? interest.READ : 0) | ((bits & flags.BLOCKED) !== 0 ? interest.WRITE : 0);
}

const EAGAIN = errnoNumber("EAGAIN");
