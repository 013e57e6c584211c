import { limits } from "../limits.ts";
import { ConnectionError } from "./connection-error.ts";

/** How long a dial is waited for: until its time is over, or its caller's signal is aborted. */
export class Patience {
  /** What is being waited for, for the error of who waited in vain. */
  waitingFor = "the connection";
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #callers: AbortSignal | undefined;
  readonly #aborted: () => void;

  /** Call `end` when all is over. */
  constructor(secondsMax: number, callers: AbortSignal | undefined) {
    this.#callers = callers;
    this.#aborted = () => {
      const message = `the caller's signal ended it while it waited for ${this.waitingFor}`;
      this.#controller.abort(new ConnectionError("BELFRY_ABORTED", "", message, { cause: callers?.reason }));
    };
    const late = () => {
      const limit = `dialSecondsMax is ${secondsMax} (option dialSecondsMax, default ${limits.dialSecondsMax})`;
      const message = `it waited for ${this.waitingFor} in vain: ${limit}`;
      this.#controller.abort(new ConnectionError("BELFRY_LIMIT", "", message));
    };
    this.#timer = setTimeout(late, secondsMax * 1000);
    callers?.addEventListener("abort", this.#aborted);
    if (callers?.aborted) this.#aborted();
  }

  /** Aborted with a {@link ConnectionError} when patience is over. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** What `work` gives, or the signal's reason when that is earlier; what work gives after that goes to `late`. */
  until<Value>(work: Promise<Value>, late: (value: Value) => void = () => {}): Promise<Value> {
    const { signal } = this;
    return new Promise((resolve, reject) => {
      const aborted = () => {
        reject(signal.reason);
        work.then(late, () => {});
      };
      if (signal.aborted) return aborted();
      signal.addEventListener("abort", aborted);
      const over = () => signal.removeEventListener("abort", aborted);
      work.then(resolve, reject).finally(over);
    });
  }

  /** Lets go of the timer and of the caller's signal. */
  end(): void {
    clearTimeout(this.#timer);
    this.#callers?.removeEventListener("abort", this.#aborted);
  }
}
