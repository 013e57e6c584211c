import { limits } from "../limits.ts";
import type { Log } from "../log.ts";

/** A process that was started. */
export interface Process {
  readonly pid: number | undefined;
  /** Asks it to end: in order, or at once, also when it was asked before. */
  close(how: "drain" | "hurry"): void;
  /** Ends it now. */
  kill(): void;
}

/** What a process tells its supervisor. */
export interface ProcessEvents {
  /** It serves. */
  ready(): void;
  /** It has ended, or could not be started; `how` is "with code 1", say. Told once, and nothing is told after it. */
  ended(how: string): void;
}

/** What {@link Supervisor} needs. */
export interface SupervisorParts {
  /** How many processes there shall be. */
  readonly count: number;
  /** Starts one; what it tells must be told later, in another turn of the event loop. */
  readonly start: (events: ProcessEvents) => Process;
  readonly log: Log;
}

/** The place of one process: others follow in it. */
interface Place {
  readonly number: number;
  process: Process | undefined;
  /** Starts that came to an early end, one after the other. */
  failures: number;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Keeps a number of processes running: one that ends is started again, later each time it ends early
 * (`processRestartMs`, `processRestartMsMax`, `processStableSeconds` of the limits).
 */
export class Supervisor {
  readonly #parts: SupervisorParts;
  readonly #places: readonly Place[];
  #isClosing = false;
  #closed: Promise<void> | undefined;
  #emptied = () => {};
  #late: NodeJS.Timeout | undefined;

  constructor(parts: SupervisorParts) {
    this.#parts = parts;
    this.#places = Array.from({ length: parts.count }, (_, i) => ({
      number: i + 1,
      process: undefined,
      failures: 0,
      timer: undefined,
    }));
  }

  /** Starts all. Resolves when each serves or has failed for the first time, with how many serve then. */
  async start(): Promise<number> {
    const first = this.#places.map((place) => new Promise<number>((resolve) => this.#start(place, resolve)));
    return (await Promise.all(first)).reduce((sum, served) => sum + served, 0);
  }

  /**
   * Asks all to end, and ends those that are there after `seconds`. Resolves when none is left. May be called again, to
   * hurry.
   */
  close(how: "drain" | "hurry", seconds: number): Promise<void> {
    this.#isClosing = true;
    this.#closed ??= new Promise((resolve) => {
      this.#emptied = () => {
        clearTimeout(this.#late);
        resolve();
      };
    });
    clearTimeout(this.#late);
    this.#late = setTimeout(() => this.kill(), seconds * 1000);
    for (const { timer, process } of this.#places) {
      clearTimeout(timer);
      process?.close(how);
    }
    if (this.#isEmpty) this.#emptied();
    return this.#closed;
  }

  /** Ends all now, and starts none again. */
  kill(): void {
    this.#isClosing = true;
    for (const { timer, process } of this.#places) {
      clearTimeout(timer);
      process?.kill();
    }
  }

  get #isEmpty(): boolean {
    return this.#places.every(({ process }) => process === undefined);
  }

  /** `told` is called with 1 when it serves, with 0 when it ends before. */
  #start(place: Place, told: (served: 0 | 1) => void = () => {}): void {
    const { start, log } = this.#parts;
    const since = performance.now();
    const started = start({
      ready: () => {
        log.info(`worker ${place.number} serves as process ${started.pid}`);
        told(1);
      },
      ended: (how) => {
        place.process = undefined;
        if (!this.#isClosing) this.#restart(place, how, performance.now() - since);
        else if (this.#isEmpty) this.#emptied();
        told(0);
      },
    });
    place.process = started;
  }

  #restart(place: Place, how: string, livedMs: number): void {
    if (livedMs >= limits.processStableSeconds * 1000) place.failures = 0;
    const waitMs = Math.min(limits.processRestartMs * 2 ** place.failures, limits.processRestartMsMax);
    place.failures++;
    this.#parts.log.error(`worker ${place.number} ended ${how}; it is started again in ${waitMs} ms`);
    place.timer = setTimeout(() => this.#start(place), waitMs);
  }
}
