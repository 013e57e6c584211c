import { Block } from "./block.ts";
import type { Client, Subscription } from "./client.ts";
import type { Message } from "./message.ts";
import type { Outlets } from "./outlets.ts";
import type { Recipients, Route, Routes } from "./routes.ts";
import { sizeOf, writeMessage } from "./write-message.ts";

/** What {@link Delivery} needs of the other parts. */
export interface DeliveryParts {
  readonly routes: Routes;
  readonly outlets: Pick<Outlets, "room" | "commit" | "slab" | "text">;
  /** A subscription has had all the messages that it wanted. */
  readonly spent: (subscription: Subscription) => void;
}

/**
 * From a publication to its subscribers. Publications in a row that go to the same subscribers are gathered, and each
 * subscriber gets them in one piece: so a message to a hundred costs little more than to one.
 */
export class Delivery {
  readonly #parts: DeliveryParts;
  /** What is gathered, and for whom. */
  readonly #gathered = new Block();
  #recipients: Recipients | undefined;
  /** One message, for those to whom it goes alone; of another kind where they understand no headers. */
  readonly #single = new Block();
  readonly #bare = new Block();

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
  }

  /** The route of a message's subject. */
  routeOf({ bytes, subjectFrom, subjectTo }: Message): Route {
    return this.#parts.routes.find(bytes, subjectFrom, subjectTo);
  }

  /**
   * Delivers a message along its route, at the latest at the next `settle`; `publisher` is absent for the Bus's own.
   * Returns how many get it.
   */
  publish({ recipients }: Route, message: Message, publisher: Client | undefined): number {
    if (recipients.isPlain && message.headerBytes === 0 && (publisher?.options.echo ?? true)) {
      return recipients.plain.length === 1 ? this.#pass(recipients, message) : this.#gather(recipients, message);
    }
    this.settle();
    this.#single.begin(NO_SID);
    this.#bare.begin(NO_SID);
    let count = 0;
    const { plain, groups } = recipients;
    for (let i = 0; i < plain.length; i++) {
      if (this.#deliver(plain[i] as Subscription, message, publisher)) count++;
    }
    for (const group of groups) if (this.#toOne(group, message, publisher)) count++;
    // The Bus's own come last, since they publish in turn.
    for (let i = 0; i < plain.length; i++) {
      const { handle } = plain[i] as Subscription;
      if (!handle) continue;
      handle(message);
      count++;
    }
    return count;
  }

  /** Hands on what is gathered. */
  settle(): void {
    const recipients = this.#recipients;
    if (!recipients) return;
    this.#recipients = undefined;
    const { plain } = recipients;
    const { count } = this.#gathered;
    for (let i = 0; i < plain.length; i++) {
      const subscription = plain[i] as Subscription;
      const client = subscription.client as Client;
      if (client.isClosed) continue;
      subscription.delivered += count;
      this.#write(client, subscription.sid as Uint8Array, this.#gathered);
    }
  }

  /** Tells a client that its request reached nobody ("no responders"); `UNSUB` does not count that as a message. */
  noResponders(client: Client, { bytes, replyFrom, replyTo }: Message): void {
    const reply = bytes.toString("utf8", replyFrom, replyTo);
    const { routes, outlets } = this.#parts;
    const { plain } = routes.find(bytes, replyFrom, replyTo).recipients;
    const own = plain.find((subscription) => subscription.client === client);
    if (!own?.sid) return;
    const sid = Buffer.from(own.sid).toString("latin1");
    outlets.text(client, `HMSG ${reply} ${sid} 16 16\r\nNATS/1.0 503\r\n\r\n\r\n`);
  }

  /** To one alone: there is nothing to copy. */
  #pass({ plain }: Recipients, message: Message): number {
    this.settle();
    const subscription = plain[0] as Subscription;
    const client = subscription.client as Client;
    if (client.isClosed) return 0;
    const { outlets } = this.#parts;
    const sid = subscription.sid as Uint8Array;
    const at = outlets.room(client, sizeOf(message, sid));
    outlets.commit(client, writeMessage(outlets.slab, at, message, sid, false) - at);
    subscription.delivered++;
    return 1;
  }

  #gather(recipients: Recipients, message: Message): number {
    const block = this.#gathered;
    const { plain } = recipients;
    if (this.#recipients !== recipients || !block.fits(message)) {
      this.settle();
      this.#recipients = recipients;
      // With any other id the block is no larger: it finds room in the slab whatever ids clients have chosen.
      block.begin(longestSid(plain));
    }
    block.add(message, false);
    return plain.length;
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
    if (!client || client.isClosed) return false;
    if (client === publisher && !client.options.echo) return false;
    const sid = subscription.sid as Uint8Array;
    const hasHeaders = message.headerBytes > 0 && client.options.headers;
    const block = hasHeaders ? this.#single : this.#bare;
    if (block.count === 0) {
      block.begin(sid);
      block.add(message, hasHeaders);
    }
    this.#write(client, sid, block);
    // Counted from its first message on, since `UNSUB` may come later and means all of them.
    if (++subscription.delivered >= subscription.max && subscription.max > 0) this.#parts.spent(subscription);
    return true;
  }

  #write(client: Client, sid: Uint8Array, block: Block): void {
    const { outlets } = this.#parts;
    const bytes = block.bytesFor(sid);
    const at = outlets.room(client, bytes);
    block.write(sid, outlets.slab, at);
    outlets.commit(client, bytes);
  }
}

const NO_SID = new Uint8Array(0);

function longestSid(subscriptions: readonly Subscription[]): Uint8Array {
  let longest: Uint8Array = NO_SID;
  for (const { sid = NO_SID } of subscriptions) if (sid.length > longest.length) longest = sid;
  return longest;
}
