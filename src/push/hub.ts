import { Names } from "./names.ts";

const NONE = -1;
const CAPACITY_MIN = 1024;

/** Where a subscriber stands in its channel; walk it with `next`. */
export type Cursor = number;

/** Bits of a subscription. */
export const subscriptionFlags = {
  /** Made by the server. */
  SERVER: 1,
  /** Is told who comes and goes. */
  JOIN_LEAVE: 2,
  /** Others are told of its coming and going. */
  ANNOUNCED: 4,
  /** Shows in the channel's presence. */
  PRESENT: 8,
  /** Its client counts on its position in the channel. */
  POSITIONED: 16,
} as const;

/**
 * Who is subscribed to what: channel → connections and back, as linked lists in columns. A subscription is 21 bytes, a
 * channel 16 and its name, a connection 4; nothing of it is an object.
 */
export class Hub {
  readonly #names = new Names();
  /** By channel: its newest subscription, and how many it has. */
  #first = new Int32Array(CAPACITY_MIN);
  #count = new Int32Array(CAPACITY_MIN);
  /** By channel: the offset of the newest publication that came here, 0 while none is known. */
  #position = new Float64Array(CAPACITY_MIN);
  /** By descriptor: the connection's newest subscription. */
  #own = new Int32Array(CAPACITY_MIN).fill(NONE);
  /** By subscription. The next one of a free subscription is the next free one. */
  #fd = new Int32Array(CAPACITY_MIN);
  #channel = new Int32Array(CAPACITY_MIN);
  #next = new Int32Array(CAPACITY_MIN);
  #previous = new Int32Array(CAPACITY_MIN);
  #nextOwn = new Int32Array(CAPACITY_MIN);
  #flags = new Uint8Array(CAPACITY_MIN);
  #free = NONE;
  #high = 0;
  #subscriptions = 0;
  readonly #removing: (channel: number, subscription: Cursor) => void;
  readonly #vacated: (channel: string) => void;

  /**
   * `removing` is called before a subscription goes: whoever has a cursor on it must move on. `vacated` is called when
   * the last subscriber of a channel has gone.
   */
  constructor(removing: (channel: number, subscription: Cursor) => void, vacated: (channel: string) => void) {
    this.#removing = removing;
    this.#vacated = vacated;
  }

  get channels(): number {
    return this.#names.size;
  }
  get subscriptions(): number {
    return this.#subscriptions;
  }

  /** The channel's number; -1 when nobody is subscribed to it. */
  channel(name: string): number {
    return this.#names.find(name);
  }
  /** How many are subscribed to a channel's number. */
  subscribers(channel: number): number {
    return this.#count[channel] as number;
  }
  /** The offset up to which everything of a channel's number has come here; 0 while that is not known. */
  positionOf(channel: number): number {
    return this.#position[channel] as number;
  }
  setPosition(channel: number, offset: number): void {
    this.#position[channel] = offset;
  }
  /**
   * The newest subscription of a channel's number: later ones stand before it, so a walk from here never meets them.
   */
  first(channel: number): Cursor {
    return this.#first[channel] as number;
  }
  /** The next subscription, -1 after the last. */
  next(cursor: Cursor): Cursor {
    return this.#next[cursor] as number;
  }
  /** Whose subscription it is. */
  descriptor(cursor: Cursor): number {
    return this.#fd[cursor] as number;
  }

  /** The {@link subscriptionFlags} of a subscription. */
  flagsOf(cursor: Cursor): number {
    return this.#flags[cursor] as number;
  }
  /** The number of a subscription's channel. */
  channelOf(cursor: Cursor): number {
    return this.#channel[cursor] as number;
  }
  /** The name of a subscription's channel. */
  nameOf(cursor: Cursor): string {
    return this.#names.nameOf(this.#channel[cursor] as number);
  }
  /** A connection's newest subscription, -1 when it has none; the next one is that of `nextOwn`. */
  firstOwn(fd: number): Cursor {
    return this.#ownOf(fd);
  }
  nextOwn(cursor: Cursor): Cursor {
    return this.#nextOwn[cursor] as number;
  }
  /** The subscription of a connection to a channel, -1 when there is none. */
  find(fd: number, name: string): Cursor {
    const channel = this.#names.find(name);
    return channel === NONE ? NONE : this.#find(fd, channel);
  }
  /** The names of all channels, with the number of their subscribers. */
  *names(): Generator<[name: string, subscribers: number]> {
    for (let channel = 0; channel < this.#names.high; channel++) {
      const count = this.#count[channel] as number;
      if (count > 0) yield [this.#names.nameOf(channel), count];
    }
  }

  /** How many channels a connection is subscribed to. */
  channelsOf(fd: number): number {
    let count = 0;
    for (let s = this.#ownOf(fd); s !== NONE; s = this.#nextOwn[s] as number) count++;
    return count;
  }

  /** Whether the connection is subscribed to the channel. */
  isSubscribed(fd: number, name: string): boolean {
    return this.find(fd, name) !== NONE;
  }

  /** Subscribes a connection, which must not be subscribed yet. Returns whether it is the channel's first. */
  subscribe(fd: number, name: string, flags = 0): boolean {
    const channel = this.#names.intern(name);
    this.#reserve(fd, channel);
    const isFirst = this.#count[channel] === 0;
    if (isFirst) this.#position[channel] = 0;
    const subscription = this.#take();
    const before = isFirst ? NONE : (this.#first[channel] as number);
    this.#fd[subscription] = fd;
    this.#flags[subscription] = flags;
    this.#channel[subscription] = channel;
    this.#previous[subscription] = NONE;
    this.#next[subscription] = before;
    if (before !== NONE) this.#previous[before] = subscription;
    this.#first[channel] = subscription;
    this.#count[channel] = (this.#count[channel] as number) + 1;
    this.#nextOwn[subscription] = this.#own[fd] as number;
    this.#own[fd] = subscription;
    this.#subscriptions++;
    return isFirst;
  }

  /** Ends a subscription; false when there was none. */
  unsubscribe(fd: number, name: string): boolean {
    const channel = this.#names.find(name);
    if (channel === NONE) return false;
    let before = NONE;
    for (let s = this.#ownOf(fd); s !== NONE; before = s, s = this.#nextOwn[s] as number) {
      if (this.#channel[s] !== channel) continue;
      const after = this.#nextOwn[s] as number;
      if (before === NONE) this.#own[fd] = after;
      else this.#nextOwn[before] = after;
      this.#remove(s);
      return true;
    }
    return false;
  }

  /** Ends all subscriptions of a connection. */
  leave(fd: number): void {
    let s = this.#ownOf(fd);
    if (s === NONE) return;
    this.#own[fd] = NONE;
    while (s !== NONE) {
      const after = this.#nextOwn[s] as number;
      this.#remove(s);
      s = after;
    }
  }

  #ownOf(fd: number): number {
    return fd < this.#own.length ? (this.#own[fd] as number) : NONE;
  }

  #find(fd: number, channel: number): number {
    for (let s = this.#ownOf(fd); s !== NONE; s = this.#nextOwn[s] as number)
      if (this.#channel[s] === channel) return s;
    return NONE;
  }

  #remove(subscription: number): void {
    const channel = this.#channel[subscription] as number;
    this.#removing(channel, subscription);
    const before = this.#previous[subscription] as number;
    const after = this.#next[subscription] as number;
    if (before === NONE) this.#first[channel] = after;
    else this.#next[before] = after;
    if (after !== NONE) this.#previous[after] = before;
    this.#next[subscription] = this.#free;
    this.#free = subscription;
    this.#subscriptions--;
    const left = (this.#count[channel] as number) - 1;
    this.#count[channel] = left;
    if (left > 0) return;
    const name = this.#names.nameOf(channel);
    this.#names.release(channel);
    this.#vacated(name);
  }

  #take(): number {
    const free = this.#free;
    if (free !== NONE) {
      this.#free = this.#next[free] as number;
      return free;
    }
    if (this.#high === this.#fd.length) {
      const capacity = this.#high * 2;
      this.#fd = grown(this.#fd, capacity);
      this.#channel = grown(this.#channel, capacity);
      this.#next = grown(this.#next, capacity);
      this.#previous = grown(this.#previous, capacity);
      this.#nextOwn = grown(this.#nextOwn, capacity);
      const flags = new Uint8Array(capacity);
      flags.set(this.#flags);
      this.#flags = flags;
    }
    return this.#high++;
  }

  #reserve(fd: number, channel: number): void {
    if (fd >= this.#own.length) {
      const had = this.#own.length;
      this.#own = grown(this.#own, 2 ** (32 - Math.clz32(fd)));
      this.#own.fill(NONE, had);
    }
    if (channel < this.#first.length) return;
    this.#first = grown(this.#first, this.#first.length * 2);
    this.#count = grown(this.#count, this.#count.length * 2);
    const position = new Float64Array(this.#position.length * 2);
    position.set(this.#position);
    this.#position = position;
  }
}

function grown(old: Int32Array<ArrayBuffer>, capacity: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(capacity);
  larger.set(old);
  return larger;
}
