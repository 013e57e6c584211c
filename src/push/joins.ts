import type { Publication } from "../bus/index.ts";

/** A subscription that reads its channel's history, and what was published meanwhile. */
export class Join {
  readonly channel: string;
  readonly #publications: Publication[] = [];

  constructor(channel: string) {
    this.channel = channel;
  }

  hold(publication: Publication): void {
    this.#publications.push(publication);
  }

  /**
   * What was published meanwhile and stands behind `position`, oldest first; undefined when one between is missing.
   * Publications without an offset are all given.
   */
  behind(position: number): Publication[] | undefined {
    let at = position;
    const held: Publication[] = [];
    for (const publication of this.#publications) {
      if (publication.offset > 0) {
        if (publication.offset <= at) continue;
        if (publication.previous > at) return undefined;
        at = publication.offset;
      }
      held.push(publication);
    }
    return held;
  }
}

/**
 * Subscriptions on their way (protocol: "start buffering live publications … flush"): between the reading of the
 * history and the first live publication nothing may be lost, and nothing come twice.
 */
export class Joins {
  readonly #waiting = new Map<string, Set<Join>>();

  begin(channel: string): Join {
    const join = new Join(channel);
    const waiting = this.#waiting.get(channel);
    if (waiting) waiting.add(join);
    else this.#waiting.set(channel, new Set([join]));
    return join;
  }

  end(join: Join): void {
    const waiting = this.#waiting.get(join.channel);
    waiting?.delete(join);
    if (waiting?.size === 0) this.#waiting.delete(join.channel);
  }

  /** Whether anybody is on the way to a channel. */
  has(channel: string): boolean {
    return this.#waiting.has(channel);
  }

  /** A publication is delivered. */
  hold(publication: Publication): void {
    if (this.#waiting.size === 0) return;
    for (const join of this.#waiting.get(publication.channel) ?? []) join.hold(publication);
  }
}
