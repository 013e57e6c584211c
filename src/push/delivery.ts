import type { BrokerListener, ChannelEvent, Publication } from "../bus/index.ts";
import type { Fanout } from "./fanout.ts";
import { type Hub, subscriptionFlags } from "./hub.ts";
import type { Joins } from "./joins.ts";
import { encodePublication, encodePush } from "./protocol.ts";
import type { Recovery } from "./recovery.ts";

/** What {@link Delivery} needs of the other parts. */
export interface DeliveryParts {
  readonly hub: Hub;
  readonly fanout: Fanout;
  readonly joins: Joins;
  readonly recovery: Recovery;
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
    const { hub, fanout, joins, recovery } = this.#parts;
    joins.hold(publication);
    recovery.published();
    const { channel } = publication;
    const number = hub.channel(channel);
    if (number !== NONE) fanout.publish(hub, number, encodePush(channel, "pub", encodePublication(publication)));
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
