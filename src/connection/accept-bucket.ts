import { limits } from "../limits.ts";

/** How fast connections may be accepted. */
export interface AcceptRate {
  /** In the long run, once the ramp is over. */
  readonly perSecond: number;
  /** At once, after a time without any; at least 1. */
  readonly burst: number;
  /** How long the rate takes after the start to grow from acceptRampPercent of itself to all of it. 0 for no ramp. */
  readonly rampSeconds: number;
}

/**
 * A token bucket on accepts: filled by `perSecond` up to `burst`, each accept takes a token. The rate and the size of
 * the bucket begin small and grow in a straight line: a process that has just started gets its part of a herd in
 * stages.
 */
export class AcceptBucket {
  readonly #rate: AcceptRate;
  readonly #now: () => number;
  readonly #startedAt: number;
  #tokens: number;
  #filledAt: number;

  /** Starts full. `now` is in milliseconds, and never goes back. */
  constructor(rate: AcceptRate, now: () => number = () => performance.now()) {
    this.#rate = rate;
    this.#now = now;
    this.#startedAt = now();
    this.#filledAt = this.#startedAt;
    this.#tokens = this.#capacity(this.#startedAt);
  }

  /** Takes a token, also where there is none: what was accepted too early is made up for. */
  take(): void {
    this.#fill();
    this.#tokens--;
  }

  /** Whole tokens that there are now; 0 when none. */
  available(): number {
    this.#fill();
    // Sums of fractions come out a little under: what is within a millionth of a token is one.
    return Math.max(0, Math.floor(this.#tokens + 1e-6));
  }

  /** Milliseconds, at least 1, until there are tokens for acceptRestMs of the rate, though no more than fit. */
  waitMs(): number {
    this.#fill();
    const perMs = (this.#rate.perSecond * this.#part(this.#filledAt)) / 1000;
    const wanted = Math.min(this.#capacity(this.#filledAt), Math.max(1, perMs * limits.acceptRestMs));
    return Math.max(1, Math.ceil((wanted - this.#tokens) / perMs));
  }

  #fill(): void {
    const now = this.#now();
    // The rate grows in a straight line, and the middle is right for it; only the step that ends the ramp gives less.
    const middle = (this.#part(this.#filledAt) + this.#part(now)) / 2;
    const fresh = ((now - this.#filledAt) / 1000) * this.#rate.perSecond * middle;
    this.#tokens = Math.min(this.#capacity(now), this.#tokens + fresh);
    this.#filledAt = now;
  }

  #capacity(now: number): number {
    return Math.max(1, this.#rate.burst * this.#part(now));
  }

  /** Which part of the rate is given at a time. */
  #part(now: number): number {
    const { rampSeconds } = this.#rate;
    if (rampSeconds === 0) return 1;
    const begin = limits.acceptRampPercent / 100;
    return Math.min(1, begin + ((1 - begin) * (now - this.#startedAt)) / (rampSeconds * 1000));
  }
}
