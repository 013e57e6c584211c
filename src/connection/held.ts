import { type Columns, flags } from "./columns.ts";

/**
 * Received bytes of connections that are paused: what a batch had already brought when a handler turned out to take
 * time.
 */
export class Held {
  readonly #columns: Columns;
  readonly #bytes = new Map<number, Uint8Array>();

  constructor(columns: Columns) {
    this.#columns = columns;
  }

  /** Keeps a copy of `bytes[from, to)` behind what is already kept. */
  keep(fd: number, bytes: Uint8Array, from: number, to: number): void {
    if (from === to) return;
    const before = this.#bytes.get(fd);
    const had = before?.length ?? 0;
    const all = new Uint8Array(had + to - from);
    if (before) all.set(before);
    all.set(bytes.subarray(from, to), had);
    this.#bytes.set(fd, all);
    this.#columns.flags[fd] = (this.#columns.flags[fd] as number) | flags.HELD;
  }

  /** Gives what is kept, and keeps it no longer. */
  take(fd: number): Uint8Array | undefined {
    if (((this.#columns.flags[fd] as number) & flags.HELD) === 0) return undefined;
    this.#columns.flags[fd] = (this.#columns.flags[fd] as number) & ~flags.HELD;
    const bytes = this.#bytes.get(fd);
    this.#bytes.delete(fd);
    return bytes;
  }
}
