import type { CompiledMessage } from "../ws/index.ts";
import type { Disconnect } from "./protocol.ts";

/** The way to a client that is no WebSocket here: a stream of an HTTP answer. */
export interface Exit {
  readonly transport: "sse" | "http_stream" | "uni_sse";
  /** By which the client's own requests find it; "" where there are none. */
  readonly session: string;
  readonly remoteAddress: string;
  /** Sends replies and pushes, one on a line. */
  text(text: string): void;
  /** Tells the client why, and ends the stream. */
  end(how: Disconnect): void;
}

/** The ways to a client, by descriptor: its WebSocket, or an {@link Exit}. */
export class Exits {
  readonly #exits = new Map<number, Exit>();
  readonly #sessions = new Map<string, number>();

  add(fd: number, exit: Exit): void {
    this.#exits.set(fd, exit);
    if (exit.session !== "") this.#sessions.set(exit.session, fd);
  }

  remove(fd: number): void {
    const exit = this.#exits.get(fd);
    if (!exit) return;
    this.#exits.delete(fd);
    this.#sessions.delete(exit.session);
  }

  /** How a client that is no WebSocket is reached. */
  of(fd: number): Exit | undefined {
    return this.#exits.size === 0 ? undefined : this.#exits.get(fd);
  }

  /** The descriptor of a session, -1 for none. */
  find(session: string): number {
    return this.#sessions.get(session) ?? -1;
  }

  /** All descriptors. */
  descriptors(): number[] {
    return [...this.#exits.keys()];
  }

  /** Sends to those of `fds[0, count)` that are no WebSockets, and leaves the others; returns how many these are. */
  multicast(message: CompiledMessage, fds: Int32Array, count: number): number {
    if (this.#exits.size === 0) return count;
    let left = 0;
    let text: string | undefined;
    for (let i = 0; i < count; i++) {
      const fd = fds[i] as number;
      const exit = this.#exits.get(fd);
      if (!exit) {
        fds[left++] = fd;
        continue;
      }
      text ??= Buffer.from(message.payload).toString("utf8");
      exit.text(text);
    }
    return left;
  }
}
