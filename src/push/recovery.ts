import type { Broker, History, Publication } from "../bus/index.ts";
import { limits } from "../limits.ts";
import { chain, type Maybe } from "./chain.ts";
import { encodePublication } from "./protocol.ts";
import type { TagsFilter } from "./tags-filter.ts";

/** What a client that comes back has missed. */
export interface Recovered {
  /** The stream's end, when it was read. */
  readonly offset: number;
  readonly epoch: string;
  /** Whether the client now has everything. */
  readonly recovered: boolean;
  /** Where the client stands now; with a list of publications, before it applies that list. */
  readonly from: number;
  readonly missed: readonly Publication[];
  /** The same as JSON text: the elements of an array. */
  readonly publications: string;
}

const POSITION = { limit: 0 };

interface Reading {
  readonly history: Maybe<History>;
  /** The JSON text of what was read, made by the first who needs it; and what filters leave of it, by their text. */
  text?: string;
  filtered?: Map<string, string>;
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
  stream(channel: string, offset: number, epoch: string, filter?: TagsFilter): Maybe<Recovered> {
    const reading = this.#read(channel, offset, limits.historyReadMax);
    return chain(reading.history, (history) => {
      const { publications } = history;
      const end = publications.at(-1)?.offset ?? offset;
      const isWhole =
        (epoch === "" || epoch === history.epoch) &&
        end === history.offset &&
        (publications.length === 0 || (publications[0] as Publication).previous <= offset);
      if (!isWhole) return standing(history);
      const missed = filter ? publications.filter(({ tags }) => filter.matches(tags)) : publications;
      // Nothing is missed before the first that the filter lets through, and without one nothing up to the end.
      const from = Math.max(offset, missed[0]?.previous ?? history.offset);
      return { ...standing(history), recovered: true, from, missed, publications: textOf(reading, missed, filter) };
    });
  }

  /** The newest publication alone that a filter lets through, for channels of which only the last state counts. */
  cache(channel: string, offset: number, epoch: string, filter?: TagsFilter): Maybe<Recovered> {
    const reading = this.#read(channel, -1, filter ? limits.historyReadMax : 1);
    return chain(reading.history, (history) => {
      const end = standing(history);
      if (offset !== 0 && offset === history.offset && epoch === history.epoch) return { ...end, recovered: true };
      const { publications } = history;
      const newest = filter ? publications.find(({ tags }) => filter.matches(tags)) : publications[0];
      // An older one that the filter would let through may be forgotten.
      if (!newest || publications[0]?.offset !== history.offset) return end;
      return { ...end, recovered: true, missed: [newest], publications: textOf(reading, [newest], filter) };
    });
  }

  /** `since` -1 reads from the newest on back, others read on from there. */
  #read(channel: string, since: number, limit: number): Reading {
    const key = keyOf(channel, since, limit);
    const query = since < 0 ? { limit, reverse: true } : { since, limit };
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

/** The state of a client that begins at the stream's end. */
export function standing({ offset, epoch }: History): Recovered {
  return { offset, epoch, recovered: false, from: offset, missed: [], publications: "" };
}

function textOf(reading: Reading, publications: readonly Publication[], filter: TagsFilter | undefined): string {
  if (!filter) {
    reading.text ??= encoded(publications);
    return reading.text;
  }
  reading.filtered ??= new Map();
  const text = reading.filtered.get(filter.text) ?? encoded(publications);
  reading.filtered.set(filter.text, text);
  return text;
}

function encoded(publications: readonly Publication[]): string {
  return publications.map(encodePublication).join(",");
}

function keyOf(channel: string, since: number, limit: number): string {
  return `${limit} ${since} ${channel}`;
}
