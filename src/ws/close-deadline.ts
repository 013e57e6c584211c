import { BelfryError } from "../errors.ts";
import { limits } from "../limits.ts";

/** A timer takes no times over about 24 days. */
const SECONDS_MOST = 86_400;

/** The time that a peer has to end a connection (RFC 6455, 7.1.1 sets none); it may be stopped and begun anew. */
export class CloseDeadline {
  readonly #seconds: number;
  readonly #passed: (error: BelfryError) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Throws {@link BelfryError} BELFRY_BAD_OPTION for seconds out of range. `passed` is told BELFRY_LIMIT. */
  constructor(closeSecondsMax: number = limits.closeSecondsMax, passed: (error: BelfryError) => void) {
    if (!(closeSecondsMax > 0 && closeSecondsMax <= SECONDS_MOST)) {
      const allowed = `a number of seconds above 0 and up to ${SECONDS_MOST}`;
      throw new BelfryError("BELFRY_BAD_OPTION", `closeSecondsMax is ${allowed}, not ${closeSecondsMax}`);
    }
    this.#seconds = closeSecondsMax;
    this.#passed = passed;
  }

  /** Does nothing when it runs already. */
  start(): void {
    this.#timer ??= setTimeout(() => this.#passed(this.#error()), this.#seconds * 1000);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #error(): BelfryError {
    const limit = `closeSecondsMax is ${this.#seconds} (option closeSecondsMax)`;
    return new BelfryError("BELFRY_LIMIT", `the peer did not end the WebSocket in time: ${limit}`);
  }
}
