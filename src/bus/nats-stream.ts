import { type JetStreamManager, jetstreamManager, type StoredMsg, type StreamInfo } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { limits } from "../limits.ts";
import type { History, HistoryQuery, Publication } from "./broker.ts";
import { channelOf, subjectOf } from "./channel-subject.ts";
import { publicationOf } from "./nats-message.ts";

/** What the stream of all histories keeps. */
export interface NatsStreamOptions {
  readonly name: string;
  /** Publications of each channel. */
  readonly perChannelMax: number;
  readonly secondsMax: number;
  readonly bytesMax: number;
  readonly storage: "memory" | "file";
  readonly replicas: number;
}

/** Subjects of what is kept, and of what is delivered. */
export interface Prefixes {
  readonly kept: string;
  readonly delivered: string;
}

type Query = { last_by_subj: string } | { seq: number; next_by_subj: string } | { seq: number };

const NS_PER_SECOND = 1e9;
const STREAM_NOT_FOUND = 10_059;

/**
 * The histories of all channels as one stream of JetStream. An offset is a sequence of the stream, so the offsets of a
 * channel are not consecutive; the epoch is the stream's birth.
 */
export class NatsStream {
  readonly #jsm: JetStreamManager;
  readonly #options: NatsStreamOptions;
  readonly #prefixes: Prefixes;
  /** The offsets of another epoch have nothing to do with these. */
  epoch = "";
  /** A sequence up to which all that there was has come here. */
  seen = 0;

  private constructor(jsm: JetStreamManager, options: NatsStreamOptions, prefixes: Prefixes) {
    this.#jsm = jsm;
    this.#options = options;
    this.#prefixes = prefixes;
  }

  /** Finds the stream, or makes it. Rejects where there is no JetStream. */
  static async open(nc: NatsConnection, options: NatsStreamOptions, prefixes: Prefixes): Promise<NatsStream> {
    const stream = new NatsStream(await jetstreamManager(nc), options, prefixes);
    const { created, state } = await stream.info();
    stream.epoch = epochOf(created);
    stream.seen = state.last_seq;
    return stream;
  }

  get name(): string {
    return this.#options.name;
  }

  /** The stream as it is now; made if it is not there. */
  async info(): Promise<StreamInfo> {
    try {
      return await this.#jsm.streams.info(this.name);
    } catch (error) {
      if ((error as { code?: number }).code !== STREAM_NOT_FOUND) throw error;
    }
    const { perChannelMax, secondsMax, bytesMax, storage, replicas } = this.#options;
    const { kept, delivered } = this.#prefixes;
    return await this.#jsm.streams.add({
      name: this.name,
      subjects: [`${kept}>`],
      max_msgs_per_subject: perChannelMax,
      max_age: secondsMax * NS_PER_SECOND,
      duplicate_window: Math.min(secondsMax, limits.idempotencySeconds) * NS_PER_SECOND,
      max_bytes: bytesMax,
      storage,
      num_replicas: replicas,
      allow_direct: true,
      republish: { src: `${kept}>`, dest: `${delivered}>` },
    });
  }

  /** Reads a channel's history. */
  async read(channel: string, { since, limit, reverse = false }: HistoryQuery): Promise<History> {
    const { epoch } = this;
    const subject = subjectOf(this.#prefixes.kept, channel);
    const newest = await this.#get({ last_by_subj: subject });
    if (!newest) return { publications: [], offset: since === undefined ? this.seen : await this.#end(since), epoch };
    const offset = reverse ? newest.seq : Math.max(newest.seq, since ?? 0);
    if (limit === 0) return { publications: [], offset: newest.seq, epoch };
    if (!reverse && newest.seq <= (since ?? 0)) return { publications: [], offset, epoch };
    if (reverse && limit === 1 && since === undefined) {
      return { publications: [this.#publication(channel, newest, newest.seq - 1)], offset, epoch };
    }
    const publications = reverse
      ? await this.#backward(channel, subject, since ?? newest.seq + 1, limit)
      : await this.#forward(channel, subject, since ?? 0, limit);
    // What was published while this was read belongs to it: the end is where it ends.
    const end = reverse ? 0 : (publications.at(-1)?.offset ?? 0);
    return { publications, offset: Math.max(offset, end), epoch };
  }

  /** Forgets what is kept of a channel. */
  async remove(channel: string): Promise<void> {
    await this.#jsm.streams.purge(this.name, { filter: subjectOf(this.#prefixes.kept, channel) });
  }

  /** The headers of a channel's newest message. */
  async newest(channel: string): Promise<StoredMsg | undefined> {
    return await this.#get({ last_by_subj: subjectOf(this.#prefixes.kept, channel) });
  }

  /** The publications of all channels behind a sequence, up to `last`: asked for many at a time. */
  async all(behind: number, last: number): Promise<Publication[]> {
    const found: Publication[] = [];
    for (let at = behind + 1; at <= last; at += limits.natsReadsMax) {
      const count = Math.min(limits.natsReadsMax, last - at + 1);
      for (const message of await Promise.all(Array.from({ length: count }, (_, i) => this.#get({ seq: at + i })))) {
        const channel = message && channelOf(this.#prefixes.kept, message.subject);
        if (message && channel !== undefined) found.push(this.#publication(channel, message, 0));
      }
    }
    return found;
  }

  /** Where a channel without publications stands, seen from `since`: there if nothing can have gone since then. */
  async #end(since: number): Promise<number> {
    const { state } = await this.info();
    return state.first_seq <= since + 1 && since <= state.last_seq ? since : state.last_seq;
  }

  async #forward(channel: string, subject: string, since: number, limit: number): Promise<Publication[]> {
    const found = await this.#walk(subject, since + 1, limit);
    if (found.length === 0) return [];
    const isWhole = await this.#isWhole(subject, since, found.length);
    let previous = isWhole ? since : (found[0] as StoredMsg).seq - 1;
    return found.map((message) => {
      const publication = this.#publication(channel, message, previous);
      previous = message.seq;
      return publication;
    });
  }

  async #backward(channel: string, subject: string, before: number, limit: number): Promise<Publication[]> {
    const all = (await this.#walk(subject, 1, this.#options.perChannelMax)).filter(({ seq }) => seq < before);
    const found = all.slice(-limit).reverse();
    return found.map((message, i) => this.#publication(channel, message, found[i + 1]?.seq ?? message.seq - 1));
  }

  async #walk(subject: string, from: number, limit: number): Promise<StoredMsg[]> {
    const found: StoredMsg[] = [];
    for (let at = from; found.length < limit; ) {
      const message = await this.#get({ seq: at, next_by_subj: subject });
      if (!message) break;
      found.push(message);
      at = message.seq + 1;
    }
    return found;
  }

  /**
   * Whether nothing of the channel has gone that stood behind `since`. The oldest goes first: if one that stood before
   * is there, all behind it are. Otherwise the stream must reach so far, and the channel must not be full.
   */
  async #isWhole(subject: string, since: number, count: number): Promise<boolean> {
    const oldest = await this.#get({ seq: 1, next_by_subj: subject });
    if (oldest && oldest.seq <= since) return true;
    const { state } = await this.info();
    return state.first_seq <= since + 1 && count < this.#options.perChannelMax;
  }

  async #get(query: Query): Promise<StoredMsg | undefined> {
    return (await this.#jsm.direct.getMessage(this.name, query)) ?? undefined;
  }

  #publication(channel: string, message: StoredMsg, previous: number): Publication {
    const place = { offset: message.seq, previous, epoch: this.epoch };
    return publicationOf(channel, message.string(), message.header, place);
  }
}

/** The epoch of a stream that was made then. */
export function epochOf(created: string): string {
  return Date.parse(created).toString(36);
}
