import { hash } from "node:crypto";
import { limits } from "../../limits.ts";

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
  /** By digest: tokens are secrets, and long. The one seen longest ago is first. */
  readonly #found = new Map<string, Found<Value>>();
  readonly #underWay = new Map<string, Promise<Value>>();

  /** `now` gives milliseconds since 1970. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** What the token says: known, being found out already, or found out by `look`, which may reject. */
  async find(token: string, look: () => Promise<Found<Value>>): Promise<Value> {
    const digest = hash("sha256", token, "base64");
    const known = this.#found.get(digest);
    if (known) {
      this.#found.delete(digest);
      if (this.#now() < known.untilMs) {
        this.#found.set(digest, known);
        return known.value;
      }
    }
    let underWay = this.#underWay.get(digest);
    if (!underWay) {
      underWay = this.#look(digest, look).finally(() => this.#underWay.delete(digest));
      this.#underWay.set(digest, underWay);
    }
    return await underWay;
  }

  async #look(digest: string, look: () => Promise<Found<Value>>): Promise<Value> {
    const { value, untilMs } = await look();
    this.#found.set(digest, {
      value,
      untilMs: Math.min(untilMs, this.#now() + limits.tokensRecentSeconds * 1000),
    });
    for (const oldest of this.#found.keys()) {
      if (this.#found.size <= limits.tokensRecentMax) break;
      this.#found.delete(oldest);
    }
    return value;
  }
}
