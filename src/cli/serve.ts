import { Command, InvalidArgumentError, Option } from "commander";
import { pino } from "pino";
import { BelfryError } from "../errors.ts";
import type { Log } from "../log.ts";
import { createPushServer, WEBSOCKET_PATH } from "../push/index.ts";

interface ServeOptions {
  port: number;
  host?: string;
  apiKey?: string;
  allowAnonymous?: true;
  allowSubscribe?: true | string[];
  allowedOrigin?: string[];
  driver: "auto" | "native" | "portable";
}

const examples = `
Examples:
  Try it: anybody may connect, and subscribe to the channels that begin with "news:"
    $ belfry serve --allow-anonymous --allow-subscribe news: --api-key secret

  Publish, from anywhere that has curl
    $ curl -H 'X-API-Key: secret' -d '{"channel":"news:1","data":{"text":"hello"}}' http://localhost:8000/api/publish

  Listen, with the npm package centrifuge
    new Centrifuge("ws://localhost:8000${WEBSOCKET_PATH}").newSubscription("news:1")
`;

/** `belfry serve`: the notification API as a process of its own. */
export function serveCommand(): Command {
  return new Command("serve")
    .description("Run the notification API: clients of Centrifugo's protocol on one side, an HTTP API on the other.")
    .addOption(new Option("--port <number>", "where to listen").argParser(readPort).default(8000).env("BELFRY_PORT"))
    .addOption(new Option("--host <address>", "numeric address to listen on; all when not given").env("BELFRY_HOST"))
    .addOption(
      new Option("--api-key <key>", "what callers of the HTTP API must show; without it nobody may call").env(
        "BELFRY_API_KEY",
      ),
    )
    .option("--allow-anonymous", "let clients connect without a token")
    .option("--allow-subscribe [prefix...]", "let clients subscribe to all channels, or to those with a prefix")
    .option("--allowed-origin <origin...>", "origins of web pages that may connect, besides this host; * for all")
    .addOption(
      new Option("--driver <name>", "how to talk to the kernel")
        .choices(["auto", "native", "portable"])
        .default("auto"),
    )
    .addHelpText("after", examples)
    .action(serve);
}

async function serve(options: ServeOptions): Promise<void> {
  const log = pino();
  const { allowSubscribe = false, allowAnonymous, apiKey, driver, host, port } = options;
  const server = createPushServer({
    driver,
    log: log as Log,
    allowAnonymous: allowAnonymous ?? false,
    allowSubscribe: Array.isArray(allowSubscribe)
      ? (channel) => allowSubscribe.some((prefix) => channel.startsWith(prefix))
      : allowSubscribe,
    allowedOrigins: options.allowedOrigin ?? [],
    ...(apiKey === undefined ? {} : { apiKey }),
  });
  try {
    const at = await server.listen({ port, ...(host === undefined ? {} : { host }) });
    await server.rehearse(at).catch((failure) => log.warn(`the rehearsal failed: ${failure}`));
    log.info(`listening on ${at.address} port ${at.port}: ws://localhost:${at.port}${WEBSOCKET_PATH}`);
  } catch (error) {
    if (!(error instanceof BelfryError)) throw error;
    log.error(`${error.message}; choose another with --port or --host`);
    process.exitCode = 1;
    return await server.close();
  }
  if (!allowAnonymous) log.warn("nobody can connect: tokens are not known yet, and --allow-anonymous was not given");
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      log.info(`${signal}: closing`);
      void server.close();
    });
  }
}

function readPort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new InvalidArgumentError("Allowed are whole numbers from 0 to 65535.");
}
