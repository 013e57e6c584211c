/** When an application is asked, and when it is left alone because it does not answer. */
export interface CircuitOptions {
  /** Failures in a row. */
  readonly failuresMax: number;
  readonly restSeconds: number;
}

/**
 * A circuit breaker. After so many failures in a row it is open for a moment, in which nobody asks. Then one request is
 * let through, and one more in each such moment, until one succeeds.
 */
export class Circuit {
  readonly #options: CircuitOptions;
  readonly #now: () => number;
  #failures = 0;
  #restsUntil = 0;

  /** `now` is in milliseconds, and never goes back. */
  constructor(options: CircuitOptions, now: () => number) {
    this.#options = options;
    this.#now = now;
  }

  /** Whether there is nobody to ask now. */
  get isOpen(): boolean {
    return this.#isBroken && this.#now() < this.#restsUntil;
  }

  /** Whether a request may be made now; who is told so says how it went. */
  tryEnter(): boolean {
    if (this.isOpen) return false;
    if (this.#isBroken) this.#rest();
    return true;
  }

  /** A request was answered. Returns whether the circuit was broken until now. */
  succeeded(): boolean {
    const was = this.#isBroken;
    this.#failures = 0;
    return was;
  }

  /** A request was not answered. Returns whether this one broke the circuit. */
  failed(): boolean {
    this.#failures++;
    const breaks = this.#failures === this.#options.failuresMax;
    if (breaks) this.#rest();
    return breaks;
  }

  get #isBroken(): boolean {
    return this.#failures >= this.#options.failuresMax;
  }

  #rest(): void {
    this.#restsUntil = this.#now() + this.#options.restSeconds * 1000;
  }
}
