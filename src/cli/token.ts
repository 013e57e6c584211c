import { Command, InvalidArgumentError, Option } from "commander";
import { type JWTPayload, SignJWT } from "jose";
import { BelfryError } from "../errors.ts";
import { channelFault } from "../push/channel-name.ts";
import { readConnectionClaims, readSubscriptionClaims } from "../push/tokens/claims.ts";
import { TokenFault } from "../push/tokens/fault.ts";
import { Verifier } from "../push/tokens/verifier.ts";

interface TokenCommandOptions {
  user?: string;
  hmacSecret?: string;
  /** Seconds; Infinity: the token does not expire. */
  expire: number;
  /** In an object, since commander takes a bare null for nothing. */
  info?: { readonly json: unknown };
  channels?: string[];
  subscribe?: string;
  audience?: string;
  issuer?: string;
  verify?: string;
}

/** What is needed to make a token. */
type Wanted = TokenCommandOptions & { readonly user: string; readonly hmacSecret: string };

const SECRET = "BELFRY_TOKEN_HMAC_SECRET";
const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Options that are for making a token, and not for checking one. */
const makingOptions = ["user", "expire", "info", "channels", "subscribe"];

const examples = `
Examples:
  A token with which user 42 can connect, for one hour; the shell keeps the secret out of the list of processes
    $ export ${SECRET}="$(openssl rand -hex 32)"
    $ belfry token --user 42

  One for an anonymous user, for a week, whom the server subscribes to two channels
    $ belfry token --user "" --expire 7d --channels news,weather

  One with which user 42 may subscribe to a channel, and that others see a name with
    $ belfry token --user 42 --subscribe chat:7 --info '{"name":"Ann"}'

  What a token says, or what is wrong with it
    $ belfry token --verify eyJhbGciOi...

  Use it, with the npm package centrifuge
    new Centrifuge("ws://localhost:8000/connection/websocket", { token: "eyJhbGciOi..." })
`;

/** `belfry token`: makes tokens (HS256) to try things with, and says what is wrong with others. */
export function tokenCommand(): Command {
  return new Command("token")
    .description("Make a token with which a client can connect, or subscribe; or check one.")
    .option("--user <user>", 'who it is for; "" is the anonymous user')
    .addOption(new Option("--hmac-secret <secret>", "what the server knows as its secret").env(SECRET))
    .addOption(
      new Option("--expire <duration>", "30s, 15m, 1h, 7d or never").argParser(readDuration).default(3600, "1h"),
    )
    .addOption(new Option("--info <json>", "what others are told of the client, in presence say").argParser(readJson))
    .addOption(
      new Option("--channels <names>", "channels that the server subscribes the client to: a,b")
        .argParser((names: string) => names.split(",").map(readChannel))
        .conflicts("subscribe"),
    )
    .addOption(
      new Option("--subscribe <channel>", "make a token to subscribe to this channel with").argParser(readChannel),
    )
    .option("--audience <audience>", "the claim aud; when checking, what it must be")
    .option("--issuer <issuer>", "the claim iss; when checking, what it must be")
    .addOption(new Option("--verify <token>", "check this token and print its claims").conflicts(makingOptions))
    .addHelpText("after", examples)
    .action(run);
}

async function run(options: TokenCommandOptions, command: Command): Promise<void> {
  const { user, hmacSecret, verify } = options;
  if (!hmacSecret) return command.error(`error: the secret is missing: give --hmac-secret, or set ${SECRET}`);
  try {
    const verifier = makeVerifier(options);
    if (verify !== undefined) return console.log(JSON.stringify(await claimsOf(verify, verifier), undefined, 2));
    if (user === undefined) return command.error("error: the user is missing: give --user, or a token to --verify");
    const token = await sign({ ...options, user, hmacSecret });
    // What the server would not accept, too long a one say, is not worth printing.
    await claimsOf(token, verifier);
    console.log(token);
  } catch (error) {
    if (error instanceof TokenFault) command.error(`error: the token is not accepted: ${error.message}`);
    if (error instanceof BelfryError) command.error(`error: ${error.message.replace("hmacSecret", "--hmac-secret")}`);
    throw error;
  }
}

function sign({ user, hmacSecret, expire, info, channels, subscribe, audience, issuer }: Wanted): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const token = new SignJWT({
    sub: user,
    ...(info === undefined ? {} : { info: info.json }),
    ...(channels === undefined ? {} : { channels }),
    ...(subscribe === undefined ? {} : { channel: subscribe }),
  });
  token.setProtectedHeader({ alg: "HS256", typ: "JWT" }).setIssuedAt(now);
  if (Number.isFinite(expire)) token.setExpirationTime(now + expire);
  if (audience !== undefined) token.setAudience(audience);
  if (issuer !== undefined) token.setIssuer(issuer);
  return token.sign(Buffer.from(hmacSecret));
}

function makeVerifier({ hmacSecret, audience, issuer }: TokenCommandOptions): Verifier {
  return new Verifier({
    ...(hmacSecret === undefined ? {} : { hmacSecret }),
    ...(audience === undefined ? {} : { audience }),
    ...(issuer === undefined ? {} : { issuer }),
  });
}

/** Checks as the server does; throws a TokenFault. */
async function claimsOf(token: string, verifier: Verifier): Promise<JWTPayload> {
  const claims = await verifier.verify(token);
  if (claims["channel"] === undefined) readConnectionClaims(claims, "sub");
  else readSubscriptionClaims(claims, "sub");
  return claims;
}

function readDuration(text: string): number {
  if (text === "never") return Number.POSITIVE_INFINITY;
  const [, count, unit = ""] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const seconds = Number(count) * (SECONDS[unit] ?? 0);
  if (seconds > 0) return seconds;
  throw new InvalidArgumentError("Allowed are durations such as 30s, 15m, 1h and 7d, and never.");
}

function readJson(text: string): { json: unknown } {
  try {
    return { json: JSON.parse(text) };
  } catch {
    throw new InvalidArgumentError(`Allowed is JSON, such as '{"name":"Ann"}'.`);
  }
}

function readChannel(name: string): string {
  const fault = channelFault(name);
  if (fault === undefined) return name;
  throw new InvalidArgumentError(`${fault}.`);
}
