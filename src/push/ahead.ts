import type { Wanted } from "./fanout.ts";
import type { Cursor } from "./hub.ts";

/**
 * Subscriptions that have read more of their channel's history than has been delivered here: a history may be read
 * before what stands in it comes live. Who was there before must still get that, and who has read it not once more.
 */
export class Ahead {
  /** By the channel's number: its subscriptions, and the offset up to which each has everything. */
  readonly #channels = new Map<number, Map<Cursor, number>>();

  /** A subscription that is new has everything up to an offset. */
  set(subscription: Cursor, channel: number, offset: number): void {
    const own = this.#channels.get(channel) ?? new Map<Cursor, number>();
    own.set(subscription, offset);
    this.#channels.set(channel, own);
  }

  /** A subscription is about to go. */
  forget(subscription: Cursor, channel: number): void {
    const own = this.#channels.get(channel);
    own?.delete(subscription);
    if (own?.size === 0) this.#channels.delete(channel);
  }

  /** Tells of each subscription whether it is without the publication at an offset; undefined where all are. */
  wanted(channel: number, offset: number): Wanted | undefined {
    const own = this.#channels.get(channel);
    // What has no offset is in no history.
    if (!own || offset === 0) return undefined;
    for (const [subscription, end] of own) if (end < offset) this.forget(subscription, channel);
    if (own.size === 0) return undefined;
    const having = new Set(own.keys());
    return (subscription) => !having.has(subscription);
  }
}
