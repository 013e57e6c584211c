/** The middle one, and the one that only a hundredth is above. */
export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
}

/** What all clients together came to. */
export interface Tallied {
  readonly seconds: number;
  /** Requests that were due; of a client that still waits for its last answer they are not sent. */
  readonly asked: number;
  readonly answered: number;
  /** … with 304. */
  readonly unchanged: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** From a change until the client knew of it, and until it had the mailbox. */
  readonly knownMs: Percentiles;
  readonly hadMs: Percentiles;
}

/** Counts for all clients of the process. */
export class Tally {
  asked = 0;
  answered = 0;
  unchanged = 0;
  bytesUp = 0;
  bytesDown = 0;
  readonly #knownMs: number[] = [];
  readonly #hadMs: number[] = [];
  readonly #since = performance.now();

  /** A client has learnt of the change that was made `at` nanoseconds on the clock. */
  known(at: string): void {
    this.#knownMs.push(msSince(at));
  }

  /** … and has the mailbox as it is since then. */
  had(at: string): void {
    this.#hadMs.push(msSince(at));
  }

  result(): Tallied {
    const { asked, answered, unchanged, bytesUp, bytesDown } = this;
    const seconds = (performance.now() - this.#since) / 1000;
    const delays = { knownMs: percentiles(this.#knownMs), hadMs: percentiles(this.#hadMs) };
    return { seconds, asked, answered, unchanged, bytesUp, bytesDown, ...delays };
  }
}

/** Processes of one machine have this clock in common. */
function msSince(at: string): number {
  return Number(process.hrtime.bigint() - BigInt(at)) / 1e6;
}

function percentiles(values: readonly number[]): Percentiles {
  if (values.length === 0) throw new Error("no client learnt of a change");
  const sorted = values.toSorted((one, other) => one - other);
  const at = (part: number) => sorted[Math.floor(sorted.length * part)] as number;
  return { p50: at(0.5), p99: at(0.99) };
}
