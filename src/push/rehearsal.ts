import { randomBytes } from "node:crypto";
import { type Broker, type BrokerListener, MemoryBroker } from "../bus/index.ts";
import type { ListeningAddress } from "../server.ts";
import type { Loopbacks } from "./loopbacks.ts";

const CHANNELS = 100;
const ROUNDS = 100;
/** Few enough for the buffer of a Unix socket: the connection would be cut as a slow reader. */
const ROUNDS_PER_TURN = 2;
const HISTORY = { history: { size: 2, seconds: 1 } };

/** What {@link Rehearsal} needs of the server. */
export interface RehearsalParts {
  readonly loopbacks: Loopbacks;
  readonly subscribe: (fd: number, channel: string) => void;
  /** Delivers, as what comes from the Bus is delivered. */
  readonly listener: BrokerListener;
  /** An HTTP API over this Bus, that takes this key. */
  readonly api: (broker: Broker, key: string) => (request: Request) => Promise<Response> | Response;
}

/**
 * A server is busiest right after its start, when everybody comes back at once, and then its code is not compiled
 * yet. So it rehearses: it connects to itself, and publishes some thousands of times to that connection, in channels
 * that no client can know, on a Bus of its own, with a history and through the HTTP API. That takes a few
 * milliseconds, and shows that the way to a socket works.
 */
export class Rehearsal {
  readonly #parts: RehearsalParts;

  constructor(parts: RehearsalParts) {
    this.#parts = parts;
  }

  /** Rehearses on a server that listens at `at`. Rejects when it cannot be reached, or does not let itself in. */
  async run(at: ListeningAddress): Promise<void> {
    const { socket, connection, channel } = await this.#parts.loopbacks.connect(at);
    socket.resume();
    try {
      await this.#publish(connection.descriptor, channel);
      // It may be gone already, and its descriptor be somebody else's: the connection knows.
      connection.terminate();
    } finally {
      socket.destroy();
    }
  }

  async #publish(fd: number, own: string): Promise<void> {
    const { subscribe, listener, api } = this.#parts;
    const channels = Array.from({ length: CHANNELS }, (_, i) => `${own}/${i}`);
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
