import { randomBytes } from "node:crypto";
import { BelfryError } from "../errors.ts";
import { limits } from "../limits.ts";
import type {
  Broker,
  BrokerListener,
  ChannelEvent,
  History,
  HistoryQuery,
  Publication,
  PublishOptions,
  StreamPosition,
} from "./broker.ts";
import { Keys } from "./keys.ts";
import { type Draft, Streams } from "./streams.ts";

const NOWHERE: StreamPosition = { offset: 0, epoch: "" };

/**
 * The Bus within one process, and the default. A publication is delivered before `publish` returns. Interest is not
 * tracked: the hub looks the channel up anyway, and a set of millions of names would only double that table.
 */
export class MemoryBroker implements Broker {
  readonly #listeners = new Set<BrokerListener>();
  /** One for all streams of this process: what was before it is not known here. */
  readonly #epoch = randomBytes(4).toString("hex");
  readonly #streams: Streams;
  readonly #keys: Keys;
  #closed = false;

  /** `now` is the clock, in milliseconds; all histories together hold at most `historyBytesMax`. */
  constructor(now: () => number = Date.now, historyBytesMax: number = limits.historyBytesMax) {
    this.#streams = new Streams(now, historyBytesMax);
    this.#keys = new Keys(now);
  }

  async publish(channel: string, data: string, options: PublishOptions = {}): Promise<StreamPosition> {
    this.#checkOpen();
    return this.#publish(channel, data, options);
  }
  async broadcast(
    channels: readonly string[],
    data: string,
    optionsOf?: (channel: string, index: number) => PublishOptions | undefined,
  ): Promise<StreamPosition[]> {
    this.#checkOpen();
    return channels.map((channel, i) => this.#publish(channel, data, optionsOf?.(channel, i) ?? NO_OPTIONS));
  }
  history(channel: string, query: HistoryQuery): History {
    const { publications, offset } = this.#streams.read(channel, query);
    return { publications, offset, epoch: this.#epoch };
  }
  async removeHistory(channel: string): Promise<void> {
    this.#streams.clear(channel);
  }
  async announce(event: ChannelEvent): Promise<void> {
    this.#checkOpen();
    for (const listener of this.#listeners) listener.event(event);
  }
  async control(message: string): Promise<void> {
    this.#checkOpen();
    for (const listener of this.#listeners) listener.control(message);
  }
  ask(question: string, take: (answer: string) => boolean): undefined {
    for (const listener of this.#listeners) {
      const answer = listener.asked?.(question);
      if (answer !== undefined && take(answer)) return;
    }
  }
  async progress(): Promise<undefined> {}
  subscribe(): void {}
  unsubscribe(): void {}
  listen(listener: BrokerListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  async close(): Promise<void> {
    this.#closed = true;
    this.#listeners.clear();
    this.#streams.close();
  }

  #checkOpen(): void {
    if (this.#closed) throw new BelfryError("BELFRY_BAD_STATE", "publish: the broker is closed");
  }

  #publish(channel: string, data: string, options: PublishOptions): StreamPosition {
    const { idempotencyKey } = options;
    const before = idempotencyKey === undefined ? undefined : this.#keys.find(channel, idempotencyKey);
    const position = before ?? this.#take(channel, data, options);
    if (idempotencyKey !== undefined && !before) this.#keys.add(channel, idempotencyKey, position);
    return position;
  }

  #take(channel: string, data: string, options: PublishOptions): StreamPosition {
    const { history, version, versionEpoch = "" } = options;
    const isOld = version !== undefined && !this.#streams.advanceVersion(channel, version, versionEpoch, history);
    if (isOld) return { offset: this.#streams.top(channel), epoch: history ? this.#epoch : "" };
    const { tags, info } = options;
    const publication: Draft = { channel, data, offset: 0, previous: 0, epoch: "", tags, info };
    if (!history) {
      this.#deliver(publication);
      return NOWHERE;
    }
    publication.epoch = this.#epoch;
    this.#streams.add(publication, history);
    this.#deliver(publication);
    return { offset: publication.offset, epoch: this.#epoch };
  }

  #deliver(publication: Publication): void {
    for (const listener of this.#listeners) listener.publication(publication);
  }
}

const NO_OPTIONS: PublishOptions = {};
