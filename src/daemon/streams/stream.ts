import { matches } from "../../bus/subjects.ts";
import { ApiError } from "./api-error.ts";
import type { StreamConfig } from "./config.ts";
import { headerOf } from "./headers.ts";
import { Store, type Stored } from "./store.ts";

const NS_PER_MS = 1_000_000;

/** A message that a stream is to keep. */
export interface Incoming {
  readonly subject: string;
  readonly headers: string;
  readonly data: Buffer;
}

/** What became of it: its place, or that of the same one before. */
export interface Taken {
  readonly stored: Stored;
  /** The sequence before it in its subject, 0 for none. */
  readonly previous: number;
}

/** A stream of JetStream: what is published to its subjects, numbered and kept. */
export class Stream {
  config: StreamConfig;
  readonly created: Date;
  readonly store: Store;
  /** The sequence up to which all is where it was to be kept; of what stands behind it nobody may hear yet. */
  settled = 0;
  readonly #now: () => number;
  /** Sequences by Nats-Msg-Id, with the time; the oldest first. */
  readonly #ids = new Map<string, { readonly sequence: number; readonly timeMs: number }>();

  /** `now` is in milliseconds since 1970. */
  constructor(config: StreamConfig, now: () => number, created = new Date(now())) {
    this.config = config;
    this.#now = now;
    this.created = created;
    this.store = new Store(config);
  }

  /** Whether one of its subjects is that. */
  takes(subject: string): boolean {
    return this.config.subjects.some((pattern) => matches(pattern, subject));
  }

  /**
   * The message that a publication is to become; a number is the sequence of the one that was made for its Nats-Msg-Id
   * before. Throws ApiError when it expects another state than there is.
   */
  accept({ subject, headers, data }: Incoming): Taken | number {
    const timeMs = this.#now();
    const { max_msg_size } = this.config;
    if (max_msg_size > 0 && headers.length + data.length > max_msg_size) {
      throw new ApiError(400, 10_054, "message size exceeds maximum allowed");
    }
    if (headers !== "") {
      const known = this.#known(headerOf(headers, "Nats-Msg-Id"), timeMs);
      if (known !== undefined) return known;
      this.#checkExpected(headers, subject);
    }
    const previous = this.store.lastOf(subject);
    return { stored: { sequence: this.store.last + 1, subject, headers, data, timeMs }, previous };
  }

  /** Keeps what `accept` gave, or what was kept before a restart. */
  keep(stored: Stored): void {
    const { headers, subject, sequence, timeMs } = stored;
    const id = headers === "" ? undefined : headerOf(headers, "Nats-Msg-Id");
    if (id !== undefined) this.#ids.set(id, { sequence, timeMs });
    const rollup = headers === "" ? undefined : headerOf(headers, "Nats-Rollup");
    this.store.add(stored);
    if (rollup !== undefined && this.config.allow_rollup_hdrs) {
      this.purge({ filter: rollup === "all" ? ">" : subject, before: sequence, keep: 0 });
    }
  }

  /** Removes messages below a sequence whose subjects match, but for the last `keep`. Returns how many. */
  purge({ filter, before, keep }: { filter: string; before: number; keep: number }): number {
    const found: number[] = [];
    for (const { sequence, subject } of this.store.all()) {
      if (sequence < before && matches(filter, subject)) found.push(sequence);
    }
    const gone = keep > 0 ? found.slice(0, -keep) : found;
    for (const sequence of gone) this.store.remove(sequence);
    return gone.length;
  }

  /** Takes another configuration. */
  update(config: StreamConfig): void {
    this.config = config;
    this.store.bounds = config;
  }

  /** Forgets what is too old. */
  expire(): void {
    const now = this.#now();
    this.store.expire(now);
    for (const [id, { timeMs }] of this.#ids) {
      if (now - timeMs <= this.config.duplicate_window / NS_PER_MS) break;
      this.#ids.delete(id);
    }
  }

  #known(id: string | undefined, now: number): number | undefined {
    const known = id === undefined ? undefined : this.#ids.get(id);
    if (!known || now - known.timeMs > this.config.duplicate_window / NS_PER_MS) return undefined;
    return known.sequence;
  }

  #checkExpected(headers: string, subject: string): void {
    const stream = headerOf(headers, "Nats-Expected-Stream");
    if (stream !== undefined && stream !== this.config.name) {
      throw new ApiError(400, 10_060, "expected stream does not match");
    }
    this.#checkSequence(headerOf(headers, "Nats-Expected-Last-Sequence"), this.store.last);
    this.#checkSequence(headerOf(headers, "Nats-Expected-Last-Subject-Sequence"), this.store.lastOf(subject));
  }

  #checkSequence(expected: string | undefined, last: number): void {
    if (expected !== undefined && expected !== String(last)) {
      throw new ApiError(400, 10_071, `wrong last sequence: ${last}`);
    }
  }
}
