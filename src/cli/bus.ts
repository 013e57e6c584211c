import { readFileSync } from "node:fs";
import { Command, Option } from "commander";
import { pino } from "pino";
import { createDaemon, type Daemon, type DaemonOptions, type DaemonTlsOptions } from "../daemon/index.ts";
import { BelfryError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Log } from "../log.ts";
import { readBytes, readPort } from "./numbers.ts";

const examples = `
Examples:
  A Bus for the processes of this machine
    $ belfry bus --host 127.0.0.1

  One whose histories outlive a restart
    $ belfry bus --data /var/lib/belfry

  One that asks for a token; clients connect with nats://secret@host:4222
    $ BELFRY_BUS_TOKEN=secret belfry bus

  One that speaks TLS; with --tls-ca clients must show a certificate of that authority
    $ belfry bus --tls-cert bus.pem --tls-key bus.key

  Publish and subscribe, with any client of NATS
    $ nats sub 'mail.>'
    $ nats pub mail.42 'hello'
`;

interface Flags {
  host?: string;
  port: number;
  user?: string;
  password?: string;
  token?: string;
  payloadMax?: number;
  data?: string;
  tlsCert?: string;
  tlsKey?: string;
  tlsCa?: string;
  driver?: NonNullable<DaemonOptions["driver"]>;
}

/** `belfry bus`: the Bus as a process of its own. */
export function busCommand(): Command {
  return new Command("bus")
    .description("Run the Bus: between back ends and notification servers, in the protocol of NATS.")
    .addOption(new Option("--port <number>", "where to listen").argParser(readPort).default(4222))
    .option("--host <address>", "numeric address to listen on; all when not given")
    .addOption(new Option("--user <name>", "whom to let in, with --password").env("BELFRY_BUS_USER"))
    .addOption(new Option("--password <text>", "what that user must show").env("BELFRY_BUS_PASSWORD"))
    .addOption(new Option("--token <text>", "what everybody else must show").env("BELFRY_BUS_TOKEN"))
    .option("--data <folder>", "where histories outlive a restart; without it they are kept in memory")
    .addOption(
      new Option("--payload-max <bytes>", `the largest payload (${limits.busPayloadBytesMax})`).argParser(readBytes),
    )
    .addOption(
      new Option("--tls-cert <file>", "its certificate, in PEM: clients come over TLS").env("BELFRY_BUS_TLS_CERT"),
    )
    .addOption(new Option("--tls-key <file>", "the key of the certificate, in PEM").env("BELFRY_BUS_TLS_KEY"))
    .addOption(
      new Option("--tls-ca <file>", "who signs the certificates that clients must show").env("BELFRY_BUS_TLS_CA"),
    )
    .addOption(new Option("--driver <name>", "how to talk to the kernel").choices(["auto", "native", "portable"]))
    .addHelpText("after", examples)
    .action(bus);
}

async function bus(flags: Flags, command: Command): Promise<void> {
  const log = pino();
  const daemon = makeDaemon(flags, command, log as Log);
  const { host, port } = flags;
  try {
    const at = await daemon.listen({ port, ...(host !== undefined && { host }) });
    const how = flags.tlsCert === undefined ? "" : ", over TLS";
    log.info(`listening on ${at.address} port ${at.port}: nats://localhost:${at.port}${how}`);
  } catch (error) {
    if (!(error instanceof BelfryError)) throw error;
    log.error(`${error.message}; choose another with --port or --host`);
    process.exitCode = 1;
    return await daemon.close();
  }
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      log.info(`${signal}: closing`);
      void daemon.close();
    });
  }
}

/** Mistakes in the flags are for whoever wrote them. */
function makeDaemon(flags: Flags, command: Command, log: Log): Daemon {
  const { payloadMax, data, user, password, token, driver } = flags;
  try {
    const tls = tlsOf(flags);
    return createDaemon({
      ...(user !== undefined && { user }),
      ...(password !== undefined && { password }),
      ...(token !== undefined && { token }),
      ...(payloadMax !== undefined && { payloadBytesMax: payloadMax }),
      ...(data !== undefined && { data }),
      ...(tls !== undefined && { tls }),
      ...(driver !== undefined && { driver }),
      log,
    });
  } catch (error) {
    if (error instanceof BelfryError) command.error(`error: ${error.message}`);
    throw error;
  }
}

function tlsOf({ tlsCert, tlsKey, tlsCa }: Flags): DaemonTlsOptions | undefined {
  if (tlsCert === undefined && tlsKey === undefined && tlsCa === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    throw new BelfryError("BELFRY_BAD_OPTION", "TLS needs both --tls-cert and --tls-key");
  }
  const [cert, key] = [read("--tls-cert", tlsCert), read("--tls-key", tlsKey)];
  return { cert, key, ...(tlsCa !== undefined && { ca: read("--tls-ca", tlsCa) }) };
}

function read(flag: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new BelfryError("BELFRY_BAD_OPTION", `${flag} ${file}: ${(error as Error).message}`, { cause: error });
  }
}
