import { EventEmitter, once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { TestContext } from "node:test";

/**
 * Stands between clients and a server, byte for byte, and cuts what it carries. Emits "connection" when one is through
 * to the server, and "cut" after a cut.
 */
export class CuttingProxy extends EventEmitter {
  /** Whether connections are refused. */
  isShut = false;
  readonly #port: number;
  readonly #pairs = new Set<readonly [client: Socket, server: Socket]>();
  /** Bytes towards the clients until everything is cut. */
  #left = Number.POSITIVE_INFINITY;

  private constructor(port: number) {
    super();
    this.#port = port;
  }

  /** A proxy in front of a port of this machine, and its own origin; it ends with the test. */
  static async listen(t: TestContext, port: number): Promise<{ proxy: CuttingProxy; origin: string }> {
    const proxy = new CuttingProxy(port);
    const server = createServer({ noDelay: true }, (client) => proxy.#carry(client)).listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => {
      server.close();
      proxy.cut();
    });
    return { proxy, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  }

  /** Whether there is a connection to cut. */
  get isUsed(): boolean {
    return this.#pairs.size > 0;
  }

  /** Resets all connections. */
  cut(): void {
    this.#end((socket) => socket.resetAndDestroy());
  }

  /** Ends all connections when so many more bytes have gone to the clients: in the midst of a frame, most likely. */
  cutAfter(bytes: number): void {
    this.#left = bytes;
  }

  #end(end: (socket: Socket) => void): void {
    this.#left = Number.POSITIVE_INFINITY;
    for (const pair of this.#pairs) for (const socket of pair) end(socket);
    this.#pairs.clear();
    this.emit("cut");
  }

  #carry(client: Socket): void {
    client.on("error", () => {});
    if (this.isShut) return void client.resetAndDestroy();
    const server = connect({ port: this.#port, host: "127.0.0.1", noDelay: true });
    const pair = [client, server] as const;
    this.#pairs.add(pair);
    server.on("error", () => {});
    server.on("connect", () => this.emit("connection"));
    client.on("data", (chunk) => server.write(chunk));
    server.on("data", (chunk) => {
      client.write(chunk.subarray(0, this.#left));
      this.#left -= chunk.length;
      if (this.#left <= 0) this.#end((socket) => socket.destroySoon());
    });
    for (const [socket, other] of [pair, [server, client] as const]) {
      socket.on("close", () => {
        this.#pairs.delete(pair);
        other.destroySoon();
      });
    }
  }
}
