import { createServer, type Server as HttpServer, type RequestListener } from "node:http";
import type { Socket } from "node:net";

/** The way to an HTTP server on the same port: sockets whose request is not for a WebSocket go through it. */
export class HttpDoor {
  readonly #server: HttpServer;
  readonly #own: boolean;
  readonly #sockets = new Set<Socket>();

  /** `http` is a request listener, or a server that may listen elsewhere too. */
  constructor(http: RequestListener | HttpServer) {
    this.#own = typeof http === "function";
    this.#server = typeof http === "function" ? createServer(http) : http;
    // A server that never listens would not check its timeouts for slow requests.
    if (this.#own) this.#server.emit("listening");
  }

  /** Hands a socket over, with what has been read from it. */
  enter(socket: Socket, bytes: Buffer): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    socket.unshift(bytes);
    this.#server.emit("connection", socket);
  }

  /** Ends the connections that came through: idle ones at once, busy ones after their answer, all after `ms`. */
  async close(ms: number): Promise<void> {
    if (this.#sockets.size === 0) return this.#stop();
    this.#server.closeIdleConnections();
    const all = [...this.#sockets].map(
      (socket) => new Promise<void>((resolve) => socket.once("close", () => resolve())),
    );
    // A busy connection is idle after its answer, but stays, in case another request comes.
    const idle = setInterval(() => this.#server.closeIdleConnections(), 50);
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, ms);
    await Promise.all(all);
    clearInterval(idle);
    clearTimeout(timer);
    this.#stop();
  }

  #stop(): void {
    if (this.#own) this.#server.close(() => {});
  }
}
