import { limits } from "../limits.ts";

/** What {@link Load} is given, and whom it tells. */
export interface LoadParts {
  readonly residentBytes: () => number;
  readonly outboundBytes: () => number;
  /** Milliseconds that never go back. */
  readonly now: () => number;
  readonly sampled: (lagMs: number, residentBytes: number, outboundBytes: number) => void;
}

/**
 * Looks every loadSampleMs how the process does: how late its own timer comes, how much memory is resident, how much
 * waits to be sent. Time in which nothing ran, since the process was stopped or the machine slept, makes one timer very
 * late, and overload makes one after the other late: the lag is the middle one of the last three.
 */
export class Load {
  readonly #parts: LoadParts;
  #lags: [number, number, number] = [0, 0, 0];
  #residentBytes = 0;
  #dueAt = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: LoadParts) {
    this.#parts = parts;
  }

  start(): void {
    if (!this.#timer) this.#again();
  }
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Takes one sample, as the timer does. */
  sample(): void {
    const { now, outboundBytes, sampled } = this.#parts;
    const [, second, third] = this.#lags;
    this.#lags = [second, third, Math.max(0, now() - this.#dueAt)];
    const [, middle] = this.#lags.toSorted((a, b) => a - b);
    sampled(Math.round(middle as number), this.#resident(), outboundBytes());
    this.#again();
  }

  /** Linux tells it in a file: while the process has no descriptor to open it with, the last value stands. */
  #resident(): number {
    try {
      this.#residentBytes = this.#parts.residentBytes();
    } catch {}
    return this.#residentBytes;
  }

  #again(): void {
    this.#dueAt = this.#parts.now() + limits.loadSampleMs;
    this.#timer = setTimeout(() => this.sample(), limits.loadSampleMs).unref();
  }
}
