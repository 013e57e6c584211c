import { limits } from "../limits.ts";

/** What a token that somebody shows says of itself. */
export interface Shown {
  readonly user: string;
  /** Its claim `jti`. */
  readonly tokenId?: string;
  /** Its claim `iat`, in seconds since 1970. */
  readonly issuedAt?: number;
}

/** A revocation as nodes tell one another: its key, until when it counts, and of a user the newest token's time. */
export type RevocationRow = readonly [key: string, until: number, issuedUntil: number | null];

/** Nodes tell one another what is revoked in so many parts: all in one may be larger than an answer may be. */
export const REVOCATION_PARTS = 16;

const TOKEN = "token:";
const USER = "user:";

interface Revocation {
  /** In seconds since 1970: from then on it counts no more. */
  readonly until: number;
  /** Tokens that were issued later are good. */
  readonly issuedUntil: number;
}

/**
 * Tokens that are refused though they are genuine: some by their id, and of a user those that were issued up to a
 * time. Known as long as one of the nodes runs; at most revocationsMax, of which the oldest goes for a new one.
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

  /** Whether the other nodes have been asked for those that they know. */
  isWhole = false;

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
    this.#add(`${TOKEN}${id}`, { until, issuedUntil: Number.POSITIVE_INFINITY });
  }

  /** Refuses the tokens of a user that were issued up to `issuedUntil`, and those that do not say when. */
  revokeUser(user: string, issuedUntil: number, until: number): void {
    this.#add(`${USER}${user}`, { until, issuedUntil });
  }

  /** Whether a token is refused. */
  refuses({ user, tokenId, issuedAt = Number.NEGATIVE_INFINITY }: Shown): boolean {
    if (this.#known.size === 0) return false;
    if (tokenId !== undefined && this.#holds(`${TOKEN}${tokenId}`, issuedAt)) return true;
    return this.#holds(`${USER}${user}`, issuedAt);
  }

  /** All that count, the oldest first; or those of one part, from 0 to REVOCATION_PARTS - 1. */
  rows(part?: number): RevocationRow[] {
    this.#sweep();
    const found: RevocationRow[] = [];
    for (const [key, { until, issuedUntil }] of this.#known) {
      if (part !== undefined && partOf(key) !== part) continue;
      found.push([key, until, Number.isFinite(issuedUntil) ? issuedUntil : null]);
    }
    return found;
  }

  /** Takes what another node knows; gives the tokens and users of which it was new that they are refused. */
  learn(rows: readonly RevocationRow[]): { tokenIds: string[]; users: string[] } {
    const fresh = { tokenIds: [] as string[], users: [] as string[] };
    for (const [key, until, end] of rows) {
      const issuedUntil = end ?? Number.POSITIVE_INFINITY;
      const known = this.#known.get(key);
      if (known && known.until >= until && known.issuedUntil >= issuedUntil) continue;
      this.#add(key, { until, issuedUntil });
      if (key.startsWith(TOKEN)) fresh.tokenIds.push(key.slice(TOKEN.length));
      else fresh.users.push(key.slice(USER.length));
    }
    return fresh;
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

/** The same at all times, so that none slips from one part into another while they are asked for. */
function partOf(key: string): number {
  let hash = 0;
  for (let i = 0; i < key.length; i++) hash = (Math.imul(hash, 31) + key.charCodeAt(i)) | 0;
  return (hash ^ (hash >>> 16)) & (REVOCATION_PARTS - 1);
}
