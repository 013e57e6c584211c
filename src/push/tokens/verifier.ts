import type { KeyObject } from "node:crypto";
import { type CryptoKey, decodeProtectedHeader, errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from "jose";
import { limits } from "../../limits.ts";
import { type Log, silent } from "../../log.ts";
import { TokenFault } from "./fault.ts";
import { Jwks, jwksAlgorithms, type KeyQuery } from "./jwks.ts";
import { Keys } from "./keys.ts";
import { checkTokenOptions, type TokenOptions } from "./options.ts";

/** Verifies signed tokens (JWT, RFC 7519): signature, `exp`, `nbf`, `aud` and `iss`; what else they claim is not its. */
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
    let header: ReturnType<typeof decodeProtectedHeader>;
    try {
      header = decodeProtectedHeader(token);
    } catch (cause) {
      throw new TokenFault("invalid", "it is no token: header.claims.signature, each in base64url", { cause });
    }
    const { alg, kid } = header;
    if (typeof alg !== "string" || !this.#algorithms.has(alg)) {
      const allowed = [...this.#algorithms].join(", ") || "none, since no key is configured";
      throw new TokenFault("invalid", `its alg is ${JSON.stringify(alg)}, allowed are ${allowed}`);
    }
    if (kid === undefined) return { alg };
    if (typeof kid !== "string") throw new TokenFault("invalid", "its kid is no string");
    return { alg, kid };
  }
}

function faultOf(error: unknown): unknown {
  if (!(error instanceof errors.JOSEError)) return error;
  return new TokenFault(error instanceof errors.JWTExpired ? "expired" : "invalid", error.message, { cause: error });
}
