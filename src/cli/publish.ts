import { createInterface } from "node:readline";
import { Command, InvalidArgumentError, Option } from "commander";
import { limits } from "../limits.ts";
import { parseJson } from "../push/api/index.ts";
import { ApiTrouble, callApi } from "./api-client.ts";
import { terminal as ours, type Terminal } from "./terminal.ts";

interface PublishOptions {
  api: URL;
  apiKey?: string;
  tag?: Record<string, string>;
  idempotencyKey?: string;
  skipHistory?: true;
  timeout: number;
}

const examples = `
Examples:
  One publication
    $ belfry publish news:1 '{"text":"hello"}' --api-key secret --tag lang=en

  Many: each line is one publication, in their order
    $ belfry publish news:1 - --api-key secret <events.jsonl

  Many, which may be tried again within ${limits.idempotencySeconds / 60} minutes when it failed half way: nothing is published twice
    $ belfry publish news:1 - --idempotency-key monday <events.jsonl

The key may also be in the environment, as BELFRY_API_KEY, where others on this machine do not see it.
`;

/** `belfry publish`: publishes through the HTTP API of a server that runs. `terminal` is for tests. */
export function publishCommand(terminal: Terminal = ours): Command {
  const url = new Option("--api <url>", "the server").argParser(readUrl).env("BELFRY_API");
  const key = new Option("--api-key <key>", "a key of the server's with the scope publish")
    .argParser(readKey)
    .env("BELFRY_API_KEY");
  const timeout = new Option("--timeout <seconds>", "how long to wait for an answer").argParser(readSeconds);
  return new Command("publish")
    .description("Publish to a channel of a running server, through its HTTP API.")
    .argument("<channel>", "where to publish")
    .argument("<json>", "what to publish: JSON, or - for lines of JSON from the standard input")
    .addOption(url.default(new URL("http://localhost:8000"), "http://localhost:8000"))
    .addOption(key)
    .addOption(new Option("--tag <name=value>", "a tag; may be given several times").argParser(readTag))
    .option("--idempotency-key <key>", "publish once only with this key; with - the line's number is added to it")
    .option("--skip-history", "deliver it only: the channel does not keep it")
    .addOption(timeout.default(limits.apiAnswerSecondsMax))
    .addHelpText("after", examples)
    .action((channel: string, json: string, options: PublishOptions) => publish(terminal, channel, json, options));
}

async function publish(terminal: Terminal, channel: string, json: string, options: PublishOptions): Promise<void> {
  try {
    if (json === "-") return await publishLines(terminal, channel, options);
    terminal.out(await publishOne(channel, json, options, options.idempotencyKey));
  } catch (error) {
    if (!(error instanceof ApiTrouble)) throw error;
    // Whoever writes to us may go on for long: the process must not wait for the end.
    if (json === "-") terminal.input.destroy();
    terminal.error(`belfry publish: ${error.message}`);
    terminal.exit(1);
  }
}

/** One after the other, so that they keep their order; ends at the first that fails. */
async function publishLines(terminal: Terminal, channel: string, options: PublishOptions): Promise<void> {
  let number = 0;
  let published = 0;
  for await (const line of createInterface({ input: terminal.input })) {
    number++;
    if (line.trim() === "") continue;
    const key = options.idempotencyKey === undefined ? undefined : `${options.idempotencyKey}-${number}`;
    try {
      terminal.out(`line ${number}: ${await publishOne(channel, line, options, key)}`);
    } catch (error) {
      if (!(error instanceof ApiTrouble)) throw error;
      throw new ApiTrouble(`line ${number}: ${error.message}; ${published} published before it`);
    }
    published++;
  }
  terminal.error(`${published} published`);
}

async function publishOne(channel: string, json: string, options: PublishOptions, key?: string): Promise<string> {
  const { api, apiKey, tag, skipHistory, timeout } = options;
  const body = { channel, data: dataIn(json), tags: tag, idempotency_key: key, skip_history: skipHistory };
  const { offset, epoch } = await callApi({ api, apiKey, timeoutSeconds: timeout }, "publish", body);
  return offset === undefined ? "published, without history" : `offset ${offset}, epoch ${epoch}`;
}

function dataIn(json: string): unknown {
  try {
    return parseJson(json);
  } catch (error) {
    const what = error instanceof SyntaxError ? error.message : String(error);
    const hint = what.endsWith(" at character 1") ? ` (a text is JSON with its quotes: '"hello"')` : "";
    throw new ApiTrouble(`the data ${what}${hint}`);
  }
}

function readUrl(text: string): URL {
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return new URL(text);
  throw new InvalidArgumentError("Allowed are URLs such as http://localhost:8000.");
}

function readKey(text: string): string {
  if (/^[ -~]+$/.test(text)) return text;
  throw new InvalidArgumentError("Allowed is printable ASCII.");
}

function readTag(text: string, before: Record<string, string> = {}): Record<string, string> {
  const equals = text.indexOf("=");
  if (equals > 0) return { ...before, [text.slice(0, equals)]: text.slice(equals + 1) };
  throw new InvalidArgumentError("Allowed is name=value.");
}

function readSeconds(text: string): number {
  const seconds = Number(text);
  if (seconds > 0 && seconds <= 86_400) return seconds;
  throw new InvalidArgumentError("Allowed are more than 0 and up to 86400 seconds.");
}
