import { hash } from "node:crypto";
import { limits } from "../../limits.ts";
import type { Maybe } from "../chain.ts";
import { TwoWindows } from "../two-windows.ts";

/** What a token was found to say, and until when, in milliseconds since 1970, that may be repeated unseen. */
export interface Found<Value> {
  readonly value: Value;
  readonly untilMs: number;
}

/**
 * What tokens were found to say in the last `tokensRecentSeconds`: after a restart of what is in front of the server
 * very many clients come back with the tokens that they had. At most `tokensRecentMax` are known, the ones seen last;
 * what was refused is not kept, so that nobody can drive out the others with garbage.
 */
export class Recent<Value> {
  readonly #now: () => number;
  /** By digest: tokens are secrets, and long. */
  readonly #found = new TwoWindows<string, Found<Value>>(
    limits.tokensRecentSeconds * 1000,
    Math.floor(limits.tokensRecentMax / 2),
  );
  readonly #underWay = new Map<string, Promise<Value>>();

  /** `now` gives milliseconds since 1970. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** What the token says: known, being found out already, or found out by `look`, which may reject. */
  find(token: string, look: () => Promise<Found<Value>>): Maybe<Value> {
    const digest = hash("sha256", token, "base64");
    const known = this.#known(digest);
    if (known) return known.value;
    const before = this.#underWay.get(digest);
    if (before) return before;
    const underWay = this.#look(digest, look).finally(() => this.#underWay.delete(digest));
    this.#underWay.set(digest, underWay);
    return underWay;
  }

  #known(digest: string): Found<Value> | undefined {
    const now = this.#now();
    this.#found.moveTo(now);
    const { young, old } = this.#found;
    const isYoung = young.has(digest);
    const known = isYoung ? young.get(digest) : old.get(digest);
    if (!known || now >= known.untilMs) return undefined;
    if (!isYoung) this.#found.set(digest, known);
    return known;
  }

  async #look(digest: string, look: () => Promise<Found<Value>>): Promise<Value> {
    const { value, untilMs } = await look();
    const untilAtMost = this.#now() + limits.tokensRecentSeconds * 1000;
    this.#found.set(digest, { value, untilMs: Math.min(untilMs, untilAtMost) });
    return value;
  }
}
