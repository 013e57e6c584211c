import { isSubject, Subjects } from "../bus/subjects.ts";
import { limits } from "../limits.ts";
import type { Subscription } from "./client.ts";

/** Who gets what is published to one subject. */
export interface Route {
  readonly hash: number;
  readonly subject: Uint8Array;
  /** Whether one may publish to it at all. */
  readonly isValid: boolean;
  readonly recipients: Recipients;
}

/** Subscribers. Subjects that reach the same plain subscriptions, and no group, have one such object in common. */
export interface Recipients {
  readonly plain: readonly Subscription[];
  /** The members of each queue group. */
  readonly groups: readonly (readonly Subscription[])[];
  /**
   * Whether there are some, each of another client that wants every message: then messages in a row may be handed to
   * one after the other, and still come to each in their order.
   */
  readonly isPlain: boolean;
}

const TABLE_MIN = 1024;
const NOBODY: Recipients = { plain: [], groups: [], isPlain: false };

/**
 * Who gets what, by subject. The answers are kept, and found by the bytes of the subject as they came, so that a
 * publication to a known one makes no string and searches nothing; whoever subscribes or leaves makes them void.
 */
export class Routes {
  readonly #subscriptions = new Subjects<Subscription>();
  /** Open addressing; at most half are taken. */
  #table: (Route | undefined)[] = new Array(TABLE_MIN);
  #size = 0;
  #bytes = 0;
  /** By the numbers of their subscriptions, so that what many subjects have in common is there once. */
  readonly #recipients = new Map<string, Recipients>();
  #number = 0;

  /** How many subjects have a route that is known. */
  get size(): number {
    return this.#size;
  }

  add(subscription: Subscription): void {
    subscription.number = ++this.#number;
    this.#subscriptions.add(subscription.pattern, subscription);
    this.#clear();
  }

  remove(subscription: Subscription): void {
    this.#subscriptions.remove(subscription.pattern, subscription);
    this.#clear();
  }

  /** A subscription wants a number of messages only. */
  limit(subscription: Subscription, max: number): void {
    subscription.max = max;
    this.#clear();
  }

  /** The route of the subject `bytes[from, to)`. Valid until somebody subscribes or leaves. */
  find(bytes: Buffer, from: number, to: number): Route {
    const hashed = hash(bytes, from, to);
    const table = this.#table;
    const mask = table.length - 1;
    let slot = hashed & mask;
    for (let route = table[slot]; route !== undefined; slot = (slot + 1) & mask, route = table[slot]) {
      if (route.hash === hashed && isSame(route.subject, bytes, from, to)) return route;
    }
    const route = this.#make(hashed, bytes, from, to);
    table[slot] = route;
    this.#bytes += to - from;
    if (++this.#size * 2 > table.length) this.#grow();
    if (this.#size > limits.busRoutesMax || this.#bytes > limits.busRoutesBytesMax) this.#clear();
    return route;
  }

  #make(hashed: number, bytes: Buffer, from: number, to: number): Route {
    const text = bytes.toString("utf8", from, to);
    const isValid = isSubject(text);
    const subject = Uint8Array.prototype.slice.call(bytes, from, to);
    return { hash: hashed, subject, isValid, recipients: isValid ? this.#recipientsOf(text) : NOBODY };
  }

  #recipientsOf(subject: string): Recipients {
    const plain: Subscription[] = [];
    const groups = new Map<string, Subscription[]>();
    this.#subscriptions.each(subject, (subscription) => {
      const { queue } = subscription;
      if (queue === "") return plain.push(subscription);
      // Its name makes a group, whichever patterns its members came by.
      const group = groups.get(queue);
      return group ? group.push(subscription) : groups.set(queue, [subscription]);
    });
    if (groups.size > 0) return { plain, groups: [...groups.values()], isPlain: false };
    if (plain.length === 0) return NOBODY;
    const key = plain.map(({ number }) => number).join();
    const known = this.#recipients.get(key);
    if (known) return known;
    const clients = new Set(plain.map(({ client }) => client));
    const isPlain = clients.size === plain.length && plain.every(({ client, max }) => client && max === 0);
    const made = { plain, groups: [], isPlain };
    this.#recipients.set(key, made);
    return made;
  }

  #clear(): void {
    if (this.#size === 0) return;
    this.#size = 0;
    this.#bytes = 0;
    this.#table = new Array(TABLE_MIN);
    this.#recipients.clear();
  }

  #grow(): void {
    const old = this.#table;
    const table: (Route | undefined)[] = new Array(old.length * 2);
    for (const route of old) {
      if (!route) continue;
      let slot = route.hash & (table.length - 1);
      while (table[slot]) slot = (slot + 1) & (table.length - 1);
      table[slot] = route;
    }
    this.#table = table;
  }
}

/** FNV-1a, stirred at the end. */
function hash(bytes: Uint8Array, from: number, to: number): number {
  let h = 0x811c9dc5;
  for (let i = from; i < to; i++) h = Math.imul(h ^ (bytes[i] as number), 0x01000193);
  return h ^ (h >>> 15);
}

function isSame(one: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  if (one.length !== to - from) return false;
  for (let i = 0; i < one.length; i++) if (one[i] !== bytes[from + i]) return false;
  return true;
}
