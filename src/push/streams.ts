import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { limits } from "../limits.ts";
import type { Server } from "../server.ts";
import type { Clients } from "./clients.ts";
import type { Exit, Exits } from "./exits.ts";
import { originAllowed } from "./origin.ts";
import { type Disconnect, disconnects, isObject } from "./protocol.ts";
import type { PushCounts } from "./vitals/counts.ts";

/** What {@link Streams} needs of the server. */
export interface StreamsParts {
  readonly clients: Clients;
  readonly exits: Exits;
  readonly node: string;
  readonly allowedOrigins: readonly string[];
  readonly reserve: () => number;
  readonly unreserve: (fd: number) => void;
  readonly outbound: Server["wire"]["outbound"];
  /** Carries out a frame of commands; resolves when it is done. */
  readonly command: (fd: number, text: string) => Promise<void>;
  readonly disconnect: (fd: number, how: Disconnect) => void;
  readonly leave: (fd: number) => void;
  readonly counts: PushCounts;
  readonly keepHeaders: (fd: number, headers: ReadonlyMap<string, string>) => void;
}

const HTTP_STREAM = "/connection/http_stream";
const SSE = "/connection/sse";
const UNI_SSE = "/connection/uni_sse";
const EMULATION = "/emulation";

/** How a stream says things: what begins it, and what each text becomes. */
interface Form {
  readonly transport: Exit["transport"];
  readonly type: string;
  readonly begin: string;
  readonly line: (line: string) => string;
}

const httpStream: Form = {
  transport: "http_stream",
  type: "application/json; charset=utf-8",
  begin: "",
  // Some versions of the SDK decode each chunk by itself: a character that is cut in two would be lost.
  line: (line) =>
    `${line.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)}\n`,
};
const sse: Form = {
  transport: "sse",
  type: "text/event-stream; charset=utf-8",
  begin: "\r\n",
  line: (line) => `data: ${line}\n\n`,
};
const uniSse: Form = { ...sse, transport: "uni_sse", line: (line) => `data: ${oneWay(line)}\n\n` };

/**
 * Clients whose way is cut for WebSockets (PROTOCOL.md, "Streams"): pushes come in the answer to one HTTP request, and
 * commands with others. `/connection/uni_sse` is for a plain EventSource, which sends no commands.
 */
export class Streams {
  readonly #parts: StreamsParts;
  /** By session: the commands that are under way, so that they are carried out in order. */
  readonly #pending = new Map<number, Promise<void>>();
  /** Those that do not read, and are about to be told so. */
  readonly #slow = new Set<number>();
  /** Tells how much Node holds for a stream. */
  readonly #waits: (fd: number, bytes: number) => void;

  constructor(parts: StreamsParts) {
    this.#parts = parts;
    this.#waits = parts.outbound.accounts((fd) => this.#giveUp(fd));
  }

  /** Whether a request is for a stream; it is answered then. */
  take(request: IncomingMessage, response: ServerResponse): boolean {
    const url = new URL(request.url ?? "/", "http://localhost");
    const { pathname } = url;
    if (![HTTP_STREAM, SSE, UNI_SSE, EMULATION].includes(pathname)) return false;
    if (!this.#isAllowed(request, response)) return true;
    if (request.method === "OPTIONS") return preflight(response);
    const method = pathname === SSE || pathname === UNI_SSE ? "GET" : "POST";
    if (request.method !== method) return refuse(response, 405, { Allow: method });
    const connect = url.searchParams.get("cf_connect") ?? "{}";
    if (pathname === SSE) this.#open(request, response, sse, connect);
    else if (pathname === UNI_SSE) this.#openOneWay(request, response, connect);
    else void this.#post(request, response, pathname);
    return true;
  }

  /** Ends all of them. */
  close(): void {
    for (const fd of this.#parts.exits.descriptors()) this.#parts.disconnect(fd, disconnects.SHUTDOWN);
  }

  #isAllowed(request: IncomingMessage, response: ServerResponse): boolean {
    const { origin, host } = request.headers;
    if (!originAllowed(origin, host, this.#parts.allowedOrigins)) return !refuse(response, 403, {});
    if (origin === undefined) return true;
    response.setHeader("Access-Control-Allow-Origin", origin);
    response.setHeader("Access-Control-Allow-Credentials", "true");
    response.setHeader("Vary", "Origin");
    return true;
  }

  async #post(request: IncomingMessage, response: ServerResponse, pathname: string): Promise<void> {
    const body = await bodyOf(request).catch(() => undefined);
    if (body === undefined) return void refuse(response, 413, { Connection: "close" });
    if (pathname === HTTP_STREAM) this.#open(request, response, httpStream, body);
    else this.#emulate(response, body);
  }

  /** Commands of a client whose pushes go another way. That its session is gone it learns there, not here. */
  #emulate(response: ServerResponse, body: string): void {
    const { exits, node } = this.#parts;
    let sent: unknown;
    try {
      sent = JSON.parse(body);
    } catch {
      return void refuse(response, 400, {});
    }
    if (!isObject(sent) || typeof sent["data"] !== "string" || typeof sent["session"] !== "string") {
      return void refuse(response, 400, {});
    }
    if (sent["node"] !== node) return void refuse(response, 404, {});
    response.writeHead(204).end();
    const fd = exits.find(sent["session"]);
    if (fd < 0) return;
    const text = sent["data"];
    const after = (this.#pending.get(fd) ?? Promise.resolve()).then(() => this.#command(fd, text));
    this.#pending.set(fd, after);
  }

  /** A plain EventSource: what it wants stands in the connect command, its channels among it. */
  #openOneWay(request: IncomingMessage, response: ServerResponse, connect: string): void {
    let wanted: unknown;
    try {
      wanted = JSON.parse(connect);
    } catch {
      return void refuse(response, 400, {});
    }
    if (!isObject(wanted)) return void refuse(response, 400, {});
    const { subs = {}, ...rest } = wanted;
    const channels = isObject(subs) ? Object.entries(subs) : [];
    const commands = [
      { id: 1, connect: rest },
      ...channels.map(([channel, how], i) => ({ id: i + 2, subscribe: { ...(isObject(how) ? how : {}), channel } })),
    ];
    this.#open(request, response, uniSse, commands.map((one) => JSON.stringify(one)).join("\n"));
  }

  #open(request: IncomingMessage, response: ServerResponse, form: Form, commands: string): void {
    const { clients, exits, reserve, counts, keepHeaders } = this.#parts;
    const fd = reserve();
    response.writeHead(200, {
      "Content-Type": form.type,
      "X-Accel-Buffering": "no",
      "Cache-Control": "private, no-cache, no-store, must-revalidate, max-age=0",
      Pragma: "no-cache",
      Expire: "0",
    });
    response.write(form.begin);
    response.socket?.setNoDelay(true);
    clients.open(fd);
    counts.clients[form.transport]++;
    exits.add(fd, this.#exit(fd, request, response, form));
    const headers = Object.entries(request.headers).map(([name, value]) => [name, String(value)] as const);
    keepHeaders(fd, new Map(headers));
    response.on("close", () => this.#closed(fd));
    this.#pending.set(fd, this.#command(fd, commands));
  }

  #command(fd: number, text: string): Promise<void> {
    const { streams } = this.#parts.counts;
    streams.messagesReceived++;
    streams.bytesReceived += Buffer.byteLength(text);
    return this.#parts.command(fd, text);
  }

  #closed(fd: number): void {
    const { exits, leave, unreserve } = this.#parts;
    leave(fd);
    exits.remove(fd);
    this.#pending.delete(fd);
    this.#slow.delete(fd);
    this.#waits(fd, 0);
    unreserve(fd);
  }

  /** Not at once: it is found out while something is written, maybe to somebody else. */
  #giveUp(fd: number): void {
    this.#slow.add(fd);
    queueMicrotask(() => {
      if (this.#slow.has(fd)) this.#parts.disconnect(fd, disconnects.SLOW);
    });
  }

  #exit(fd: number, request: IncomingMessage, response: ServerResponse, form: Form): Exit {
    const { outbound, counts } = this.#parts;
    const settle = () => {
      if (!response.closed && !this.#slow.has(fd)) this.#waits(fd, response.writableLength);
    };
    return {
      transport: form.transport,
      session: form.transport === "uni_sse" ? "" : randomUUID(),
      remoteAddress: request.socket.remoteAddress ?? "",
      text: (text) => {
        if (response.writableEnded || this.#slow.has(fd)) return;
        counts.streams.messagesSent++;
        counts.streams.bytesSent += Buffer.byteLength(text);
        response.write(text.split("\n").map(form.line).join(""), settle);
        settle();
        if (response.writableLength <= outbound.connectionBytesMax || this.#slow.has(fd)) return;
        outbound.slow++;
        this.#waits(fd, 0);
        this.#giveUp(fd);
      },
      end: ({ code, reason }) => {
        // What waits for one that does not read would be held as long as it likes.
        if (this.#slow.has(fd)) return void response.destroy();
        if (response.writableEnded) return;
        const deadline = setTimeout(() => response.destroy(), limits.closeSecondsMax * 1000).unref();
        response.on("close", () => clearTimeout(deadline));
        response.end(form.line(`{"push":{"disconnect":{"code":${code},"reason":${JSON.stringify(reason)}}}}`));
      },
    };
  }
}

/** One-way clients get what is in a push, and the results that stand for one. */
function oneWay(line: string): string {
  if (line.startsWith('{"push":')) return line.slice('{"push":'.length, -1);
  return line.replace(/^\{"id":\d+,/, "{");
}

function refuse(response: ServerResponse, status: number, headers: Record<string, string>): true {
  response.writeHead(status, headers).end();
  return true;
}

function preflight(response: ServerResponse): true {
  const headers = {
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type",
  };
  response.writeHead(204, { ...headers, "Access-Control-Max-Age": "300" }).end();
  return true;
}

/** The body as text. Rejects for one over commandBytesMax. */
async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > limits.commandBytesMax) throw new RangeError();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
