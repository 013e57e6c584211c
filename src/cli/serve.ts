import { Command, Option } from "commander";
import { pino } from "pino";
import type { Broker } from "../bus/index.ts";
import { BelfryError, SystemError } from "../errors.ts";
import type { Log } from "../log.ts";
import {
  type Config,
  createPushServer,
  type DrainHow,
  loadConfig,
  type PartialConfig,
  type PushServer,
  WEBSOCKET_PATH,
} from "../push/index.ts";
import { busOf } from "./bus-of.ts";
import { onSignals } from "./ending.ts";
import { openInternalPort } from "./internal-port.ts";
import { takeListener } from "./listener.ts";
import { readPort, readWorkers } from "./numbers.ts";
import { rehearseAside } from "./rehearse-aside.ts";
import { optionsOf } from "./serve-options.ts";
import { answerParent, endWithParent, runWorkers, sayReady, takeWorkerPlace, type WorkerPlace } from "./workers.ts";
import { keepYoungGeneration } from "./young-generation.ts";

interface Flags {
  config?: string;
  port?: number;
  host?: string;
  apiKey?: string;
  allowAnonymous?: true;
  allowSubscribe?: true | string[];
  allowedOrigin?: string[];
  driver?: Config["server"]["driver"];
  bus?: string;
  workers?: number;
}

const examples = `
Examples:
  Try it: anybody may connect, and subscribe to the channels that begin with "news:"
    $ belfry serve --allow-anonymous --allow-subscribe news: --api-key secret

  Publish, from anywhere that has curl
    $ curl -H 'X-API-Key: secret' -d '{"channel":"news:1","data":{"text":"hello"}}' http://localhost:8000/api/publish

  Listen, with the npm package centrifuge
    new Centrifuge("ws://localhost:8000${WEBSOCKET_PATH}").newSubscription("news:1")

  With tokens, namespaces and histories: begin a file, change it, and serve with it
    $ belfry config --defaults > belfry.yaml
    $ belfry serve --config belfry.yaml

  A process for each core, all on one port
    $ belfry serve --config belfry.yaml --workers auto
`;

/** `belfry serve`: the notification API as a process of its own. */
export function serveCommand(): Command {
  return new Command("serve")
    .description("Run the notification API: clients of Centrifugo's protocol on one side, an HTTP API on the other.")
    .option("--config <file>", "YAML, or JSON if its name ends with .json; see belfry config --help")
    .addOption(new Option("--port <number>", "where to listen (8000)").argParser(readPort))
    .option("--host <address>", "numeric address to listen on; all when not given")
    .option("--api-key <key>", "what callers of the HTTP API must show; without it nobody may call")
    .option("--allow-anonymous", "let clients connect without a token")
    .option("--allow-subscribe [prefix...]", "let clients subscribe to all channels, or to those with a prefix")
    .option("--allowed-origin <origin...>", "origins of web pages that may connect, besides this host; * for all")
    .option("--bus <url>", "the Bus that processes share: nats://host:4222, of belfry bus or NATS")
    .addOption(
      new Option("--workers <number>", "processes that serve the port, or auto: one for each core (1)").argParser(
        readWorkers,
      ),
    )
    .addOption(new Option("--driver <name>", "how to talk to the kernel").choices(["auto", "native", "portable"]))
    .addHelpText(
      "after",
      `${examples}\nEach key of the configuration has a variable: BELFRY_SERVER_PORT for server.port.\n`,
    )
    .action(serve);
}

async function serve(flags: Flags): Promise<void> {
  const log = pino() as Log;
  const place = takeWorkerPlace(process.env);
  let config: Config;
  try {
    config = loadConfig({ file: flags.config, env: process.env, flags: configOf(flags) });
  } catch (error) {
    return fail(error);
  }
  if (place) return await serveHere(inPlace(config, place), flags, log, place);
  if (!config.client.allowAnonymous && !hasCredentials(config)) {
    log.warn("nobody can connect: there is no key for tokens, no connect proxy, and --allow-anonymous was not given");
  }
  if (config.server.workers === 1) return await serveHere(config, flags, log);
  if (takeListener(process.env, process.pid) !== undefined) {
    log.error("a listener that systemd passes is for one process: server.workers must be 1");
    process.exitCode = 1;
    return;
  }
  await runWorkers(config, log).catch((error) => cannotListen(error, log));
}

/** Serves in this process; with a place it is one of several. */
async function serveHere(config: Config, flags: Flags, log: Log, place?: WorkerPlace): Promise<void> {
  let broker: Broker;
  try {
    broker = await busOf(config, log);
  } catch (error) {
    log.error(`the Bus is out of reach: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
    return;
  }
  const metricsOfAll = place && answerParent(() => server.vitals);
  const server = createPushServer({
    ...optionsOf(config, log),
    ...(metricsOfAll && config.metrics.enabled && { metrics: metricsOfAll }),
    broker,
    allowSubscribe: allowSubscribe(flags.allowSubscribe),
    log,
  });
  let closeInternalPort = async () => {};
  try {
    if (!place) closeInternalPort = await openInternalPort(config, server.vitals.answers);
    // Before the rehearsal, which would let it grow in one start of four.
    keepYoungGeneration();
    const at = await listen(server, config.server, log);
    if (place) sayReady();
    else log.info(`listening on ${at.address} port ${at.port}: ws://localhost:${at.port}${WEBSOCKET_PATH}`);
  } catch (error) {
    cannotListen(error, log);
    await server.close();
    await closeInternalPort();
    return await broker.close();
  }
  let closed: Promise<void> | undefined;
  const close = (how?: DrainHow) => {
    const ended = server.close(how);
    closed ??= ended.then(() => broker.close()).then(closeInternalPort);
    return closed;
  };
  if (place) {
    return endWithParent({
      drain: () => close(config.shutdown),
      hurry: close,
      // Without the parent there may be no Bus to take leave of.
      abandon: () => server.close(),
    });
  }
  onSignals(log, { drain: () => void close(config.shutdown), hurry: () => void close(), kill: () => {} });
}

/** Listens, and rehearses: on a port that it shares its own connection would come to another process. */
async function listen(server: PushServer, config: Config["server"], log: Log) {
  const { port, host, path, reusePort, keepAliveSeconds } = config;
  const failed = (failure: unknown) => log.warn(`the rehearsal failed: ${failure}`);
  const fd = takeListener(process.env, process.pid);
  const isShared = reusePort || fd !== undefined;
  if (isShared) await rehearseAside(server).catch(failed);
  const where = path === "" ? { port, ...(host === "" ? {} : { host }) } : { path };
  const keepAlive = keepAliveSeconds > 0 && path === "" ? { keepAliveSeconds } : {};
  const at = await server.listen(fd === undefined ? { ...where, reusePort, ...keepAlive } : { fd, ...keepAlive });
  if (!isShared) await server.rehearse(at).catch(failed);
  return at;
}

function cannotListen(error: unknown, log: Log): void {
  if (!(error instanceof BelfryError)) throw error;
  const isInternal = error.message.includes("internalPort");
  const hint =
    !isInternal && error instanceof SystemError && error.errno === "ENOTSUP"
      ? "several processes on one port need the addon, or Node 22.12"
      : `choose another${isInternal ? "" : " with --port or --host"}`;
  log.error(`${error.message}; ${hint}`);
  process.exitCode = 1;
}

function inPlace(config: Config, { port, bus }: WorkerPlace): Config {
  return {
    ...config,
    server: { ...config.server, port, reusePort: true },
    bus: { ...config.bus, url: bus },
  };
}

/** What the flags say, as a part of the configuration. */
function configOf({ port, host, workers, driver, allowAnonymous, allowedOrigin, apiKey, bus }: Flags): PartialConfig {
  return {
    server: {
      ...(port !== undefined && { port }),
      ...(host !== undefined && { host }),
      ...(workers !== undefined && { workers }),
      ...(driver !== undefined && { driver }),
      ...(allowedOrigin !== undefined && { allowedOrigins: allowedOrigin }),
    },
    ...(allowAnonymous && { client: { allowAnonymous } }),
    ...(bus !== undefined && { bus: { url: bus } }),
    ...(apiKey !== undefined && { api: { keys: [{ key: apiKey, scopes: ["*"] }] } }),
  };
}

function allowSubscribe(flag: true | string[] | undefined): boolean | ((channel: string) => boolean) {
  if (!Array.isArray(flag)) return flag ?? false;
  return (channel) => flag.some((prefix) => channel.startsWith(prefix));
}

function hasCredentials({ token, proxy }: Config): boolean {
  const { hmacSecret, rsaPublicKey, ecdsaPublicKey, jwksUrl } = token;
  return [hmacSecret, rsaPublicKey, ecdsaPublicKey, jwksUrl, proxy.connect.url].some((text) => text !== "");
}

/** Mistakes in the configuration are for whoever wrote it, without a stack. */
function fail(error: unknown): void {
  if (!(error instanceof BelfryError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
