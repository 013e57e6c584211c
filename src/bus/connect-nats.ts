import { readFileSync } from "node:fs";
import { JetStreamApiError } from "@nats-io/jetstream";
import { type Authenticator, credsAuthenticator, type NatsConnection, nkeyAuthenticator } from "@nats-io/nats-core";
import { connect, type NodeConnectionOptions } from "@nats-io/transport-node";
import { BelfryError } from "../errors.ts";
import { limits } from "../limits.ts";
import { type Log, silent } from "../log.ts";
import { NatsBroker } from "./nats.ts";
import { NatsStream } from "./nats-stream.ts";

/** Where the Bus is, and who we are. */
export interface NatsOptions {
  /**
   * `nats://host:4222`, `nats://user:password@host`, `nats://token@host`, `tls://host`; several of them with commas.
   */
  readonly url: string;
  /** A file of credentials, as `nsc` makes it. */
  readonly credentialsFile?: string | undefined;
  /** A file that holds the seed of an nkey. */
  readonly nkeyFile?: string | undefined;
  /** Certificates for TLS, as files in PEM. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string } | undefined;
  /** With what all subjects begin. Default `belfry`. */
  readonly prefix?: string | undefined;
  /** What histories keep: publications of each channel, and for how long at most. */
  readonly historySizeMax?: number | undefined;
  readonly historySecondsMax?: number | undefined;
  readonly historyBytesMax?: number | undefined;
  readonly historyStorage?: "memory" | "file" | undefined;
  readonly historyReplicas?: number | undefined;
  readonly log?: Log | undefined;
}

/**
 * Connects to the Bus. Rejects with BELFRY_BAD_OPTION for a URL that is none, when nobody is there in time, or when its
 * histories are not.
 */
export async function connectNats(options: NatsOptions): Promise<NatsBroker> {
  const { prefix = "belfry", log = silent } = options;
  const nc = await connect({ ...placeOf(options.url), ...identityOf(options), ...forever });
  const prefixes = { kept: `${prefix}.ch.`, delivered: `${prefix}.pub.` };
  const streamOptions = {
    name: prefix.toUpperCase(),
    perChannelMax: options.historySizeMax ?? limits.natsHistorySizeMax,
    secondsMax: options.historySecondsMax ?? limits.natsHistorySecondsMax,
    bytesMax: options.historyBytesMax ?? limits.historyBytesMax,
    storage: options.historyStorage ?? "file",
    replicas: options.historyReplicas ?? 1,
  };
  const open = () => NatsStream.open(nc, streamOptions, prefixes);
  const stream = await patiently(open, nc, log).catch(async (error: Error) => {
    if (isPassing(error, nc)) {
      await nc.close();
      throw error;
    }
    log.warn(`the Bus keeps no histories: ${error.message}`);
    return undefined;
  });
  return new NatsBroker({ nc, stream, prefixes, control: `${prefix}.control`, ask: `${prefix}.ask`, log });
}

/** Of JetStream's API: a cluster that is not complete, that has no place for the stream, or no leader. */
const PASSING: readonly unknown[] = [10_004, 10_005, 10_008, 10_009];

/** Whether a Bus with JetStream fails for now only, as while the servers of a cluster come one after the other. */
function isPassing(error: Error, nc: NatsConnection): boolean {
  if (nc.info?.jetstream !== true || error.name === "JetStreamNotEnabled") return false;
  return error instanceof JetStreamApiError ? PASSING.includes(error.code) : true;
}

/** Tries again for a while: who began without histories would be without them for good. */
async function patiently<Value>(open: () => Promise<Value>, nc: NatsConnection, log: Log): Promise<Value> {
  const untilMs = performance.now() + limits.natsHistoriesSecondsMax * 1000;
  for (;;) {
    try {
      return await open();
    } catch (error) {
      if (!isPassing(error as Error, nc) || performance.now() > untilMs) throw error;
      log.warn(`histories are not to be had yet: ${(error as Error).message}`);
    }
    await new Promise((resolve) => setTimeout(resolve, limits.natsReconnectMs));
  }
}

/** A Bus that is away comes back, whenever that is. */
const forever: NodeConnectionOptions = {
  maxReconnectAttempts: -1,
  reconnectTimeWait: limits.natsReconnectMs,
  reconnectJitter: limits.natsReconnectMs,
  timeout: limits.natsConnectSecondsMax * 1000,
  pingInterval: limits.natsPingSeconds * 1000,
  maxPingOut: limits.natsPingsOutMax,
};

/** The servers of a URL, and what stands before the @. */
function placeOf(url: string): NodeConnectionOptions {
  const urls = url.split(",").map(parsed);
  const [{ username, password, protocol }] = urls as [URL];
  const user = decodeURIComponent(username);
  const secret = password === "" ? { token: user } : { user, pass: decodeURIComponent(password) };
  return {
    servers: urls.map(({ host }) => host),
    ...(user !== "" && secret),
    ...(protocol === "tls:" && { tls: {} }),
  };
}

function parsed(text: string): URL {
  const url = URL.canParse(text.trim()) ? new URL(text.trim()) : undefined;
  if (url && (url.protocol === "nats:" || url.protocol === "tls:") && url.hostname !== "") return url;
  throw new BelfryError("BELFRY_BAD_OPTION", `${JSON.stringify(text)} is no address of a Bus: nats://host:4222 is one`);
}

function identityOf({ credentialsFile, nkeyFile, tls }: NatsOptions): NodeConnectionOptions {
  const authenticator: Authenticator[] = [];
  if (credentialsFile !== undefined) authenticator.push(credsAuthenticator(readFileSync(credentialsFile)));
  if (nkeyFile !== undefined) {
    authenticator.push(nkeyAuthenticator(Buffer.from(readFileSync(nkeyFile, "utf8").trim())));
  }
  const { ca, cert, key } = tls ?? {};
  return {
    ...(authenticator.length > 0 && { authenticator }),
    ...(tls && {
      tls: {
        ...(ca !== undefined && { caFile: ca }),
        ...(cert !== undefined && { certFile: cert }),
        ...(key !== undefined && { keyFile: key }),
      },
    }),
  };
}
