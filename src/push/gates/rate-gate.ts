import { TwoWindows } from "./two-windows.ts";

/** How often something may be done. */
export interface Rate {
  /** In the long run. */
  readonly perSecond: number;
  /** At once, after a time without any; at least 1. */
  readonly burst: number;
}

/**
 * A token bucket for each of very many clients, by number: of `burst` tokens, filled up by `perSecond`, and each
 * operation takes one. Kept is the time at which a bucket will be full again, and only of those who did something in
 * the last one or two times that a bucket takes to fill up: a quiet client costs nothing.
 */
export class RateGate {
  readonly #now: () => number;
  readonly #tokenMs: number;
  readonly #bucketMs: number;
  readonly #fullAt: TwoWindows<number, number>;

  /** `now` is in milliseconds, and never goes back. */
  constructor({ perSecond, burst }: Rate, now: () => number = () => performance.now()) {
    this.#now = now;
    this.#tokenMs = 1000 / perSecond;
    this.#bucketMs = burst * this.#tokenMs;
    this.#fullAt = new TwoWindows(this.#bucketMs);
  }

  /** How many buckets are kept. */
  get size(): number {
    return this.#fullAt.young.size + this.#fullAt.old.size;
  }

  /** Takes a token of the client's; false when there is none. */
  take(client: number): boolean {
    const now = this.#now();
    this.#fullAt.moveTo(now);
    const { young, old } = this.#fullAt;
    const fullAt = Math.max(young.get(client) ?? old.get(client) ?? now, now) + this.#tokenMs;
    // Sums of fractions come out a little over: what is within a millionth of a token is one.
    if (fullAt - now > this.#bucketMs + this.#tokenMs * 1e-6) return false;
    this.#fullAt.set(client, fullAt);
    return true;
  }

  /** The client is gone; its number will be another's. */
  forget(client: number): void {
    this.#fullAt.delete(client);
  }
}
