import type { BrokerListener, ChannelEvent, Publication } from "../bus/index.ts";
import type { Channels } from "./channels.ts";
import type { Fanout } from "./fanout.ts";
import type { Filters } from "./filters.ts";
import type { Gaps } from "./gaps.ts";
import { type Cursor, type Hub, subscriptionFlags } from "./hub.ts";
import type { Joins } from "./joins.ts";
import { encodePublication, encodePush } from "./protocol.ts";
import type { Recovery } from "./recovery.ts";
import type { SlowReaders } from "./slow-readers.ts";
import type { BusCounts } from "./vitals/counts.ts";

/** What {@link Delivery} needs of the other parts. */
export interface DeliveryParts {
  readonly hub: Hub;
  readonly fanout: Fanout;
  readonly gaps: Gaps;
  readonly filters: Filters;
  readonly joins: Joins;
  readonly recovery: Recovery;
  readonly channels: Channels;
  readonly slow: SlowReaders;
  readonly control: (message: string) => void;
  readonly asked: (question: string) => string | undefined;
  readonly back: () => void;
  readonly counts: BusCounts;
}

const NONE = -1;

/** From the Bus to the subscribers. */
export class Delivery implements BrokerListener {
  readonly #parts: DeliveryParts;

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
  }

  publication(publication: Publication): void {
    const { hub, fanout, filters, joins, recovery, channels, slow, counts } = this.#parts;
    counts.publications++;
    joins.hold(publication);
    recovery.published();
    const { channel } = publication;
    const number = hub.channel(channel);
    if (number === NONE || !this.#follows(number, publication)) return;
    const push = encodePush(channel, "pub", encodePublication(publication));
    const policy = channels.slowReaderOf(channel);
    const wanted = filters.wanted(number, publication.tags, publication.offset);
    if (policy === "disconnect") fanout.publish(hub, number, push, undefined, wanted);
    else fanout.publish(hub, number, push, (fd) => slow.spare(fd, channel, push, policy), wanted);
  }

  missed(): void {
    this.#parts.gaps.everywhere();
  }

  /**
   * Whether a publication is to be delivered: not one that has come before. When one before it is missing, those who
   * count on their position are told first, and come back for both.
   */
  #follows(number: number, { channel, offset, previous }: Publication): boolean {
    if (offset === 0) return true;
    const { hub, gaps } = this.#parts;
    const position = hub.positionOf(number);
    if (offset <= position) return false;
    if (position > 0 && previous > position) gaps.channel(channel);
    // The last subscriber may have gone with it.
    if (hub.channel(channel) !== number) return false;
    hub.setPosition(number, offset);
    return true;
  }

  /** Who comes and goes is told to those who asked for it. */
  event({ channel, type, info }: ChannelEvent): void {
    const { hub, fanout, counts } = this.#parts;
    if (type === "join") counts.joins++;
    else counts.leaves++;
    const number = hub.channel(channel);
    if (number === NONE) return;
    const push = encodePush(channel, type, `{"info":${info}}`);
    const isTold = (s: Cursor) => (hub.flagsOf(s) & subscriptionFlags.JOIN_LEAVE) !== 0;
    fanout.publish(hub, number, push, undefined, isTold);
  }

  control(message: string): void {
    this.#parts.counts.controls++;
    this.#parts.control(message);
  }

  asked(question: string): string | undefined {
    return this.#parts.asked(question);
  }

  back(): void {
    this.#parts.back();
  }
}
