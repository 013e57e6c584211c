import { nowUs } from "./clock.ts";
import { Pace } from "./pace.ts";

const TAKEN_MAX = 1024;

/** What {@link Echoes} needs of the other parts. */
export interface EchoesParts {
  /** Messages a second; 0: each connection sends as soon as it has its answer. */
  readonly rate: number;
  readonly send: (fd: number) => void;
  readonly isOpen: (fd: number) => boolean;
  readonly answered: (us: number) => void;
}

/** Connections that send a message and wait for it to come back; each has one on its way. */
export class Echoes {
  readonly #parts: EchoesParts;
  readonly #pace: Pace | undefined;
  /** Those that have nothing on its way, the longest idle first from `#next`. */
  readonly #idle: number[] = [];
  #next = 0;
  /** By descriptor: the time from which its message is measured; 0 without one. */
  readonly #since: number[] = [];
  #isOver = false;

  constructor(parts: EchoesParts, fds: Iterable<number>) {
    this.#parts = parts;
    this.#pace = parts.rate > 0 ? new Pace(parts.rate) : undefined;
    this.#idle.push(...fds);
  }

  /** Sends what is due. */
  go(): void {
    while (!this.#isOver && this.#next < this.#idle.length && (this.#pace?.isDue() ?? true)) {
      const fd = this.#idle[this.#next++] as number;
      if (this.#parts.isOpen(fd)) this.#send(fd);
    }
    // What was taken is given back now and then.
    if (this.#next < TAKEN_MAX) return;
    this.#idle.splice(0, this.#next);
    this.#next = 0;
  }

  #send(fd: number): void {
    this.#since[fd] = this.#pace ? this.#pace.take() : nowUs();
    this.#parts.send(fd);
  }

  /** A message has come; false when none was waited for. */
  received(fd: number): boolean {
    const since = this.#since[fd] ?? 0;
    if (since === 0) return false;
    this.#since[fd] = 0;
    this.#parts.answered(nowUs() - since);
    if (this.#isOver) return true;
    if (this.#pace) this.#idle.push(fd);
    else this.#send(fd);
    return true;
  }

  /** Sends no more. */
  stop(): void {
    this.#isOver = true;
  }
}
