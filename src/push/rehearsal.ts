import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import type { ListeningAddress } from "../server.ts";

const CHANNELS = 100;
const ROUNDS = 100;
const ROUNDS_PER_TURN = 10;

/** What {@link Rehearsal} needs of the server. */
export interface RehearsalParts {
  readonly subscribe: (fd: number, channel: string) => void;
  readonly broadcast: (channels: readonly string[], data: string) => Promise<unknown>;
  /** Ends the connection, and its subscriptions. */
  readonly end: (fd: number) => void;
}

/**
 * A server is busiest right after its start, when everybody comes back at once, and then its code is not compiled yet.
 * So it rehearses: it connects to itself, and publishes some thousands of times to that connection, in channels that no
 * client can know. That takes a few milliseconds, and shows that the way from the Bus to a socket works.
 */
export class Rehearsal {
  /** The path to connect to; nobody else knows it. */
  readonly path = `/rehearsal/${randomBytes(16).toString("hex")}`;
  readonly #parts: RehearsalParts;
  #opened: (fd: number) => void = () => {};

  constructor(parts: RehearsalParts) {
    this.#parts = parts;
  }

  /** The rehearsal's own connection is open. */
  opened(fd: number): void {
    this.#opened(fd);
  }

  /** Rehearses on a server that listens at `at`. Rejects when it cannot be reached, or does not let itself in. */
  async run(at: ListeningAddress): Promise<void> {
    const socket = connect(at.port === 0 ? { path: at.address } : { port: at.port, host: reachable(at.address) });
    const open = new Promise<number>((resolve, reject) => {
      this.#opened = resolve;
      socket.once("error", reject);
      socket.once("close", () => reject(new Error("the connection was closed")));
    });
    try {
      socket
        .resume()
        .write(
          `GET ${this.path} HTTP/1.1\r\nHost: rehearsal\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
            `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString("base64")}\r\n\r\n`,
        );
      const fd = await open;
      await this.#publish(fd);
      this.#parts.end(fd);
    } finally {
      socket.destroy();
    }
  }

  async #publish(fd: number): Promise<void> {
    const { subscribe, broadcast } = this.#parts;
    const channels = Array.from({ length: CHANNELS }, (_, i) => `${this.path}/${i}`);
    for (const channel of channels) subscribe(fd, channel);
    for (let round = 1; round <= ROUNDS; round++) {
      await broadcast(channels, `{"round":${round},"text":"a rehearsal"}`);
      if (round % ROUNDS_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** Where to reach a server of this machine that may listen on all its addresses. */
function reachable(address: string): string {
  return address === "::" ? "::1" : address === "0.0.0.0" ? "127.0.0.1" : address;
}
