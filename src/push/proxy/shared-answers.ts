/** What was answered, and how long it may be answered again. */
export interface SharedAnswer<Value> {
  readonly value: Value;
  /** What it counts for. */
  readonly bytes: number;
  /** 0: not at all. */
  readonly seconds: number;
}

interface Kept<Value> {
  readonly value: Value;
  readonly bytes: number;
  readonly until: number;
}

/** What an entry costs besides its value: its key, a digest, and its objects. */
const ENTRY_BYTES = 256;

/**
 * One answer for all who ask the same within a moment: those who come while it is being asked for wait for it, and it
 * is kept for those who come after. When a server comes back a herd of clients asks at once; each of its users asks for
 * all of that user's tabs.
 */
export class SharedAnswers<Value> {
  readonly #bytesMax: number;
  readonly #now: () => number;
  readonly #asking = new Map<string, Promise<Value>>();
  /** The oldest first. */
  readonly #kept = new Map<string, Kept<Value>>();
  #bytes = 0;

  /** `bytesMax` bounds what is kept; `now` is in milliseconds, and never goes back. */
  constructor(bytesMax: number, now: () => number) {
    this.#bytesMax = bytesMax;
    this.#now = now;
  }

  /** Bytes of what is kept, 256 for each entry included. */
  get keptBytes(): number {
    return this.#bytes;
  }

  /**
   * The answer of `key`, from `ask` when nobody has asked for it. What rejects is nobody's answer but theirs who wait.
   */
  get(key: string, ask: () => Promise<SharedAnswer<Value>>): Promise<Value> {
    const kept = this.#kept.get(key);
    if (kept && this.#now() < kept.until) return Promise.resolve(kept.value);
    let answer = this.#asking.get(key);
    if (!answer) {
      answer = this.#ask(key, ask);
      this.#asking.set(key, answer);
    }
    return answer;
  }

  async #ask(key: string, ask: () => Promise<SharedAnswer<Value>>): Promise<Value> {
    try {
      const answer = await ask();
      if (answer.seconds > 0) this.#keep(key, answer);
      return answer.value;
    } finally {
      this.#asking.delete(key);
    }
  }

  #keep(key: string, { value, bytes, seconds }: SharedAnswer<Value>): void {
    const now = this.#now();
    this.#drop(key);
    this.#kept.set(key, { value, bytes: bytes + ENTRY_BYTES, until: now + seconds * 1000 });
    this.#bytes += bytes + ENTRY_BYTES;
    for (const [oldest, { until }] of this.#kept) {
      if (this.#bytes <= this.#bytesMax && now < until) break;
      this.#drop(oldest);
    }
  }

  #drop(key: string): void {
    this.#bytes -= this.#kept.get(key)?.bytes ?? 0;
    this.#kept.delete(key);
  }
}
