import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** A wire that can be cut: TCP connections to a port, by way of another. */
export class CutProxy {
  readonly #sockets = new Set<Socket>();
  readonly #server;
  #isCut = false;
  port = 0;

  private constructor(target: number) {
    this.#server = createServer((near) => {
      if (this.#isCut) return void near.destroy();
      const far = connect(target, "127.0.0.1");
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(socket);
        socket.pipe(other);
        socket.on("error", () => other.destroy());
        socket.on("close", () => {
          this.#sockets.delete(socket);
          other.destroy();
        });
      }
    });
  }

  /** Listens, in front of a port of this host. */
  static async to(target: number): Promise<CutProxy> {
    const proxy = new CutProxy(target);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    const address = proxy.#server.address();
    if (typeof address === "object" && address) proxy.port = address.port;
    return proxy;
  }

  /** Cuts all connections, and lets none be made until it is mended. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend(): void {
    this.#isCut = false;
  }

  close(): void {
    this.cut();
    this.#server.close();
  }
}
