import type { Msg, NatsConnection, Subscription } from "@nats-io/nats-core";
import { limits } from "../limits.ts";

/** What {@link Interest} needs of the other parts. */
export interface InterestParts {
  readonly nc: Pick<NatsConnection, "subscribe" | "flush">;
  /** The subject of everything, and that of one channel. */
  readonly everything: string;
  readonly subjectOf: (channel: string) => string;
  readonly received: (message: Msg) => void;
}

/**
 * Which channels are wanted of NATS. A subscription costs its client more than a kilobyte, and a server a place in its
 * tree: so there is one for each channel while they are few, and from then on one for everything, where a further
 * channel costs nothing.
 */
export class Interest {
  readonly #parts: InterestParts;
  /** By subject. */
  readonly #single = new Map<string, Subscription>();
  #all: Subscription | undefined;
  /** Whether what comes by the subscription for everything counts: from then on the others' does not. */
  #isAll = false;

  constructor(parts: InterestParts) {
    this.#parts = parts;
  }

  /** Whether everything comes. */
  get isEverything(): boolean {
    return this.#isAll;
  }

  add(channel: string): void {
    const { nc, subjectOf, received } = this.#parts;
    const subject = subjectOf(channel);
    if (this.#all || this.#single.has(subject)) return;
    if (this.#single.size >= limits.natsSubscriptionsMax) return void this.#wantAll();
    const callback = (error: Error | null, message: Msg) => {
      if (!error && !this.#isAll) received(message);
    };
    this.#single.set(subject, nc.subscribe(subject, { callback }));
  }

  remove(channel: string): void {
    const subject = this.#parts.subjectOf(channel);
    this.#single.get(subject)?.unsubscribe();
    this.#single.delete(subject);
  }

  /**
   * Until the server has taken the new subscription the old ones count; only what has none of its own, because it was
   * wanted later, comes by the new one already. So each publication counts once.
   */
  async #wantAll(): Promise<void> {
    const { nc, everything, received } = this.#parts;
    const callback = (error: Error | null, message: Msg) => {
      if (!error && (this.#isAll || !this.#single.has(message.subject))) received(message);
    };
    this.#all = nc.subscribe(everything, { callback });
    // It fails when the connection is cut just now; then both are made anew, in this order, when it is back.
    await nc.flush().catch(() => {});
    this.#isAll = true;
    for (const subscription of this.#single.values()) subscription.unsubscribe();
    this.#single.clear();
  }
}
