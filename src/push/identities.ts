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
 * stands in a Map for those.
 */
export class Identities {
  /** A user is a channel whose subscribers are its connections. */
  readonly #users = new Hub(
    () => {},
    () => {},
  );
  readonly #others = new Map<number, Identity>();

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

  /** "" is the anonymous user. */
  userOf(fd: number): string {
    const own = this.#users.firstOwn(fd);
    return own === NONE ? "" : this.#users.nameOf(own);
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
    const number = user === "" ? NONE : this.#users.channel(user);
    const fds: number[] = [];
    if (number === NONE) return fds;
    for (let s = this.#users.first(number); s !== NONE; s = this.#users.next(s)) fds.push(this.#users.descriptor(s));
    return fds;
  }

  forget(fd: number): void {
    this.#users.leave(fd);
    this.#others.delete(fd);
  }
}
