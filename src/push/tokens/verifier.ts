import type { KeyObject } from "node:crypto";
import { inspect } from "node:util";
import { type CryptoKey, decodeProtectedHeader, errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from "jose";
import { limits } from "../../limits.ts";
import { type Log, silent } from "../../log.ts";
import { TokenFault } from "./fault.ts";
import { Jwks, jwksAlgorithms, type KeyQuery } from "./jwks.ts";
import { Keys } from "./keys.ts";
import { checkTokenOptions, type TokenOptions } from "./options.ts";

/** Base64url without padding (RFC 7515, 7.1): with what decoders overlook besides, one token would have many faces. */
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]*$/;

/** Verifies signed tokens (JWT, RFC 7519): signature, `exp`, `nbf`, `aud` and `iss`, and no other claims. */
export class Verifier {
  readonly #keys: Keys;
  readonly #jwks: Jwks | undefined;
  readonly #algorithms: ReadonlySet<string>;
  readonly #checks: JWTVerifyOptions;

  /** `now` gives milliseconds since 1970. Throws BELFRY_BAD_OPTION. */
  constructor(options: TokenOptions, now: () => number = Date.now, log: Log = silent) {
    checkTokenOptions(options);
    const { jwksUrl, jwksSecondsMax = limits.jwksSecondsMax, audience, issuer } = options;
    this.#keys = new Keys(options);
    this.#jwks = jwksUrl === undefined ? undefined : new Jwks(jwksUrl, jwksSecondsMax, now, log);
    this.#algorithms = new Set([...this.#keys.algorithms, ...(this.#jwks ? jwksAlgorithms : [])]);
    this.#checks = {
      algorithms: [...this.#algorithms],
      ...(audience === undefined ? {} : { audience }),
      ...(issuer === undefined ? {} : { issuer }),
      get currentDate() {
        return new Date(now());
      },
    };
  }

  /** The algorithms that tokens may be signed with; none without a key. */
  get algorithms(): ReadonlySet<string> {
    return this.#algorithms;
  }

  /** The claims of a genuine token; rejects with a TokenFault. */
  async verify(token: string): Promise<JWTPayload> {
    if (token.length > limits.tokenBytesMax) {
      throw new TokenFault("oversized", `it has ${token.length} bytes, and tokenBytesMax is ${limits.tokenBytesMax}`);
    }
    const query = this.#queryOf(token);
    let claims = await this.#verifyWith(await this.#keys.of(query.alg), token);
    if (!claims && this.#jwks && jwksAlgorithms.includes(query.alg)) {
      claims = await this.#verifyWith(await this.#jwks.keys(query), token);
    }
    if (claims) return claims;
    throw new TokenFault("invalid", "the signature is of another key");
  }

  /** The claims, if the signature is of one of the keys. */
  async #verifyWith(keys: readonly (CryptoKey | KeyObject)[], token: string): Promise<JWTPayload | undefined> {
    for (const key of keys) {
      try {
        return (await jwtVerify(token, key, this.#checks)).payload;
      } catch (error) {
        if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw faultOf(error);
      }
    }
    return undefined;
  }

  /** What the token says about its key. That is not to be trusted: all it can do is choose among ours. */
  #queryOf(token: string): KeyQuery {
    const { alg, kid } = headerOf(token);
    if (typeof alg !== "string" || !this.#algorithms.has(alg)) {
      const allowed = [...this.#algorithms].join(", ") || "none, since no key is configured";
      throw new TokenFault("invalid", `its alg is ${JSON.stringify(alg)}, allowed are ${allowed}`);
    }
    if (kid === undefined) return { alg };
    if (typeof kid !== "string") throw new TokenFault("invalid", "its kid is no string");
    return { alg, kid };
  }
}

function headerOf(token: string): ReturnType<typeof decodeProtectedHeader> {
  if (!COMPACT.test(token)) throw new TokenFault("invalid", "it is no token: header.claims.signature, in base64url");
  try {
    return decodeProtectedHeader(token);
  } catch (cause) {
    throw new TokenFault("invalid", "its header is no JSON object", { cause });
  }
}

function faultOf(error: unknown): unknown {
  if (!(error instanceof errors.JOSEError)) return error;
  if (error instanceof errors.JWTExpired) {
    const { exp = 0 } = error.payload;
    return new TokenFault("expired", `it expired at ${new Date(exp * 1000).toUTCString()}`, { cause: error });
  }
  const failed = error instanceof errors.JWTClaimValidationFailed;
  const value = failed ? `, it is ${inspect(error.payload[error.claim])}` : "";
  return new TokenFault("invalid", `${error.message}${value}`, { cause: error });
}
