import { nowUs } from "./clock.ts";

/** A timer may be so late by itself: what is due is not counted as late within it. */
const TIMER_US = 2000;

/**
 * An even pace in the open: what is due is due at its time, whether or not what went before has been answered. So who
 * measures from {@link Pace.dueUs} sees the waiting that a server's stall would cause its users (coordinated omission).
 */
export class Pace {
  readonly #everyUs: number;
  readonly #beginUs = nowUs();
  #taken = 0;

  constructor(perSecond: number) {
    this.#everyUs = 1e6 / perSecond;
  }

  /** Whether one more is due. */
  isDue(): boolean {
    return this.#beginUs + this.#taken * this.#everyUs <= nowUs();
  }

  /** Takes what is due next: the time from which it is measured, in microseconds of {@link nowUs}. */
  take(): number {
    const due = this.#beginUs + this.#taken++ * this.#everyUs;
    return Math.min(nowUs(), due + TIMER_US);
  }
}
