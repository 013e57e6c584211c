import type { Server as HttpServer, IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { BelfryError } from "../errors.ts";

/** Takes a connection over, with what is to be read before anything that comes: its request head, and what followed. */
export type TakeOver = (socket: Socket, bytes: Buffer) => void;

type Listener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** The `upgrade` events of HTTP servers that somebody else owns. */
export class HttpUpgrades {
  readonly #takeOver: TakeOver;
  readonly #attached = new Map<HttpServer, Listener>();

  constructor(takeOver: TakeOver) {
    this.#takeOver = takeOver;
  }

  /** Listens for upgrades to `path`, to any without it; others are left to whoever else listens, or answered 404. */
  attach(server: HttpServer, path: string | undefined): void {
    if (this.#attached.has(server))
      throw new BelfryError("BELFRY_BAD_STATE", "attach: the HTTP server is attached already");
    const listener: Listener = (request, socket, head) => {
      if (path === undefined || request.url?.split("?", 1)[0] === path) this.take(request, socket, head);
      else if (server.listenerCount("upgrade") === 1) socket.end(NOT_FOUND);
    };
    this.#attached.set(server, listener);
    server.on("upgrade", listener);
  }

  /** Takes the connection of one `upgrade` event over. The socket must not be used any more. */
  take(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (!(socket instanceof Socket)) {
      throw new BelfryError("BELFRY_BAD_OPTION", "upgradeHTTP: the socket is not a node:net or node:tls socket");
    }
    const parts = [Buffer.from(headText(request), "latin1"), head];
    // The HTTP server's last reading may have left more than `head` in the socket.
    const rest: unknown = socket.read();
    if (rest instanceof Uint8Array) parts.push(Buffer.from(rest));
    this.#takeOver(socket, Buffer.concat(parts));
  }

  /** Leaves all HTTP servers. */
  close(): void {
    for (const [server, listener] of this.#attached) server.off("upgrade", listener);
    this.#attached.clear();
  }
}

const NOT_FOUND = "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/** The head as it came, so that it is judged by the same rules as on a port of our own. */
function headText({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  let text = `${method} ${url} HTTP/${httpVersion}\r\n`;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) text += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`;
  return `${text}\r\n`;
}
