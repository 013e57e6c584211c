import { createHash } from "node:crypto";
import { limits } from "../../limits.ts";
import { Names } from "../names.ts";

/**
 * Counts the connections of each user, and lets in so many. The anonymous user, "", is nobody and not counted. A user
 * costs about 30 bytes and the name's own.
 */
export class ConnectionGate {
  readonly #connectionsMax: number;
  readonly #usersMax: number;
  readonly #users = new Names();
  /** Connections by the user's number. */
  #counts = new Uint32Array(1024);

  /** `connectionsMax` is for each user; beyond `usersMax` users nobody new is let in. */
  constructor(connectionsMax: number, usersMax: number = limits.connectionGateUsersMax) {
    this.#connectionsMax = connectionsMax;
    this.#usersMax = usersMax;
  }

  /** How many users are connected. */
  get users(): number {
    return this.#users.size;
  }

  /** A connection of the user's wants in; false when it may not, and then it is not counted. */
  enter(user: string): boolean {
    if (user === "") return true;
    const name = nameOf(user);
    const known = this.#users.find(name);
    if (known < 0 && this.#users.size >= this.#usersMax) return false;
    if (known >= 0 && (this.#counts[known] as number) >= this.#connectionsMax) return false;
    const id = known < 0 ? this.#users.intern(name) : known;
    if (id >= this.#counts.length) this.#grow();
    this.#counts[id] = (this.#counts[id] as number) + 1;
    return true;
  }

  /** A connection that was let in has gone. */
  leave(user: string): void {
    if (user === "") return;
    const id = this.#users.find(nameOf(user));
    if (id < 0) return;
    this.#counts[id] = (this.#counts[id] as number) - 1;
    if (this.#counts[id] === 0) this.#users.release(id);
  }

  #grow(): void {
    const larger = new Uint32Array(this.#counts.length * 2);
    larger.set(this.#counts);
    this.#counts = larger;
  }
}

/** A user's id may be longer than a name: then it goes by its digest, which no user is called by chance. */
function nameOf(user: string): string {
  if (Buffer.byteLength(user) <= limits.channelBytesMax) return user;
  return createHash("sha256").update(user).digest("base64");
}
