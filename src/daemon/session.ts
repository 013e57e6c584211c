import { isPattern } from "../bus/subjects.ts";
import { Op, ops, readOp, WireError, type WireLimits } from "../bus/wire.ts";
import type { Client, Subscription } from "./client.ts";
import { type Credentials, readConnect } from "./connect.ts";
import type { Delivery } from "./delivery.ts";
import type { Message } from "./message.ts";
import type { Outlets } from "./outlets.ts";
import type { Routes } from "./routes.ts";

/** What {@link Session} needs of the other parts. */
export interface SessionParts {
  readonly limits: WireLimits & { readonly subscriptionsMax: number };
  readonly routes: Routes;
  readonly delivery: Delivery;
  readonly outlets: Pick<Outlets, "text">;
  /** Whether these credentials are good. */
  readonly admits: (credentials: Credentials) => boolean;
  /** Tells a client what it did wrong, and ends it. */
  readonly refuse: (client: Client, error: string) => void;
}

const LF = 10;
const LOWER_C = 0x63;

/** What clients say: reads their operations, and carries them out in order. */
export class Session {
  readonly #parts: SessionParts;
  readonly #op = new Op();
  readonly #message: Mutable<Message> & { bytes: Buffer };

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.#message = { bytes: Buffer.alloc(0), ...EMPTY };
  }

  /** Bytes of a client have come. */
  received(client: Client, bytes: Buffer, from: number, to: number): void {
    // Any byte answers a ping.
    client.pingsOut = 0;
    try {
      const at = client.held ? this.#complete(client, bytes, from, to) : from;
      if (at < to) this.#each(client, bytes, at, to);
      this.#parts.delivery.settle();
    } catch (error) {
      this.#parts.delivery.settle();
      if (!(error instanceof WireError)) throw error;
      this.#parts.refuse(client, error.message);
    }
  }

  /** Ends a subscription. */
  unsubscribe(subscription: Subscription): void {
    const { client, sid } = subscription;
    this.#parts.routes.remove(subscription);
    if (client && sid) client.subscriptions.delete(Buffer.from(sid).toString("latin1"));
  }

  /** Ends all subscriptions of a client that goes. */
  leave(client: Client): void {
    for (const subscription of client.subscriptions.values()) this.#parts.routes.remove(subscription);
    client.subscriptions.clear();
    client.letGo();
  }

  /** Carries out the operations of `bytes[from, to)`, and keeps the beginning of one that is not whole. */
  #each(client: Client, bytes: Buffer, from: number, to: number): void {
    const op = this.#op;
    let at = from;
    while (at < to) {
      // Of who is not let in yet nothing is kept but the one operation that may let it in.
      if (!client.isIn && ((bytes[at] as number) | 0x20) !== LOWER_C) return this.#notIn(client);
      if (!readOp(bytes, at, to, op, this.#parts.limits)) break;
      at = op.end;
      this.#carryOut(client, bytes, op);
      if (client.isClosed) return;
    }
    if (at < to) client.keep(bytes, at, to);
  }

  /**
   * Takes what is missing of the operation whose beginning is kept, so that all behind it is read where it lies.
   * Returns the offset behind what was taken.
   */
  #complete(client: Client, bytes: Buffer, from: number, to: number): number {
    const op = this.#op;
    let at = from;
    while (!readOp(client.held as Buffer, 0, client.heldBytes, op, this.#parts.limits)) {
      if (at === to) return to;
      const end = op.end === 0 ? behindLine(bytes, at, to) : Math.min(to, at + op.end - client.heldBytes);
      client.keep(bytes, at, end);
      at = end;
    }
    const held = client.held as Buffer;
    client.letGo();
    this.#carryOut(client, held, op);
    return client.isClosed ? to : at;
  }

  #carryOut(client: Client, bytes: Buffer, op: Op): void {
    const { kind } = op;
    if (kind === ops.PUB || kind === ops.HPUB) return this.#publish(client, bytes, op);
    // What was published before comes before whatever follows.
    this.#parts.delivery.settle();
    switch (kind) {
      case ops.PING:
        return this.#parts.outlets.text(client, "PONG\r\n");
      case ops.PONG:
        return;
      case ops.CONNECT:
        return this.#connect(client, bytes.toString("utf8", op.subjectFrom, op.subjectTo));
      case ops.SUB:
        return this.#subscribe(client, bytes, op);
      case ops.UNSUB:
        return this.#unsubscribe(client, bytes, op);
      default:
        throw new WireError("Unknown Protocol Operation");
    }
  }

  #connect(client: Client, json: string): void {
    const credentials = readConnect(json, client.options);
    if (!this.#parts.admits(credentials)) return this.#notIn(client);
    client.isIn = true;
    this.#done(client);
  }

  #notIn(client: Client): void {
    this.#parts.refuse(client, "Authorization Violation");
  }

  #publish(client: Client, bytes: Buffer, op: Op): void {
    const { delivery } = this.#parts;
    const { headers, noResponders, pedantic } = client.options;
    if (op.kind === ops.HPUB && !headers) throw new WireError("message headers not supported");
    const message = this.#message;
    message.bytes = bytes;
    message.subjectFrom = op.subjectFrom;
    message.subjectTo = op.subjectTo;
    message.replyFrom = op.replyFrom;
    message.replyTo = op.replyTo;
    message.headerBytes = op.headerBytes;
    message.payloadFrom = op.payloadFrom;
    message.payloadTo = op.payloadTo;
    const route = delivery.routeOf(message);
    // It reaches nobody; who is not pedantic is not told, as by nats-server.
    if (!route.isValid && pedantic) this.#say(client, "-ERR 'Invalid Publish Subject'\r\n");
    this.#done(client);
    const count = delivery.publish(route, message, client);
    if (count === 0 && op.replyTo > op.replyFrom && noResponders) delivery.noResponders(client, message);
  }

  #subscribe(client: Client, bytes: Buffer, op: Op): void {
    const { routes, limits, outlets } = this.#parts;
    const pattern = bytes.toString("utf8", op.subjectFrom, op.subjectTo);
    if (!isPattern(pattern)) return outlets.text(client, "-ERR 'Invalid Subject'\r\n");
    const sid = bytes.toString("latin1", op.sidFrom, op.sidTo);
    if (!client.subscriptions.has(sid)) {
      if (client.subscriptions.size >= limits.subscriptionsMax) {
        return outlets.text(client, "-ERR 'maximum subscriptions exceeded'\r\n");
      }
      const queue = bytes.toString("utf8", op.replyFrom, op.replyTo);
      const own = { pattern, queue, client, sid: Buffer.from(sid, "latin1"), number: 0, max: 0, delivered: 0 };
      client.subscriptions.set(sid, own);
      routes.add(own);
    }
    this.#done(client);
  }

  #unsubscribe(client: Client, bytes: Buffer, op: Op): void {
    const own = client.subscriptions.get(bytes.toString("latin1", op.sidFrom, op.sidTo));
    if (own) {
      if (op.max <= own.delivered) this.unsubscribe(own);
      else this.#parts.routes.limit(own, op.max);
    }
    this.#done(client);
  }

  #done(client: Client): void {
    if (client.options.verbose) this.#say(client, "+OK\r\n");
  }

  /** Tells a client something in its turn, behind what was published before. */
  #say(client: Client, text: string): void {
    this.#parts.delivery.settle();
    this.#parts.outlets.text(client, text);
  }
}

type Mutable<Shape> = { -readonly [Key in keyof Shape]: Shape[Key] };

const EMPTY = {
  subjectFrom: 0,
  subjectTo: 0,
  replyFrom: 0,
  replyTo: 0,
  headerBytes: 0,
  payloadFrom: 0,
  payloadTo: 0,
};

/** Behind the first line feed, or the end. */
function behindLine(bytes: Buffer, from: number, to: number): number {
  for (let i = from; i < to; i++) if (bytes[i] === LF) return i + 1;
  return to;
}
