import { Command, InvalidArgumentError, Option } from "commander";
import { SignJWT } from "jose";
import { WEBSOCKET_PATH } from "../push/index.ts";
import { type Position, RefusedError } from "./client.ts";
import { follow } from "./follow.ts";
import { Output } from "./output.ts";
import type { Publication } from "./replies.ts";

interface SubscribeOptions {
  url: string;
  token?: string;
  hmacSecret?: string;
  user?: string;
  since?: Position;
  count?: number;
  json?: true;
}

const examples = `
Examples:
  Listen to a channel of a server on this machine; end with Ctrl-C
    $ belfry subscribe news:1

  Listen as the user 42, with a token that is signed here with the server's secret
    $ BELFRY_HMAC_SECRET=… belfry subscribe news:1 --user 42 --url wss://example.com${WEBSOCKET_PATH}

  Wait for one publication, and have its data for a program
    $ belfry subscribe news:1 --count 1 --json | jq .data

  Go on where another one ended: what was published since then comes first
    $ belfry subscribe news:1 --since 1042:xyzw

Publications go to the standard output, one on a line: when they came, their offset ("-" without a history), their data.
What happens to the connection is told on the standard error; a lost one comes back by itself, and misses nothing that
the channel's history still has.
`;

/** `belfry subscribe`: prints what is published to a channel. */
export function subscribeCommand(): Command {
  return new Command("subscribe")
    .description("Listen to a channel, and print what is published to it.")
    .argument("<channel>", "the channel's name")
    .option("--url <url>", "where clients connect", `ws://localhost:8000${WEBSOCKET_PATH}`)
    .addOption(new Option("--token <jwt>", "a token to connect with").env("BELFRY_TOKEN").conflicts("hmacSecret"))
    .addOption(new Option("--hmac-secret <secret>", "sign a token with it (HS256)").env("BELFRY_HMAC_SECRET"))
    .option("--user <id>", "the user in the signed token; the anonymous one when not given")
    .addOption(new Option("--since <offset:epoch>", "begin with what was published after this").argParser(readPosition))
    .addOption(new Option("--count <number>", "end after so many publications").argParser(readCount))
    .option("--json", "print each publication as one line of JSON")
    .addHelpText("after", examples)
    .action(subscribe);
}

async function subscribe(channel: string, options: SubscribeOptions, command: Command): Promise<void> {
  const { url, token = "", hmacSecret, user, since, json, count = Number.POSITIVE_INFINITY } = options;
  if (user !== undefined && hmacSecret === undefined) command.error("error: --user needs --hmac-secret");
  const ending = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => ending.abort());
  const output = new Output(process.stdout, ending);
  let printed = 0;
  try {
    const at = await follow({
      url,
      channel,
      since,
      signal: ending.signal,
      token: () => (hmacSecret === undefined ? token : signed(hmacSecret, user ?? "")),
      connected: () => say(`connected to ${withoutSecrets(url)}`),
      subscribed: (at, recovered) => {
        say(`subscribed to ${channel}${at ? ` at ${written(at)}` : ""}`);
        if (recovered === false) say("not recovered: the history does not reach back to where it was lost");
        else if (recovered !== undefined) say(`recovered ${recovered}`);
      },
      published: async (publication) => {
        await output.line(json ? asJson(publication) : asText(publication));
        if (++printed === count) ending.abort();
      },
      lost: (why, ms) => say(`lost: ${why}; trying again in ${(ms / 1000).toFixed(1)} s`),
    });
    if (at) say(`ended; to go on from here: --since ${written(at)}`);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    say(`belfry subscribe: ${error.message}${error instanceof RefusedError ? adviceFor(error.code) : ""}`);
    process.exitCode = 1;
  }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Made for each connection, so it need not expire: it goes nowhere else. */
function signed(secret: string, user: string): Promise<string> {
  const key = new TextEncoder().encode(secret);
  return new SignJWT().setProtectedHeader({ alg: "HS256" }).setSubject(user).setIssuedAt().sign(key);
}

function asText({ offset, data }: Publication): string {
  return `${new Date().toISOString()} ${offset || "-"} ${printable(JSON.stringify(data))}`;
}

function asJson({ offset, ...publication }: Publication): string {
  const time = new Date().toISOString();
  return printable(JSON.stringify({ received: time, ...(offset > 0 && { offset }), ...publication }));
}

/** JSON escapes the control characters of ASCII; terminals obey some of those above as well. */
function printable(json: string): string {
  return json.replace(/[\x7f-\x9f\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function adviceFor(code: number): string {
  const advice: Readonly<Record<number, string>> = {
    101: "; give --token, or --hmac-secret",
    102: "; check the channel's name: the part before the colon is a namespace that the server must know",
    103: "; the server does not let this user subscribe to this channel",
    107: "; check the channel's name against what the server allows",
    109: "; give a new --token, or --hmac-secret",
    3500: "; check --token, or --hmac-secret",
    3501: "; if the server lets nobody in without a token, give --token, or --hmac-secret",
  };
  return advice[code] ?? "";
}

/** Neither password nor query. */
function withoutSecrets(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}

function written({ offset, epoch }: Position): string {
  return `${offset}:${epoch}`;
}

function readPosition(text: string): Position {
  const [, offset, epoch = ""] = /^(\d{1,15})(?::(.*))?$/.exec(text) ?? [];
  if (offset !== undefined) return { offset: Number(offset), epoch };
  throw new InvalidArgumentError('Allowed are an offset and an epoch, "1042:xyzw", as it is told at the end.');
}

function readCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count > 0) return count;
  throw new InvalidArgumentError("Allowed are whole numbers from 1.");
}
