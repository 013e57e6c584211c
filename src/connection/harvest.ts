import { limits } from "../limits.ts";
import { events, type Netpoll, RECORD } from "../netpoll/index.ts";

/** Who is told of what a harvest brought. */
export interface HarvestParts {
  readonly poll: Netpoll;
  /** Runs work whose output leaves together. */
  readonly batch: (work: () => void) => void;
  /** Whether nothing more is to be taken. */
  readonly saturated: () => boolean;
  readonly accepted: (fd: number) => void;
  /** Bytes in the slab, `bytes[from, to)`, which are the receiver's until the next harvest. */
  readonly received: (fd: number, bytes: Buffer, from: number, to: number) => void;
  /** The peer's stream has ended: 0, or `-errno` when it broke. */
  readonly ended: (fd: number, result: number) => void;
  readonly writable: (fd: number) => void;
  /** A listener rests for want of descriptors: `-errno`. */
  readonly rested: (result: number) => void;
  /** Something failed that must not; the other connections of the batch are still served. */
  readonly failed: (fd: number, error: unknown) => void;
}

/**
 * Makes what is done when the kernel has something. Small batches, each with its own flush, keep what is received in
 * the cache until it is answered; several of them make up for the way through the event loop.
 */
export function makeTurn(parts: HarvestParts): () => void {
  let count = 0;
  const work = () => {
    count = harvest(parts);
  };
  return () => {
    for (let i = 0; i < limits.batchesPerTurn && !parts.saturated(); i++) {
      parts.batch(work);
      if (count < limits.fullBatchRecords) return;
    }
  };
}

/** Takes one batch from the kernel, and hands each record on. Returns how many there were. */
function harvest({ poll, accepted, received, ended, writable, rested, failed }: HarvestParts): number {
  const { records, slab } = poll;
  const count = poll.wait();
  const end = count * RECORD;
  for (let i = 0; i < end; i += RECORD) {
    const fd = records[i] as number;
    const value = records[i + 2] as number;
    const offset = records[i + 3] as number;
    try {
      switch (records[i + 1]) {
        case events.DATA:
          received(fd, slab, offset, offset + value);
          break;
        case events.ACCEPTED:
          accepted(fd);
          break;
        case events.END:
          ended(fd, value);
          break;
        case events.WRITABLE:
          writable(fd);
          break;
        case events.RESTED:
          rested(value);
          break;
      }
    } catch (error) {
      failed(fd, error);
    }
  }
  return count;
}
