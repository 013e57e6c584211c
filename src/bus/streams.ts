import { limits } from "../limits.ts";
import type { HistoryOptions, HistoryQuery, Publication } from "./broker.ts";

/** A publication that is being made: its place in the stream is filled in when it gets one. */
export type Draft = { -readonly [Key in keyof Publication]: Publication[Key] };

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
  /** Whether it was added to since it was last looked at as one to be forgotten. */
  isBusy: boolean;
}

/** What a publication counts for besides its text, about. */
const PUBLICATION_BYTES = 200;
const STREAM_BYTES = 300;
const SWEEP_MS = 1000;

/**
 * The histories of a process, bounded in publications, age and, all together, in bytes: beyond those streams go that
 * nothing was added to for a while, the oldest first (the clock algorithm: an order by the last addition would cost
 * every addition more than all the rest of it).
 *
 * Offsets never go back. A stream that is forgotten, and comes again, counts on from the highest end of all that were
 * forgotten, so that a subscriber that comes back with an offset of the forgotten one is told the truth: either it
 * has missed nothing, or that cannot be known. So one epoch does for the life of the process.
 */
export class Streams {
  readonly #now: () => number;
  readonly #bytesMax: number;
  /** The one that is to be looked at next first. */
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

  /** Gives a publication its place in the channel's stream, and keeps it: it is not to be changed any more. */
  add(publication: Draft, { size, seconds }: HistoryOptions): void {
    const { channel } = publication;
    const known = this.#streams.get(channel);
    const stream = known ?? this.#begin(channel);
    publication.previous = known ? stream.top : 0;
    publication.offset = ++stream.top;
    stream.isBusy = known !== undefined;
    stream.publications.push(publication);
    stream.untilMs.push(this.#now() + seconds * 1000);
    this.#count(stream, sizeOf(publication));
    this.#shorten(stream, stream.publications.length - size);
    if (this.#bytes > this.#bytesMax) this.#shed(stream);
    this.#timer ??= setInterval(() => this.sweep(), SWEEP_MS).unref();
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
    const stream = known ?? this.#begin(channel);
    stream.version = version;
    stream.versionEpoch = epoch;
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

  #begin(channel: string): Stream {
    const stream: Stream = {
      publications: [],
      untilMs: [],
      top: this.#floor,
      bytes: 0,
      version: 0,
      versionEpoch: "",
      isBusy: false,
    };
    this.#count(stream, STREAM_BYTES);
    this.#streams.set(channel, stream);
    return stream;
  }

  #count(stream: Stream, bytes: number): void {
    stream.bytes += bytes;
    this.#bytes += bytes;
  }

  /** Drops the oldest `count`. */
  #shorten(stream: Stream, count: number): void {
    for (let left = count; left > 0; left--) {
      this.#count(stream, -sizeOf(stream.publications.shift() as Publication));
      stream.untilMs.shift();
    }
  }

  #expire(stream: Stream): void {
    const now = this.#now();
    let count = 0;
    while (count < stream.untilMs.length && (stream.untilMs[count] as number) <= now) count++;
    this.#shorten(stream, count);
  }

  /** Forgets streams until the rest is within the bound; the one that was just added to stays. */
  #shed(but: Stream): void {
    // One that was added to goes behind the others once, and is then looked at again.
    for (const [channel, stream] of this.#streams) {
      if (this.#bytes <= this.#bytesMax || this.#streams.size === 1) return;
      this.#streams.delete(channel);
      if (stream.isBusy || stream === but) {
        stream.isBusy = false;
        this.#streams.set(channel, stream);
      } else {
        this.#bytes -= stream.bytes;
        this.#floor = Math.max(this.#floor, stream.top);
      }
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
