import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { type Broker, type BrokerListener, MemoryBroker } from "../bus/index.ts";
import type { ListeningAddress } from "../server.ts";

const CHANNELS = 100;
const ROUNDS = 100;
/** Few enough for the buffer of a Unix socket: the connection would be cut as a slow reader. */
const ROUNDS_PER_TURN = 2;
const HISTORY = { history: { size: 2, seconds: 1 } };

/** What {@link Rehearsal} needs of the server. */
export interface RehearsalParts {
  readonly subscribe: (fd: number, channel: string) => void;
  /** Delivers, as what comes from the Bus is delivered. */
  readonly listener: BrokerListener;
  /** An HTTP API over this Bus, that takes this key. */
  readonly api: (broker: Broker, key: string) => (request: Request) => Promise<Response> | Response;
}

/** The server's side of the rehearsal's connection. */
export interface OwnConnection {
  readonly descriptor: number;
  /** Ends it, with its subscriptions; nothing happens if it has ended already. */
  terminate(): void;
}

/**
 * A server is busiest right after its start, when everybody comes back at once, and then its code is not compiled
 * yet. So it rehearses: it connects to itself, and publishes some thousands of times to that connection, in channels
 * that no client can know, on a Bus of its own, with a history and through the HTTP API. That takes a few
 * milliseconds, and shows that the way to a socket works.
 */
export class Rehearsal {
  /** The path to connect to; nobody else knows it. */
  readonly path = `/rehearsal/${randomBytes(16).toString("hex")}`;
  readonly #parts: RehearsalParts;
  #opened: (connection: OwnConnection) => void = () => {};

  constructor(parts: RehearsalParts) {
    this.#parts = parts;
  }

  /** The rehearsal's own connection is open. */
  opened(connection: OwnConnection): void {
    this.#opened(connection);
  }

  /** Rehearses on a server that listens at `at`. Rejects when it cannot be reached, or does not let itself in. */
  async run(at: ListeningAddress): Promise<void> {
    const socket = connect(at.port === 0 ? { path: at.address } : { port: at.port, host: reachable(at.address) });
    const open = new Promise<OwnConnection>((resolve, reject) => {
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
      const connection = await open;
      await this.#publish(connection.descriptor);
      // It may be gone already, and its descriptor be somebody else's: the connection knows.
      connection.terminate();
    } finally {
      socket.destroy();
    }
  }

  async #publish(fd: number): Promise<void> {
    const { subscribe, listener, api } = this.#parts;
    const channels = Array.from({ length: CHANNELS }, (_, i) => `${this.path}/${i}`);
    for (const channel of channels) subscribe(fd, channel);
    const broker = new MemoryBroker();
    const unlisten = broker.listen(listener);
    const key = randomBytes(16).toString("hex");
    const call = api(broker, key);
    try {
      for (let round = 1; round <= ROUNDS; round++) {
        const data = { round, text: "a rehearsal" };
        await call(broadcastOf(channels, data, key));
        await broker.broadcast(channels, JSON.stringify(data), () => HISTORY);
        if (round % ROUNDS_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      unlisten();
      await broker.close();
    }
  }
}

function broadcastOf(channels: readonly string[], data: unknown, key: string): Request {
  const body = JSON.stringify({ channels, data });
  const headers = { "X-API-Key": key, "Content-Length": `${Buffer.byteLength(body)}` };
  return new Request("http://rehearsal/api/broadcast", { method: "POST", headers, body });
}

/** Where to reach a server of this machine that may listen on all its addresses. */
function reachable(address: string): string {
  return address === "::" ? "::1" : address === "0.0.0.0" ? "127.0.0.1" : address;
}
