import { NUMBER_BYTES_MAX, writeNumber } from "../bus/wire.ts";
import { copyBytes } from "../connection/copy-bytes.ts";
import type { Client, Subscription } from "./client.ts";
import type { Message } from "./message.ts";
import type { Outlets } from "./outlets.ts";
import type { Route, Routes } from "./routes.ts";

/** What {@link Delivery} needs of the other parts. */
export interface DeliveryParts {
  readonly routes: Routes;
  readonly outlets: Pick<Outlets, "room" | "commit" | "slab" | "text">;
  /** A subscription has had all the messages that it wanted. */
  readonly spent: (subscription: Subscription) => void;
}

const ascii = (text: string) => new TextEncoder().encode(text);
const MSG = ascii("MSG ");
const HMSG = ascii("HMSG ");
const SPACE = 32;
const CR = 13;
const LF = 10;

/** From a publication to its subscribers. */
export class Delivery {
  readonly #parts: DeliveryParts;

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
  }

  /** The route of a message's subject. */
  routeOf({ bytes, subjectFrom, subjectTo }: Message): Route {
    return this.#parts.routes.find(bytes, subjectFrom, subjectTo);
  }

  /** Delivers a message along its route; `publisher` is absent for the Bus's own. Returns how many got it. */
  publish(route: Route, message: Message, publisher: Client | undefined): number {
    let count = 0;
    const { plain, groups } = route;
    for (let i = 0; i < plain.length; i++) {
      if (this.#deliver(plain[i] as Subscription, message, publisher)) count++;
    }
    for (const group of groups) if (this.#toOne(group, message, publisher)) count++;
    return count;
  }

  /** Tells a client that its request reached nobody ("no responders"); `UNSUB` does not count that as a message. */
  noResponders(client: Client, { bytes, replyFrom, replyTo }: Message): void {
    const reply = bytes.toString("utf8", replyFrom, replyTo);
    const { routes, outlets } = this.#parts;
    const { plain } = routes.find(bytes, replyFrom, replyTo);
    const own = plain.find((subscription) => subscription.client === client);
    if (!own?.sid) return;
    const sid = Buffer.from(own.sid).toString("latin1");
    outlets.text(client, `HMSG ${reply} ${sid} 16 16\r\nNATS/1.0 503\r\n\r\n\r\n`);
  }

  /** To one member of a queue group: any, or the next that can take it. */
  #toOne(group: readonly Subscription[], message: Message, publisher: Client | undefined): boolean {
    const first = Math.floor(Math.random() * group.length);
    for (let i = 0; i < group.length; i++) {
      if (this.#deliver(group[(first + i) % group.length] as Subscription, message, publisher)) return true;
    }
    return false;
  }

  #deliver(subscription: Subscription, message: Message, publisher: Client | undefined): boolean {
    const { client } = subscription;
    if (!client) {
      subscription.handle?.(message);
      return true;
    }
    if (client.isClosed || (client === publisher && !client.options.echo)) return false;
    this.#write(client, subscription.sid as Uint8Array, message);
    // Counted from its first message on, since `UNSUB` may come later and means all of them.
    if (++subscription.delivered >= subscription.max && subscription.max > 0) this.#parts.spent(subscription);
    return true;
  }

  #write(client: Client, sid: Uint8Array, message: Message): void {
    const { outlets } = this.#parts;
    const { bytes, subjectFrom, subjectTo, replyFrom, replyTo, payloadTo } = message;
    const hasHeaders = message.headerBytes > 0 && client.options.headers;
    const payloadFrom = message.payloadFrom + (hasHeaders ? 0 : message.headerBytes);
    const size = payloadTo - payloadFrom;
    const most =
      subjectTo - subjectFrom + sid.length + replyTo - replyFrom + size + 2 * NUMBER_BYTES_MAX + HMSG.length + 8;
    const begin = outlets.room(client, most);
    const out = outlets.slab;
    const verb = hasHeaders ? HMSG : MSG;
    let at = copyBytes(verb, 0, verb.length, out, begin);
    at = copyBytes(bytes, subjectFrom, subjectTo, out, at);
    out[at++] = SPACE;
    at = copyBytes(sid, 0, sid.length, out, at);
    out[at++] = SPACE;
    if (replyTo > replyFrom) {
      at = copyBytes(bytes, replyFrom, replyTo, out, at);
      out[at++] = SPACE;
    }
    if (hasHeaders) {
      at = writeNumber(out, at, message.headerBytes);
      out[at++] = SPACE;
    }
    at = writeNumber(out, at, size);
    out[at++] = CR;
    out[at++] = LF;
    at = copyBytes(bytes, payloadFrom, payloadTo, out, at);
    out[at++] = CR;
    out[at++] = LF;
    outlets.commit(client, at - begin);
  }
}
