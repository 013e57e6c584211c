import type { Socket } from "node:net";
import type { PathNames } from "./portable-connection.ts";
import type { Listener } from "./portable-listener.ts";

/** Connections taken from one listener in one wait. */
const ACCEPTS_MAX = 256;

/** What {@link Listeners} tells of what there is to take. */
export interface ListenersParts {
  /** Records that there is still room for. */
  readonly room: () => number;
  readonly accepted: (socket: Socket, names: PathNames | undefined, listener: number) => void;
  /** A listener rests for want of something: `-errno`. */
  readonly rested: (listener: number, result: number) => void;
}

/** The listeners of one portable poll, by descriptor. */
export class Listeners {
  /** Connections taken in one wait, from all listeners together. */
  acceptsMax = Number.POSITIVE_INFINITY;
  readonly #listeners = new Map<number, Listener>();

  add(fd: number, listener: Listener): void {
    this.#listeners.set(fd, listener);
  }
  get(fd: number): Listener | undefined {
    return this.#listeners.get(fd);
  }
  /** Forgets a listener, which goes on as it is. */
  remove(fd: number): Listener | undefined {
    const listener = this.#listeners.get(fd);
    this.#listeners.delete(fd);
    return listener;
  }
  isDue(): boolean {
    for (const listener of this.#listeners.values()) if (listener.isDue()) return true;
    return false;
  }
  close(): void {
    for (const listener of this.#listeners.values()) listener.close();
    this.#listeners.clear();
  }

  /** Takes what one wait may take. */
  take({ room, accepted, rested }: ListenersParts): void {
    let left = this.acceptsMax;
    for (const [fd, listener] of this.#listeners) {
      const names = listener.path ? { peer: " 0", local: `${listener.path} 0` } : undefined;
      const sockets = listener.take(Math.min(ACCEPTS_MAX, room(), left));
      left -= sockets.length;
      for (const socket of sockets) accepted(socket, names, fd);
      if (listener.rested === undefined || room() === 0) continue;
      rested(fd, listener.rested);
      listener.rested = undefined;
    }
  }
}
