import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { overlap } from "../../bus/subjects.ts";
import type { Message } from "../message.ts";
import { ApiError } from "./api-error.ts";
import { readConfig, type StreamConfig } from "./config.ts";
import { withHeaders } from "./headers.ts";
import { StreamLog } from "./log.ts";
import { changeRecord, type Entry, messageRecord } from "./record.ts";
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
  /** Where streams are kept over restarts; undefined: nowhere. */
  readonly folder: string | undefined;
  readonly error: (line: string) => void;
}

const EMPTY = Buffer.alloc(0);

interface Kept {
  readonly stream: Stream;
  readonly log: StreamLog | undefined;
  unlisten: () => void;
}

/** All streams: who keeps what is published, and tells its publisher so. */
export class Streams {
  readonly #parts: StreamsParts;
  readonly #streams = new Map<string, Kept>();

  constructor(parts: StreamsParts) {
    this.#parts = parts;
  }

  /** Brings back what is on disk. Throws BELFRY_BAD_STATE for a damaged log. */
  load(): void {
    const { folder } = this.#parts;
    if (folder === undefined) return;
    mkdirSync(folder, { recursive: true });
    for (const name of readdirSync(folder)) this.#load(join(folder, name));
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
    const { folder } = this.#parts;
    const isOnDisk = folder !== undefined && config.storage === "file";
    const log = isOnDisk ? this.#open(join(folder, name), () => stream, noEntry) : undefined;
    this.#streams.set(name, { stream, log, unlisten: this.#listen(stream, log) });
    log?.append(configRecord(stream));
    return { stream, isNew: true };
  }

  /** Changes a stream. Throws ApiError. */
  update(name: string, value: unknown): Stream {
    const stream = this.get(name);
    const config = readConfig(value, name);
    this.#checkSubjects(config);
    stream.update(config);
    const known = this.#streams.get(name) as Kept;
    known.unlisten();
    known.unlisten = this.#listen(stream, known.log);
    known.log?.append(configRecord(stream));
    return stream;
  }

  delete(name: string): void {
    this.get(name);
    const { unlisten, log } = this.#streams.get(name) as Kept;
    unlisten();
    this.#streams.delete(name);
    log?.remove().catch((error: Error) => this.#parts.error(error.message));
  }

  /** Removes messages: see {@link Stream.purge}. */
  purge(name: string, what: { filter: string; before: number; keep: number }): number {
    const count = this.get(name).purge(what);
    // JSON knows no infinity.
    const before = Math.min(what.before, Number.MAX_SAFE_INTEGER);
    this.#streams.get(name)?.log?.append(changeRecord({ type: "purge", ...what, before }));
    return count;
  }

  /** Removes one message; false when it is not there. */
  remove(name: string, sequence: number): boolean {
    const isThere = this.get(name).store.remove(sequence);
    if (isThere) this.#streams.get(name)?.log?.append(changeRecord({ type: "remove", sequence }));
    return isThere;
  }

  /** Calls `then` when all that was done to a stream before is on the disk; at once where nothing is waited for. */
  after(name: string, then: () => void): void {
    const log = this.#streams.get(name)?.log;
    if (log) log.after(then);
    else then();
  }

  /** Writes what is left to the disk. */
  async close(): Promise<void> {
    await Promise.all([...this.#streams.values()].map(({ log }) => log?.close()));
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

  /** Brings a stream back as its log tells it. */
  #load(folder: string): void {
    let stream: Stream | undefined;
    const log = this.#open(
      folder,
      () => stream as Stream,
      (entry) => {
        stream = replayed(stream, entry, this.#parts.now);
      },
    );
    // A crash right after its creation leaves a log without anything.
    if (!stream) return;
    stream.expire();
    stream.settled = stream.store.last;
    this.#streams.set(stream.config.name, { stream, log, unlisten: this.#listen(stream, log) });
  }

  #open(folder: string, stream: () => Stream, replay: (entry: Entry) => void): StreamLog {
    const parts = {
      snapshot: () => snapshotOf(stream()),
      liveBytes: () => stream().store.bytes,
      error: this.#parts.error,
    };
    return StreamLog.open(folder, parts, replay);
  }

  #listen(stream: Stream, log: StreamLog | undefined): () => void {
    const ends = stream.config.subjects.map((pattern) =>
      this.#parts.listen(pattern, (message) => this.#take(stream, log, message)),
    );
    return () => {
      for (const end of ends) end();
    };
  }

  #take(stream: Stream, log: StreamLog | undefined, { bytes, ...at }: Message): void {
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
      const done = (error?: Error) => {
        if (error) return this.#ack(reply, { error: NO_STORAGE, stream: name, seq: 0 });
        if (typeof taken === "number") return this.#ack(reply, { stream: name, seq: taken, duplicate: true });
        stream.settled = taken.stored.sequence;
        this.#republish(stream, taken);
        this.#ack(reply, { stream: name, seq: taken.stored.sequence });
      };
      if (typeof taken !== "number") stream.keep(taken.stored);
      // Nobody hears of a publication that a crash could take back.
      if (!log) done();
      else if (typeof taken === "number") log.after(done);
      else log.append(messageRecord(taken.stored), done);
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

const NO_STORAGE = new ApiError(503, 10_047, "insufficient storage resources available");

/** A stream that is being made has no past. */
function noEntry(): void {}

function configRecord({ config, created, store }: Stream, last = store.last): Buffer {
  return changeRecord({ type: "config", config, created: created.toISOString(), last });
}

/** All that is live. How far it had come stands at the end: messages behind it would be taken for old ones. */
function* snapshotOf(stream: Stream): Generator<Buffer> {
  yield configRecord(stream, 0);
  for (const message of stream.store.all()) yield messageRecord(message);
  yield configRecord(stream);
}

/** What a stream is after an entry of its log. */
function replayed(stream: Stream | undefined, { change, message }: Entry, now: () => number): Stream | undefined {
  if (change?.type === "config") {
    const config = change.config as StreamConfig;
    const same = stream ?? new Stream(config, now, new Date(change.created));
    same.update(config);
    same.store.advanceTo(change.last);
    return same;
  }
  if (message && stream && message.sequence > stream.store.last) stream.keep(message);
  if (change?.type === "purge") stream?.purge(change);
  if (change?.type === "remove") stream?.store.remove(change.sequence);
  return stream;
}
