import type { Socket } from "node:net";
import { open, readAnswer, request } from "./http-client.ts";
import type { Tally } from "./tally.ts";

const HANDSHAKE = Buffer.from(
  "GET /connection/websocket HTTP/1.1\r\nHost: mail.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
);
const PING = frameOf("{}", 0);
const PONG = frameOf("{}", 0x80);

/** A client of the notification API: told of a change, it gets its mailbox, over a connection of its own for that. */
export class Subscriber {
  readonly #port: number;
  readonly #mailbox: number;
  readonly #tally: () => Tally;
  readonly #socket: Socket;
  #version: string | undefined;
  #subscribed: (() => void) | undefined;

  constructor(port: number, mailbox: number, tally: () => Tally) {
    this.#port = port;
    this.#mailbox = mailbox;
    this.#tally = tally;
    this.#socket = open(port, (bytes) => this.#hear(bytes));
  }

  /** Resolves when it is subscribed. */
  start(): Promise<void> {
    this.#write(HANDSHAKE);
    return new Promise((resolve) => {
      this.#subscribed = resolve;
    });
  }

  #hear(bytes: Buffer): void {
    this.#tally().bytesDown += bytes.length;
    const text = bytes.toString("latin1");
    if (text.startsWith("HTTP/1.1 101")) {
      const commands = `{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"mailbox:${this.#mailbox}"}}`;
      return this.#write(frameOf(commands, 0x80));
    }
    if (text.includes('"error"') || text.startsWith("HTTP/")) throw new Error(`refused: ${text}`);
    if (text.includes('"id":2')) this.#subscribed?.();
    if (bytes.includes(PING)) this.#write(PONG);
    for (const [, at = ""] of text.matchAll(/"at":"(\d+)"/g)) {
      this.#tally().known(at);
      this.#get();
    }
  }

  #get(): void {
    const tally = this.#tally();
    tally.asked++;
    const socket = open(this.#port, (bytes) => {
      const seen = readAnswer(bytes, this.#tally());
      if (!seen) return;
      this.#version = seen.version;
      this.#tally().had(seen.at);
    });
    const asks = request(this.#mailbox, this.#version, "Connection: close\r\n");
    tally.bytesUp += asks.length;
    socket.write(asks);
  }

  #write(bytes: Buffer): void {
    this.#tally().bytesUp += bytes.length;
    this.#socket.write(bytes);
  }
}

/** A short text frame; a client's is masked, with four zeros. */
function frameOf(text: string, maskBit: 0 | 0x80): Buffer {
  const head = maskBit ? [0x81, maskBit | text.length, 0, 0, 0, 0] : [0x81, text.length];
  return Buffer.concat([Buffer.from(head), Buffer.from(text)]);
}
