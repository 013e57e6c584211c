import { Hub } from "./hub.ts";

/** What is known of a client besides its user, where there is something. */
export interface Identity {
  /** JSON text, told to others in presence and join. */
  readonly info?: string | undefined;
  /** Kept for the hooks. */
  readonly meta?: unknown;
  /** Its credentials are the connect hook's, so that a hook refreshes them; a token is refreshed by the client. */
  readonly isByHook?: boolean;
}

const NOBODY: Identity = {};
const NONE = -1;

/**
 * Who the clients are. Users are interned, like channels, and each knows its connections; what only some clients have
 * stands in a Map for those. A token's id is interned as users are.
 */
export class Identities {
  /** A user is a channel whose subscribers are its connections. */
  readonly #users: Hub;
  /** The same of tokens that have an id. */
  readonly #tokens = new Hub(
    () => {},
    () => {},
  );
  readonly #others = new Map<number, Identity>();

  /** `gone` is called with a user's number when the last of its connections goes: it will be another's. */
  constructor(gone: (user: number) => void = () => {}) {
    this.#users = new Hub(
      (user) => {
        if (this.#users.subscribers(user) === 1) gone(user);
      },
      () => {},
    );
  }

  /** How many users are there, the anonymous one apart. */
  get users(): number {
    return this.#users.channels;
  }

  set(fd: number, user: string, identity: Identity = NOBODY): void {
    if (user !== "") this.#users.subscribe(fd, user);
    const { info, meta, isByHook } = identity;
    // Of most clients there is nothing to be kept.
    if (info !== undefined || meta !== undefined || isByHook) this.#others.set(fd, identity);
  }

  /** The id of the token that a client lives by now; undefined for one without. */
  setToken(fd: number, id: string | undefined): void {
    this.#tokens.leave(fd);
    if (id !== undefined) this.#tokens.subscribe(fd, id);
  }

  tokenIdOf(fd: number): string | undefined {
    const own = this.#tokens.firstOwn(fd);
    return own === NONE ? undefined : this.#tokens.nameOf(own);
  }

  /** "" is the anonymous user. */
  userOf(fd: number): string {
    const own = this.#users.firstOwn(fd);
    return own === NONE ? "" : this.#users.nameOf(own);
  }

  /** A small number for the client's user, as long as it is here; -1 for the anonymous one. */
  userNumberOf(fd: number): number {
    const own = this.#users.firstOwn(fd);
    return own === NONE ? NONE : this.#users.channelOf(own);
  }

  identityOf(fd: number): Identity {
    return this.#others.get(fd) ?? NOBODY;
  }

  /** Changes what others are told of a client. */
  setInfo(fd: number, info: string): void {
    this.#others.set(fd, { ...this.identityOf(fd), info });
  }

  /** How many connections a user has. */
  connectionsOf(user: string): number {
    const number = user === "" ? NONE : this.#users.channel(user);
    return number === NONE ? 0 : this.#users.subscribers(number);
  }

  /** The connections of a user now; of the anonymous user none are known. */
  descriptorsOf(user: string): number[] {
    return user === "" ? [] : descriptorsIn(this.#users, user);
  }

  /** The connections that live by a token now. */
  descriptorsOfToken(id: string): number[] {
    return descriptorsIn(this.#tokens, id);
  }

  forget(fd: number): void {
    this.#users.leave(fd);
    this.#tokens.leave(fd);
    this.#others.delete(fd);
  }
}

function descriptorsIn(hub: Hub, name: string): number[] {
  const number = hub.channel(name);
  const fds: number[] = [];
  if (number === NONE) return fds;
  for (let s = hub.first(number); s !== NONE; s = hub.next(s)) fds.push(hub.descriptor(s));
  return fds;
}
