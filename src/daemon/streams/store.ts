/** A message that a stream keeps. */
export interface Stored {
  readonly sequence: number;
  readonly subject: string;
  /** Its header block, "" for none. */
  readonly headers: string;
  readonly data: Buffer;
  readonly timeMs: number;
}

/** What a store is bounded by; a bound that is not above 0 is none. */
export interface StoreBounds {
  readonly max_msgs: number;
  readonly max_bytes: number;
  readonly max_msgs_per_subject: number;
  /** Nanoseconds. */
  readonly max_age: number;
}

/** What a message counts for besides its text: an object, a Buffer, and its places in the tables. */
const MESSAGE_BYTES = 200;
const NS_PER_MS = 1_000_000;

/** The messages of a stream, by sequence and by subject, within its bounds. The oldest go first. */
export class Store {
  bounds: StoreBounds;
  /** In the order of their sequences. */
  readonly #messages = new Map<number, Stored>();
  /** The sequences of each subject, in their order. */
  readonly #subjects = new Map<string, number[]>();
  #bytes = 0;
  #last = 0;

  constructor(bounds: StoreBounds) {
    this.bounds = bounds;
  }

  get size(): number {
    return this.#messages.size;
  }
  get bytes(): number {
    return this.#bytes;
  }
  get subjects(): number {
    return this.#subjects.size;
  }
  /** The sequence of the last message, of one that is gone too. */
  get last(): number {
    return this.#last;
  }
  /** The oldest message. */
  get first(): Stored | undefined {
    return this.#messages.values().next().value;
  }

  /** The sequence of a subject's last message, 0 for none. */
  lastOf(subject: string): number {
    return this.#subjects.get(subject)?.at(-1) ?? 0;
  }

  get(sequence: number): Stored | undefined {
    return this.#messages.get(sequence);
  }

  /** Adds the next message; those that are over a bound go. */
  add(message: Stored): void {
    const { sequence, subject } = message;
    this.#last = sequence;
    this.#messages.set(sequence, message);
    this.#bytes += sizeOf(message);
    const own = this.#subjects.get(subject);
    if (own) own.push(sequence);
    else this.#subjects.set(subject, [sequence]);
    const { max_msgs_per_subject: perSubject, max_msgs, max_bytes } = this.bounds;
    if (perSubject > 0) while (own && own.length > perSubject) this.remove(own[0] as number);
    while (this.first && this.size > 1 && isOver(this.size, max_msgs)) this.remove(this.first.sequence);
    while (this.first && this.size > 1 && isOver(this.#bytes, max_bytes)) this.remove(this.first.sequence);
  }

  /** Removes a message; false when it is not there. */
  remove(sequence: number): boolean {
    const message = this.#messages.get(sequence);
    if (!message) return false;
    this.#messages.delete(sequence);
    this.#bytes -= sizeOf(message);
    const own = this.#subjects.get(message.subject) as number[];
    if (own[0] === sequence) own.shift();
    else own.splice(own.indexOf(sequence), 1);
    if (own.length === 0) this.#subjects.delete(message.subject);
    return true;
  }

  /** Removes what is older than max_age. */
  expire(nowMs: number): void {
    const { max_age } = this.bounds;
    if (max_age <= 0) return;
    for (let oldest = this.first; oldest && nowMs - oldest.timeMs >= max_age / NS_PER_MS; oldest = this.first) {
      this.remove(oldest.sequence);
    }
  }

  /** The sequences after which are known to exist are never given again: a purge may leave none. */
  advanceTo(sequence: number): void {
    this.#last = Math.max(this.#last, sequence);
  }

  /** The first message from a sequence on whose subject is wanted. */
  next(sequence: number, subject: string, isWanted: (subject: string) => boolean): Stored | undefined {
    const own = this.#subjects.get(subject);
    if (own) {
      const found = own.find((one) => one >= sequence);
      return found === undefined ? undefined : this.#messages.get(found);
    }
    for (const message of this.#messages.values()) {
      if (message.sequence >= sequence && isWanted(message.subject)) return message;
    }
    return undefined;
  }

  /** All messages, the oldest first; may be removed on the way. */
  all(): IterableIterator<Stored> {
    return this.#messages.values();
  }
}

function isOver(value: number, bound: number): boolean {
  return bound > 0 && value > bound;
}

function sizeOf({ subject, headers, data }: Stored): number {
  return MESSAGE_BYTES + subject.length + headers.length + data.length;
}
