import { limits } from "../limits.ts";

/** What a token that somebody shows says of itself. */
export interface Shown {
  readonly user: string;
  /** Its claim `jti`. */
  readonly tokenId?: string;
  /** Its claim `iat`, in seconds since 1970. */
  readonly issuedAt?: number;
}

interface Revocation {
  /** In seconds since 1970: from then on it counts no more. */
  readonly until: number;
  /** Tokens that were issued later are good. */
  readonly issuedUntil: number;
}

/**
 * Tokens that are refused though they are genuine: some by their id, and of a user those that were issued up to a
 * time. Known to this process as long as it runs; at most revocationsMax, of which the oldest goes for a new one.
 */
export class Revocations {
  /** In seconds since 1970. */
  readonly #now: () => number;
  readonly #max: number;
  /** By "token:" and an id, or "user:" and a user; the oldest first. */
  readonly #known = new Map<string, Revocation>();

  /** `now` is in seconds since 1970. */
  constructor(now: () => number, max: number = limits.revocationsMax) {
    this.#now = now;
    this.#max = max;
  }

  /** How many are known. */
  get size(): number {
    return this.#known.size;
  }

  /** Whether the next one drives another out. */
  get isFull(): boolean {
    if (this.#known.size >= this.#max) this.#sweep();
    return this.#known.size >= this.#max;
  }

  /** Refuses the token of an id until `until`, in seconds since 1970. */
  revokeToken(id: string, until: number): void {
    this.#add(`token:${id}`, { until, issuedUntil: Number.POSITIVE_INFINITY });
  }

  /** Refuses the tokens of a user that were issued up to `issuedUntil`, and those that do not say when. */
  revokeUser(user: string, issuedUntil: number, until: number): void {
    this.#add(`user:${user}`, { until, issuedUntil });
  }

  /** Whether a token is refused. */
  refuses({ user, tokenId, issuedAt = Number.NEGATIVE_INFINITY }: Shown): boolean {
    if (this.#known.size === 0) return false;
    if (tokenId !== undefined && this.#holds(`token:${tokenId}`, issuedAt)) return true;
    return this.#holds(`user:${user}`, issuedAt);
  }

  #holds(key: string, issuedAt: number): boolean {
    const revocation = this.#known.get(key);
    return revocation !== undefined && this.#now() < revocation.until && issuedAt <= revocation.issuedUntil;
  }

  /** A second one for the same never lets in what the first refused. */
  #add(key: string, { until, issuedUntil }: Revocation): void {
    const before = this.#known.get(key) ?? { until: 0, issuedUntil: 0 };
    this.#known.delete(key);
    if (this.isFull) this.#forgetOldest();
    this.#known.set(key, {
      until: Math.max(until, before.until),
      issuedUntil: Math.max(issuedUntil, before.issuedUntil),
    });
  }

  #forgetOldest(): void {
    const [oldest = ""] = this.#known.keys();
    this.#known.delete(oldest);
  }

  #sweep(): void {
    const now = this.#now();
    for (const [key, { until }] of this.#known) if (until <= now) this.#known.delete(key);
  }
}
