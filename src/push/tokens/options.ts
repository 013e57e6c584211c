import * as v from "valibot";
import { check } from "../../options.ts";

/** Which tokens are accepted; without any key none is. */
export interface TokenOptions {
  /** For HS256, HS384 and HS512. */
  hmacSecret?: string;
  /** The secret before the last change of it: tokens that it signed are still accepted. */
  previousHmacSecret?: string;
  /** PEM; for RS256, RS384, RS512, PS256, PS384 and PS512. */
  rsaPublicKey?: string;
  /** PEM; for ES256, ES384 or ES512, according to its curve. */
  ecdsaPublicKey?: string;
  /** Where the public keys of an identity provider are (RFC 7517, 5): RSA, ECDSA and Ed25519. */
  jwksUrl?: string;
  /** How long those are used before they are fetched again. Default `limits.jwksSecondsMax`. */
  jwksSecondsMax?: number;
  /** When given, `aud` must be it, or hold it. */
  audience?: string;
  /** When given, `iss` must be it. */
  issuer?: string;
  /** The claim that holds the user. Default `sub`. */
  userClaim?: string;
}

// The messages are our own: valibot's tell the value, and that may be a secret.
const text = v.optional(
  v.pipe(v.string("Invalid type: Expected a string"), v.nonEmpty("Invalid length: Expected a text that is not empty")),
);
const secret = v.optional(
  v.pipe(
    v.string("Invalid type: Expected a string"),
    v.nonEmpty("Invalid length: Expected a secret that is not empty"),
    // Everybody knows a public key: as a secret it would let everybody sign.
    v.check((value) => !value.includes("-----BEGIN "), "Invalid secret: a PEM key belongs into rsaPublicKey"),
  ),
);

const tokenOptions = v.strictObject({
  hmacSecret: secret,
  previousHmacSecret: secret,
  rsaPublicKey: text,
  ecdsaPublicKey: text,
  jwksUrl: v.optional(v.custom(isHttpUrl, "Invalid URL: Expected one that begins with https:// or http://")),
  jwksSecondsMax: v.optional(v.pipe(v.number(), v.minValue(1), v.finite())),
  audience: text,
  issuer: text,
  userClaim: text,
});

/** Throws BELFRY_BAD_OPTION that names the option and what is allowed. Keys are not read yet. */
export function checkTokenOptions(options: TokenOptions): void {
  check(tokenOptions, options, "tokens");
}

function isHttpUrl(value: unknown): boolean {
  return typeof value === "string" && /^https?:\/\//.test(value) && URL.canParse(value);
}
