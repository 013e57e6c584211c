import { type CryptoKey, createLocalJWKSet, errors, type LocalJWKSet } from "jose";
import { limits } from "../../limits.ts";
import type { Log } from "../../log.ts";
import { TokenFault } from "./fault.ts";

/** The algorithms that keys of a JWKS may be for: never HMAC, since everybody may read the set. */
export const jwksAlgorithms: readonly string[] = [
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  ...["ES256", "ES384", "ES512", "EdDSA", "Ed25519"],
];

/** Which key a token asks for (RFC 7515, 4.1). */
export interface KeyQuery {
  readonly alg: string;
  readonly kid?: string;
}

/**
 * The public keys of an identity provider: a JSON Web Key Set (RFC 7517, 5) that is fetched when it is needed and kept
 * for `secondsMax`. A key that is not in it may be a new one, so the set is fetched again; but whoever sends tokens may
 * think up key ids, so never twice within `jwksPauseSeconds`.
 */
export class Jwks {
  readonly #url: URL;
  readonly #agesAfterMs: number;
  readonly #now: () => number;
  readonly #log: Log;
  #set: LocalJWKSet | undefined;
  #fetchedMs = Number.NEGATIVE_INFINITY;
  #triedMs = Number.NEGATIVE_INFINITY;
  #fetching: Promise<boolean> | undefined;
  /** Key ids that the newest set was fetched for, and did not have. */
  readonly #absent = new Set<string>();

  /** `now` gives milliseconds since 1970. */
  constructor(url: string, secondsMax: number, now: () => number, log: Log) {
    this.#url = new URL(url);
    this.#agesAfterMs = secondsMax * 1000;
    this.#now = now;
    this.#log = log;
  }

  /**
   * The keys that the token may be signed with: one, or several when it names none. Rejects with a TokenFault:
   * "invalid" when there is no such key, "unavailable" when nobody knows, since the set was out of reach or fetched
   * just now.
   */
  async keys(query: KeyQuery): Promise<readonly CryptoKey[]> {
    const old = this.#now() - this.#fetchedMs >= this.#agesAfterMs;
    let looked = old && (await this.#fetchAgain());
    let keys = await this.#match(query);
    if (!keys && !looked) {
      looked = await this.#fetchAgain();
      keys = await this.#match(query);
    }
    if (keys) return keys;
    const kid = query.kid ?? "";
    if (looked && this.#absent.size < limits.jwksAbsentMax) this.#absent.add(kid);
    if (looked || this.#absent.has(kid)) {
      throw new TokenFault("invalid", `the JWKS has no key for alg ${query.alg}, kid ${JSON.stringify(query.kid)}`);
    }
    throw new TokenFault("unavailable", "the JWKS could not be asked for this key");
  }

  async #match({ alg, kid }: KeyQuery): Promise<readonly CryptoKey[] | undefined> {
    if (!this.#set) return undefined;
    try {
      return [await this.#set(kid === undefined ? { alg } : { alg, kid })];
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) return undefined;
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
      const keys: CryptoKey[] = [];
      for await (const key of error) keys.push(key);
      return keys;
    }
  }

  /** Whether the set was fetched now: false when that failed, or is too early. */
  async #fetchAgain(): Promise<boolean> {
    if (this.#fetching) return await this.#fetching;
    if (this.#now() - this.#triedMs < limits.jwksPauseSeconds * 1000) return false;
    this.#triedMs = this.#now();
    this.#fetching = this.#fetch().finally(() => {
      this.#fetching = undefined;
    });
    return await this.#fetching;
  }

  async #fetch(): Promise<boolean> {
    try {
      this.#set = createLocalJWKSet(JSON.parse(await fetchText(this.#url)));
      this.#fetchedMs = this.#now();
      this.#absent.clear();
      return true;
    } catch (error) {
      const outcome = this.#set ? "the keys fetched before stay in use" : "tokens cannot be verified now";
      // The query may hold a secret.
      this.#log.warn(
        `the JWKS at ${this.#url.host}${this.#url.pathname} was not fetched: ${reasonOf(error)}; ${outcome}`,
      );
      return false;
    }
  }
}

/** A redirect is refused: these keys say who may come in, so they come from where the configuration says. */
async function fetchText(url: URL): Promise<string> {
  const response = await fetch(url, {
    headers: { accept: "application/jwk-set+json, application/json" },
    redirect: "error",
    signal: AbortSignal.timeout(limits.jwksFetchSecondsMax * 1000),
  });
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`the HTTP status is ${response.status}`);
  }
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > limits.jwksBytesMax) throw new Error(`it is longer than jwksBytesMax, ${limits.jwksBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function reasonOf(error: unknown): string {
  // fetch says "fetch failed", and why in the cause.
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}
