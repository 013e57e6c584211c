import { limits } from "../limits.ts";

/** Bounds of what waits; defaults are in limits.ts. */
export interface OutboundOptions {
  readonly outboxBytesMax?: number;
  readonly outboundBytesMax?: number;
}

/** Where bytes wait for connections that do not read: the queues of the outbox, or streams over HTTP. */
export interface OutboundQueues {
  /** What waits, by descriptor. */
  readonly waiting: ReadonlyMap<number, { readonly bytes: number }>;
  /**
   * Lets go of what waits for a connection, takes it off the sum, and has the connection closed as slow. Who has to be
   * told is told later: this is called while something is written.
   */
  readonly shed: (fd: number) => void;
}

/** What waits for slow connections, and what became of them; the counts only grow. */
export interface OutboundCounts {
  /** Bytes that wait, with {@link QUEUE_BYTES} for each connection that they wait for. */
  readonly bytes: number;
  /** Connections for which something waits. */
  readonly connections: number;
  /** Connections for which more than outboxBytesMax waited. */
  readonly slow: number;
  /** Connections that were the largest when all together passed outboundBytesMax. */
  readonly shed: number;
}

/** What a queue takes beside its bytes: a chunk for small pieces, and the objects around it. */
export const QUEUE_BYTES = 2048;

/** The part of the budget down to which is shed, so that the search for the largest comes seldom. */
const LOW = 0.75;

/**
 * One budget for all that waits in a process, since the bound of each connection is none for many: 20,000 that stop
 * reading at once would hold 20 GB. A frame that many wait for is counted for each of them, although it is there once:
 * so the sum is never less than what is held, it is a plain number that is exact at any time, and what is shed is taken
 * off it, while one of a hundred holders of a frame frees nothing.
 *
 * When the sum passes the budget the largest are shed until a quarter of it is free. Each search visits all queues, of
 * which there are at most budget / QUEUE_BYTES, and at least a quarter of the budget has to be queued until the next:
 * a search costs a few nanoseconds for each kilobyte.
 */
export class Outbound {
  /** Bytes that may wait for one connection; whoever keeps them sees to it. */
  readonly connectionBytesMax: number;
  /** Connections that passed it: counted by whoever gives them up. */
  slow = 0;
  readonly #bytesMax: number;
  readonly #all: OutboundQueues[] = [];
  #bytes = 0;
  #shed = 0;

  constructor(options: OutboundOptions) {
    this.connectionBytesMax = options.outboxBytesMax ?? limits.outboxBytesMax;
    this.#bytesMax = options.outboundBytesMax ?? limits.outboundBytesMax;
  }

  /** Whose queues count, from now on. */
  join(queues: OutboundQueues): void {
    this.#all.push(queues);
  }

  /**
   * Counts what waits somewhere else: the function that is returned is told how much waits for a descriptor whenever
   * that changes. One that `shed` is called for has to be closed, but not at once, and counts as nothing from then on.
   */
  accounts(shed: (fd: number) => void): (fd: number, bytes: number) => void {
    const waiting = new Map<number, { bytes: number }>();
    const set = (fd: number, bytes: number) => {
      const before = waiting.get(fd);
      const held = before ? before.bytes + QUEUE_BYTES : 0;
      if (bytes === 0) waiting.delete(fd);
      else if (before) before.bytes = bytes;
      else waiting.set(fd, { bytes });
      this.add((bytes === 0 ? 0 : bytes + QUEUE_BYTES) - held);
    };
    const drop = (fd: number) => {
      set(fd, 0);
      shed(fd);
    };
    this.join({ waiting, shed: drop });
    return set;
  }

  /** So many bytes more wait, and stand in `waiting` already. May shed, the one that they wait for among others. */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > this.#bytesMax) this.#shedLargest();
  }

  /** So many wait no more. */
  remove(bytes: number): void {
    this.#bytes -= bytes;
  }

  get counts(): OutboundCounts {
    const connections = this.#all.reduce((sum, { waiting }) => sum + waiting.size, 0);
    return { bytes: this.#bytes, connections, slow: this.slow, shed: this.#shed };
  }

  #shedLargest(): void {
    const all = this.#all.flatMap(({ waiting, shed }) =>
      Array.from(waiting, ([fd, { bytes }]) => ({ fd, bytes, shed })),
    );
    all.sort((one, other) => other.bytes - one.bytes);
    for (const { fd, shed } of all) {
      if (this.#bytes <= this.#bytesMax * LOW) break;
      this.#shed++;
      shed(fd);
    }
  }
}
