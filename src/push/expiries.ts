const CAPACITY_MIN = 1024;

/** A subscription whose time is over. */
export interface Expired {
  readonly fd: number;
  readonly channel: string;
  /** Whether the server made it. */
  readonly isServerSide: boolean;
}

/** When connections expire, in a column: 4 bytes for each descriptor, once one of them does. */
export class Expiries {
  #at = new Uint32Array(0);
  #high = 0;

  /** In seconds since 1970; 0: never. */
  set(fd: number, seconds: number): void {
    if (seconds === 0 && fd >= this.#high) return;
    if (fd >= this.#at.length) {
      const larger = new Uint32Array(Math.max(CAPACITY_MIN, 2 ** (32 - Math.clz32(fd))));
      larger.set(this.#at);
      this.#at = larger;
    }
    if (fd >= this.#high) this.#high = fd + 1;
    this.#at[fd] = seconds;
  }

  of(fd: number): number {
    return fd < this.#high ? (this.#at[fd] as number) : 0;
  }

  /** Visits those that had expired at `now`. */
  each(now: number, visit: (fd: number, seconds: number) => void): void {
    for (let fd = 0; fd < this.#high; fd++) {
      const seconds = this.#at[fd] as number;
      if (seconds !== 0 && seconds <= now) visit(fd, seconds);
    }
  }
}
