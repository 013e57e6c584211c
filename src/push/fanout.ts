import { limits } from "../limits.ts";
import { CompiledMessage } from "../ws/index.ts";
import type { Cursor, Hub } from "./hub.ts";

const NONE = -1;

/**
 * To so few subscribers a publication is written each time: the output of many such channels then leaves in one call.
 */
const WRITTEN_MAX = 4;

/** One publication on its way: the frame, and the next subscription that is to get it. */
interface Delivery {
  readonly message: CompiledMessage;
  cursor: Cursor;
  /** Takes a publication for a connection whose socket is full; absent: it waits in the outbox. */
  readonly spare: Spare | undefined;
  readonly wanted: Wanted | undefined;
}

/** What becomes of a push for a connection whose socket is full. */
export type Spare = (fd: number) => void;

/** Whether a subscription gets a publication. */
export type Wanted = (subscription: Cursor) => boolean;

/** The two ways out: a text to one connection, and a compiled frame to `fds[0, count)`. */
export interface FanoutParts {
  readonly text: (fd: number, text: string) => void;
  readonly multicast: (message: CompiledMessage, fds: Int32Array, count: number) => void;
  readonly isBlocked: (fd: number) => boolean;
}

/**
 * Publications to their subscribers. The frame is made once for all; many subscribers are served in slices with the
 * event loop in between, so that a publication to 100,000 does not delay somebody else's. In a channel the order is
 * kept, and who subscribes after a publication does not get it.
 */
export class Fanout {
  readonly #parts: FanoutParts;
  /** By channel number: its publications on the way, the oldest first. */
  readonly #deliveries = new Map<number, Delivery[]>();
  readonly #fds = new Int32Array(limits.fanoutSliceSends);
  #waiting = 0;
  /** Sends of this turn of the event loop. */
  #sent = 0;
  #scheduled = false;

  constructor(parts: FanoutParts) {
    this.#parts = parts;
  }

  /** How many publications are on their way. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Sends a push to all subscribers of a channel, or those of them that want it; the first slice of them now if this
   * turn has not sent much yet.
   */
  publish(hub: Hub, channel: number, push: string, spare?: Spare, wanted?: Wanted): void {
    const subscribers = hub.subscribers(channel);
    const before = this.#deliveries.get(channel);
    if (!before && subscribers <= WRITTEN_MAX) return this.#write(hub, channel, push, spare, wanted);
    const delivery = { message: new CompiledMessage(push), cursor: hub.first(channel), spare, wanted };
    this.#waiting++;
    // It is on its way before its first slice goes, so that a connection that breaks under that one moves the cursor.
    const deliveries = before ?? [];
    deliveries.push(delivery);
    this.#deliveries.set(channel, deliveries);
    if (!before && this.#sent < limits.fanoutSliceSends) this.#advance(hub, channel, deliveries);
    // A publisher that is faster than its subscribers' sockets waits here, rather than in memory.
    if (this.#waiting > limits.fanoutWaitingMax) this.#finish(hub, channel);
    this.#schedule(hub);
  }

  /** Moves cursors off a subscription of a channel that is about to go. */
  moveOn(hub: Hub, channel: number, subscription: Cursor): void {
    for (const delivery of this.#deliveries.get(channel) ?? []) {
      if (delivery.cursor === subscription) delivery.cursor = hub.next(subscription);
    }
  }

  #write(hub: Hub, channel: number, push: string, spare: Spare | undefined, wanted: Wanted | undefined): void {
    const first = hub.first(channel);
    if (!wanted && hub.subscribers(channel) === 1) return this.#writeOne(hub.descriptor(first), push, spare);
    // All are known before the first is written to: a connection that breaks under it leaves the list.
    const fds: number[] = [];
    for (let s = first; s !== NONE; s = hub.next(s)) if (!wanted || wanted(s)) fds.push(hub.descriptor(s));
    for (const fd of fds) this.#writeOne(fd, push, spare);
  }

  #writeOne(fd: number, push: string, spare: Spare | undefined): void {
    if (spare && this.#parts.isBlocked(fd)) spare(fd);
    else this.#parts.text(fd, push);
  }

  /** Serves the next slice of a delivery; its cursor is NONE after the last. */
  #slice(hub: Hub, delivery: Delivery): void {
    const { wanted } = delivery;
    let count = 0;
    let visits = 0;
    let s = delivery.cursor;
    if (wanted) {
      for (; s !== NONE && visits < limits.fanoutSliceSends; s = hub.next(s), visits++) {
        if (wanted(s)) this.#fds[count++] = hub.descriptor(s);
      }
    } else {
      for (; s !== NONE && count < limits.fanoutSliceSends; s = hub.next(s)) this.#fds[count++] = hub.descriptor(s);
    }
    // Set before the bytes go: a connection that breaks under them unsubscribes, and moves the cursor.
    delivery.cursor = s;
    this.#sent += Math.max(count, visits);
    if (delivery.spare) count = this.#withoutBlocked(delivery.spare, count);
    this.#parts.multicast(delivery.message, this.#fds, count);
  }

  /** Spares those of the slice whose sockets are full; returns how many are left. */
  #withoutBlocked(spare: Spare, count: number): number {
    const fds = this.#fds;
    const blocked: number[] = [];
    let left = 0;
    for (let i = 0; i < count; i++) {
      const fd = fds[i] as number;
      if (this.#parts.isBlocked(fd)) blocked.push(fd);
      else fds[left++] = fd;
    }
    for (const fd of blocked) spare(fd);
    return left;
  }

  /** Goes on in the next turn of the event loop, with as many sends as one slice has, from one channel to the next. */
  #schedule(hub: Hub): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#sent = 0;
      for (const [channel, deliveries] of this.#deliveries) {
        if (this.#sent >= limits.fanoutSliceSends) break;
        this.#deliveries.delete(channel);
        this.#deliveries.set(channel, deliveries); // behind the others
        this.#advance(hub, channel, deliveries);
      }
      if (this.#deliveries.size > 0) this.#schedule(hub);
    });
  }

  /** One slice of a channel's oldest publication. */
  #advance(hub: Hub, channel: number, deliveries: Delivery[]): void {
    const oldest = deliveries[0] as Delivery;
    if (oldest.cursor !== NONE) this.#slice(hub, oldest);
    if (oldest.cursor !== NONE) return;
    deliveries.shift();
    this.#waiting--;
    if (deliveries.length === 0) this.#deliveries.delete(channel);
  }

  #finish(hub: Hub, channel: number): void {
    for (let all = this.#deliveries.get(channel); all && all.length > 0; ) this.#advance(hub, channel, all);
  }
}
