import type { Broker, ChannelEvent, Publication } from "../bus/index.ts";
import { chain, type Maybe } from "./chain.ts";
import type { ChannelOptions, Channels } from "./channels.ts";
import type { Clients } from "./clients.ts";
import type { Expired } from "./expiries.ts";
import type { Filters } from "./filters.ts";
import { type Cursor, type Hub, subscriptionFlags } from "./hub.ts";
import type { Identities } from "./identities.ts";
import type { Joins } from "./joins.ts";
import type { ClientInfo } from "./operations.ts";
import {
  DisconnectError,
  disconnects,
  encodeClientInfo,
  encodePublication,
  encodePush,
  ReplyError,
  type unsubscribes,
} from "./protocol.ts";
import { type Recovered, type Recovery, standing } from "./recovery.ts";
import { isPositioned, isRecoverable, type SubscribeHow } from "./subscribe-how.ts";
import { codeLabels } from "./vitals/codes.ts";
import type { PushCounts } from "./vitals/counts.ts";

/** A subscription that was made: its result as JSON text, and the pushes that follow it. */
export interface Subscribed {
  readonly result: string;
  readonly pushes: readonly string[];
}

/** What some subscriptions have, and most have not. */
interface Extra {
  info: string | undefined;
  expireAt: number;
}

/** What {@link Subscriptions} needs of the other parts. */
export interface SubscriptionsParts {
  readonly hub: Hub;
  readonly joins: Joins;
  readonly filters: Filters;
  readonly recovery: Recovery;
  readonly channels: Channels;
  readonly clients: Clients;
  readonly identities: Identities;
  readonly broker: Pick<Broker, "subscribe" | "unsubscribe" | "announce">;
  readonly text: (fd: number, text: string) => void;
  /** In seconds since 1970. */
  readonly now: () => number;
  readonly counts: PushCounts;
  /** The first subscriber of a channel has come. */
  readonly occupied: (channel: string) => void;
}

const NONE = -1;
const NOTHING_HELD: readonly Publication[] = [];

/**
 * Makes and ends subscriptions (protocol: the subscribe algorithm): reads the channel's position, or what the client
 * has missed, while what is published meanwhile is held back, so that nothing is lost and nothing comes twice.
 */
export class Subscriptions {
  readonly #parts: SubscriptionsParts;
  readonly #extras = new Map<Cursor, Extra>();

  constructor(parts: SubscriptionsParts) {
    this.#parts = parts;
  }

  /** Subscribes; undefined when the client has gone meanwhile. Throws 112, or insufficient state. */
  add(fd: number, channel: string, options: ChannelOptions, how: SubscribeHow): Maybe<Subscribed | undefined> {
    const { hub, broker } = this.#parts;
    if (hub.channel(channel) === NONE) broker.subscribe(channel);
    try {
      const state = this.#read(channel, options, how);
      if (state instanceof Promise) return this.#wait(fd, channel, options, how, state);
      // What is there at once leaves no time for a publication in between.
      return this.#made(fd, channel, options, how, state, NOTHING_HELD);
    } finally {
      this.#settled(channel);
    }
  }

  /** Holds back what is published while the history is read. */
  async #wait(
    fd: number,
    channel: string,
    options: ChannelOptions,
    how: SubscribeHow,
    reading: Promise<Recovered | undefined>,
  ): Promise<Subscribed | undefined> {
    const { hub, joins, clients } = this.#parts;
    const generation = clients.generationOf(fd);
    const join = joins.begin(channel);
    try {
      const state = await reading;
      if (clients.generationOf(fd) !== generation || hub.isSubscribed(fd, channel)) return undefined;
      return this.#made(fd, channel, options, how, state, join.behind(state?.offset ?? 0));
    } finally {
      joins.end(join);
      this.#settled(channel);
    }
  }

  /** Nobody may have come to a channel that was wanted of the Bus. */
  #settled(channel: string): void {
    const { hub, joins, broker } = this.#parts;
    if (hub.channel(channel) === NONE && !joins.has(channel)) broker.unsubscribe(channel);
  }

  #made(
    fd: number,
    channel: string,
    options: ChannelOptions,
    how: SubscribeHow,
    state: Recovered | undefined,
    held: readonly Publication[] | undefined,
  ): Subscribed {
    if (!held) throw new DisconnectError(disconnects.INSUFFICIENT_STATE);
    if (state && !state.recovered && how.recover?.orError) throw new ReplyError(112);
    this.#enter(fd, channel, options, how, state, held);
    this.#count(how, state);
    const { filter, isPushed = false } = how;
    const wanted = filter ? held.filter(({ tags }) => filter.matches(tags)) : held;
    const following = isPushed && state ? [...state.missed, ...wanted] : wanted;
    return { result: this.#result(state, options, how), pushes: following.map((one) => pushOf(channel, one)) };
  }

  #count(how: SubscribeHow, state: Recovered | undefined): void {
    const { counts } = this.#parts;
    counts.subscriptions++;
    if (!how.recover || !state) return;
    if (state.recovered) counts.recovered++;
    else counts.unrecovered++;
  }

  /** Ends a subscription; false when there was none. */
  remove(fd: number, channel: string): boolean {
    const { hub } = this.#parts;
    const cursor = hub.find(fd, channel);
    if (cursor === NONE) return false;
    this.#farewell(fd, cursor);
    hub.unsubscribe(fd, channel);
    return true;
  }

  /** Ends all subscriptions of a client that goes. */
  removeAll(fd: number): void {
    const { hub } = this.#parts;
    for (let s = hub.firstOwn(fd); s !== NONE; s = hub.nextOwn(s)) this.#farewell(fd, s);
    hub.leave(fd);
  }

  /** Ends a subscription from the server's side, and tells the client. */
  end(fd: number, channel: string, { code, reason }: (typeof unsubscribes)[keyof typeof unsubscribes]): void {
    if (!this.remove(fd, channel)) return;
    this.#parts.counts.unsubscribes.add(codeLabels.unsubscribe(code));
    this.#parts.text(fd, encodePush(channel, "unsubscribe", `{"code":${code},"reason":"${reason}"}`));
  }

  /** A subscription of the hub is about to go. */
  forget(cursor: Cursor, channel: number): void {
    if (this.#extras.size > 0) this.#extras.delete(cursor);
    this.#parts.filters.forget(cursor, channel);
  }

  /** Sets until when a subscription lasts; false when there is none. */
  refresh(fd: number, channel: string, expireAt: number, info: string | undefined): boolean {
    const cursor = this.#parts.hub.find(fd, channel);
    if (cursor === NONE) return false;
    const extra = this.#extras.get(cursor);
    this.#extras.set(cursor, { info: info ?? extra?.info, expireAt });
    return true;
  }

  /** Those whose time was over at `now`, in seconds since 1970. */
  expired(now: number): Expired[] {
    const { hub } = this.#parts;
    const all: Expired[] = [];
    for (const [cursor, { expireAt }] of this.#extras) {
      if (expireAt === 0 || expireAt > now) continue;
      const isServerSide = (hub.flagsOf(cursor) & subscriptionFlags.SERVER) !== 0;
      all.push({ fd: hub.descriptor(cursor), channel: hub.nameOf(cursor), isServerSide });
    }
    return all;
  }

  /** A client as the others in a channel see it. */
  infoOf(fd: number, cursor: Cursor): ClientInfo {
    const { clients, identities } = this.#parts;
    const chanInfo = cursor === NONE ? undefined : this.#extras.get(cursor)?.info;
    return {
      client: clients.idOf(fd),
      user: identities.userOf(fd),
      connInfo: identities.identityOf(fd).info,
      ...(chanInfo === undefined ? {} : { chanInfo }),
    };
  }

  /** Who is in a channel, of those here who show themselves. */
  presence(channel: string): ClientInfo[] {
    const { hub } = this.#parts;
    const number = hub.channel(channel);
    const all: ClientInfo[] = [];
    if (number === NONE) return all;
    for (let s = hub.first(number); s !== NONE; s = hub.next(s)) {
      if ((hub.flagsOf(s) & subscriptionFlags.PRESENT) !== 0) all.push(this.infoOf(hub.descriptor(s), s));
    }
    return all;
  }

  #read(channel: string, options: ChannelOptions, how: SubscribeHow): Maybe<Recovered | undefined> {
    if (!isPositioned(options, how)) return undefined;
    const { recovery } = this.#parts;
    const { recover, filter } = how;
    if (recover && isRecoverable(options, how)) {
      return recovery[options.recoveryMode](channel, recover.offset, recover.epoch, filter);
    }
    return chain(recovery.position(channel), standing);
  }

  #enter(
    fd: number,
    channel: string,
    options: ChannelOptions,
    how: SubscribeHow,
    state: Recovered | undefined,
    held: readonly Publication[],
  ): void {
    const { hub, filters, occupied } = this.#parts;
    const { override = {} } = how;
    const isAnnounced = override.joinLeave ?? options.joinLeave;
    const isTold = (override.forcePushJoinLeave ?? options.forcePushJoinLeave) || (how.joinLeave ?? false);
    const bits =
      (how.server ? subscriptionFlags.SERVER : 0) |
      (isAnnounced ? subscriptionFlags.ANNOUNCED : 0) |
      (isAnnounced && isTold ? subscriptionFlags.JOIN_LEAVE : 0) |
      ((override.presence ?? options.presence) ? subscriptionFlags.PRESENT : 0) |
      (state ? subscriptionFlags.POSITIONED : 0);
    if (hub.subscribe(fd, channel, bits)) occupied(channel);
    const { info, expireAt = 0, filter } = how;
    const cursor = hub.find(fd, channel);
    if (state) this.#advance(cursor, hub.channel(channel), Math.max(state.offset, held.at(-1)?.offset ?? 0));
    if (info !== undefined || expireAt > 0) this.#extras.set(cursor, { info, expireAt });
    if (filter) filters.set(cursor, hub.channel(channel), filter);
    if (!isAnnounced) return;
    this.#announce("join", channel, fd, cursor);
  }

  /** Its first subscriber says where a channel stands; a further one may have read what has not come here yet. */
  #advance(cursor: Cursor, channel: number, offset: number): void {
    const { hub, filters } = this.#parts;
    const position = hub.positionOf(channel);
    if (position === 0) hub.setPosition(channel, offset);
    else if (offset > position) filters.setAhead(cursor, channel, offset);
  }

  /** A subscription is about to go. */
  #farewell(fd: number, cursor: Cursor): void {
    const { hub } = this.#parts;
    const isAnnounced = (hub.flagsOf(cursor) & subscriptionFlags.ANNOUNCED) !== 0;
    if (isAnnounced) this.#announce("leave", hub.nameOf(cursor), fd, cursor);
  }

  /** Both behind the reply: the subscriber itself is told that it came, and a leave never overtakes its join. */
  #announce(type: ChannelEvent["type"], channel: string, fd: number, cursor: Cursor): void {
    const event = { channel, type, info: encodeClientInfo(this.infoOf(fd, cursor)) };
    setImmediate(() => void this.#parts.broker.announce(event).catch(() => {}));
  }

  #result(state: Recovered | undefined, options: ChannelOptions, how: SubscribeHow): string {
    const parts: string[] = [];
    const { expireAt = 0, recover, data } = how;
    if (expireAt > 0 && !how.server) {
      parts.push(`"expires":true,"ttl":${Math.max(0, Math.ceil(expireAt - this.#parts.now()))}`);
    }
    if (isRecoverable(options, how)) parts.push('"recoverable":true');
    if (state) {
      parts.push(`"positioned":true,"epoch":"${state.epoch}"`);
      // A client that recovers applies the list by itself, from where it stood.
      if (state.from > 0) parts.push(`"offset":${state.from}`);
      if (state.publications !== "" && !how.isPushed) parts.push(`"publications":[${state.publications}]`);
      if (recover && isRecoverable(options, how)) parts.push('"was_recovering":true');
      if (state.recovered) parts.push('"recovered":true');
    }
    if (data !== undefined) parts.push(`"data":${data}`);
    return `{${parts.join(",")}}`;
  }
}

function pushOf(channel: string, publication: Publication): string {
  return encodePush(channel, "pub", encodePublication(publication));
}
