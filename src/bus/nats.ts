import { type JetStreamClient, jetstream } from "@nats-io/jetstream";
import type { Msg, NatsConnection } from "@nats-io/nats-core";
import { BelfryError } from "../errors.ts";
import type { Log } from "../log.ts";
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
import { CatchUp } from "./catch-up.ts";
import { channelOf, subjectOf } from "./channel-subject.ts";
import { Interest } from "./interest.ts";
import { Keys } from "./keys.ts";
import { encoded, eventHeaders, eventOf, headersOf, publicationOf, VERSION } from "./nats-message.ts";
import { epochOf, type NatsStream, type Prefixes } from "./nats-stream.ts";
import { Survey } from "./survey.ts";

const NOWHERE: StreamPosition = { offset: 0, epoch: "" };
const WRONG_LAST_SEQUENCE = 10_071;
const NO_JETSTREAM =
  "histories need JetStream, and the NATS server has none: start nats-server with -js, or use belfry bus";

/** What {@link NatsBroker} is made of: see {@link connectNats}. */
export interface NatsBrokerParts {
  readonly nc: NatsConnection;
  /** Undefined where there is no JetStream: then there are no histories. */
  readonly stream: NatsStream | undefined;
  readonly prefixes: Prefixes;
  /** The subject of what nodes tell one another. */
  readonly control: string;
  /** The subject of what they ask one another. */
  readonly ask: string;
  readonly log: Log;
}

/** The Bus over NATS: `belfry bus`, nats-server, or a cluster of those. Made by {@link connectNats}. */
export class NatsBroker implements Broker {
  readonly #parts: NatsBrokerParts;
  readonly #js: JetStreamClient;
  readonly #listeners = new Set<BrokerListener>();
  readonly #interest: Interest;
  readonly #survey: Survey;
  readonly #catchUp: CatchUp | undefined;
  /** Of publications without history, which the stream does not see: these are known to this process alone. */
  readonly #keys = new Keys(Date.now);
  #flushing: Promise<void> | undefined;

  constructor(parts: NatsBrokerParts) {
    this.#parts = parts;
    const { nc, stream, prefixes, control, ask, log } = parts;
    this.#js = jetstream(nc);
    this.#interest = new Interest({
      nc,
      everything: `${prefixes.delivered}>`,
      subjectOf: (channel) => subjectOf(prefixes.delivered, channel),
      received: (message) => this.#safely(() => this.#received(message)),
    });
    nc.subscribe(control, {
      callback: (error, message) => {
        if (!error) this.#tell((listener) => listener.control(message.string()));
      },
    });
    this.#survey = new Survey({
      nc,
      subject: ask,
      answers: (question) => [...this.#listeners].flatMap((listener) => listener.asked?.(question) ?? []),
      safely: (hear) => this.#safely(hear),
    });
    void this.#watch();
    if (!stream) return;
    this.#catchUp = new CatchUp({
      stream,
      isEverything: () => this.#interest.isEverything,
      deliver: (publication) => this.#deliver(publication),
      missed: () => this.#tell((listener) => listener.missed()),
      log,
    });
  }

  async publish(channel: string, data: string, options: PublishOptions = {}): Promise<StreamPosition> {
    const { history, idempotencyKey, version } = options;
    const { prefixes, nc } = this.#parts;
    if (!history) {
      if (idempotencyKey !== undefined && this.#keys.find(channel, idempotencyKey)) return NOWHERE;
      nc.publish(subjectOf(prefixes.delivered, channel), data, withHeaders(options));
      await this.#flush();
      if (idempotencyKey !== undefined) this.#keys.add(channel, idempotencyKey, NOWHERE);
      return NOWHERE;
    }
    const { catchUp } = this.#kept;
    const expect = version === undefined ? undefined : await this.#expected(channel, version, options.versionEpoch);
    if (typeof expect === "object") return expect;
    try {
      const ack = await this.#js.publish(subjectOf(prefixes.kept, channel), data, {
        ...withHeaders(options),
        ...(idempotencyKey !== undefined && { msgID: encoded(`${channel}\n${idempotencyKey}`) }),
        ...(expect !== undefined && { expect: { lastSubjectSequence: expect } }),
      });
      return { offset: ack.seq, epoch: await catchUp.epoch() };
    } catch (error) {
      // Somebody else was first: the version is judged anew.
      if (expect !== undefined && (error as { code?: number }).code === WRONG_LAST_SEQUENCE) {
        return await this.publish(channel, data, options);
      }
      throw error;
    }
  }

  async broadcast(
    channels: readonly string[],
    data: string,
    optionsOf?: (channel: string, index: number) => PublishOptions | undefined,
  ): Promise<(StreamPosition | Error)[]> {
    return await Promise.all(
      channels.map((channel, i) =>
        this.publish(channel, data, optionsOf?.(channel, i)).catch((error: unknown) => error as Error),
      ),
    );
  }

  async history(channel: string, query: HistoryQuery): Promise<History> {
    const { stream, catchUp } = this.#kept;
    return await catchUp.read(() => stream.read(channel, query));
  }

  async removeHistory(channel: string): Promise<void> {
    await this.#kept.stream.remove(channel);
  }

  async announce({ channel, type, info }: ChannelEvent): Promise<void> {
    const { nc, prefixes } = this.#parts;
    nc.publish(subjectOf(prefixes.delivered, channel), info, { headers: eventHeaders(type) });
  }

  async control(message: string): Promise<void> {
    const { nc, control } = this.#parts;
    nc.publish(control, message);
    await this.#flush();
  }

  ask(question: string, take: (answer: string) => boolean): Promise<void> {
    return this.#survey.ask(question, take);
  }

  async progress(): Promise<string | undefined> {
    const { stream } = this.#parts;
    // Where everything comes a gap is seen in the sequences.
    if (!stream || !this.#catchUp || this.#interest.isEverything) return undefined;
    const { created, state } = await this.#catchUp.read(() => stream.info());
    return `${epochOf(created)} ${state.last_seq}`;
  }

  subscribe(channel: string): void {
    this.#interest.add(channel);
  }

  unsubscribe(channel: string): void {
    this.#interest.remove(channel);
  }

  listen(listener: BrokerListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    this.#catchUp?.stop();
    this.#survey.close();
    const { nc } = this.#parts;
    // A Bus that is away takes nothing more, and would be waited for.
    await nc.drain().catch(() => nc.close());
  }

  /** What histories need. Throws BELFRY_BAD_STATE where there are none. */
  get #kept(): { stream: NatsStream; catchUp: CatchUp } {
    const { stream } = this.#parts;
    const catchUp = this.#catchUp;
    if (!stream || !catchUp) throw new BelfryError("BELFRY_BAD_STATE", NO_JETSTREAM);
    return { stream, catchUp };
  }

  /** All that are published in one turn of the event loop wait for one answer of the server. */
  async #flush(): Promise<void> {
    this.#flushing ??= new Promise<void>((resolve, reject) => {
      setImmediate(() => {
        this.#flushing = undefined;
        this.#parts.nc.flush().then(resolve, reject);
      });
    });
    await this.#flushing;
  }

  /** The sequence that must still be a channel's last; where the version is not above its own, the position. */
  async #expected(channel: string, version: number, versionEpoch = ""): Promise<number | StreamPosition> {
    const { stream } = this.#kept;
    const newest = await stream.newest(channel);
    if (!newest) return 0;
    const [last = "", epoch = ""] = newest.header.get(VERSION).split(" ");
    const isOld = last !== "" && epoch === encoded(versionEpoch) && Number(last) >= version;
    return isOld ? { offset: newest.seq, epoch: stream.epoch } : newest.seq;
  }

  #received(message: Msg): void {
    const { prefixes, stream } = this.#parts;
    const channel = channelOf(prefixes.delivered, message.subject);
    if (channel === undefined) return;
    const event = eventOf(channel, message);
    if (event) return this.#tell((listener) => listener.event(event));
    const { headers } = message;
    const offset = Number(headers?.get("Nats-Sequence") ?? 0);
    const previous = Number(headers?.get("Nats-Last-Sequence") ?? 0);
    const epoch = offset > 0 ? (stream?.epoch ?? "") : "";
    const publication = publicationOf(channel, message.string(), headers, { offset, previous, epoch });
    if (offset > 0 && this.#catchUp) this.#catchUp.take(publication);
    else this.#deliver(publication);
  }

  #deliver(publication: Publication): void {
    this.#tell((listener) => listener.publication(publication));
  }

  #tell(tell: (listener: BrokerListener) => void): void {
    for (const listener of this.#listeners) this.#safely(() => tell(listener));
  }

  /** Anybody may say anything on the Bus, and an exception would end the reading of the connection for good. */
  #safely(hear: () => void): void {
    try {
      hear();
    } catch (error) {
      const why = error instanceof Error ? error.stack : String(error);
      this.#parts.log.error(`what came over the Bus could not be taken: ${why}`);
    }
  }

  async #watch(): Promise<void> {
    const { nc, log } = this.#parts;
    for await (const { type } of nc.status()) {
      if (type === "disconnect") log.warn("the Bus is out of reach; clients stay, and recover when it is back");
      if (type !== "reconnect") continue;
      log.info("the Bus is back");
      await this.#catchUp?.run();
      this.#tell((listener) => listener.back?.());
    }
  }
}

function withHeaders(options: PublishOptions) {
  const headers = headersOf(options);
  return headers === undefined ? {} : { headers };
}
