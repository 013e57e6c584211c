import { limits } from "../limits.ts";

/** What the admission calls: the two verbs of the driver that it decides on, and the log. */
export interface AdmissionParts {
  readonly rest: (listener: number) => void;
  readonly resume: (listener: number) => void;
  /** Told once for each time that a want of descriptors begins. */
  readonly warn: (line: string) => void;
}

/**
 * Who is let in. The listeners rest while all workers are busy for longer than acceptPatienceMs, and while the process
 * has no descriptor left: clients then wait in the backlog, or their balancer takes them elsewhere.
 */
export class Admission {
  readonly #parts: AdmissionParts;
  readonly #listeners = new Set<number>();
  #patience: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #saturated = false;
  #exhausted = false;
  #exhaustedAt = 0;

  constructor(parts: AdmissionParts) {
    this.#parts = parts;
  }

  add(listener: number): void {
    this.#listeners.add(listener);
    if (this.#closed) this.#parts.rest(listener);
  }

  /** All workers are busy. */
  saturate(): void {
    this.#patience ??= setTimeout(() => {
      this.#patience = undefined;
      const was = this.#closed;
      this.#saturated = true;
      if (!was) this.#each(this.#parts.rest);
    }, limits.acceptPatienceMs);
  }

  /** A worker is free again. */
  relieve(): void {
    clearTimeout(this.#patience);
    this.#patience = undefined;
    if (!this.#saturated) return;
    this.#saturated = false;
    if (!this.#closed) this.#each(this.#parts.resume);
  }

  /** The kernel gave no descriptor (`why` is EMFILE or the like); the driver has already put that listener to rest. */
  exhaust(why: string): void {
    // One want of descriptors is told once, however often it is looked whether it is over.
    const news = Date.now() - this.#exhaustedAt > 10 * limits.restRetryMs;
    this.#exhaustedAt = Date.now();
    if (!this.#exhausted) {
      this.#exhausted = true;
      this.#each(this.#parts.rest);
      if (news)
        this.#parts.warn(
          `accept: ${why}: no descriptor is left; listening goes on when one comes free (ulimit -n raises the number)`,
        );
    }
    this.#retry ??= setTimeout(() => this.freed(), limits.restRetryMs).unref();
  }

  /** A descriptor has come free, or may have. */
  freed(): void {
    if (!this.#exhausted) return;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#exhausted = false;
    if (!this.#closed) this.#each(this.#parts.resume);
  }

  /** Ends all waiting. */
  close(): void {
    clearTimeout(this.#patience);
    clearTimeout(this.#retry);
    this.#listeners.clear();
  }

  /** Why the listeners rest; neither when they do not. */
  get resting(): { readonly workers: boolean; readonly descriptors: boolean } {
    return { workers: this.#saturated, descriptors: this.#exhausted };
  }
  get #closed(): boolean {
    return this.#saturated || this.#exhausted;
  }
  #each(verb: (listener: number) => void): void {
    for (const listener of this.#listeners) verb(listener);
  }
}
