import type { Broker, History, Publication } from "../bus/index.ts";
import { limits } from "../limits.ts";
import { chain, type Maybe } from "./chain.ts";
import { encodePublication } from "./protocol.ts";

/** What a client that comes back has missed. */
export interface Recovered {
  /** The stream's end, when it was read. */
  readonly offset: number;
  readonly epoch: string;
  /** Whether the client now has everything. */
  readonly recovered: boolean;
  readonly missed: readonly Publication[];
  /** The same as JSON text: the elements of an array. */
  readonly publications: string;
}

const POSITION = { limit: 0 };

interface Reading {
  readonly history: Maybe<History>;
  /** The JSON text of what was read, made by the first who needs it. */
  text?: string;
}

/**
 * Reads histories for clients that come back. A herd comes back to the same channels with the same offsets: who asks
 * the same within one turn of the event loop shares the read, and the encoded text.
 */
export class Recovery {
  readonly #broker: Pick<Broker, "history">;
  readonly #readings = new Map<string, Reading>();
  #isScheduled = false;

  constructor(broker: Pick<Broker, "history">) {
    this.#broker = broker;
  }

  /** The stream's end. What is there at once is not worth sharing. */
  position(channel: string): Maybe<History> {
    const known = this.#readings.size === 0 ? undefined : this.#readings.get(keyOf(channel, -1, 0));
    if (known) return known.history;
    const history = this.#broker.history(channel, POSITION);
    return history instanceof Promise ? this.#share(keyOf(channel, -1, 0), history).history : history;
  }

  /** What stands behind a position; `epoch` may be "" for one that is not known. */
  stream(channel: string, offset: number, epoch: string): Maybe<Recovered> {
    const reading = this.#read(channel, offset, limits.historyReadMax);
    return chain(reading.history, (history) => {
      const { publications } = history;
      const end = publications.at(-1)?.offset ?? offset;
      const isWhole =
        (epoch === "" || epoch === history.epoch) &&
        end === history.offset &&
        (publications.length === 0 || (publications[0] as Publication).previous <= offset);
      return this.#result(reading, history, isWhole, publications);
    });
  }

  /** The newest publication alone, for channels of which only the last state counts. */
  cache(channel: string, offset: number, epoch: string): Maybe<Recovered> {
    const reading = this.#read(channel, -1, 1);
    return chain(reading.history, (history) => {
      const hasIt = offset !== 0 && offset === history.offset && epoch === history.epoch;
      if (hasIt) return this.#result(reading, history, true, []);
      const isWhole = history.publications[0]?.offset === history.offset;
      return this.#result(reading, history, isWhole, history.publications);
    });
  }

  #result(reading: Reading, history: History, recovered: boolean, publications: readonly Publication[]): Recovered {
    const { offset, epoch } = history;
    if (!recovered || publications.length === 0) return { offset, epoch, recovered, missed: [], publications: "" };
    reading.text ??= publications.map(encodePublication).join(",");
    return { offset, epoch, recovered, missed: publications, publications: reading.text };
  }

  /** `limit` 1 reads the newest, more than that read on from `since`. */
  #read(channel: string, since: number, limit: number): Reading {
    const key = keyOf(channel, since, limit);
    const query = limit > 1 ? { since, limit } : { limit, reverse: true };
    return this.#readings.get(key) ?? this.#share(key, this.#broker.history(channel, query));
  }

  #share(key: string, history: Maybe<History>): Reading {
    const reading = { history };
    this.#readings.set(key, reading);
    this.#forget();
    return reading;
  }

  /** A publication is delivered: what was read of its channel is old. */
  published(): void {
    if (this.#readings.size > 0) this.#readings.clear();
  }

  #forget(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#readings.clear();
    });
  }
}

function keyOf(channel: string, since: number, limit: number): string {
  return `${limit} ${since} ${channel}`;
}
