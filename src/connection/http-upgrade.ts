import type { Server as HttpServer, IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { BelfryError } from "../errors.ts";
import { answerText } from "../ws/index.ts";

/** Takes a connection over, with what is to be read before anything that comes: its request head, and what followed. */
export type TakeOver = (socket: Socket, bytes: Buffer) => void;

type Listener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** The path of each listener of {@link HttpUpgrades}, to tell whether anybody else may want an upgrade. */
const paths = new WeakMap<object, string | undefined>();

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
      const asked = request.url?.split("?", 1)[0];
      if (path === undefined || asked === path) this.take(request, socket, head);
      else if (isUnwanted(server, asked, listener)) refuseUpgrade(socket, answerText(404, "nothing is here"));
    };
    paths.set(listener, path);
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

/**
 * Answers an upgrade with the text of a whole answer, and closes its connection. Node listens to a socket no more when
 * it hands it out with `upgrade`, so the error of one that is reset would end the process.
 */
export function refuseUpgrade(socket: Duplex, answer: string): void {
  socket.on("error", () => {}).end(answer, "latin1", () => socket.destroy());
}

/** Whether all who listen are of this kind and for another path: then the first of them is to answer. */
function isUnwanted(server: HttpServer, path: string | undefined, asking: Listener): boolean {
  const all = server.listeners("upgrade");
  const wants = (each: object) => !paths.has(each) || [undefined, path].includes(paths.get(each));
  return all[0] === asking && !all.some(wants);
}

/** The head as it came, so that it is judged by the same rules as on a port of our own. */
function headText({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  let text = `${method} ${url} HTTP/${httpVersion}\r\n`;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) text += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`;
  return `${text}\r\n`;
}
