import assert from "node:assert/strict";
import {
  Centrifuge,
  type ClientEvents,
  type Options,
  type SubscriptionEvents,
  type TransportEndpoint,
} from "centrifuge";
import { Centrifuge as EarlierCentrifuge } from "centrifuge-5.7";
import { type JWTPayload, SignJWT } from "jose";
import WebSocket from "ws";

/** The SDK, by its version; their types are the same, but for members that are private. */
export const versions = {
  "5.8": Centrifuge,
  "5.7": EarlierCentrifuge as unknown as typeof Centrifuge,
} as const;

/** A version of the SDK that is tested. */
export type Version = keyof typeof versions;

/** The transports of the SDK that the server has. */
export const transports = ["websocket", "http_stream", "sse"] as const;

/** One of them. */
export type Transport = (typeof transports)[number];

/** Every version with every transport. */
export const pairs = (Object.keys(versions) as Version[]).flatMap((version) =>
  transports.map((transport) => ({ version, transport, name: `SDK ${version} over ${transport}` })),
);

/** What the server of a test verifies tokens with. */
export const SECRET = "a secret of more than thirty-two bytes, as it should be";

/** A token (HS256) with these claims; it expires after `seconds` of the token's whole-second clock. */
export function token(claims: JWTPayload, seconds = 3600): Promise<string> {
  const exp = Math.floor(Date.now() / 1000) + seconds;
  const jwt = new SignJWT({ exp, ...claims }).setProtectedHeader({ alg: "HS256", typ: "JWT" });
  return jwt.sign(Buffer.from(SECRET));
}

/** A client in Node that is not connected yet; it comes back within milliseconds. */
export function makeClient(
  { version, transport }: { version: Version; transport: Transport },
  origin: string,
  more: Partial<Options> = {},
): Centrifuge {
  return new versions[version](endpoints(origin, transport), {
    emulationEndpoint: `${origin}/emulation`,
    websocket: WebSocket,
    eventsource: FetchEventSource,
    fetch: settledFetch,
    readableStream: ReadableStream,
    minReconnectDelay: 1,
    maxReconnectDelay: 4,
    ...more,
  });
}

/** Where the server at `origin`, `http://host:port`, has a transport. */
export function endpoints(origin: string, transport: Transport): TransportEndpoint[] {
  const base = transport === "websocket" ? origin.replace(/^http/, "ws") : origin;
  return [{ transport, endpoint: `${base}/connection/${transport}` }];
}

/** 5.7 does not catch what its fetch rejects with for a command: Node would end the process for it. */
async function settledFetch(url: string, init: RequestInit): Promise<Response> {
  return await fetch(url, init).catch((error: unknown) => {
    if (url.endsWith("/emulation")) return new Response(null, { status: 503 });
    throw error;
  });
}

/** An EventSource in a few lines: what the SDK needs of one, since Node 20 has none. */
export class FetchEventSource {
  onopen: () => void = () => {};
  onmessage: (event: { data: string }) => void = () => {};
  onerror: (error: unknown) => void = () => {};
  readonly #abort = new AbortController();

  constructor(url: string) {
    void this.#read(url).catch((error: unknown) => {
      if (!this.#abort.signal.aborted) this.onerror(error);
    });
  }

  close(): void {
    this.#abort.abort();
  }

  async #read(url: string): Promise<void> {
    const response = await fetch(url, { signal: this.#abort.signal });
    assert.match(response.headers.get("content-type") ?? "", /^text\/event-stream/);
    this.onopen();
    let text = "";
    for await (const chunk of (response.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream())) {
      const events = (text + chunk).split("\n\n");
      text = events.pop() ?? "";
      for (const event of events) this.onmessage({ data: event.trim().replace(/^data: /, "") });
    }
    throw new Error("the stream ended");
  }
}

type Context<Events, Name extends keyof Events> = Events[Name] extends (context: infer Told) => void ? Told : never;

/** What a client, or a subscription, is told: event by event, those before one asks for them included. */
export class Heard<Events> {
  readonly #kept = new Map<keyof Events, unknown[]>();
  readonly #taken = new Map<keyof Events, number>();
  #wake = () => {};
  #woken = this.#sleep();

  /** Use {@link heardBy}. */
  constructor(on: (name: keyof Events & string, listener: (context: unknown) => void) => void) {
    for (const name of eventNames) {
      const kept: unknown[] = [];
      this.#kept.set(name as keyof Events, kept);
      on(name as keyof Events & string, (context) => {
        kept.push(context);
        this.#wake();
        this.#woken = this.#sleep();
      });
    }
  }

  /** All events of a name until now. */
  all<Name extends keyof Events>(name: Name): readonly Context<Events, Name>[] {
    return this.#kept.get(name) as Context<Events, Name>[];
  }

  /** The first event of a name that was not taken yet. */
  async next<Name extends keyof Events>(name: Name): Promise<Context<Events, Name>> {
    const at = this.#taken.get(name) ?? 0;
    this.#taken.set(name, at + 1);
    await this.until(() => this.all(name).length > at);
    return this.all(name)[at] as Context<Events, Name>;
  }

  /** Waits for a condition, which is looked at after each event. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await this.#woken;
  }

  #sleep(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

const eventNames = [
  "connecting",
  "connected",
  "disconnected",
  "subscribing",
  "subscribed",
  "unsubscribed",
  "publication",
  "join",
  "leave",
  "error",
] as const;

/** Listens to a client, or a subscription, from now on. */
export function heardBy(source: Centrifuge): Heard<ClientEvents>;
export function heardBy(source: ReturnType<Centrifuge["newSubscription"]>): Heard<SubscriptionEvents>;
export function heardBy(source: object): Heard<ClientEvents> | Heard<SubscriptionEvents> {
  const emitter = source as { on(name: string, listener: (context: unknown) => void): void };
  return new Heard<ClientEvents>((name, listener) => emitter.on(name, listener));
}
