import { type Columns, flags } from "./columns.ts";
import { Connection, type Wire } from "./connection.ts";

const CACHED = 1024;

/**
 * The handles of a server. Those with `data` are kept; of the others only the ones used last, in a cache of fixed size,
 * so that a busy connection does not cost a handle for each message and an idle one costs none at all.
 */
export class Handles {
  readonly #wire: Wire;
  readonly #columns: Columns;
  readonly #cache: (Connection | undefined)[] = new Array(CACHED).fill(undefined);
  readonly #pinned = new Map<number, Connection>();

  constructor(wire: Wire, columns: Columns) {
    this.#wire = wire;
    this.#columns = columns;
  }

  /** The handle of a live descriptor. */
  of(fd: number): Connection {
    if (((this.#columns.flags[fd] as number) & flags.PINNED) !== 0) return this.#pinned.get(fd) as Connection;
    const generation = this.#columns.generation[fd] as number;
    const cached = this.#cache[fd & (CACHED - 1)];
    if (cached !== undefined && cached.descriptor === fd && cached.generation === generation) return cached;
    const made = new Connection(this.#wire, fd, generation);
    this.#cache[fd & (CACHED - 1)] = made;
    return made;
  }

  /** Keeps this handle, and no other, for its connection until `forget`, or until its data is undefined again. */
  pin(connection: Connection): void {
    const fd = connection.descriptor;
    if (connection.data === undefined) {
      this.#columns.flags[fd] = (this.#columns.flags[fd] as number) & ~flags.PINNED;
      this.#pinned.delete(fd);
      return;
    }
    this.#columns.flags[fd] = (this.#columns.flags[fd] as number) | flags.PINNED;
    this.#pinned.set(fd, connection);
  }

  forget(fd: number): void {
    if (((this.#columns.flags[fd] as number) & flags.PINNED) !== 0) this.#pinned.delete(fd);
  }
}
