import { events, type Netpoll, RECORD } from "../netpoll/index.ts";

/** Who is told of what a harvest brought. */
export interface HarvestParts {
  readonly poll: Netpoll;
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

/** Takes one batch from the kernel, and hands each record on. */
export function harvest({ poll, accepted, received, ended, writable, rested, failed }: HarvestParts): void {
  const { records, slab } = poll;
  const end = poll.wait() * RECORD;
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
}
