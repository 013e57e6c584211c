import type { BrokerListener, ChannelEvent, Publication } from "../bus/index.ts";
import type { Channels } from "./channels.ts";
import type { Fanout } from "./fanout.ts";
import type { Filters } from "./filters.ts";
import { type Hub, subscriptionFlags } from "./hub.ts";
import type { Joins } from "./joins.ts";
import { encodePublication, encodePush } from "./protocol.ts";
import type { Recovery } from "./recovery.ts";
import type { SlowReaders } from "./slow-readers.ts";

/** What {@link Delivery} needs of the other parts. */
export interface DeliveryParts {
  readonly hub: Hub;
  readonly fanout: Fanout;
  readonly filters: Filters;
  readonly joins: Joins;
  readonly recovery: Recovery;
  readonly channels: Channels;
  readonly slow: SlowReaders;
  readonly text: (fd: number, text: string) => void;
  readonly control: (message: string) => void;
}

const NONE = -1;

/** From the Bus to the subscribers. */
export class Delivery implements BrokerListener {
  readonly #parts: DeliveryParts;

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
  }

  publication(publication: Publication): void {
    const { hub, fanout, filters, joins, recovery, channels, slow } = this.#parts;
    joins.hold(publication);
    recovery.published();
    const { channel } = publication;
    const number = hub.channel(channel);
    if (number === NONE) return;
    const push = encodePush(channel, "pub", encodePublication(publication));
    const policy = channels.slowReaderOf(channel);
    const wanted = filters.wanted(number, publication.tags);
    if (policy === "disconnect") fanout.publish(hub, number, push, undefined, wanted);
    else fanout.publish(hub, number, push, (fd) => slow.spare(fd, channel, push, policy), wanted);
  }

  /** Who comes and goes is told to those who asked for it. */
  event({ channel, type, info }: ChannelEvent): void {
    const { hub, text } = this.#parts;
    const number = hub.channel(channel);
    if (number === NONE) return;
    const push = encodePush(channel, type, `{"info":${info}}`);
    const fds: number[] = [];
    for (let s = hub.first(number); s !== NONE; s = hub.next(s)) {
      if ((hub.flagsOf(s) & subscriptionFlags.JOIN_LEAVE) !== 0) fds.push(hub.descriptor(s));
    }
    for (const fd of fds) text(fd, push);
  }

  control(message: string): void {
    this.#parts.control(message);
  }
}
