import assert from "node:assert/strict";
import { createHmac, createPrivateKey, generateKeyPairSync, type KeyObject, randomUUID, sign } from "node:crypto";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, type TestContext, test } from "node:test";
import fc from "fast-check";
import { BelfryError } from "../src/errors.ts";
import { limits } from "../src/limits.ts";
import type { Log } from "../src/log.ts";
import { DisconnectError, ReplyError } from "../src/push/protocol.ts";
import { readConnectionClaims, readSubscriptionClaims } from "../src/push/tokens/claims.ts";
import { TokenFault } from "../src/push/tokens/fault.ts";
import { Recent } from "../src/push/tokens/recent.ts";
import { type TokenOptions, Tokens } from "../src/push/tokens.ts";

const SECRET = "a secret that is long enough for SHA-256";
const OTHER = "another secret, which is long enough too";
/** Seconds since 1970 at which all tests begin. */
const NOW = 1_800_000_000;

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const otherRsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ec256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
const ec384 = generateKeyPairSync("ec", { namedCurve: "P-384" });
const ec521 = generateKeyPairSync("ec", { namedCurve: "P-521" });
const ed25519 = generateKeyPairSync("ed25519");

const pem = (key: KeyObject) => key.export({ type: "spki", format: "pem" }) as string;
const base64url = (part: unknown) =>
  Buffer.from(typeof part === "string" ? part : JSON.stringify(part)).toString("base64url");

/** Signs as RFC 7515, 5.1, tells it, without any help of the library that verifies. */
function jws(header: { alg: string } & Record<string, unknown>, claims: unknown, key: string | KeyObject): string {
  const text = `${base64url(header)}.${base64url(claims)}`;
  return `${text}.${signature(header.alg, text, key).toString("base64url")}`;
}

function signature(alg: string, text: string, key: string | KeyObject): Buffer {
  const hash = `sha${alg.slice(2)}`;
  if (alg.startsWith("HS")) return createHmac(hash, key).update(text).digest();
  const bytes = Buffer.from(text);
  if (typeof key === "string") key = createPrivateKey(key);
  if (alg.startsWith("RS")) return sign(hash, bytes, key);
  if (alg.startsWith("PS")) return sign(hash, bytes, { key, padding: 6, saltLength: -1 });
  if (alg.startsWith("ES")) return sign(hash, bytes, { key, dsaEncoding: "ieee-p1363" });
  return sign(null, bytes, key);
}

const hs = (claims: unknown, secret: string | KeyObject = SECRET) => jws({ alg: "HS256", typ: "JWT" }, claims, secret);

class Clock {
  ms = NOW * 1000;
  readonly now = () => this.ms;
  pass(seconds: number): void {
    this.ms += seconds * 1000;
  }
}

/** A log that a test can read. */
function keptLog(): { lines: string[]; log: Log } {
  const lines: string[] = [];
  const keep = (line: string) => void lines.push(line);
  return { lines, log: { info: keep, warn: keep, error: keep } };
}

/** What a token says may be known at once, or found out; to these tests both are promises. */
class Answers {
  readonly #tokens: Tokens;
  constructor(tokens: Tokens) {
    this.#tokens = tokens;
  }
  get enabled(): boolean {
    return this.#tokens.enabled;
  }
  connection = async (token: string) => await this.#tokens.connection(token);
  subscription = async (token: string, expected: { user: string; channel: string }) =>
    await this.#tokens.subscription(token, expected);
}

function tokens(options: TokenOptions = { hmacSecret: SECRET }, clock = new Clock(), log?: Log): Answers {
  return new Answers(new Tokens(options, clock.now, log));
}

/** What the client is answered: an error's code, or 0 when the token is accepted. */
async function answer(accepted: Promise<unknown>): Promise<number> {
  try {
    await accepted;
    return 0;
  } catch (error) {
    if (error instanceof ReplyError) return error.code;
    if (error instanceof DisconnectError) return error.disconnect.code;
    throw error;
  }
}

/** Why the operator is told that it was refused. */
async function reason(refused: Promise<unknown>): Promise<string> {
  const error = await refused.then(
    () => assert.fail("it was accepted"),
    (error) => error,
  );
  assert.ok(error.cause instanceof TokenFault, String(error.cause));
  return error.cause.message;
}

const chat = { user: "42", channel: "chat" };

/** How many signatures are verified from here on. */
function countVerifications(t: TestContext): () => number {
  const { mock } = t.mock.method(crypto.subtle, "verify");
  return () => mock.callCount();
}

// ---- Claims -----------------------------------------------------------------------------------------------------------

const b64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64");

describe("connection: claims become credentials", () => {
  const table: readonly [what: string, claims: Record<string, unknown>, credentials: Record<string, unknown>][] = [
    ["nothing is the anonymous user", {}, { user: "" }],
    ["the user", { sub: "42" }, { user: "42" }],
    ["a user that is a whole number", { sub: 42 }, { user: "42" }],
    ["exp", { sub: "42", exp: NOW + 60 }, { user: "42", expireAt: NOW + 60 }],
    ["exp with a fraction, cut to seconds", { exp: NOW + 60.9 }, { user: "", expireAt: NOW + 60 }],
    ["expire_at instead of exp", { exp: NOW + 60, expire_at: NOW + 9 }, { user: "", expireAt: NOW + 9 }],
    ["expire_at without exp", { expire_at: NOW + 9 }, { user: "", expireAt: NOW + 9 }],
    ["expire_at 0 for never", { exp: NOW + 60, expire_at: 0 }, { user: "", expireAt: 0 }],
    ["expire_at null for none", { exp: NOW + 60, expire_at: null }, { user: "", expireAt: NOW + 60 }],
    ["nbf and iat that have come", { sub: "42", nbf: NOW, iat: NOW - 1 }, { user: "42", issuedAt: NOW - 1 }],
    ["iat with a fraction, and before 1970", { iat: -0.5 }, { user: "", issuedAt: -0.5 }],
    ["jti", { sub: "42", jti: "t1" }, { user: "42", tokenId: "t1" }],
    ["a jti that is a whole number", { jti: 7 }, { user: "", tokenId: "7" }],
    ["an empty jti, which is none", { jti: "" }, { user: "" }],
    ["a jti of apiTextBytesMax", { jti: "é".repeat(127) }, { user: "", tokenId: "é".repeat(127) }],
    ["a longer jti, which nobody could name", { jti: "é".repeat(128) }, { user: "" }],
    ["info", { info: { name: "Ann" } }, { user: "", info: { name: "Ann" } }],
    ["info that is false", { info: false }, { user: "", info: false }],
    ["b64info before info", { info: 1, b64info: b64({ é: ["ü"] }) }, { user: "", info: { é: ["ü"] } }],
    ["an empty b64info", { info: 1, b64info: "" }, { user: "", info: 1 }],
    ["meta", { meta: { plan: "free" } }, { user: "", meta: { plan: "free" } }],
    ["channels", { channels: ["a", "b"] }, { user: "", channels: ["a", "b"] }],
    ["null for what is absent", { sub: null, info: null, channels: null, subs: null, jti: null }, { user: "" }],
    ["an empty channel, which is none", { sub: "42", channel: "" }, { user: "42" }],
    ["what it does not know", { sub: "42", role: "admin", data: 1, toString: 1 }, { user: "42" }],
  ];
  for (const [what, claims, credentials] of table) {
    test(what, async () => assert.deepEqual(await tokens().connection(hs(claims)), credentials));
  }

  test("subs, with all that a subscription may have", async () => {
    const subs = {
      "news:1": {},
      chat: { info: 1, b64info: b64("é"), data: 2, b64data: b64([3]), expire_at: 5 },
      all: {
        override: {
          presence: { value: true },
          join_leave: { value: false },
          force_push_join_leave: {},
          force_positioning: { value: null },
          force_recovery: { value: true },
          another: { value: true },
        },
      },
      some: { override: { presence: { value: true }, join_leave: null } },
      none: { override: null, info: null },
    };
    const read = await tokens().connection(hs({ subs }));
    assert.deepEqual(Object.entries(read.subs ?? {}), [
      ["news:1", {}],
      ["chat", { info: "é", data: [3] }],
      [
        "all",
        {
          override: {
            presence: true,
            joinLeave: false,
            forcePushJoinLeave: false,
            forcePositioning: false,
            forceRecovery: true,
          },
        },
      ],
      ["some", { override: { presence: true } }],
      ["none", {}],
    ]);
  });

  test("channels that are named as what every object has", async () => {
    const claims = `{"sub":"42","subs":{"__proto__":{"info":1},"constructor":{},"toString":{"data":2}}}`;
    const { subs = {} } = await tokens().connection(hs(claims));
    assert.deepEqual(Object.entries(subs), [
      ["__proto__", { info: 1 }],
      ["constructor", {}],
      ["toString", { data: 2 }],
    ]);
    assert.equal(subs["hasOwnProperty"], undefined);
  });

  for (const [claims, user] of [
    [{ user_id: "ann", sub: "42" }, "ann"],
    [{ user_id: 7 }, "7"],
    [{ sub: "42" }, ""],
  ] as const) {
    test(`the user of ${JSON.stringify(claims)} is ${JSON.stringify(user)} with userClaim user_id`, async () => {
      const { connection } = tokens({ hmacSecret: SECRET, userClaim: "user_id" });
      assert.equal((await connection(hs(claims))).user, user);
    });
  }

  test("a userClaim that every object has from its prototype is not taken from there", async () => {
    for (const userClaim of ["constructor", "toString", "__proto__"]) {
      assert.deepEqual(await tokens({ hmacSecret: SECRET, userClaim }).connection(hs({ sub: "42" })), { user: "" });
      const own = hs(`{"${userClaim}":"ann"}`);
      assert.deepEqual(await tokens({ hmacSecret: SECRET, userClaim }).connection(own), { user: "ann" });
    }
  });
});

describe("subscription: claims become a subscription", () => {
  const table: readonly [what: string, claims: Record<string, unknown>, subscription: Record<string, unknown>][] = [
    ["nothing more than for whom and what", {}, {}],
    ["exp", { exp: NOW + 60 }, { expireAt: NOW + 60 }],
    ["expire_at instead of exp", { exp: NOW + 60, expire_at: 0 }, { expireAt: 0 }],
    ["info and data", { info: 1, data: { a: 2 } }, { info: 1, data: { a: 2 } }],
    ["b64info and b64data", { info: 1, b64info: b64(2), data: 3, b64data: b64(4) }, { info: 2, data: 4 }],
    ["override", { override: { force_recovery: { value: true } } }, { override: { forceRecovery: true } }],
    ["what it does not know", { channels: 7, subs: 7, meta: 7, client: "x" }, {}],
  ];
  for (const [what, claims, subscription] of table) {
    test(what, async () => {
      const token = hs({ sub: "42", channel: "chat", ...claims });
      assert.deepEqual(await tokens().subscription(token, chat), subscription);
    });
  }

  test("the anonymous user, and the user of another claim", async () => {
    const anonymous = hs({ channel: "chat" });
    assert.deepEqual(await tokens().subscription(anonymous, { user: "", channel: "chat" }), {});
    const ann = tokens({ hmacSecret: SECRET, userClaim: "name" });
    assert.deepEqual(await ann.subscription(hs({ name: "ann", channel: "chat" }), { ...chat, user: "ann" }), {});
  });
});

describe("claims of another form than theirs refuse the token, and the cause names the claim", () => {
  const shared: readonly [claims: string, cause: RegExp][] = [
    [`{"sub":true}`, /claim sub: Expected a string or whole number/],
    [`{"sub":1.5}`, /claim sub/],
    [`{"sub":["42"]}`, /claim sub/],
    [`{"exp":"tomorrow"}`, /"exp" claim must be a number, it is 'tomorrow'/],
    [`{"exp":null}`, /"exp" claim must be a number/],
    [`{"exp":1e999}`, /claim exp/],
    [`{"expire_at":-1}`, /claim expire_at/],
    [`{"expire_at":"1"}`, /claim expire_at/],
    [`{"b64info":"{}"}`, /claim b64info/],
    [`{"b64info":"${b64(1).slice(0, -1)}"}`, /claim b64info/],
    [`{"b64info":"${Buffer.from("{").toString("base64")}"}`, /claim b64info: Expected the base64 of JSON/],
    [`{"b64info":"${Buffer.from([0x22, 0xff, 0x22]).toString("base64")}"}`, /claim b64info: Expected the base64 of/],
    ["[]", /top-level JSON object/],
    ["null", /top-level JSON object/],
    ["42", /top-level JSON object/],
    ["{", /top-level JSON object/],
    ["", /it is no token: header.claims.signature/],
  ];
  const ofConnection: readonly [claims: string, cause: RegExp][] = [
    [`{"channels":"a"}`, /claim channels/],
    [`{"channels":[""]}`, /claim channels.0: Invalid length: a channel's name is not empty/],
    [`{"channels":["\\ud800"]}`, /claim channels.0: Invalid text/],
    [`{"channels":["${"é".repeat(128)}"]}`, /claim channels.0: .*channelBytesMax is 255/],
    [`{"subs":[]}`, /claim subs/],
    [`{"subs":{"":{}}}`, /claim subs: channel "": Invalid length/],
    [`{"subs":{"a":1}}`, /claim subs: channel "a"/],
    [`{"subs":{"a":[]}}`, /claim subs: channel "a": Expected an object/],
    [`{"subs":{"a":{"override":{"presence":true}}}}`, /claim subs: channel "a"/],
    [`{"subs":{"a":{"override":{"presence":{"value":1}}}}}`, /claim subs: channel "a"/],
    [`{"channel":"chat"}`, /claim channel: it is a subscription token/],
    [`{"channel":7}`, /claim channel/],
  ];
  const ofSubscription: readonly [claims: string, cause: RegExp][] = [
    [`{"sub":"42","channel":7}`, /claim channel/],
    [`{"sub":"42","channel":"chat","b64data":"?"}`, /claim b64data/],
    [`{"sub":"42","channel":"chat","override":[1]}`, /claim override: Expected an object/],
    [`{"sub":"42","channel":"chat","override":{"presence":[]}}`, /claim override.presence: Expected an object/],
  ];
  for (const [claims, cause] of [...shared, ...ofConnection]) {
    test(`connection: ${claims.slice(0, 60)}`, async () => {
      assert.equal(await answer(tokens().connection(hs(claims))), 3500);
      assert.match(await reason(tokens().connection(hs(claims))), cause);
    });
  }
  for (const [claims, cause] of [...shared, ...ofSubscription]) {
    test(`subscription: ${claims.slice(0, 60)}`, async () => {
      assert.equal(await answer(tokens().subscription(hs(claims), chat)), 103);
      assert.match(await reason(tokens().subscription(hs(claims), chat)), cause);
    });
  }
});

test("whatever the claims are, they are read, and can be written as JSON, or they are refused as invalid", () => {
  const names = ["sub", "exp", "expire_at", "info", "b64info", "data", "b64data", "channels", "subs", "channel"];
  const name = fc.constantFrom(...names, "override", "presence", "value", "__proto__", "constructor", "polluted");
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "medium", withCrossShrink: true },
      fc.constantFrom(null, true, 0, 1, -1, 1.5, 1e300, "", "a", "bnVsbA==", "e30=", "\ud800"),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(name, tie("value"), { maxKeys: 5, noNullPrototype: true }),
    ),
  }));
  fc.assert(
    fc.property(fc.dictionary(name, value, { noNullPrototype: true }), fc.constantFrom("sub", "info"), (made, user) => {
      const claims = JSON.parse(JSON.stringify(made));
      for (const read of [readConnectionClaims, readSubscriptionClaims]) {
        try {
          const result = read(claims, user);
          assert.equal(typeof result.user, "string");
          assert.equal(typeof JSON.stringify(result), "string");
        } catch (error) {
          assert.ok(error instanceof TokenFault && error.kind === "invalid", String(error));
        }
      }
      assert.equal(({} as { polluted?: unknown }).polluted, undefined);
    }),
    { numRuns: 1000 },
  );
});

// ---- Algorithms and keys ----------------------------------------------------------------------------------------------

const algorithms: readonly (readonly [alg: string, options: TokenOptions, key: string | KeyObject])[] = [
  ...["HS256", "HS384", "HS512"].map((alg) => [alg, { hmacSecret: SECRET }, SECRET] as const),
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"].map(
    (alg) => [alg, { rsaPublicKey: pem(rsa.publicKey) }, rsa.privateKey] as const,
  ),
  ["ES256", { ecdsaPublicKey: pem(ec256.publicKey) }, ec256.privateKey],
  ["ES384", { ecdsaPublicKey: pem(ec384.publicKey) }, ec384.privateKey],
  ["ES512", { ecdsaPublicKey: pem(ec521.publicKey) }, ec521.privateKey],
];

for (const [alg, options] of algorithms) {
  test(`with ${Object.keys(options)[0]} for ${alg}, of all algorithms only those of this key are accepted`, async () => {
    for (const [other, otherOptions, key] of algorithms) {
      const same = Object.values(options)[0] === Object.values(otherOptions)[0];
      const token = jws({ alg: other }, { sub: "42", channel: "" }, key);
      assert.equal(await answer(tokens(options).connection(token)), same ? 0 : 3500, other);
    }
  });
}

test("all keys together serve their own algorithms, and EdDSA is for a JWKS only", async () => {
  const all = tokens({
    hmacSecret: SECRET,
    rsaPublicKey: pem(rsa.publicKey),
    ecdsaPublicKey: pem(ec256.publicKey),
  });
  for (const [alg, , key] of algorithms) {
    const expected = alg === "ES384" || alg === "ES512" ? 3500 : 0;
    assert.equal(await answer(all.connection(jws({ alg }, { sub: "42" }, key))), expected, alg);
  }
  assert.equal(await answer(all.connection(jws({ alg: "EdDSA" }, { sub: "42" }, ed25519.privateKey))), 3500);
});

test("a public key in PKCS#1 is read as well", async () => {
  const rsaPublicKey = rsa.publicKey.export({ type: "pkcs1", format: "pem" }) as string;
  const token = jws({ alg: "RS256" }, { sub: "42" }, rsa.privateKey);
  assert.deepEqual(await tokens({ rsaPublicKey }).connection(token), { user: "42" });
});

test("without a key it is not enabled and refuses every token; any key enables it", async () => {
  const none = tokens({ audience: "belfry" });
  assert.equal(none.enabled, false);
  assert.equal(await answer(none.connection(hs({ sub: "42" }, SECRET))), 3500);
  assert.equal(await answer(none.subscription(hs({ sub: "42", channel: "chat" }, SECRET), chat)), 103);
  assert.match(await reason(none.connection(hs({}))), /its alg is "HS256", allowed are none, since no key/);
  for (const options of [
    ...algorithms.map(([, options]) => options),
    { previousHmacSecret: SECRET },
    { jwksUrl: "http://localhost/jwks" },
  ]) {
    assert.equal(tokens(options).enabled, true, Object.keys(options)[0]);
  }
});

test("when the secret changes, tokens of the previous one are accepted for as long as it is configured", async () => {
  const token = hs({ sub: "42", channel: "chat" }, OTHER);
  const changed = tokens({ hmacSecret: SECRET, previousHmacSecret: OTHER });
  assert.deepEqual(await changed.subscription(token, chat), {});
  assert.deepEqual(await changed.subscription(hs({ sub: "42", channel: "chat" }), chat), {});
  assert.equal(await answer(changed.subscription(hs({ sub: "42", channel: "chat" }, "third"), chat)), 103);
  assert.equal(await answer(changed.connection(hs({ exp: NOW }, OTHER))), 109);
  assert.equal(await answer(tokens().subscription(token, chat)), 103);
});

describe("options that are not allowed", () => {
  const small = generateKeyPairSync("rsa", { modulusLength: 1024 });
  const bitcoin = generateKeyPairSync("ec", { namedCurve: "secp256k1" });
  const table: readonly [options: object, says: RegExp][] = [
    [{ hmacSecret: "" }, /option hmacSecret: .*not empty/],
    [{ hmacSecret: 7777 }, /option hmacSecret: Invalid type: Expected a string$/],
    [{ hmacSecret: pem(rsa.publicKey) }, /option hmacSecret: .*rsaPublicKey/],
    [{ previousHmacSecret: "" }, /option previousHmacSecret/],
    [{ rsaPublicKey: "7777" }, /option rsaPublicKey: Expected an RSA public key as PEM .*, but it is no PEM/],
    [{ rsaPublicKey: pem(ec256.publicKey) }, /option rsaPublicKey: .* it is of the type ec$/],
    [{ rsaPublicKey: pem(small.publicKey) }, /option rsaPublicKey: .* it has 1024 bits, allowed are 2048 and more/],
    [
      { rsaPublicKey: rsa.privateKey.export({ type: "pkcs8", format: "pem" }) },
      /option rsaPublicKey: .* it is a private key$/,
    ],
    [{ ecdsaPublicKey: pem(rsa.publicKey) }, /option ecdsaPublicKey: .* of the type rsa, allowed are the curves/],
    [{ ecdsaPublicKey: pem(ed25519.publicKey) }, /option ecdsaPublicKey: .* of the type ed25519/],
    [{ ecdsaPublicKey: pem(bitcoin.publicKey) }, /option ecdsaPublicKey: .* its curve is secp256k1/],
    [{ jwksUrl: "example.com/jwks" }, /option jwksUrl: Invalid URL: .*https/],
    [{ jwksUrl: "file:///etc/passwd" }, /option jwksUrl/],
    [{ jwksSecondsMax: 0 }, /option jwksSecondsMax/],
    [{ audience: "" }, /option audience/],
    [{ issuer: ["a"] }, /option issuer/],
    [{ userClaim: "" }, /option userClaim/],
    [{ hmacSecretKey: "7777" }, /option hmacSecretKey/],
  ];
  for (const [options, says] of table) {
    test(`${Object.keys(options)[0]}: ${says.source}`, () => {
      assert.throws(
        () => new Tokens(options as TokenOptions),
        (error) => {
          assert.ok(error instanceof BelfryError && error.code === "BELFRY_BAD_OPTION", String(error));
          assert.match(error.message, says);
          assert.doesNotMatch(error.message, /7777|BEGIN PRIVATE/, "a secret is told");
          return true;
        },
      );
    });
  }
});

test("a secret of fewer than hmacSecretBytesMin bytes is warned of, without being told", () => {
  for (const [bytes, warnings] of [
    [limits.hmacSecretBytesMin - 1, 1],
    [limits.hmacSecretBytesMin, 0],
  ] as const) {
    const { lines, log } = keptLog();
    tokens({ hmacSecret: "s".repeat(bytes) }, new Clock(), log);
    assert.equal(lines.length, warnings, `${bytes} bytes`);
    for (const line of lines) assert.match(line, /^hmacSecret has fewer than 32 bytes/);
  }
});

// ---- The attacker's list ----------------------------------------------------------------------------------------------

describe("what an attacker shows is refused", () => {
  const strict: TokenOptions = {
    hmacSecret: SECRET,
    rsaPublicKey: pem(rsa.publicKey),
    ecdsaPublicKey: pem(ec256.publicKey),
    audience: "belfry",
    issuer: "https://id.example",
  };
  const good = { sub: "42", aud: "belfry", iss: "https://id.example", exp: NOW + 60 };
  const head = base64url({ alg: "HS256" });
  const valid = hs(good);
  const [, body, mac] = valid.split(".") as [string, string, string];
  const spki = pem(rsa.publicKey);
  const der = rsa.publicKey.export({ type: "spki", format: "der" });
  const withMac = (header: object, secret: string | Buffer) => {
    const text = `${base64url(header)}.${body}`;
    return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
  };

  /** What a connection is answered, and what a subscription, when it is not 103. */
  const table: readonly [what: string, token: string, connection: number, subscription?: number][] = [
    ["no token", "", 3500],
    ["a space", " ", 3500],
    ["dots", "..", 3500],
    ["five parts, as encrypted ones have", "a.b.c.d.e", 3500],
    ["text", "let me in", 3500],
    ["text that is not ASCII", "é.é.é", 3500],
    ["a valid one and a space", `${valid} `, 3500],
    ["a valid one with padding", `${valid}=`, 3500],
    ["a valid one on two lines", valid.replace(".", ".\n"), 3500],
    ["a valid one and another part", `${valid}.`, 3500],
    ["a valid one without its signature", valid.slice(0, valid.lastIndexOf(".") + 1), 3500],
    ["a valid one with half of its signature", valid.slice(0, -20), 3500],
    ["one that has expired", hs({ ...good, exp: NOW - 1 }), 109, 109],
    ["one that expires now", hs({ ...good, exp: NOW }), 109, 109],
    ["one that expired, of another key", hs({ ...good, exp: NOW - 1 }, OTHER), 3500],
    ["one that expired, for another audience", hs({ ...good, exp: NOW - 1, aud: "else" }), 3500],
    ["one that is not valid yet", hs({ ...good, nbf: NOW + 1 }), 3500],
    ["one of another secret", hs(good, OTHER), 3500],
    ["one of another RSA key", jws({ alg: "RS256" }, good, otherRsa.privateKey), 3500],
    ["one of another curve", jws({ alg: "ES384" }, good, ec384.privateKey), 3500],
    ["one whose algorithm is a lie", jws({ alg: "ES256" }, good, ec384.privateKey), 3500],
    ["one for another audience", hs({ ...good, aud: "else" }), 3500],
    ["one for other audiences", hs({ ...good, aud: ["else", "belfry2"] }), 3500],
    ["one for no audience", hs({ ...good, aud: undefined }), 3500],
    ["one of another issuer", hs({ ...good, iss: "https://id.example.evil" }), 3500],
    ["one of no issuer", hs({ ...good, iss: undefined }), 3500],
    ["alg none", `${base64url({ alg: "none" })}.${body}.`, 3500],
    ["alg none with a signature", `${base64url({ alg: "none" })}.${body}.${mac}`, 3500],
    ["alg NONE", `${base64url({ alg: "NONE" })}.${body}.`, 3500],
    ["alg hs256", withMac({ alg: "hs256" }, SECRET), 3500],
    ["no alg", withMac({}, SECRET), 3500],
    ["an alg that is a list", withMac({ alg: ["HS256"] }, SECRET), 3500],
    ["an alg that every object has", withMac({ alg: "constructor" }, SECRET), 3500],
    ["the public key as secret of an HMAC", withMac({ alg: "HS256" }, spki), 3500],
    ["the public key without its last line feed as secret", withMac({ alg: "HS256" }, spki.trimEnd()), 3500],
    ["the public key's DER as secret", withMac({ alg: "HS256" }, der), 3500],
    ["an empty secret", withMac({ alg: "HS256" }, ""), 3500],
    ["a key that it brings itself", withMac({ alg: "HS256", jwk: { kty: "oct", k: base64url(OTHER) } }, OTHER), 3500],
    ["a key that it says where to find", withMac({ alg: "RS256", jku: "http://evil.example/" }, OTHER), 3500],
    ["an extension that is critical", withMac({ alg: "HS256", crit: ["exp"], exp: 1 }, SECRET), 3500],
    ["a payload that is not encoded", withMac({ alg: "HS256", crit: ["b64"], b64: false }, SECRET), 3500],
    ["a kid that is no string", withMac({ alg: "HS256", kid: { $gt: "" } }, SECRET), 3500],
    ["a kid that is a path", withMac({ alg: "HS256", kid: "../../dev/null" }, ""), 3500],
    ["a header that is no JSON", `${base64url("{")}.${body}.${mac}`, 3500],
    ["a header that is a list", `${base64url("[]")}.${body}.${mac}`, 3500],
    ["a header that nests deep", `${base64url(`{"a":${"[".repeat(5000)}`)}.${body}.${mac}`, 3500],
    ["claims that are no base64url", `${head}.?.${mac}`, 3500],
    ["a megabyte", `${valid}${"A".repeat(1_048_576)}`, 3500, 3500],
  ];
  for (const [what, token, connection, subscription = 103] of table) {
    test(what, async () => {
      assert.equal(await answer(tokens(strict).connection(token)), connection);
      assert.equal(await answer(tokens(strict).subscription(token, chat)), subscription);
    });
  }

  test("and the token that all these differ from in one thing is accepted", async () => {
    assert.deepEqual(await tokens(strict).connection(valid), { user: "42", expireAt: NOW + 60 });
    for (const aud of [["else", "belfry"], ["belfry"]]) {
      assert.equal(await answer(tokens(strict).connection(hs({ ...good, aud }))), 0);
    }
    assert.equal(await answer(tokens(strict).connection(jws({ alg: "RS256" }, good, rsa.privateKey))), 0);
    assert.equal(await answer(tokens(strict).subscription(hs({ ...good, channel: "chat" }), chat)), 0);
  });

  const crossed: readonly [what: string, token: string, answer: number][] = [
    ["another's", hs({ sub: "43", channel: "chat" }), 3500],
    ["nobody's", hs({ channel: "chat" }), 3500],
    ["for another channel", hs({ sub: "42", channel: "chat2" }), 3500],
    ["for a channel in other letters", hs({ sub: "42", channel: "Chat" }), 3500],
    ["for no channel, a connection's", hs({ sub: "42" }), 3500],
    ["expired and another's", hs({ sub: "43", channel: "chat", exp: NOW }), 109],
  ];
  for (const [what, token, expected] of crossed) {
    test(`a subscription token that is ${what} is answered ${expected}`, async () => {
      assert.equal(await answer(tokens().subscription(token, chat)), expected);
    });
  }

  test("a connection token does not subscribe to the channel without a name, nor a subscription token connect", async () => {
    assert.equal(await answer(tokens().subscription(hs({ sub: "42" }), { user: "42", channel: "" })), 3500);
    const both = tokens();
    const token = hs({ sub: "42", channel: "chat" });
    assert.equal(await answer(both.subscription(token, chat)), 0);
    assert.equal(await answer(both.connection(token)), 3500, "although it is known from the subscription");
    assert.equal(await answer(both.subscription(token, { ...chat, user: "43" })), 3500, "although it is known");
  });

  test("the client is told no more than the code and its text", async () => {
    const refused = await tokens()
      .connection(hs({ sub: "42" }, OTHER))
      .catch((error) => error);
    assert.deepEqual(refused.disconnect, { code: 3500, reason: "invalid token" });
    const expired = await tokens()
      .connection(hs({ exp: 1 }))
      .catch((error) => error);
    assert.deepEqual([expired.message, expired.temporary], ["token expired", false]);
    assert.match(expired.cause.message, /it expired at Thu, 01 Jan 1970 00:00:01 GMT/);
  });
});

test("no text but a signed token is ever accepted, nor taken for a fault of the server", async () => {
  const verifier = tokens({ hmacSecret: SECRET, rsaPublicKey: pem(rsa.publicKey) });
  const valid = hs({ sub: "42" });
  const part = fc.oneof(fc.string(), fc.base64String().map(base64url), fc.jsonValue().map(base64url));
  const header = fc.record(
    {
      alg: fc.constantFrom<unknown>("HS256", "RS256", "PS512", "ES256", "EdDSA", "none", "__proto__", 7, null),
      kid: fc.constantFrom<unknown>("a", "", null, 7),
      crit: fc.constantFrom<unknown>([], ["b64"], ["x"], "b64"),
      b64: fc.constantFrom<unknown>(true, false, 0),
      typ: fc.jsonValue(),
      zip: fc.constant("DEF"),
    },
    { requiredKeys: [] },
  );
  const token = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(part, { maxLength: 6 }).map((parts) => parts.join(".")),
    fc.tuple(header.map(base64url), part, part).map((parts) => parts.join(".")),
    // The last character of the signature has bits that stand for nothing: those are left alone.
    fc.tuple(fc.nat(valid.length - 2), fc.constantFrom(..."aZ0_-.=é\0")).map(([at, character]) => {
      return valid[at] === character ? "" : valid.slice(0, at) + character + valid.slice(at + 1);
    }),
  );
  await fc.assert(
    fc.asyncProperty(token, async (token) => {
      assert.equal(await answer(verifier.connection(token)), 3500);
      assert.equal(await answer(verifier.subscription(token, chat)), 103);
    }),
    { numRuns: 500 },
  );
});

// ---- Limits -----------------------------------------------------------------------------------------------------------

test("a token of tokenBytesMax is accepted, and one byte more refused with the limit's name and value", async () => {
  for (const [bytes, expected] of [
    [limits.tokenBytesMax, 0],
    [limits.tokenBytesMax + 1, 3500],
  ] as const) {
    const token = tokenOf(bytes);
    assert.equal(await answer(tokens().connection(token)), expected);
    assert.equal(await answer(tokens().subscription(token, { user: "", channel: "chat" })), 3500, "it is for none");
    if (expected !== 0) assert.match(await reason(tokens().connection(token)), /tokenBytesMax is 16384/);
  }
});

/** A token of just so many bytes: base64url has no text of 4n + 1, so the header makes up for what the claims cannot. */
function tokenOf(bytes: number): string {
  for (const header of [{ alg: "HS256" }, { alg: "HS256", typ: "JWT" }, { alg: "HS256", typ: "JW" }]) {
    const rest = bytes - base64url(header).length - 2 - 43;
    const token = jws(header, `{}${" ".repeat(Math.floor((rest * 3) / 4) - 2)}`, SECRET);
    if (token.length === bytes) return token;
  }
  return assert.fail(`no token has ${bytes} bytes`);
}

test("claims that nest claimsDepthMax levels are accepted, and one level more refused", async () => {
  const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
  const max = limits.claimsDepthMax;
  const table: readonly [claims: string, expected: number][] = [
    [`{"info":${nested(max - 1)}}`, 0],
    [`{"info":${nested(max)}}`, 3500],
    [`{"unknown":${nested(max)}}`, 3500],
    [`{"b64info":"${Buffer.from(nested(max)).toString("base64")}"}`, 0],
    [`{"b64info":"${Buffer.from(nested(max + 1)).toString("base64")}"}`, 3500],
    [`{"info":${nested(5900)}}`, 3500],
    [`{"aud":${nested(5900)}}`, 3500],
  ];
  for (const [claims, expected] of table) {
    const token = hs(claims);
    assert.ok(token.length <= limits.tokenBytesMax);
    assert.equal(await answer(tokens().connection(token)), expected, claims.slice(0, 20));
  }
  const deep = hs(`{"aud":${nested(5900)}}`);
  assert.equal(await answer(tokens({ hmacSecret: SECRET, audience: "belfry" }).connection(deep)), 3500);
  assert.match(await reason(tokens().connection(hs(`{"info":${nested(max)}}`))), /claimsDepthMax, 64 levels/);
});

// ---- Tokens that were seen before -------------------------------------------------------------------------------------

test("a herd with the same tokens costs one verification for each of them, at once and a moment later", async (t) => {
  const count = countVerifications(t);
  const clock = new Clock();
  const { connection } = tokens({ hmacSecret: SECRET }, clock);
  const herd = Array.from({ length: 50 }, (_, i) => hs({ sub: `${i}`, exp: NOW + 3600 }));
  const comeBack = () => Promise.all(Array.from({ length: 1000 }, (_, i) => connection(herd[i % 50] as string)));
  const users = (await comeBack()).map(({ user }) => user);
  assert.deepEqual(users.slice(49, 52), ["49", "0", "1"]);
  assert.equal(count(), 50);
  clock.pass(limits.tokensRecentSeconds - 1);
  await comeBack();
  assert.equal(count(), 50);
  clock.pass(1);
  await comeBack();
  assert.equal(count(), 100);
});

test("a token that is known expires at its second all the same", async (t) => {
  const count = countVerifications(t);
  const clock = new Clock();
  const known = tokens({ hmacSecret: SECRET }, clock);
  const token = hs({ sub: "42", channel: "chat", exp: NOW + 3 });
  assert.equal(await answer(known.subscription(token, chat)), 0);
  clock.pass(2.999);
  assert.equal(await answer(known.subscription(token, chat)), 0);
  assert.equal(count(), 1);
  clock.pass(0.001);
  assert.equal(await answer(known.subscription(token, chat)), 109);
  assert.equal(await answer(known.subscription(token, chat)), 109);
  assert.equal(count(), 3);
});

test("what was refused is verified anew, and concurrent ones are verified once", async (t) => {
  const count = countVerifications(t);
  const { connection } = tokens();
  const forged = hs({ sub: "42" }, OTHER);
  const answers = await Promise.all(Array.from({ length: 100 }, () => answer(connection(forged))));
  assert.deepEqual(new Set(answers), new Set([3500]));
  assert.equal(count(), 1);
  assert.equal(await answer(connection(forged)), 3500);
  assert.equal(count(), 2);
});

test("at most tokensRecentMax tokens are known, and those that were not seen for longest are forgotten", async () => {
  const clock = new Clock();
  const recent = new Recent<number>(clock.now);
  let looks = 0;
  const see = async (i: number) => {
    const value = await recent.find(`token ${i}`, async () => {
      looks++;
      return { value: i, untilMs: Number.POSITIVE_INFINITY };
    });
    assert.equal(value, i);
  };
  const max = limits.tokensRecentMax;
  for (let i = 0; i < max; i++) await see(i);
  assert.equal(looks, max);
  await see(0);
  await see(max - 1);
  assert.equal(looks, max, "all of them are known");
  for (let i = max; i < max + max / 2 - 1; i++) await see(i);
  looks = 0;
  await see(0);
  assert.equal(looks, 0, "the first one was seen again");
  await see(1);
  assert.equal(looks, 1, "the second one was not");
});

test("a known token is answered at once, without a promise", async () => {
  const known = new Tokens({ hmacSecret: SECRET });
  const token = hs({ sub: "42" });
  assert.ok(known.connection(token) instanceof Promise);
  await known.connection(token);
  assert.deepEqual(known.connection(token), { user: "42" });
});

// ---- JWKS -------------------------------------------------------------------------------------------------------------

const jwk = (key: KeyObject, kid?: string, more: object = {}) => ({
  ...key.export({ format: "jwk" }),
  ...(kid === undefined ? {} : { kid }),
  ...more,
});
const rs = (claims: object, kid?: string, key = rsa.privateKey) =>
  jws({ alg: "RS256", ...(kid === undefined ? {} : { kid }) }, claims, key);

/** An identity provider, as far as its keys go. */
async function provider(t: TestContext, keys: object[] = [jwk(rsa.publicKey, "one")]) {
  const parts = { keys, requests: 0, reply: undefined as RequestListener | undefined };
  const server = createServer((request, response) => {
    parts.requests++;
    if (parts.reply) parts.reply(request, response);
    else response.end(JSON.stringify({ keys: parts.keys }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return Object.assign(parts, { server, port, jwksUrl: `http://127.0.0.1:${port}/keys?key=hidden` });
}

test("the keys of a JWKS are fetched once, for all their kinds", async (t) => {
  const kinds: readonly (readonly [alg: string, pair: { publicKey: KeyObject; privateKey: KeyObject }])[] = [
    ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"].map((alg) => [alg, rsa] as const),
    ["ES256", ec256],
    ["ES384", ec384],
    ["ES512", ec521],
    ["EdDSA", ed25519],
    ["Ed25519", ed25519],
  ];
  const keys = kinds.map(([alg, { publicKey }], i) => jwk(publicKey, `key ${i}`, { alg, use: "sig" }));
  const at = await provider(t, keys);
  const verifier = tokens({ jwksUrl: at.jwksUrl });
  assert.equal(at.requests, 0);
  const shown = kinds.map(([alg, { privateKey }], i) => jws({ alg, kid: `key ${i}` }, { sub: `${i}` }, privateKey));
  const users = await Promise.all(shown.map(async (token) => (await verifier.connection(token)).user));
  assert.deepEqual(
    users,
    kinds.map((_, i) => `${i}`),
  );
  assert.equal(at.requests, 1);
});

test("a JWKS never serves an HMAC, whatever it holds, and is not asked for one", async (t) => {
  const at = await provider(t, [jwk(rsa.publicKey, "one"), { kty: "oct", kid: "oct", k: base64url(SECRET) }]);
  const verifier = tokens({ jwksUrl: at.jwksUrl });
  for (const token of [
    jws({ alg: "HS256", kid: "one" }, { sub: "42" }, pem(rsa.publicKey)),
    jws({ alg: "HS256", kid: "oct" }, { sub: "42" }, SECRET),
    `${base64url({ alg: "none", kid: "one" })}.${base64url({ sub: "42" })}.`,
  ]) {
    assert.equal(await answer(verifier.connection(token)), 3500);
  }
  assert.equal(at.requests, 0);
  const withSecret = tokens({ jwksUrl: at.jwksUrl, hmacSecret: SECRET });
  assert.equal(await answer(withSecret.connection(hs({ sub: "42" }))), 0);
  assert.equal(await answer(withSecret.connection(hs({ sub: "42" }, OTHER))), 3500);
  assert.equal(at.requests, 0);
});

test("a token without a kid is tried with each key of its kind", async (t) => {
  const at = await provider(t, [jwk(otherRsa.publicKey, "one"), jwk(ec256.publicKey), jwk(rsa.publicKey)]);
  const verifier = tokens({ jwksUrl: at.jwksUrl });
  assert.equal(await answer(verifier.connection(rs({ sub: "42" }))), 0);
  assert.equal(await answer(verifier.connection(rs({ sub: "43" }, undefined, otherRsa.privateKey))), 0);
  const third = generateKeyPairSync("rsa", { modulusLength: 2048 });
  assert.equal(await answer(verifier.connection(rs({ sub: "42" }, undefined, third.privateKey))), 3500);
  assert.equal(at.requests, 1);
});

test("a configured key and a JWKS serve side by side; a token of neither is refused", async (t) => {
  const at = await provider(t);
  const verifier = tokens({ jwksUrl: at.jwksUrl, rsaPublicKey: pem(otherRsa.publicKey) });
  assert.equal(await answer(verifier.connection(rs({ sub: "42" }, "one", otherRsa.privateKey))), 0);
  assert.equal(at.requests, 0);
  assert.equal(await answer(verifier.connection(rs({ sub: "42" }, "one"))), 0);
  assert.equal(await answer(verifier.connection(rs({ sub: "42" }, "two"))), 100, "it was asked just now");
});

test("a token with the kid of one key and the signature of another is refused", async (t) => {
  const at = await provider(t, [jwk(rsa.publicKey, "one"), jwk(otherRsa.publicKey, "two")]);
  const verifier = tokens({ jwksUrl: at.jwksUrl });
  assert.equal(await answer(verifier.connection(rs({ sub: "42" }, "two"))), 3500);
  assert.equal(await answer(verifier.subscription(rs({ sub: "42", channel: "chat" }, "two"), chat)), 103);
  assert.equal(await answer(verifier.connection(rs({ sub: "42", exp: NOW }, "one"))), 109);
});

test("when the keys change, the new one is fetched for the first token that names it, and the old one is gone", async (t) => {
  const clock = new Clock();
  const at = await provider(t);
  const verifier = tokens({ jwksUrl: at.jwksUrl }, clock);
  assert.equal(await answer(verifier.connection(rs({ sub: "1" }, "one"))), 0);
  at.keys = [jwk(otherRsa.publicKey, "two")];
  clock.pass(limits.jwksPauseSeconds);
  const herd = Array.from({ length: 20 }, (_, i) => rs({ sub: `${i}` }, "two", otherRsa.privateKey));
  assert.deepEqual(new Set(await Promise.all(herd.map((token) => answer(verifier.connection(token))))), new Set([0]));
  assert.equal(at.requests, 2);
  clock.pass(limits.jwksPauseSeconds);
  assert.equal(await answer(verifier.connection(rs({ sub: "2" }, "one"))), 3500);
  assert.equal(at.requests, 3);
});

test("keys are used for jwksSecondsMax and then fetched again: one that was taken back serves no longer", async (t) => {
  for (const [options, seconds] of [
    [{}, limits.jwksSecondsMax],
    [{ jwksSecondsMax: 100 }, 100],
  ] as const) {
    const clock = new Clock();
    const at = await provider(t);
    const verifier = tokens({ jwksUrl: at.jwksUrl, ...options }, clock);
    assert.equal(await answer(verifier.connection(rs({ sub: "1" }, "one"))), 0);
    at.keys = [];
    clock.pass(seconds - 0.001);
    assert.equal(await answer(verifier.connection(rs({ sub: "2" }, "one"))), 0);
    assert.equal(at.requests, 1);
    clock.pass(0.001);
    assert.equal(await answer(verifier.connection(rs({ sub: "3" }, "one"))), 3500);
    assert.equal(at.requests, 2);
  }
});

test("a storm of key ids that were thought up costs one fetch in jwksPauseSeconds, and others come in meanwhile", async (t) => {
  const clock = new Clock();
  const at = await provider(t);
  const verifier = tokens({ jwksUrl: at.jwksUrl }, clock);
  const storm = async () => {
    const forged = Array.from({ length: 50 }, () => rs({ sub: "1" }, randomUUID(), otherRsa.privateKey));
    const good = answer(verifier.connection(rs({ sub: randomUUID() }, "one")));
    return [...(await Promise.all(forged.map((token) => answer(verifier.connection(token))))), await good];
  };
  const refusedAll = [...Array<number>(50).fill(3500), 0];
  assert.deepEqual(await storm(), refusedAll, "all of them waited for the first fetch");
  assert.equal(at.requests, 1);
  clock.pass(limits.jwksPauseSeconds - 0.001);
  for (let i = 0; i < 3; i++) assert.deepEqual(await storm(), [...Array<number>(50).fill(100), 0], "nobody knows");
  assert.equal(at.requests, 1);
  clock.pass(0.001);
  assert.deepEqual(await storm(), refusedAll);
  assert.equal(at.requests, 2);
});

test("a key id that was looked for is refused at once, until the keys may be fetched again", async (t) => {
  const clock = new Clock();
  const at = await provider(t);
  const verifier = tokens({ jwksUrl: at.jwksUrl }, clock);
  const retired = rs({ sub: "1" }, "retired", otherRsa.privateKey);
  for (let i = 0; i < 3; i++) assert.equal(await answer(verifier.connection(retired)), 3500);
  assert.equal(at.requests, 1);
  at.keys = [jwk(otherRsa.publicKey, "retired")];
  clock.pass(limits.jwksPauseSeconds);
  assert.equal(await answer(verifier.connection(retired)), 0);
  assert.equal(at.requests, 2);
});

test("of the key ids that were looked for in the newest JWKS jwksAbsentMax are known", async (t) => {
  const clock = new Clock();
  const at = await provider(t);
  const verifier = tokens({ jwksUrl: at.jwksUrl }, clock);
  const forge = (kid: string) => `${base64url({ alg: "RS256", kid })}.${base64url({})}.AAAA`;
  const forged = Array.from({ length: limits.jwksAbsentMax + 1 }, (_, i) => forge(`kid ${i}`));
  const show = () => Promise.all(forged.map((token) => answer(verifier.connection(token))));
  assert.deepEqual(new Set(await show()), new Set([3500]), "all of them waited for the fetch");
  assert.deepEqual(await show(), [...Array<number>(limits.jwksAbsentMax).fill(3500), 100]);
  assert.equal(at.requests, 1);
  clock.pass(limits.jwksPauseSeconds);
  for (let i = 0; i < 2; i++) assert.equal(await answer(verifier.connection(forge("another"))), 3500);
  assert.equal(at.requests, 2);
});

test("with a JWKS that is down at first tokens are answered 100, and accepted once it is up", async (t) => {
  const clock = new Clock();
  const at = await provider(t);
  const { lines, log } = keptLog();
  at.server.close();
  await once(at.server, "close");
  const verifier = tokens({ jwksUrl: at.jwksUrl }, clock, log);
  const herd = Array.from({ length: 20 }, (_, i) => rs({ sub: `${i}` }, "one"));
  const show = async () => new Set(await Promise.all(herd.map((token) => answer(verifier.connection(token)))));
  assert.deepEqual(await show(), new Set([100]));
  assert.equal(await answer(verifier.subscription(rs({ sub: "42", channel: "chat" }, "one"), chat)), 100);
  assert.equal(lines.length, 1);
  assert.match(
    lines[0] as string,
    /^the JWKS at 127\.0\.0\.1:\d+\/keys was not fetched: .*ECONNREFUSED.*; tokens cannot/,
  );
  at.server.listen(at.port, "127.0.0.1");
  await once(at.server, "listening");
  assert.deepEqual(await show(), new Set([100]), "it was asked just now");
  clock.pass(limits.jwksPauseSeconds);
  assert.deepEqual(await show(), new Set([0]));
  assert.equal(at.requests, 1);
});

test("with a JWKS that is down later the old keys serve on, and each failed fetch is a line in the log", async (t) => {
  const clock = new Clock();
  const at = await provider(t);
  const { lines, log } = keptLog();
  const verifier = tokens({ jwksUrl: at.jwksUrl }, clock, log);
  const shown = () => answer(verifier.connection(rs({ sub: randomUUID() }, "one")));
  assert.equal(await shown(), 0);
  at.reply = (_, response) => void response.writeHead(503).end("out of order");
  clock.pass(limits.jwksSecondsMax);
  for (let i = 0; i < 3; i++) assert.equal(await shown(), 0);
  assert.deepEqual([at.requests, lines.length], [2, 1]);
  assert.match(lines[0] as string, /the HTTP status is 503; the keys fetched before stay in use/);
  clock.pass(limits.jwksPauseSeconds);
  assert.equal(await shown(), 0);
  assert.deepEqual([at.requests, lines.length], [3, 2]);
  const unknown = rs({ sub: "42" }, "two", otherRsa.privateKey);
  clock.pass(limits.jwksPauseSeconds);
  assert.equal(await answer(verifier.connection(unknown)), 100, "it may be a new key");
  at.reply = undefined;
  at.keys = [jwk(otherRsa.publicKey, "two")];
  clock.pass(limits.jwksPauseSeconds);
  assert.equal(await answer(verifier.connection(unknown)), 0);
  assert.equal(await shown(), 100, "its key was taken back, and that was not looked for yet");
  clock.pass(limits.jwksPauseSeconds);
  assert.equal(await shown(), 3500);
});

describe("an answer that is no JWKS is as none, and the log says what it is", () => {
  const set = JSON.stringify({ keys: [jwk(rsa.publicKey, "one")] });
  const table: readonly [what: string, reply: RequestListener, says: RegExp][] = [
    ["an error", (_, response) => void response.writeHead(404).end(set), /status is 404/],
    ["no JSON", (_, response) => void response.end("<html>"), /JSON/],
    ["other JSON", (_, response) => void response.end(`{"key":[]}`), /JSON Web Key Set malformed/],
    ["keys that are none", (_, response) => void response.end(`{"keys":[1]}`), /JSON Web Key Set malformed/],
    ["nothing", (request) => void request.socket.destroy(), /fetch failed: /],
    [
      "a redirect",
      (request, response) =>
        request.url === "/elsewhere"
          ? void response.end(set)
          : void response.writeHead(302, { location: "/elsewhere" }).end(),
      /redirect/,
    ],
    [
      "half of it",
      (_, response) => {
        response.writeHead(200, { "content-length": set.length });
        response.write(set.slice(0, 50), () => response.destroy());
      },
      /terminated/,
    ],
    [
      "more than jwksBytesMax",
      (_, response) => void response.end(set.padEnd(limits.jwksBytesMax + 1)),
      /longer than jwksBytesMax, 262144 bytes/,
    ],
  ];
  for (const [what, reply, says] of table) {
    test(what, async (t) => {
      const at = await provider(t);
      at.reply = reply;
      const { lines, log } = keptLog();
      const verifier = tokens({ jwksUrl: at.jwksUrl }, new Clock(), log);
      assert.equal(await answer(verifier.connection(rs({ sub: "42" }, "one"))), 100);
      assert.equal(at.requests, 1);
      assert.equal(lines.length, 1);
      assert.match(lines[0] as string, says);
      assert.doesNotMatch(lines[0] as string, /hidden/, "the query may hold a secret");
    });
  }

  test("but jwksBytesMax are allowed", async (t) => {
    const at = await provider(t);
    at.reply = (_, response) => void response.end(set.padEnd(limits.jwksBytesMax));
    assert.equal(await answer(tokens({ jwksUrl: at.jwksUrl }).connection(rs({ sub: "42" }, "one"))), 0);
  });
});

test("a JWKS that does not answer is given up after jwksFetchSecondsMax", async (t) => {
  const patience = new AbortController();
  const { mock } = t.mock.method(AbortSignal, "timeout", () => patience.signal);
  const at = await provider(t);
  at.reply = () => patience.abort(new Error("its time is over"));
  const { lines, log } = keptLog();
  const verifier = tokens({ jwksUrl: at.jwksUrl }, new Clock(), log);
  assert.equal(await answer(verifier.connection(rs({ sub: "42" }, "one"))), 100);
  assert.deepEqual(
    mock.calls.map(({ arguments: [ms] }) => ms),
    [limits.jwksFetchSecondsMax * 1000],
  );
  assert.match(lines[0] as string, /its time is over/);
});

test("a key of the JWKS that cannot be used is a fault of the server's side, and logged", async (t) => {
  const weak = generateKeyPairSync("rsa", { modulusLength: 1024 });
  const keys = [
    { kty: "RSA", kid: "broken", n: "?", e: "AQAB" },
    jwk(weak.publicKey, "weak"),
    jwk(rsa.privateKey, "all"),
  ];
  const at = await provider(t, keys);
  const { lines, log } = keptLog();
  const verifier = tokens({ jwksUrl: at.jwksUrl }, new Clock(), log);
  for (const [kid, key] of [
    ["broken", rsa.privateKey],
    ["weak", weak.privateKey],
    ["all", rsa.privateKey],
  ] as const) {
    assert.equal(await answer(verifier.connection(rs({ sub: "42" }, kid, key))), 100, kid);
    assert.match(lines.pop() ?? "", /^a token could not be verified: /);
  }
});
