const CAPACITY_MIN = 1024;

/** How often something may be done. */
export interface Rate {
  /** In the long run. */
  readonly perSecond: number;
  /**
   * At once, after a time without any; at least 1. Default twice `perSecond`: a client that comes back subscribes to
   * all its channels in one go.
   */
  readonly burst?: number;
}

/**
 * A token bucket for each client, by descriptor, or each user, by number: of `burst` tokens, filled up by `perSecond`,
 * and each operation takes one. Kept is the time at which a bucket will be full again: 8 bytes for each.
 */
export class RateGate {
  readonly #now: () => number;
  readonly #tokenMs: number;
  readonly #bucketMs: number;
  #fullAt = new Float64Array(CAPACITY_MIN);

  /** `now` is in milliseconds, and never goes back. */
  constructor({ perSecond, burst = perSecond * 2 }: Rate, now: () => number = () => performance.now()) {
    this.#now = now;
    this.#tokenMs = 1000 / perSecond;
    this.#bucketMs = burst * this.#tokenMs;
  }

  /** Takes a token of the client's; false when there is none. */
  take(fd: number): boolean {
    if (fd >= this.#fullAt.length) this.#grow(fd);
    const now = this.#now();
    const fullAt = Math.max(this.#fullAt[fd] as number, now) + this.#tokenMs;
    // Sums of fractions come out a little over: what is within a millionth of a token is one.
    if (fullAt - now > this.#bucketMs + this.#tokenMs * 1e-6) return false;
    this.#fullAt[fd] = fullAt;
    return true;
  }

  /** The client is gone; its descriptor will be another's. */
  forget(fd: number): void {
    if (fd < this.#fullAt.length) this.#fullAt[fd] = 0;
  }

  #grow(fd: number): void {
    const larger = new Float64Array(2 ** (32 - Math.clz32(fd)));
    larger.set(this.#fullAt);
    this.#fullAt = larger;
  }
}
