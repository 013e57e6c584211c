import { hash, timingSafeEqual } from "node:crypto";
import * as v from "valibot";
import { BelfryError } from "../../errors.ts";
import { check } from "../../options.ts";

/** What a key may be for: to publish; to look; to change who is subscribed and connected, what is kept, and `rpc`. */
export const apiScopes = ["publish", "read", "manage"] as const;
/** One of {@link apiScopes}. */
export type ApiScope = (typeof apiScopes)[number];

/** A key of the HTTP API. Several may be there at once, so that one can be replaced by another. */
export interface ApiKey {
  /** What a caller shows. */
  readonly key: string;
  /** What messages call it. */
  readonly name?: string | undefined;
  /** "*" is all of them. */
  readonly scopes: readonly (ApiScope | "*")[];
}

/** All keys of a server: `apiKey` alone is for everything. */
export function keysOf(given: { apiKey?: string; apiKeys?: readonly ApiKey[] }): readonly ApiKey[] {
  const { apiKey, apiKeys = [] } = given;
  return apiKey === undefined ? apiKeys : [{ key: apiKey, scopes: ["*"] }, ...apiKeys];
}

/** The schema of the option that holds them. */
export const apiKeys = v.array(
  v.strictObject({
    // What a header carries unchanged (RFC 9110, 5.5).
    key: v.pipe(v.string(), v.regex(/^[!-~](?:[ -~]*[!-~])?$/, "Expected printable ASCII, no space at either end")),
    name: v.optional(v.pipe(v.string(), v.nonEmpty())),
    scopes: v.pipe(v.array(v.picklist([...apiScopes, "*"])), v.nonEmpty()),
  }),
);

/** The keys of a server. */
export class Keyring {
  readonly #keys: readonly ApiKey[];
  readonly #digests: readonly Buffer[];
  readonly #equal: (one: Buffer, other: Buffer) => boolean;

  /**
   * Throws BELFRY_BAD_OPTION for keys that are empty, twice there, or for nothing. `equal` compares in constant time.
   */
  constructor(keys: readonly ApiKey[], equal: (one: Buffer, other: Buffer) => boolean = timingSafeEqual) {
    check(v.object({ keys: apiKeys }), { keys }, "the HTTP API");
    if (new Set(keys.map(({ key }) => key)).size < keys.length) {
      throw new BelfryError("BELFRY_BAD_OPTION", "the HTTP API: option keys: the same key is there twice");
    }
    this.#keys = keys;
    this.#digests = keys.map(({ key }) => digestOf(key));
    this.#equal = equal;
  }

  /** Whether there is none: then nobody is let in. */
  get isEmpty(): boolean {
    return this.#keys.length === 0;
  }

  /**
   * The key that was shown; undefined for one that is not known. Compares digests, and with all of them, so that the
   * time it takes depends neither on which key it is nor on whether it is one.
   */
  find(shown: string): ApiKey | undefined {
    const digest = digestOf(shown);
    let found = -1;
    for (const [i, known] of this.#digests.entries()) found = Math.max(found, this.#equal(digest, known) ? i : -1);
    return this.#keys[found];
  }
}

/** Whether a key is for a scope. */
export function mayUse({ scopes }: ApiKey, scope: ApiScope): boolean {
  return scopes.includes(scope) || scopes.includes("*");
}

function digestOf(text: string): Buffer {
  return hash("sha256", text, "buffer");
}
