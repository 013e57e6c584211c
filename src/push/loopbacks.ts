import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import type { ListeningAddress } from "../server.ts";

/** The server's side of a connection to itself; its methods do nothing if it has ended already. */
export interface OwnConnection {
  /** Means something only while it is open. */
  readonly descriptor: number;
  readonly isOpen: boolean;
  close(code: number, reason: string): void;
  terminate(): void;
}

/** A connection of the server to itself, from both ends. */
export interface Loopback {
  /** The client's end, before anything was read of it. */
  readonly socket: Socket;
  readonly connection: OwnConnection;
  /** The name of a channel for it alone, which no client can guess. */
  readonly channel: string;
}

/** A connection that is on its way, for the handler of upgrades: its `data`. */
export class Awaited {
  /** Called when it is open. */
  readonly opened: (connection: OwnConnection) => void;
  constructor(opened: (connection: OwnConnection) => void) {
    this.opened = opened;
  }
}

/**
 * Connections of the server to itself, over a socket as everybody's. They are known by a path that nobody else knows,
 * and that is good for one connection.
 */
export class Loopbacks {
  readonly #prefix = `/loopback/${randomBytes(8).toString("hex")}/`;
  readonly #awaited = new Map<string, Awaited>();
  #count = 0;

  /** Whose connection an upgrade is, by its path; undefined for a client's. */
  of(path: string): Awaited | undefined {
    return this.#awaited.size === 0 ? undefined : this.#awaited.get(path);
  }

  /** Whether a channel is one of these connections', or begins with its name. */
  owns(channel: string): boolean {
    return channel.startsWith(this.#prefix);
  }

  /**
   * Connects to where the server listens. `accepted` is called when the kernel has the connection. Rejects when it
   * cannot be reached, does not let itself in, or `signal` is aborted, which ends the connection at any time.
   */
  async connect(at: ListeningAddress, signal?: AbortSignal, accepted: () => void = () => {}): Promise<Loopback> {
    const path = `/${randomBytes(16).toString("hex")}`;
    const socket = connect(at.port === 0 ? { path: at.address } : { port: at.port, host: reachable(at.address) });
    const abort = () => socket.destroy(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    try {
      const connection = await new Promise<OwnConnection>((resolve, reject) => {
        this.#awaited.set(path, new Awaited(resolve));
        socket.on("error", reject).once("connect", accepted);
        socket.once("close", () => reject(new Error("the connection was closed")));
        socket.once("close", () => signal?.removeEventListener("abort", abort));
        socket.write(requestFor(path));
      });
      // It may have ended in the batch in which it began, and its descriptor be somebody else's.
      if (!connection.isOpen) throw new Error("the connection was closed");
      return { socket, connection, channel: `${this.#prefix}${this.#count++}` };
    } catch (error) {
      socket.destroy();
      throw error;
    } finally {
      this.#awaited.delete(path);
    }
  }
}

function requestFor(path: string): string {
  return (
    `GET ${path} HTTP/1.1\r\nHost: loopback\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString("base64")}\r\n\r\n`
  );
}

/** Where to reach a server of this machine that may listen on all its addresses. */
function reachable(address: string): string {
  return address === "::" ? "::1" : address === "0.0.0.0" ? "127.0.0.1" : address;
}
