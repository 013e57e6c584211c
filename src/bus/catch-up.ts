import { limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { Publication } from "./broker.ts";
import type { NatsStream } from "./nats-stream.ts";
import { epochOf } from "./nats-stream.ts";

/** What {@link CatchUp} needs of the other parts. */
export interface CatchUpParts {
  readonly stream: NatsStream;
  /** Whether all channels come here, wanted or not. */
  readonly isEverything: () => boolean;
  readonly deliver: (publication: Publication) => void;
  /** It cannot be known what was missed. */
  readonly missed: () => void;
  readonly log: Log;
}

/**
 * What was published while the Bus was out of reach is read once, for all clients of the process, as soon as it is
 * back: they notice nothing. What comes live meanwhile waits behind it. Where it cannot be known what was missed (the
 * stream is another one, has forgotten some of it, or it is too much), every client with a position is told so.
 */
export class CatchUp {
  readonly #parts: CatchUpParts;
  /** What came live, while the rest is read. */
  #held: Publication[] | undefined;
  /** How often the Bus has come back, and when the last return has been dealt with. */
  #returns = 0;
  #settled: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;
  /**
   * Where everything comes: how far the stream was at the last look. What has not come at the next one is lost. -1
   * where only some channels come, and it cannot be known.
   */
  #due = -1;

  constructor(parts: CatchUpParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => void this.#look(), limits.natsLookSeconds * 1000);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** A publication has come live. */
  take(publication: Publication): void {
    if (this.#held) this.#held.push(publication);
    else this.#pass(publication);
  }

  /**
   * Reads from the stream. What was read while the Bus came back may be of another stream than it was taken for, and
   * is read again.
   */
  async read<Value>(read: () => Promise<Value>): Promise<Value> {
    await this.#settled;
    const returns = this.#returns;
    const [result] = await Promise.allSettled([read()]);
    if (this.#returns !== returns) return await this.read(read);
    if (result.status === "rejected") throw result.reason;
    return result.value;
  }

  /** The epoch, once it is known. */
  async epoch(): Promise<string> {
    await this.#settled;
    return this.#parts.stream.epoch;
  }

  /** The Bus is back, or has lost something: what comes from now on waits until what was missed has been read. */
  async run(): Promise<void> {
    this.#returns++;
    this.#held ??= [];
    this.#settled = this.#settled.then(() => this.#run());
    await this.#settled;
  }

  async #run(): Promise<void> {
    this.#held ??= [];
    try {
      const isKnown = await this.#read();
      if (!isKnown) this.#parts.missed();
    } catch (error) {
      this.#parts.log.warn(`what was missed could not be read: ${error instanceof Error ? error.message : error}`);
      this.#parts.missed();
    } finally {
      const held = this.#held ?? [];
      this.#held = undefined;
      for (const publication of held) {
        if (publication.offset > this.#parts.stream.seen) this.take(publication);
      }
    }
  }

  /** Delivers what was missed; false when that cannot be known. */
  async #read(): Promise<boolean> {
    const { stream, deliver, log } = this.#parts;
    const { created, state, config } = await stream.info();
    const epoch = epochOf(created);
    const { seen } = stream;
    const last = state.last_seq;
    if (epoch !== stream.epoch || last < seen || state.first_seq > seen + 1 || last - seen > limits.natsCatchUpMax) {
      stream.epoch = epoch;
      stream.seen = last;
      return false;
    }
    const missed = await stream.all(seen, last);
    stream.seen = last;
    if (missed.length > 0) log.info(`${missed.length} publications were missed, and are delivered now`);
    const counts = new Map<string, number>();
    for (const publication of missed) {
      const count = (counts.get(publication.channel) ?? 0) + 1;
      // A channel that is full may have lost more.
      if (config.max_msgs_per_subject > 0 && count >= config.max_msgs_per_subject) return false;
      counts.set(publication.channel, count);
      deliver(publication);
    }
    return true;
  }

  #pass(publication: Publication): void {
    const { stream, deliver } = this.#parts;
    // Offsets rise, unless the stream has been made anew.
    if (publication.offset <= stream.seen) void this.#look();
    else if (this.#due >= 0 && publication.offset > stream.seen + 1) return this.#behindGap(publication);
    else stream.seen = publication.offset;
    deliver(publication);
  }

  /** Between it and the one before some were lost: they are read, and it comes behind them. */
  #behindGap(publication: Publication): void {
    const run = this.run();
    this.take(publication);
    void run;
  }

  /**
   * While the connection holds nothing is lost: so all that the stream had before this answer has come. The offsets of
   * one that was made anew begin again, and would be taken for old ones. Where everything comes nothing has to be
   * believed: what the stream had a look ago and has not come is read.
   */
  async #look(): Promise<void> {
    if (this.#held || this.#isLooking) return;
    const { stream, missed, isEverything } = this.#parts;
    const isAll = isEverything();
    this.#isLooking = true;
    try {
      const { created, state } = await stream.info();
      if (this.#held) return;
      const epoch = epochOf(created);
      if (epoch !== stream.epoch) {
        stream.epoch = epoch;
        stream.seen = state.last_seq;
        missed();
      } else if (this.#due < 0) {
        stream.seen = Math.max(stream.seen, state.last_seq);
      } else if (stream.seen < this.#due) {
        await this.run();
      }
      this.#due = isAll ? state.last_seq : -1;
    } catch {
      // The connection is away: when it is back, `run` says what was missed.
    } finally {
      this.#isLooking = false;
    }
  }
}
