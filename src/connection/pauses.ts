import { type Columns, flags, phases } from "./columns.ts";
import { Held } from "./held.ts";

/** What {@link Pauses} needs of the other parts. */
export interface PausesParts {
  readonly columns: Columns;
  /** Sets what the connection is watched for, from its flags. */
  readonly arm: (fd: number) => void;
  /** Takes bytes of a connection that were held. */
  readonly take: (fd: number, bytes: Uint8Array, from: number, to: number) => void;
  /** Runs work whose output leaves together. */
  readonly batch: (work: () => void) => void;
  /** Holds a worker until `work` settles. */
  readonly hold: (work: Promise<void>) => void;
  readonly saturated: () => boolean;
  /** The last free worker was taken. */
  readonly exhausted: () => void;
}

/**
 * Connections that are not read from for a while: because a handler is at work for them, or because no worker is free.
 * Their next bytes wait in the kernel, so that order is kept and the back-pressure is TCP's; what a batch had already
 * brought is held here.
 */
export class Pauses {
  readonly #parts: PausesParts;
  readonly #held: Held;
  /** Descriptors, each followed by its generation, whose bytes wait for a free worker. */
  readonly #parked: number[] = [];

  constructor(parts: PausesParts) {
    this.#parts = parts;
    this.#held = new Held(parts.columns);
  }

  /** Stops reading from a connection. */
  pause(fd: number): void {
    const { columns, arm } = this.#parts;
    columns.flags[fd] = (columns.flags[fd] as number) | flags.PAUSED;
    arm(fd);
  }

  /**
   * Stops reading from a connection until `work` settles, which occupies a worker; then does what it resolved to,
   * unless the connection is gone, and goes on.
   */
  until(fd: number, work: Promise<() => void>): void {
    const { columns, batch, hold, saturated, exhausted } = this.#parts;
    const generation = columns.generation[fd];
    this.pause(fd);
    const goOn = (then: () => void) => {
      if (columns.generation[fd] !== generation) return;
      batch(() => {
        then();
        if (columns.generation[fd] === generation) this.#resume(fd);
      });
    };
    hold(work.then(goOn));
    if (saturated()) exhausted();
  }

  /** Keeps bytes of a connection that is paused, or for which no worker is free. */
  keep(fd: number, bytes: Uint8Array, from: number, to: number): void {
    const { columns, saturated } = this.#parts;
    this.#held.keep(fd, bytes, from, to);
    if (((columns.flags[fd] as number) & flags.PAUSED) !== 0 || !saturated()) return;
    this.pause(fd);
    this.#parked.push(fd, columns.generation[fd] as number);
  }

  /** A worker is free: those who wait for one go on, the first first, as long as there is one. */
  unpark(): void {
    const { columns, batch, saturated } = this.#parts;
    batch(() => {
      while (this.#parked.length > 0 && !saturated()) {
        const [fd, generation] = this.#parked.splice(0, 2) as [number, number];
        if (columns.generation[fd] === generation) this.#resume(fd);
      }
    });
  }

  /** Drops what is held for a connection. */
  forget(fd: number): void {
    this.#held.take(fd);
  }

  #resume(fd: number): void {
    const { columns, arm, take } = this.#parts;
    columns.flags[fd] = (columns.flags[fd] as number) & ~flags.PAUSED;
    const bytes = this.#held.take(fd);
    if (bytes) take(fd, bytes, 0, bytes.length);
    if (columns.phase[fd] !== phases.FREE && ((columns.flags[fd] as number) & flags.PAUSED) === 0) arm(fd);
  }
}
