import type { WebSocket } from "ws";
import { serveWs } from "./ws-server.ts";

// The article's second step: nobody waits. A packet that comes calls the reader, and there is a queue, with one who
// writes it out, only while there is something to be written.

class Channel {
  readonly #socket: WebSocket;
  #outgoing: Buffer[] | undefined;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (packet: Buffer) => this.send(packet));
  }

  send(packet: Buffer): void {
    if (this.#outgoing) this.#outgoing.push(packet);
    else void this.#write([packet]);
  }

  async #write(outgoing: Buffer[]): Promise<void> {
    this.#outgoing = outgoing;
    for (const packet of outgoing) await new Promise((gone) => this.#socket.send(packet, { binary: false }, gone));
    this.#outgoing = undefined;
  }
}

serveWs((socket) => void new Channel(socket));
