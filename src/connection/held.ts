import { type Columns, flags } from "./columns.ts";

/** Received bytes, `bytes[from, to)`. */
export interface HeldBytes {
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
}

/**
 * Received bytes of connections that are paused: what a batch had already brought when a handler turned out to take
 * time.
 */
export class Held {
  readonly #columns: Columns;
  readonly #held = new Map<number, HeldBytes>();
  /** What was taken last: if its rest comes back, it is kept as it is. */
  #taken: Uint8Array | undefined;

  constructor(columns: Columns) {
    this.#columns = columns;
  }

  /** Keeps `bytes[from, to)`, as a copy unless they are the rest of what was taken, behind what is already kept. */
  keep(fd: number, bytes: Uint8Array, from: number, to: number): void {
    if (from === to) return;
    const before = this.#held.get(fd);
    this.#columns.flags[fd] = (this.#columns.flags[fd] as number) | flags.HELD;
    if (!before && bytes === this.#taken) {
      this.#held.set(fd, { bytes, from, to });
      return;
    }
    const had = before ? before.to - before.from : 0;
    const all = Buffer.allocUnsafeSlow(had + to - from);
    if (before) all.set(before.bytes.subarray(before.from, before.to));
    all.set(bytes.subarray(from, to), had);
    this.#held.set(fd, { bytes: all, from: 0, to: all.length });
  }

  /** Gives what is kept, and keeps it no longer. */
  take(fd: number): HeldBytes | undefined {
    if (((this.#columns.flags[fd] as number) & flags.HELD) === 0) return undefined;
    this.#columns.flags[fd] = (this.#columns.flags[fd] as number) & ~flags.HELD;
    const held = this.#held.get(fd);
    this.#held.delete(fd);
    this.#taken = held?.bytes;
    return held;
  }
}
