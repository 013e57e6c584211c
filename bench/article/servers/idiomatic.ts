import type { WebSocket } from "ws";
import { Queue } from "./queue.ts";
import { serveWs } from "./ws-server.ts";

// The article's first server: each connection has one who reads and one who writes, both waiting, each with its buffer.

const BUFFER_BYTES = 4096;
/** Filled, as Go fills its own: memory that nobody has ever written to does not count. */
const makeBuffer = () => Buffer.allocUnsafeSlow(BUFFER_BYTES).fill(0);

class Channel {
  readonly #socket: WebSocket;
  readonly #incoming = new Queue<Buffer>();
  readonly #outgoing = new Queue<string>();
  readonly #input = makeBuffer();
  readonly #output = makeBuffer();

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data: Buffer) => this.#incoming.put(data) || socket.terminate());
    void this.#reader();
    void this.#writer();
  }

  async #reader(): Promise<void> {
    for (;;) {
      const length = (await this.#incoming.take()).copy(this.#input);
      const packet = this.#input.toString("utf8", 0, length);
      if (!this.#outgoing.put(packet)) this.#socket.terminate();
    }
  }

  async #writer(): Promise<void> {
    for (;;) {
      const length = this.#output.write(await this.#outgoing.take());
      // The buffer is used again when it has gone.
      await new Promise((gone) => this.#socket.send(this.#output.subarray(0, length), { binary: false }, gone));
    }
  }
}

serveWs((socket) => void new Channel(socket));
