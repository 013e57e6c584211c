import { limits } from "../limits.ts";
import type { Log } from "../log.ts";

/** How the Bus is, as a node sees it. */
export interface BusStatus {
  /** Whether what this node says to all has come back to it of late. */
  readonly isAlive: boolean;
  /** From saying to hearing, the last time; 0 before the first. */
  readonly roundTripMs: number;
  /** The nodes that are there, this one included. */
  readonly nodes: number;
}

/**
 * Whether the Bus delivers. A connection that holds proves nothing: a Bus may take everything and deliver none of it.
 * So a node waits for its own words, on the way that publications go. The unit is a second that was served: while the
 * process stood still nothing could come, and a late tick counts once.
 */
export class BusHealth {
  readonly #log: Log;
  #silentSeconds = 0;
  #isAlive = true;
  #roundTripMs = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }
  get roundTripMs(): number {
    return this.#roundTripMs;
  }

  /** One second that was served. */
  tick(): void {
    this.#silentSeconds++;
    const { busStarvedSeconds } = limits;
    if (!this.#isAlive || this.#silentSeconds <= busStarvedSeconds) return;
    this.#isAlive = false;
    this.#log.error(`the Bus starves: it has brought nothing back for ${busStarvedSeconds} s (busStarvedSeconds)`);
  }

  /** A word has come back. */
  returned(roundTripMs: number): void {
    this.#silentSeconds = 0;
    this.#roundTripMs = roundTripMs;
    if (this.#isAlive) return;
    this.#isAlive = true;
    this.#log.info("the Bus delivers again");
  }
}
