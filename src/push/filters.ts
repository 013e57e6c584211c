import { Ahead } from "./ahead.ts";
import type { Wanted } from "./fanout.ts";
import type { Cursor } from "./hub.ts";
import type { Tags, TagsFilter } from "./tags-filter.ts";

/** A filter of a channel, and how many of its subscriptions have it. */
interface Shared {
  readonly filter: TagsFilter;
  count: number;
}

/**
 * The subscriptions that want some publications of their channel only. They are few, so they stand in Maps: a
 * subscription without a filter costs nothing. Equal filters of a channel are one object, asked once for each
 * publication.
 */
export class Filters {
  readonly #ahead = new Ahead();
  readonly #bySubscription = new Map<Cursor, TagsFilter>();
  /** By the channel's number, and by the filter's text. */
  readonly #byChannel = new Map<number, Map<string, Shared>>();

  /** A subscription that is new gets a filter. */
  set(subscription: Cursor, channel: number, filter: TagsFilter): void {
    const own = this.#byChannel.get(channel) ?? new Map<string, Shared>();
    const shared = own.get(filter.text) ?? { filter, count: 0 };
    shared.count++;
    own.set(filter.text, shared);
    this.#byChannel.set(channel, own);
    this.#bySubscription.set(subscription, shared.filter);
  }

  /** A subscription that is new has read up to an offset that has not been delivered here: see {@link Ahead}. */
  setAhead(subscription: Cursor, channel: number, offset: number): void {
    this.#ahead.set(subscription, channel, offset);
  }

  /** A subscription is about to go. */
  forget(subscription: Cursor, channel: number): void {
    this.#ahead.forget(subscription, channel);
    const filter = this.#bySubscription.size === 0 ? undefined : this.#bySubscription.get(subscription);
    if (!filter) return;
    this.#bySubscription.delete(subscription);
    const own = this.#byChannel.get(channel);
    const shared = own?.get(filter.text);
    if (!own || !shared || --shared.count > 0) return;
    own.delete(filter.text);
    if (own.size === 0) this.#byChannel.delete(channel);
  }

  /** Tells of each subscription whether it wants a publication; undefined where all do. */
  wanted(channel: number, tags: Tags | undefined, offset = 0): Wanted | undefined {
    const byTags = this.#byTags(channel, tags);
    const isWithout = this.#ahead.wanted(channel, offset);
    if (!byTags || !isWithout) return byTags ?? isWithout;
    return (subscription) => isWithout(subscription) && byTags(subscription);
  }

  #byTags(channel: number, tags: Tags | undefined): Wanted | undefined {
    if (this.#bySubscription.size === 0 || !this.#byChannel.has(channel)) return undefined;
    const verdicts = new Map<TagsFilter, boolean>();
    return (subscription) => {
      const filter = this.#bySubscription.get(subscription);
      if (!filter) return true;
      const known = verdicts.get(filter);
      if (known !== undefined) return known;
      const verdict = filter.matches(tags);
      verdicts.set(filter, verdict);
      return verdict;
    };
  }
}
