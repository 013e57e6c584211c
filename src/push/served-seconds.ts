const SECOND_MS = 1000;
/** A tick that comes so long after the last one was not waited for by a process that ran. */
const LATE_MS = 1500;

/**
 * A tick for each second that was served. One that is late, because the event loop was busy or the process or the
 * machine stood still, is left out: what clients sent meanwhile, their pongs and new tokens, lies unread in the kernel,
 * and a tick would hold it against them. Not two in a row, so that a process that is always late still looks after
 * its clients.
 */
export class ServedSeconds {
  readonly #tick: () => void;
  #timer: NodeJS.Timeout | undefined;
  /** Two clocks, since the one stands still with the machine, and the other may be set. */
  #monotonic = 0;
  #wall = 0;
  #leftOut = false;

  constructor(tick: () => void) {
    this.#tick = tick;
  }

  start(): void {
    if (this.#timer) return;
    this.#isLate();
    this.#timer = setInterval(() => this.second(), SECOND_MS);
  }
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** A second is over, or more: called by the timer. */
  second(): void {
    this.#leftOut = this.#isLate() && !this.#leftOut;
    if (!this.#leftOut) this.#tick();
  }

  /** Whether the last look was long ago, by either clock. */
  #isLate(): boolean {
    const monotonic = performance.now();
    const wall = Date.now();
    const passed = Math.max(monotonic - this.#monotonic, wall - this.#wall);
    this.#monotonic = monotonic;
    this.#wall = wall;
    return passed > LATE_MS;
  }
}
