/**
 * Values by key that are forgotten without being looked at: there is this window of time and the one before it, and
 * when a window is over the older one is dropped as a whole. Keys of which nothing is heard cost nothing.
 */
export class TwoWindows<Key, Value> {
  readonly #ms: number;
  readonly #keysMax: number;
  #index = 0;
  #young = new Map<Key, Value>();
  #old = new Map<Key, Value>();

  /** Windows of `ms`; each takes `keysMax` keys, and when there is one more it ends early. */
  constructor(ms: number, keysMax = Number.POSITIVE_INFINITY) {
    this.#ms = ms;
    this.#keysMax = keysMax;
  }

  /** The values of this window. */
  get young(): ReadonlyMap<Key, Value> {
    return this.#young;
  }
  /** The values of the window before. */
  get old(): ReadonlyMap<Key, Value> {
    return this.#old;
  }

  /** It is `now`: to be told before anything is looked at. In the milliseconds of any clock that never goes back. */
  moveTo(now: number): void {
    const index = Math.floor(now / this.#ms);
    if (index === this.#index) return;
    if (index > this.#index + 1) this.#young = new Map();
    this.#next();
    this.#index = index;
  }

  /** Sets the value of a key in this window. */
  set(key: Key, value: Value): void {
    if (this.#young.size >= this.#keysMax && !this.#young.has(key)) this.#next();
    this.#young.set(key, value);
  }

  /** Forgets a key. */
  delete(key: Key): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  #next(): void {
    this.#old = this.#young;
    this.#young = new Map();
  }
}
