import { BelfryError } from "../errors.ts";

/** A piece of work that ends when its promise does. */
export type Task = () => Promise<void>;

/**
 * Bounds how much asynchronous work is under way at once. There is no thread here: a worker is the right to have one
 * promise pending. Work that cannot start waits in order.
 */
export class WorkerPool {
  readonly #size: number;
  readonly #waiting: { task: Task; timer: NodeJS.Timeout | undefined }[] = [];
  #busy = 0;
  /** When the last worker was taken, and how long none was free before; in milliseconds. */
  #saturatedAt = 0;
  #saturatedMs = 0;
  #freed: () => void;

  /** `size` workers; `freed` is called each time one of them becomes free after all were busy. */
  constructor(size: number, freed: () => void = () => {}) {
    this.#size = size;
    this.#freed = freed;
  }

  /** How many workers there are. */
  get size(): number {
    return this.#size;
  }
  /** For how long no worker was free, in all. */
  get saturatedSeconds(): number {
    const now = this.saturated ? performance.now() - this.#saturatedAt : 0;
    return (this.#saturatedMs + now) / 1000;
  }
  /** How many workers are at work. */
  get busy(): number {
    return this.#busy;
  }
  /** Whether every worker is at work. */
  get saturated(): boolean {
    return this.#busy >= this.#size;
  }
  /** How many tasks wait for a worker. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Starts the task now if a worker is free; says whether it did. */
  trySchedule(task: Task): boolean {
    if (this.saturated) return false;
    this.#run(task);
    return true;
  }

  /** Starts the task as soon as a worker is free. */
  schedule(task: Task): void {
    if (!this.trySchedule(task)) this.#waiting.push({ task, timer: undefined });
  }

  /** Starts the task when a worker becomes free within `ms`; otherwise `late` is called, and the task is dropped. */
  scheduleTimeout(ms: number, task: Task, late: () => void): void {
    if (this.trySchedule(task)) return;
    const entry = { task, timer: undefined as NodeJS.Timeout | undefined };
    entry.timer = setTimeout(() => {
      this.#waiting.splice(this.#waiting.indexOf(entry), 1);
      late();
    }, ms);
    this.#waiting.push(entry);
  }

  /**
   * Occupies a worker until work that has already begun is over, even when none is free: the caller found out too late
   * that it is asynchronous. It must not begin more while the pool is saturated.
   */
  hold(work: Promise<void>): void {
    this.#run(() => work);
  }

  #run(task: Task): void {
    if (++this.#busy === this.#size && this.#saturatedAt === 0) this.#saturatedAt = performance.now();
    begin(task).then(
      () => this.#release(),
      (error: unknown) => {
        this.#release();
        // A task owns its errors; one that lets an error out is a mistake of the program.
        throw new BelfryError("BELFRY_BAD_STATE", "a task of the worker pool rejected", { cause: error });
      },
    );
  }

  #release(): void {
    const wasSaturated = this.saturated;
    this.#busy--;
    while (!this.saturated && this.#waiting.length > 0) {
      const { task, timer } = this.#waiting.shift() as { task: Task; timer: NodeJS.Timeout | undefined };
      clearTimeout(timer);
      this.#run(task);
    }
    if (!wasSaturated || this.saturated) return;
    this.#saturatedMs += performance.now() - this.#saturatedAt;
    this.#saturatedAt = 0;
    this.#freed();
  }
}

/** A task that throws before it gives a promise has rejected: its worker must come free like any other. */
function begin(task: Task): Promise<void> {
  try {
    return task();
  } catch (error) {
    return Promise.reject(error);
  }
}
