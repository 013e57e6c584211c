import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { limits } from "../src/limits.ts";
import { Tokens } from "../src/push/tokens.ts";

const belfry = fileURLToPath(new URL("../../bin/belfry.js", import.meta.url));
const SECRET = "a secret that is long enough for SHA-256";

interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** Runs `belfry token`, with the secret in the environment or not. */
async function token(argv: readonly string[], secret: string | undefined = SECRET): Promise<Ran> {
  const { BELFRY_TOKEN_HMAC_SECRET: _, ...env } = process.env;
  const child = spawn(process.execPath, [belfry, "token", ...argv], {
    stdio: ["ignore", "pipe", "pipe"],
    env: secret === "" ? env : { ...env, BELFRY_TOKEN_HMAC_SECRET: secret },
  });
  const [out, err, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { status, out, err };
}

/** The token that it prints, on one line and with nothing else. */
async function made(...argv: string[]): Promise<string> {
  const { status, out, err } = await token(argv);
  assert.deepEqual([status, err], [0, ""]);
  assert.match(out, /^[\w-]+\.[\w-]+\.[\w-]+\n$/);
  return out.trimEnd();
}

function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split(".")[1] as string, "base64url").toString());
}

/** A token that this command does not make. */
function signed(header: object, claims: object, secret = SECRET): string {
  const parts = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"));
  return `${parts.join(".")}.${createHmac("sha256", secret).update(parts.join(".")).digest("base64url")}`;
}

const verifier = new Tokens({ hmacSecret: SECRET });
const seconds = () => Math.floor(Date.now() / 1000);

test("belfry token makes a connection token that the server accepts, for one hour", async () => {
  const before = seconds();
  const shown = await made("--user", "42");
  const { expireAt = 0, ...rest } = await verifier.connection(shown);
  assert.deepEqual(rest, { user: "42", issuedAt: expireAt - 3600 });
  assert.ok(before + 3600 <= expireAt && expireAt <= seconds() + 3600, `${expireAt}`);
  assert.equal(claimsOf(shown)["iat"], expireAt - 3600);
});

test("belfry token takes all that it is told into the token", async () => {
  const shown = await made(
    ...["--user", "", "--info", '{"name":"Ann"}', "--channels", "news,weather:1", "--expire", "never"],
    ...["--audience", "belfry", "--issuer", "https://id.example"],
  );
  const strict = new Tokens({ hmacSecret: SECRET, audience: "belfry", issuer: "https://id.example" });
  assert.deepEqual(await strict.connection(shown), {
    user: "",
    issuedAt: claimsOf(shown)["iat"],
    info: { name: "Ann" },
    channels: ["news", "weather:1"],
  });
});

test("belfry token --subscribe makes a subscription token, with the secret of --hmac-secret before the environment's", async () => {
  const argv = ["--user", "42", "--subscribe", "chat:7", "--info", "null", "--expire", "never"];
  const shown = (await token([...argv, "--hmac-secret", SECRET], "another secret")).out.trimEnd();
  assert.deepEqual(await verifier.subscription(shown, { user: "42", channel: "chat:7" }), {});
  await assert.rejects(async () => await verifier.connection(shown));
});

for (const [duration, expected] of [
  ["30s", 30],
  ["15m", 900],
  ["2h", 7200],
  ["7d", 604_800],
] as const) {
  test(`belfry token --expire ${duration} is ${expected} seconds`, async () => {
    const { iat, exp } = claimsOf(await made("--user", "42", "--expire", duration));
    assert.equal((exp as number) - (iat as number), expected);
  });
}

test("belfry token --verify prints the claims of a token of either kind", async () => {
  for (const argv of [
    ["--info", "7"],
    ["--subscribe", "chat"],
  ]) {
    const shown = await made("--user", "42", ...argv);
    const { status, out, err } = await token(["--verify", shown]);
    assert.deepEqual([status, err], [0, ""]);
    assert.deepEqual(JSON.parse(out), claimsOf(shown));
  }
});

const now = seconds();
const hs256 = { alg: "HS256" };
for (const [what, shown, says, argv = []] of [
  ["no token", "hello", /^error: the token is not accepted: it is no token: header\.claims\.signature/],
  ["nothing", "", /it is no token/],
  ["one of another secret", signed(hs256, {}, "another"), /the signature is of another key/],
  ["one that has expired", signed(hs256, { exp: 1 }), /it expired at Thu, 01 Jan 1970 00:00:01 GMT/],
  ["one that is not valid yet", signed(hs256, { nbf: now + 999 }), /"nbf" claim .*, it is \d+/],
  ["one for another audience", signed(hs256, { aud: "a" }), /"aud" claim .*, it is 'a'/, ["--audience", "b"]],
  ["one of another issuer", signed(hs256, {}), /"iss" claim, it is undefined/, ["--issuer", "b"]],
  ["one of another algorithm", signed({ alg: "RS256" }, {}), /its alg is "RS256", allowed are HS256, HS384, HS512/],
  ["one with a malformed claim", signed(hs256, { channels: [""] }), /claim channels\.0: .*not empty/],
  ["one with a malformed subscription", signed(hs256, { channel: "a", b64data: "?" }), /claim b64data/],
] as const) {
  test(`belfry token --verify says what is wrong with ${what}`, async () => {
    const { status, out, err } = await token(["--verify", shown, ...argv]);
    assert.deepEqual([status, out], [1, ""]);
    assert.match(err, says);
  });
}

for (const [what, argv, says, secret] of [
  ["no secret", ["--user", "42"], /give --hmac-secret, or set BELFRY_TOKEN_HMAC_SECRET/, ""],
  ["an empty secret", ["--user", "42", "--hmac-secret", ""], /give --hmac-secret, or set BELFRY_TOKEN/],
  ["a public key as secret", ["--user", "42"], /option --hmac-secret: .*PEM/, "-----BEGIN PUBLIC KEY-----7777"],
  ["nothing to do", [], /give --user, or a token to --verify/],
  [
    "a duration of no unit",
    ["--user", "42", "--expire", "30"],
    /'--expire <duration>'.*30s, 15m, 1h and 7d, and never/,
  ],
  ["a duration of nothing", ["--user", "42", "--expire", "0s"], /'--expire <duration>'/],
  ["an endless duration", ["--user", "42", "--expire", "9999999999d"], /'--expire <duration>'/],
  ["info that is no JSON", ["--user", "42", "--info", "{Ann}"], /'--info <json>'.*Allowed is JSON, such as/],
  ["a channel without a name", ["--user", "42", "--channels", "a,,b"], /'--channels <names>'.*is not empty/],
  ["too long a channel", ["--user", "42", "--subscribe", "a".repeat(256)], /'--subscribe <channel>'.*is 255/],
  ["channels in a subscription token", ["--subscribe", "a", "--channels", "b"], /'--channels <names>' cannot be used/],
  ["a token to make and one to check", ["--verify", "a", "--expire", "1h"], /'--verify <token>' cannot be used/],
  ["an empty audience", ["--user", "42", "--audience", ""], /option audience: .*not empty/],
  ["a token that would be too long", ["--user", "a".repeat(limits.tokenBytesMax)], /tokenBytesMax is 16384/],
  ["an option that is misspelt", ["--usr", "42"], /Did you mean --user\?/],
  ["a user without the option", ["42"], /too many arguments/],
] as const) {
  test(`belfry token with ${what} ends with 1, prints no token and says what is allowed`, async () => {
    const { status, out, err } = await token(argv, secret);
    assert.deepEqual([status, out], [1, ""]);
    assert.match(err, says);
    assert.doesNotMatch(err, /7777/, "the secret is told");
  });
}

test("belfry token --help teaches by example, and does not tell the secret", async () => {
  const { status, out } = await token(["--help"]);
  assert.equal(status, 0);
  assert.match(out, /\$ belfry token --user 42\n/);
  assert.match(out, /BELFRY_TOKEN_HMAC_SECRET/);
  assert.doesNotMatch(out, new RegExp(SECRET));
});
