import { matches } from "../../bus/subjects.ts";
import type { Message } from "../message.ts";
import { ApiError } from "./api-error.ts";
import { status, withHeaders } from "./headers.ts";
import type { Stored } from "./store.ts";
import type { Stream } from "./stream.ts";
import type { Streams, StreamsParts } from "./streams.ts";

/** Where requests of JetStream's API come. */
export const API = "$JS.API.>";

const PREFIX = "$JS.API.".length;
const EMPTY = Buffer.alloc(0);

type Fields = Readonly<Record<string, unknown>>;

/** What one method answers: the fields of its answer, beside its type. */
type Method = (streams: Streams, name: string, request: Fields) => object;

const methods: Readonly<Record<string, { readonly type: string; readonly run: Method }>> = {
  INFO: { type: "account_info", run: accountInfo },
  "STREAM.CREATE": { type: "stream_create", run: create },
  "STREAM.UPDATE": { type: "stream_update", run: (streams, name, config) => described(streams.update(name, config)) },
  "STREAM.INFO": { type: "stream_info", run: info },
  "STREAM.DELETE": { type: "stream_delete", run: remove },
  "STREAM.PURGE": { type: "stream_purge", run: purge },
  "STREAM.NAMES": { type: "stream_names", run: names },
  "STREAM.LIST": { type: "stream_list", run: list },
  "STREAM.MSG.GET": { type: "stream_msg_get", run: getMessage },
  "STREAM.MSG.DELETE": { type: "stream_msg_delete", run: deleteMessage },
};

/** JetStream's API, as far as streams go: requests to `$JS.API.…`, answered in JSON. */
export class StreamsApi {
  readonly #streams: Streams;
  readonly #publish: StreamsParts["publish"];

  constructor(streams: Streams, publish: StreamsParts["publish"]) {
    this.#streams = streams;
    this.#publish = publish;
  }

  /** Answers a request. */
  handle({ bytes, subjectFrom, subjectTo, replyFrom, replyTo, headerBytes, payloadFrom, payloadTo }: Message): void {
    const reply = bytes.toString("utf8", replyFrom, replyTo);
    if (reply === "") return;
    const called = bytes.toString("utf8", subjectFrom + PREFIX, subjectTo);
    const body = bytes.toString("utf8", payloadFrom + headerBytes, payloadTo);
    if (called.startsWith("DIRECT.GET.")) return this.#directGet(reply, called.slice("DIRECT.GET.".length), body);
    const tokens = called.split(".");
    const at = called === "INFO" ? 1 : called.startsWith("STREAM.MSG.") ? 3 : 2;
    const name = tokens.slice(at).join(".");
    const answer = Buffer.from(JSON.stringify(this.#answer(tokens.slice(0, at).join("."), name, body)));
    // Nobody hears of what a crash could take back.
    this.#streams.after(name, () => this.#publish(reply, "", answer));
  }

  #answer(called: string, name: string, body: string): object {
    const method = methods[called];
    const type = `io.nats.jetstream.api.v1.${method?.type ?? "error"}_response`;
    try {
      if (!method) throw new ApiError(501, 10_012, `not supported by this Bus: ${called}`);
      return { type, ...method.run(this.#streams, name, parsed(body)) };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return { type, error };
    }
  }

  /** Answered with the message itself: its place stands in the headers (JetStream, "direct get"). */
  #directGet(reply: string, asked: string, body: string): void {
    const dot = asked.indexOf(".");
    const name = dot < 0 ? asked : asked.slice(0, dot);
    const stream = this.#streams.find(name);
    // As if nobody listened there.
    if (!stream?.config.allow_direct) return this.#publish(reply, status(503, ""), EMPTY);
    if (dot < 0 && body === "") return this.#publish(reply, status(408, "Empty Request"), EMPTY);
    try {
      const request = dot < 0 ? parsed(body) : { last_by_subj: asked.slice(dot + 1) };
      const found = find(stream, request);
      const headers = withHeaders(found.headers, {
        "Nats-Stream": name,
        "Nats-Subject": found.subject,
        "Nats-Sequence": found.sequence,
        "Nats-Time-Stamp": new Date(found.timeMs).toISOString(),
      });
      const answer = () => this.#publish(reply, headers, found.data);
      if (found.sequence <= stream.settled) answer();
      else this.#streams.after(name, answer);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const isMissing = error.code === 404;
      this.#publish(reply, isMissing ? status(404, "Message Not Found") : status(408, "Bad Request"), EMPTY);
    }
  }
}

function parsed(body: string): Fields {
  if (body === "") return {};
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === "object" && value !== null) return value as Fields;
  } catch {
    // Told below, as any other value that is no object.
  }
  throw new ApiError(400, 10_025, "invalid JSON: the request is no object");
}

function accountInfo(streams: Streams): object {
  const all = streams.all;
  const bytes = all.reduce((sum, { store }) => sum + store.bytes, 0);
  return {
    memory: bytes,
    storage: 0,
    streams: all.length,
    consumers: 0,
    limits: { max_memory: -1, max_storage: -1, max_streams: -1, max_consumers: 0 },
    api: { total: 0, errors: 0 },
  };
}

function create(streams: Streams, name: string, config: Fields): object {
  const { stream, isNew } = streams.create(name, config);
  return { ...described(stream), did_create: isNew };
}

function remove(streams: Streams, name: string): object {
  streams.delete(name);
  return { success: true };
}

function info(streams: Streams, name: string, { subjects_filter: filter }: Fields): object {
  const stream = streams.get(name);
  if (typeof filter !== "string" || filter === "") return described(stream);
  const subjects: Record<string, number> = {};
  for (const { subject } of stream.store.all()) {
    if (matches(filter, subject)) subjects[subject] = (subjects[subject] ?? 0) + 1;
  }
  return described(stream, { subjects });
}

function purge(streams: Streams, name: string, request: Fields): object {
  const stream = streams.get(name);
  if (stream.config.deny_purge) throw new ApiError(500, 10_052, "stream purge not permitted");
  const { filter = ">", seq = Number.POSITIVE_INFINITY, keep = 0 } = request;
  if (typeof filter !== "string" || typeof seq !== "number" || typeof keep !== "number") {
    throw new ApiError(400, 10_025, "invalid request: filter is a subject, seq and keep are numbers");
  }
  return { success: true, purged: streams.purge(name, { filter, before: seq, keep }) };
}

function names(streams: Streams, _: string, { subject }: Fields): object {
  const found = wanted(streams, subject).map(({ config }) => config.name);
  return { total: found.length, offset: 0, limit: found.length, streams: found };
}

function list(streams: Streams, _: string, { subject }: Fields): object {
  const found = wanted(streams, subject).map((stream) => described(stream));
  return { total: found.length, offset: 0, limit: found.length, streams: found };
}

function wanted(streams: Streams, subject: unknown): readonly Stream[] {
  if (typeof subject !== "string" || subject === "") return streams.all;
  return streams.all.filter((stream) =>
    stream.config.subjects.some((own) => matches(own, subject) || matches(subject, own)),
  );
}

function getMessage(streams: Streams, name: string, request: Fields): object {
  const { subject, sequence: seq, data, headers, timeMs } = find(streams.get(name), request);
  const base64 = (part: string | Buffer) => Buffer.from(part as string).toString("base64");
  const hdrs = headers === "" ? {} : { hdrs: base64(headers) };
  return { message: { subject, seq, data: base64(data as Buffer), ...hdrs, time: new Date(timeMs).toISOString() } };
}

function deleteMessage(streams: Streams, name: string, { seq }: Fields): object {
  const stream = streams.get(name);
  if (stream.config.deny_delete) throw new ApiError(500, 10_052, "message delete not permitted");
  if (typeof seq === "number" && streams.remove(name, seq)) return { success: true };
  throw new ApiError(400, 10_043, `no message with the sequence ${seq}`);
}

/** The message that a request names: by its sequence, as the last of a subject, or as the next of one. */
function find(stream: Stream, { seq, last_by_subj: last, next_by_subj: next }: Fields): Stored {
  const { store } = stream;
  let found: Stored | undefined;
  if (typeof last === "string") found = store.get(store.lastOf(last));
  else if (typeof next === "string") {
    found = store.next(typeof seq === "number" ? seq : 0, next, (subject) => matches(next, subject));
  } else if (typeof seq === "number" && seq > 0) found = store.get(seq);
  else throw new ApiError(400, 10_003, "bad request");
  if (!found) throw new ApiError(404, 10_037, "no message found");
  return found;
}

function described({ config, created, store }: Stream, more: object = {}): object {
  const { first } = store;
  const state = {
    messages: store.size,
    bytes: store.bytes,
    first_seq: first?.sequence ?? (store.last === 0 ? 0 : store.last + 1),
    first_ts: new Date(first?.timeMs ?? 0).toISOString(),
    last_seq: store.last,
    last_ts: new Date(store.get(store.last)?.timeMs ?? 0).toISOString(),
    num_subjects: store.subjects,
    consumer_count: 0,
    ...more,
  };
  return { config, created: created.toISOString(), state, ts: new Date().toISOString() };
}
