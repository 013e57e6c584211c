import { limits } from "../limits.ts";
import type { HistoryOptions, HistoryQuery, Publication } from "./broker.ts";

/** A channel's publications, the oldest first, and its end. */
interface Stream {
  publications: Publication[];
  /** When each of them goes, in milliseconds. */
  untilMs: number[];
  /** The offset of the last publication, of those too that are gone. */
  top: number;
  /** Bytes that it counts for. */
  bytes: number;
  version: number;
  versionEpoch: string;
}

/** What a publication counts for besides its text, about. */
const PUBLICATION_BYTES = 200;
const STREAM_BYTES = 300;
const SWEEP_MS = 1000;

/**
 * The histories of a process, bounded in publications, age and, all together, in bytes: beyond those the streams that
 * were not added to for the longest time go.
 *
 * Offsets never go back. A stream that is forgotten, and comes again, counts on from the highest end of all that were
 * forgotten, so that a subscriber that comes back with an offset of the forgotten one is told the truth: either it has
 * missed nothing, or that cannot be known. So one epoch does for the life of the process.
 */
export class Streams {
  readonly #now: () => number;
  readonly #bytesMax: number;
  /** The least recently added to first. */
  readonly #streams = new Map<string, Stream>();
  /** The highest end of all streams that were forgotten. */
  #floor = 0;
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(now: () => number, bytesMax: number = limits.historyBytesMax) {
    this.#now = now;
    this.#bytesMax = bytesMax;
  }

  /** How many bytes all of it counts for. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The offset of the channel's last publication; a channel that has none is at the end of all that were forgotten. */
  top(channel: string): number {
    return this.#streams.get(channel)?.top ?? this.#floor;
  }

  /** Gives a publication its offset and keeps it. */
  add(publication: Publication, { size, seconds }: HistoryOptions): Publication {
    const { channel } = publication;
    const stream = this.#streams.get(channel) ?? this.#begin();
    const isFirst = stream.top === this.#floor && !this.#streams.has(channel);
    const added = { ...publication, offset: stream.top + 1, previous: isFirst ? 0 : stream.top };
    stream.top = added.offset;
    stream.publications.push(added);
    stream.untilMs.push(this.#now() + seconds * 1000);
    this.#count(stream, sizeOf(added));
    this.#shorten(stream, Math.max(0, stream.publications.length - size));
    this.#streams.delete(channel);
    this.#streams.set(channel, stream);
    this.#shed(channel);
    this.#timer ??= setInterval(() => this.sweep(), SWEEP_MS).unref();
    return added;
  }

  /** Reads what a query asks for, with the stream's end. */
  read(
    channel: string,
    { since, limit, reverse = false }: HistoryQuery,
  ): { publications: Publication[]; offset: number } {
    const stream = this.#streams.get(channel);
    if (!stream) return { publications: [], offset: this.#floor };
    this.#expire(stream);
    const offset = stream.top;
    if (limit === 0) return { publications: [], offset };
    const all = stream.publications;
    const first = firstBehind(all, since ?? -1);
    if (!reverse) return { publications: all.slice(first, first + limit), offset };
    const end = since === undefined ? all.length : firstBehind(all, since - 1);
    return { publications: all.slice(Math.max(0, end - limit), end).reverse(), offset };
  }

  /** Forgets the publications; the end stays. */
  clear(channel: string): void {
    const stream = this.#streams.get(channel);
    if (stream) this.#shorten(stream, stream.publications.length);
  }

  /** Notes the version of a publication that is to be made; false when one with this version, or above, was made. */
  advanceVersion(channel: string, version: number, epoch: string, history: HistoryOptions | undefined): boolean {
    const known = this.#streams.get(channel);
    if (known && known.versionEpoch === epoch && known.version >= version) return false;
    // Without history there is nothing that would keep it.
    if (!history) return true;
    const stream = known ?? this.#begin();
    stream.version = version;
    stream.versionEpoch = epoch;
    this.#streams.set(channel, stream);
    return true;
  }

  /** Drops what is too old. */
  sweep(): void {
    for (const stream of this.#streams.values()) this.#expire(stream);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#streams.clear();
  }

  #begin(): Stream {
    const stream = { publications: [], untilMs: [], top: this.#floor, bytes: 0, version: 0, versionEpoch: "" };
    this.#count(stream, STREAM_BYTES);
    return stream;
  }

  #count(stream: Stream, bytes: number): void {
    stream.bytes += bytes;
    this.#bytes += bytes;
  }

  #shorten(stream: Stream, count: number): void {
    if (count === 0) return;
    const gone = stream.publications.splice(0, count);
    stream.untilMs.splice(0, count);
    for (const publication of gone) this.#count(stream, -sizeOf(publication));
  }

  #expire(stream: Stream): void {
    const now = this.#now();
    let count = 0;
    while (count < stream.untilMs.length && (stream.untilMs[count] as number) <= now) count++;
    this.#shorten(stream, count);
  }

  /** Forgets streams until the rest is within the bound; the one that was just added to stays. */
  #shed(but: string): void {
    for (const [channel, stream] of this.#streams) {
      if (this.#bytes <= this.#bytesMax || channel === but) return;
      this.#streams.delete(channel);
      this.#bytes -= stream.bytes;
      this.#floor = Math.max(this.#floor, stream.top);
    }
  }
}

/** The index of the first publication whose offset is above `offset`. */
function firstBehind(publications: readonly Publication[], offset: number): number {
  let low = 0;
  let high = publications.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((publications[middle] as Publication).offset > offset) high = middle;
    else low = middle + 1;
  }
  return low;
}

function sizeOf({ data, info = "" }: Publication): number {
  return PUBLICATION_BYTES + data.length + info.length;
}
