import { createPublicKey, type KeyObject } from "node:crypto";
import type { CryptoKey } from "jose";
import { BelfryError } from "../../errors.ts";
import type { TokenOptions } from "./options.ts";

const HASHES = { HS256: "SHA-256", HS384: "SHA-384", HS512: "SHA-512" } as const;
const RSA_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
/** Each curve has one algorithm (RFC 7518, 3.4), by OpenSSL's name of the curve. */
const CURVES: ReadonlyMap<string | undefined, string> = new Map([
  ["prime256v1", "ES256"],
  ["secp384r1", "ES384"],
  ["secp521r1", "ES512"],
]);
/** Below it RFC 7518, 3.3, forbids the use. */
const RSA_BITS_MIN = 2048;

type HmacAlgorithm = keyof typeof HASHES;
type PublicKeyOption = "rsaPublicKey" | "ecdsaPublicKey";

/**
 * The keys of the configuration, by the algorithms (RFC 7518, 3.1) that they are for. A token names its algorithm
 * itself, so a key serves those of its own kind only: never a public key as the secret of an HMAC.
 */
export class Keys {
  readonly #secrets: readonly string[];
  readonly #hmac = new Map<string, Promise<readonly CryptoKey[]>>();
  readonly #public = new Map<string, readonly KeyObject[]>();

  /** Throws BELFRY_BAD_OPTION for a public key that is none, or not of the kind that the option is for. */
  constructor(options: TokenOptions) {
    const { hmacSecret, previousHmacSecret, rsaPublicKey, ecdsaPublicKey } = options;
    this.#secrets = [hmacSecret, previousHmacSecret].filter((secret) => secret !== undefined);
    if (rsaPublicKey !== undefined) {
      const key = [readRsaKey(rsaPublicKey)];
      for (const algorithm of RSA_ALGORITHMS) this.#public.set(algorithm, key);
    }
    if (ecdsaPublicKey !== undefined) {
      const { key, algorithm } = readEcdsaKey(ecdsaPublicKey);
      this.#public.set(algorithm, [key]);
    }
  }

  /** Those for which there is a key. */
  get algorithms(): readonly string[] {
    return [...(this.#secrets.length === 0 ? [] : Object.keys(HASHES)), ...this.#public.keys()];
  }

  /** The keys for an algorithm, the current one first; none for one that is not among {@link algorithms}. */
  async of(algorithm: string): Promise<readonly (CryptoKey | KeyObject)[]> {
    if (!Object.hasOwn(HASHES, algorithm)) return this.#public.get(algorithm) ?? [];
    let keys = this.#hmac.get(algorithm);
    if (!keys) {
      keys = Promise.all(this.#secrets.map((secret) => hmacKey(secret, algorithm as HmacAlgorithm)));
      this.#hmac.set(algorithm, keys);
    }
    return await keys;
  }
}

function hmacKey(secret: string, algorithm: HmacAlgorithm): Promise<CryptoKey> {
  const how = { name: "HMAC", hash: HASHES[algorithm] };
  return crypto.subtle.importKey("raw", Buffer.from(secret), how, false, ["verify"]);
}

function readRsaKey(pem: string): KeyObject {
  const key = readPublicKey("rsaPublicKey", pem);
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (key.asymmetricKeyType !== "rsa") throw badKey("rsaPublicKey", `it is of the type ${key.asymmetricKeyType}`);
  if (bits < RSA_BITS_MIN) throw badKey("rsaPublicKey", `it has ${bits} bits, allowed are ${RSA_BITS_MIN} and more`);
  return key;
}

function readEcdsaKey(pem: string): { key: KeyObject; algorithm: string } {
  const key = readPublicKey("ecdsaPublicKey", pem);
  const curve = key.asymmetricKeyDetails?.namedCurve;
  const algorithm = CURVES.get(curve);
  if (algorithm === undefined) {
    const what = curve === undefined ? `it is of the type ${key.asymmetricKeyType}` : `its curve is ${curve}`;
    throw badKey("ecdsaPublicKey", `${what}, allowed are the curves ${[...CURVES.keys()].join(", ")}`);
  }
  return { key, algorithm };
}

function readPublicKey(option: PublicKeyOption, pem: string): KeyObject {
  // Node would take the public half of it; but a server that only verifies must not be given the other one.
  if (pem.includes("PRIVATE KEY-----")) throw badKey(option, "it is a private key");
  try {
    return createPublicKey(pem);
  } catch (cause) {
    throw badKey(option, "it is no PEM", { cause });
  }
}

function badKey(option: PublicKeyOption, what: string, cause?: ErrorOptions): BelfryError {
  const kind = option === "rsaPublicKey" ? "RSA" : "ECDSA";
  const expected = `Expected an ${kind} public key as PEM (-----BEGIN PUBLIC KEY-----)`;
  return new BelfryError("BELFRY_BAD_OPTION", `tokens: option ${option}: ${expected}, but ${what}`, cause);
}
