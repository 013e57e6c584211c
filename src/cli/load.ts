import { Command, InvalidArgumentError, Option } from "commander";
import { BelfryError } from "../errors.ts";
import { limits } from "../limits.ts";
import {
  findTarget,
  type LoadEvent,
  type Plan,
  processesFor,
  Run,
  readSources,
  type Scenario,
  type Summary,
  scenarios,
} from "../load/index.ts";
import { LoadScreen } from "./load-screen.ts";
import { readWorkers, wholeNumber } from "./numbers.ts";
import { openPublish, type PublishTarget } from "./publish-to.ts";

interface LoadOptions extends PublishTarget {
  connections: number;
  scenario: Scenario;
  seconds: number;
  rate: number;
  busy?: number;
  arrivals: number;
  opening: number;
  size: number;
  channel?: string[];
  token: string;
  header?: Record<string, string>;
  from: string[];
  processes: number;
  driver: "auto" | "native" | "portable";
  json?: true;
}

const names = Object.keys(scenarios) as Scenario[];
const examples = `
Scenarios:
${names.map((name) => `  ${name.padEnd(10)} ${scenarios[name]}`).join("\n")}

Examples:
  Ten thousand connections that say nothing, until Ctrl-C
    $ belfry load ws://127.0.0.1:8080/ --connections 10000 --seconds 0

  Echo, as fast as 500 connections can, beside 15,000 idle ones
    $ belfry load ws://127.0.0.1:8080/ --scenario echo --connections 15500 --busy 500

  The same at a steady 20,000 messages a second: delays count from when each message was due
    $ belfry load ws://127.0.0.1:8080/ --scenario echo --connections 15500 --busy 500 --rate 20000

  200,000 clients, each subscribed to a channel of its own, and 1,000 of them notified each second for a minute
    $ belfry load ws://127.0.0.1:8000/connection/websocket --scenario publish --connections 200000 --rate 1000 \\
        --publish-to http://127.0.0.1:8000 --api-key secret --from 127.0.0.2-127.0.0.20 --seconds 60

  100 connections a second come and go among 5,000, and so a deploy looks to a server
    $ belfry load ws://127.0.0.1:8080/ --scenario churn --connections 5000 --rate 100

One address has ports for about 28,000 connections to one server, and the kernel searches long for a free one when most are in
use: give one address for each 4,000 or so with --from (on Linux all of 127.0.0.0/8 are there). One process has as many connections as it may have descriptors: --processes auto takes as many as are needed. Delays
are of the last frame of each message; with a rate they count from when a message was due, not from when it could be sent.
Exit status: 0, or 1 when not one connection could be opened.
`;

/** `belfry load`: very many connections to a WebSocket server. */
export function loadCommand(): Command {
  const count = (least: number, most: number) => wholeNumber(least, most);
  return new Command("load")
    .description("Open very many connections to a WebSocket server, have them do something, and measure.")
    .argument("<url>", "the server: ws://host:port/path")
    .addOption(new Option("--connections <n>", "in all").argParser(count(1, 10_000_000)).default(1000))
    .addOption(new Option("--scenario <name>", "what they do").choices(names).default("idle"))
    .addOption(
      new Option("--seconds <n>", "how long, after all are open; 0: until Ctrl-C")
        .argParser(count(0, 604_800))
        .default(10),
    )
    .addOption(
      new Option("--rate <n>", "messages, publications or replaced connections a second, in all")
        .argParser(count(0, 10_000_000))
        .default(0),
    )
    .addOption(
      new Option("--busy <n>", "how many send (echo), or stop reading (slow); all when not given").argParser(
        count(0, 10_000_000),
      ),
    )
    .addOption(
      new Option("--arrivals <n>", "connections opened a second; 0: as fast as they are answered")
        .argParser(count(0, 1_000_000))
        .default(0),
    )
    .addOption(
      new Option("--opening <n>", "handshakes under way at once in a process")
        .argParser(count(1, 100_000))
        .default(limits.loadOpeningMax),
    )
    .addOption(new Option("--size <bytes>", "of a message").argParser(count(1, 16_777_216)).default(32))
    .addOption(
      new Option(
        "--channel <name>",
        "what to subscribe to: own:%d is one for each, all is one for all; may be given again, and the first is published to",
      )
        .argParser((name: string, before?: string[]) => [...(before ?? []), name])
        .default(undefined, "own:%d"),
    )
    .addOption(
      new Option(
        "--publish-to <url>",
        "where to publish: http://host:port of the API, or nats://host:port of the Bus",
      ).argParser(readPublishUrl),
    )
    .addOption(new Option("--api-key <key>", "a key of the HTTP API").env("BELFRY_API_KEY"))
    .addOption(new Option("--token <jwt>", "what clients connect with").env("BELFRY_TOKEN").default("", "none"))
    .addOption(
      new Option("--header <name: value>", "a header of the handshake; may be given several times").argParser(
        readHeader,
      ),
    )
    .addOption(
      new Option("--from <addresses>", "connect from these: 127.0.0.2-127.0.0.60")
        .argParser(readFrom)
        .default([], "the kernel's choice"),
    )
    .addOption(
      new Option("--processes <n>", '"auto": as many as the descriptors ask for')
        .argParser(readWorkers)
        .default(0, "auto"),
    )
    .addOption(new Option("--driver <name>", "of netpoll").choices(["auto", "native", "portable"]).default("auto"))
    .option("--json", "print one JSON object a line")
    .addHelpText("after", examples)
    .action(load);
}

async function load(url: string, options: LoadOptions, command: Command): Promise<void> {
  const { scenario, seconds, rate, json, connections, busy = connections, publishTo } = options;
  const publishes = scenario === "publish" || scenario === "slow";
  if (publishes && !publishTo) command.error(`error: --scenario ${scenario} needs --publish-to`);
  if (publishTo && !publishes) command.error("error: --publish-to is of --scenario publish and slow");
  if ((publishes || scenario === "churn") && rate === 0) command.error(`error: --scenario ${scenario} needs a --rate`);
  const ending = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => ending.abort());
  const screen = new LoadScreen(process.stderr);
  const tell = (event: LoadEvent) => (json ? process.stdout.write(`${JSON.stringify(event)}\n`) : screen.show(event));
  try {
    const target = await findTarget(url, options.header);
    const publisher = publishTo && (await openPublish(publishTo, options));
    const processes = options.processes || processesFor(connections);
    const { arrivals, opening, token, driver, size: bytes, from: sources } = options;
    const channels = options.channel ?? (publishes || scenario === "subscribe" ? ["own:%d"] : []);
    const plan: Plan = {
      ...{ target, connections, scenario, rate, busy, arrivals, opening, bytes, channels, token, sources, driver },
    };
    const run = new Run(plan, {
      ...{ processes, seconds, publishRate: publishes ? rate : 0, publish: publisher?.publish, tell },
      signal: ending.signal,
    });
    const summary = await run.run();
    await publisher?.close();
    if (!json) screen.end();
    process.exitCode = succeeded(summary) ? 0 : 1;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const { code } = error as Error & { code?: string };
    if (!(error instanceof BelfryError) && code === undefined) throw error;
    process.stderr.write(`belfry load: ${error.message}\n`);
    process.exitCode = 1;
  }
}

function succeeded({ opened }: Summary): boolean {
  return opened > 0;
}

function readPublishUrl(text: string): URL {
  if (/^(?:https?|nats|tls):\/\//.test(text) && URL.canParse(text)) return new URL(text);
  throw new InvalidArgumentError("Allowed are URLs such as http://127.0.0.1:8000 and nats://127.0.0.1:4222.");
}

function readHeader(text: string, before: Record<string, string> = {}): Record<string, string> {
  const colon = text.indexOf(":");
  if (colon > 0) return { ...before, [text.slice(0, colon).trim()]: text.slice(colon + 1).trim() };
  throw new InvalidArgumentError('Allowed is "Name: value".');
}

function readFrom(text: string): string[] {
  try {
    return readSources(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}
