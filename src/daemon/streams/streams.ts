import { overlap } from "../../bus/subjects.ts";
import type { Message } from "../message.ts";
import { ApiError } from "./api-error.ts";
import { readConfig, type StreamConfig } from "./config.ts";
import { withHeaders } from "./headers.ts";
import { republished } from "./republish.ts";
import { type Incoming, Stream, type Taken } from "./stream.ts";

/** What {@link Streams} needs of the other parts. */
export interface StreamsParts {
  /** Publishes a message of the Bus's own; `headers` is a block, "" for none. */
  readonly publish: (subject: string, headers: string, data: Buffer) => void;
  /** Hears what is published to a pattern. Returns what ends that. */
  readonly listen: (pattern: string, handle: (message: Message) => void) => () => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const EMPTY = Buffer.alloc(0);

/** All streams: who keeps what is published, and tells its publisher so. */
export class Streams {
  readonly #parts: StreamsParts;
  readonly #streams = new Map<string, { readonly stream: Stream; unlisten: () => void }>();

  constructor(parts: StreamsParts) {
    this.#parts = parts;
  }

  /** All of them, in the order of their names. */
  get all(): readonly Stream[] {
    return [...this.#streams.values()].map(({ stream }) => stream).sort(byName);
  }

  /** The stream of a name. Throws ApiError 10059. */
  get(name: string): Stream {
    const known = this.#streams.get(name);
    if (!known) throw new ApiError(404, 10_059, "stream not found");
    return known.stream;
  }

  find(name: string): Stream | undefined {
    return this.#streams.get(name)?.stream;
  }

  /** Makes a stream, or finds the same one. Throws ApiError 10058 where another has its name, 10065 its subjects. */
  create(name: string, value: unknown): { stream: Stream; isNew: boolean } {
    const config = readConfig(value, name);
    const known = this.#streams.get(name);
    if (known) {
      if (isSame(known.stream.config, config)) return { stream: known.stream, isNew: false };
      throw new ApiError(400, 10_058, "stream name already in use with a different configuration");
    }
    this.#checkSubjects(config);
    const stream = new Stream(config, this.#parts.now);
    this.#streams.set(name, { stream, unlisten: this.#listen(stream) });
    return { stream, isNew: true };
  }

  /** Changes a stream. Throws ApiError. */
  update(name: string, value: unknown): Stream {
    const stream = this.get(name);
    const config = readConfig(value, name);
    this.#checkSubjects(config);
    stream.update(config);
    const known = this.#streams.get(name);
    known?.unlisten();
    if (known) known.unlisten = this.#listen(stream);
    return stream;
  }

  delete(name: string): void {
    this.get(name);
    this.#streams.get(name)?.unlisten();
    this.#streams.delete(name);
  }

  /** Forgets what is too old in all streams. */
  expire(): void {
    for (const { stream } of this.#streams.values()) stream.expire();
  }

  #checkSubjects({ name, subjects }: StreamConfig): void {
    const others = [...this.#streams.values()].filter(({ stream }) => stream.config.name !== name);
    const taken = others.flatMap(({ stream }) => stream.config.subjects);
    if (subjects.some((own) => taken.some((other) => overlap(own, other)))) {
      throw new ApiError(400, 10_065, "subjects overlap with an existing stream");
    }
    const isTwice = subjects.some((one, i) => subjects.slice(i + 1).some((other) => overlap(one, other)));
    if (isTwice) throw new ApiError(400, 10_052, "the stream's subjects overlap one another");
    if (subjects.some((own) => overlap(own, "$JS.>"))) {
      throw new ApiError(400, 10_052, "subjects that overlap with jetstream api require no-ack to be true");
    }
  }

  #listen(stream: Stream): () => void {
    const ends = stream.config.subjects.map((pattern) =>
      this.#parts.listen(pattern, (message) => this.#take(stream, message)),
    );
    return () => {
      for (const end of ends) end();
    };
  }

  #take(stream: Stream, { bytes, ...at }: Message): void {
    const behindHeaders = at.payloadFrom + at.headerBytes;
    const incoming: Incoming = {
      subject: bytes.toString("utf8", at.subjectFrom, at.subjectTo),
      headers: bytes.toString("utf8", at.payloadFrom, behindHeaders),
      data: Buffer.from(bytes.subarray(behindHeaders, at.payloadTo)),
    };
    const reply = bytes.toString("utf8", at.replyFrom, at.replyTo);
    const { name } = stream.config;
    try {
      const taken = stream.accept(incoming);
      if (typeof taken === "number") return this.#ack(reply, { stream: name, seq: taken, duplicate: true });
      stream.keep(taken.stored);
      this.#republish(stream, taken);
      this.#ack(reply, { stream: name, seq: taken.stored.sequence });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#ack(reply, { error, stream: name, seq: 0 });
    }
  }

  #republish({ config }: Stream, { stored, previous }: Taken): void {
    const { republish } = config;
    if (!republish) return;
    const subject = republished(stored.subject, republish.src, republish.dest);
    if (subject === undefined) return;
    const headers = withHeaders(stored.headers, {
      "Nats-Stream": config.name,
      "Nats-Subject": stored.subject,
      "Nats-Sequence": stored.sequence,
      "Nats-Last-Sequence": previous,
      ...(republish.headers_only && { "Nats-Msg-Size": stored.data.length }),
    });
    this.#parts.publish(subject, headers, republish.headers_only ? EMPTY : stored.data);
  }

  #ack(reply: string, ack: object): void {
    if (reply !== "") this.#parts.publish(reply, "", Buffer.from(JSON.stringify(ack)));
  }
}

function byName(one: Stream, other: Stream): number {
  return one.config.name < other.config.name ? -1 : 1;
}

function isSame(one: StreamConfig, other: StreamConfig): boolean {
  const text = (config: StreamConfig) => JSON.stringify(Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1)));
  return text(one) === text(other);
}
