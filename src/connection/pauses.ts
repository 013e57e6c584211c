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
  /** Something failed that must not: the connection is to be given up. */
  readonly failed: (fd: number, error: unknown) => void;
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
  /** How many promises each waits for that waits for any. */
  readonly #pending = new Map<number, number>();

  constructor(parts: PausesParts) {
    this.#parts = parts;
    this.#held = new Held(parts.columns);
  }

  /** Stops reading from a connection. */
  pause(fd: number): void {
    const { columns, arm } = this.#parts;
    if (columns.phase[fd] === phases.FREE) return;
    columns.flags[fd] = (columns.flags[fd] as number) | flags.PAUSED;
    arm(fd);
  }

  /**
   * Stops reading from a connection until `work` settles, which occupies a worker; then does what it resolved to,
   * unless the connection is gone, and goes on.
   */
  until(fd: number, work: Promise<() => void>): void {
    const { columns, batch, hold, saturated, exhausted, failed } = this.#parts;
    const generation = columns.generation[fd];
    this.pause(fd);
    this.#pending.set(fd, (this.#pending.get(fd) ?? 0) + 1);
    const goOn = (then: () => void) => {
      if (columns.generation[fd] !== generation) return;
      batch(() => {
        try {
          then();
          if (columns.generation[fd] === generation) this.#settled(fd);
        } catch (error) {
          failed(fd, error);
        }
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
    this.#pending.delete(fd);
  }

  /** One promise less to wait for: with the last one the connection goes on. */
  #settled(fd: number): void {
    const left = (this.#pending.get(fd) ?? 1) - 1;
    if (left > 0) {
      this.#pending.set(fd, left);
      return;
    }
    this.#pending.delete(fd);
    this.#resume(fd);
  }

  #resume(fd: number): void {
    const { columns, arm, take } = this.#parts;
    columns.flags[fd] = (columns.flags[fd] as number) & ~flags.PAUSED;
    const held = this.#held.take(fd);
    if (held) take(fd, held.bytes, held.from, held.to);
    if (columns.phase[fd] !== phases.FREE && ((columns.flags[fd] as number) & flags.PAUSED) === 0) arm(fd);
  }
}
