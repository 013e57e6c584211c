import type { ChannelOptions } from "./channels.ts";
import type { Cursor, Hub } from "./hub.ts";
import { unsubscribes } from "./protocol.ts";
import type { Subscriptions } from "./subscriptions.ts";

/** What {@link SlowReaders} needs of the other parts. */
export interface SlowReadersParts {
  readonly subscriptions: Subscriptions;
  readonly text: (fd: number, text: string) => void;
}

/**
 * What becomes of publications for a connection whose socket is full, by the channel's policy: `disconnect` lets them
 * wait until the outbox is over its bound, `drop` ends the subscription, upon which the client subscribes again and
 * recovers what it missed, and `conflate` keeps the newest alone until the connection reads again.
 */
export class SlowReaders {
  readonly #parts: SlowReadersParts;
  /** By descriptor and channel: the newest push. */
  readonly #newest = new Map<number, Map<string, string>>();

  constructor(parts: SlowReadersParts) {
    this.#parts = parts;
  }

  /** A push that does not go to a connection whose socket is full. */
  spare(fd: number, channel: string, push: string, policy: ChannelOptions["slowReader"]): void {
    if (policy === "drop") return this.#parts.subscriptions.end(fd, channel, unsubscribes.INSUFFICIENT_STATE);
    const waiting = this.#newest.get(fd) ?? new Map<string, string>();
    waiting.set(channel, push);
    this.#newest.set(fd, waiting);
  }

  /** A connection reads again: it is sent the newest of each channel. */
  drained(fd: number): void {
    const waiting = this.#newest.get(fd);
    if (!waiting) return;
    this.#newest.delete(fd);
    for (const push of waiting.values()) this.#parts.text(fd, push);
  }

  /** A subscription is about to go: what it did not get yet is not for its successor. */
  unsubscribed(hub: Hub, subscription: Cursor): void {
    if (this.#newest.size === 0) return;
    this.#newest.get(hub.descriptor(subscription))?.delete(hub.nameOf(subscription));
  }

  forget(fd: number): void {
    if (this.#newest.size > 0) this.#newest.delete(fd);
  }
}
