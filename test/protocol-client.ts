import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import type { TestContext } from "node:test";
import { createPushServer, type PushOptions, type PushServer, WEBSOCKET_PATH } from "../src/push/index.ts";
import { frame, RawClient } from "./raw-client.ts";

/** What comes from the server: a reply, a push, or `{ close: [code, reason] }`. */
export type Message = Readonly<Record<string, unknown>>;
/** What goes to it: text as it is, one command, or several commands of one frame. */
export type Frame = string | object | readonly object[];

/** A server on a free port, that ends with the test. */
export async function serve(t: TestContext, options: PushOptions = {}): Promise<{ server: PushServer; port: number }> {
  const server = createPushServer({ allowAnonymous: true, failedConnectDelayMsMax: 0, ...options });
  const { port } = await server.listen({ host: "127.0.0.1" });
  // Not waited for: it waits for its clients, which are cut after it.
  t.after(() => void server.close());
  return { server, port };
}

/** A client of the protocol that says what it is told to, and answers nothing by itself but pings. */
export class ProtocolClient {
  readonly raw: RawClient;
  readonly #messages: Message[] = [];
  #end: Error | undefined;
  #wake = () => {};

  private constructor(raw: RawClient) {
    this.raw = raw;
    this.#readAll().catch((error: Error) => {
      this.#end = error;
      this.#wake();
    });
  }

  /** Opens a WebSocket that ends with the test, and sends frames. */
  static async open(t: TestContext, port: number, ...frames: Frame[]): Promise<ProtocolClient> {
    const raw = await RawClient.open(port, WEBSOCKET_PATH);
    t.after(() => raw.reset());
    const client = new ProtocolClient(raw);
    client.send(...frames);
    return client;
  }

  /** Opens, and connects with the fields of a connect command; returns the client with its id. */
  static async connect(t: TestContext, port: number, fields: object = {}) {
    const client = await ProtocolClient.open(t, port, { id: 1, connect: fields });
    const { connect } = (await client.next()) as { connect: { client: string } };
    return { client, id: connect.client, result: connect };
  }

  send(...frames: Frame[]): void {
    for (const one of frames) this.raw.send(frame(1, textOf(one)));
  }

  /** The next thing that is said; rejects when the stream ends before. */
  async next(): Promise<Message> {
    while (this.#messages.length === 0) {
      if (this.#end) throw this.#end;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#messages.shift() as Message;
  }

  /** The next so many. */
  async take(count: number): Promise<Message[]> {
    const all: Message[] = [];
    while (all.length < count) all.push(await this.next());
    return all;
  }

  /** Sends a command, and returns what is said next, which must be the reply to it. */
  async ask(command: { readonly id: number; readonly [method: string]: unknown }): Promise<Message> {
    this.send(command);
    const { id, ...rest } = await this.next();
    assert.equal(id, command.id, JSON.stringify(rest));
    return rest;
  }

  /** All that is said up to the answer to one more command. */
  async rest(): Promise<Message[]> {
    this.send({ id: 999, unsubscribe: { channel: "nowhere" } });
    const all: Message[] = [];
    for (;;) {
      const message = await this.next();
      if (message["id"] === 999 || "close" in message) return "close" in message ? [...all, message] : all;
      all.push(message);
    }
  }

  async #readAll(): Promise<never> {
    for (;;) {
      const { opcode, payload } = await this.raw.frame();
      if (opcode === 8) this.#messages.push({ close: [payload.readUInt16BE(0), payload.toString("utf8", 2)] });
      if (opcode === 1) for (const line of payload.toString().split("\n")) this.#take(line);
      this.#wake();
    }
  }

  #take(line: string): void {
    if (line === "{}") this.send("{}");
    else this.#messages.push(JSON.parse(line) as Message);
  }
}

function textOf(one: Frame): string {
  if (typeof one === "string") return one;
  return Array.isArray(one) ? one.map((command) => JSON.stringify(command)).join("\n") : JSON.stringify(one);
}

/** The same with what is random named: ids of clients are CLIENT, epochs EPOCH, and ttl is rounded up to hundreds. */
export function named(value: unknown): unknown {
  const text = JSON.stringify(value)
    .replace(/"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"/g, '"CLIENT"')
    .replace(/"epoch":"[0-9a-f]{8}"/g, '"epoch":"EPOCH"')
    .replace(/"ttl":(\d+)/g, (_, ttl: string) => `"ttl":${Math.ceil(Number(ttl) / 100) * 100}`);
  return JSON.parse(text);
}

/** The protocol's errors, as the contract has them. */
const errors: Readonly<Record<number, string>> = {
  100: "internal server error",
  101: "unauthorized",
  102: "unknown channel",
  103: "permission denied",
  104: "method not found",
  105: "already subscribed",
  106: "limit exceeded",
  107: "bad request",
  108: "not available",
  109: "token expired",
  110: "expired",
  111: "too many requests",
  112: "unrecoverable position",
  113: "concurrent pagination",
};

/** The `error` of a reply with one of the protocol's codes. */
export function errorOf(code: number): Message {
  const message = errors[code];
  return [100, 111, 113].includes(code) ? { code, message, temporary: true } : { code, message };
}

/** The error reply to a command. */
export function refused(id: number, code: number): Message {
  return { id, error: errorOf(code) };
}

/** The secret of {@link tokenOf}. */
export const SECRET = "a secret of thirty-two bytes or more";

/** A token with these claims (RFC 7519), signed with HMAC. */
export function tokenOf(claims: object, secret = SECRET): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}

/** Seconds since 1970, whole ones, `after` so many from now. */
export function inSeconds(after: number): number {
  return Math.floor(Date.now() / 1000) + after;
}
