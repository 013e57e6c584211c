import type { Server as HttpServer, RequestListener } from "node:http";
import * as v from "valibot";
import type { AdmissionOptions } from "./connection/admission-options.ts";
import type { ConnectionHandlers } from "./connection/application.ts";
import type { DeflateOptions } from "./connection/compression.ts";
import type { HandshakeParts } from "./connection/handshake.ts";
import { BelfryError } from "./errors.ts";
import { limits } from "./limits.ts";
import type { Log } from "./log.ts";
import type { DriverChoice } from "./netpoll/index.ts";

/** What the application does: see {@link ConnectionHandlers}. */
export interface Handlers extends ConnectionHandlers {
  /** Decides on an upgrade: nothing or an Acceptance lets it happen, a Rejection refuses it. May be asynchronous. */
  upgrade?: NonNullable<HandshakeParts["decide"]>;
}

/** Defaults are in limits.ts, under the same names. */
export interface ServerOptions extends Handlers {
  /** Hands out views of what was received instead of copies: see Packet. Default false. */
  zeroCopy?: boolean;
  /** Takes the requests on the same port that are not for a WebSocket; without it they are answered 426. */
  http?: RequestListener | HttpServer;
  /**
   * Permessage-deflate (RFC 7692): true, or what to ask for. Default false. Without context takeover, the default, an
   * idle connection costs nothing for it.
   */
  deflate?: boolean | DeflateOptions;
  /** Default "auto": the addon, or node:net where it cannot be loaded. */
  driver?: DriverChoice;
  headBytesMax?: number;
  headSecondsMax?: number;
  messageBytesMax?: number;
  fragmentsMax?: number;
  outboxBytesMax?: number;
  outboundBytesMax?: number;
  workersMax?: number;
  heartbeatSeconds?: number;
  pongSecondsMax?: number;
  closeSecondsMax?: number;
  /** When nobody more is let in, and what becomes of those who come then. */
  admission?: AdmissionOptions;
  log?: Log;
}

/** Where to listen. */
export interface ListenOptions {
  /** 0, the default, lets the kernel choose. */
  port?: number;
  /** A numeric IPv4 or IPv6 address. Default "::", which takes IPv4 too; "0.0.0.0" where there is no IPv6. */
  host?: string;
  /** A Unix socket's path, instead of port and host; it must hold a `/`. */
  path?: string;
  /**
   * A listening descriptor that the process was started with (systemd's socket activation), instead of an address. It
   * is this server's from now on; whoever else holds it keeps its backlog alive over a restart.
   */
  fd?: number;
  backlog?: number;
  /** Lets several processes listen on the port; the kernel spreads connections over them. */
  reusePort?: boolean;
  ipv6Only?: boolean;
  /**
   * Has the kernel look after peers too (TCP keepalive): it asks one that was silent for so long, and gives it up after
   * as long again. For connections that are not read from, since a handler is at work, and get no pings. Default: not.
   */
  keepAliveSeconds?: number;
}

const count = (max: number) => v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(max)));
const seconds = v.optional(v.pipe(v.number(), v.minValue(0.05), v.maxValue(86_400)));
const handler = v.optional(v.custom((value) => typeof value === "function", "Invalid type: Expected a function"));
const GIB = 1024 ** 3;

const range = (min: number, max: number) =>
  v.optional(v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max)));

const deflateOptions = v.strictObject({
  serverNoContextTakeover: v.optional(v.boolean()),
  clientNoContextTakeover: v.optional(v.boolean()),
  serverMaxWindowBits: range(9, 15),
  clientMaxWindowBits: range(8, 15),
  thresholdBytes: range(0, GIB),
  level: range(1, 9),
  memLevel: range(1, 9),
});

const GIB_MAX = 1024 * GIB;
const CONNECTIONS_MAX = 100_000_000;

const admissionOptions = v.strictObject({
  lagMsMax: range(0, 60_000),
  residentBytesMax: range(0, GIB_MAX),
  waitingBytesMax: range(0, GIB_MAX),
  connectionsMax: range(0, CONNECTIONS_MAX),
  connectionsPerAddressMax: range(0, CONNECTIONS_MAX),
  handshakesMax: range(0, CONNECTIONS_MAX),
  acceptsPerSecondMax: range(0, 1_000_000),
  acceptsBurstMax: range(0, 1_000_000),
  rampSeconds: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(3600))),
  overload: v.optional(v.picklist(["rest", "refuse", "503"])),
  refuseAfterSeconds: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(3600))),
});

const serverOptions = v.strictObject({
  upgrade: handler,
  open: handler,
  packet: handler,
  close: handler,
  drain: handler,
  zeroCopy: v.optional(v.boolean()),
  http: v.optional(v.custom((value) => typeof value === "function" || (typeof value === "object" && value !== null))),
  deflate: v.optional(v.union([v.boolean(), deflateOptions])),
  driver: v.optional(v.picklist(["auto", "native", "portable"])),
  headBytesMax: count(1024 * 1024),
  headSecondsMax: seconds,
  messageBytesMax: count(GIB),
  fragmentsMax: count(GIB),
  outboxBytesMax: count(GIB),
  outboundBytesMax: count(1024 * GIB),
  workersMax: count(1_000_000),
  heartbeatSeconds: seconds,
  pongSecondsMax: seconds,
  closeSecondsMax: seconds,
  admission: v.optional(admissionOptions),
  log: v.optional(v.custom((value) => typeof value === "object" && value !== null)),
});

const listenOptions = v.strictObject({
  port: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65_535))),
  host: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-fA-F:.]+$/, "Expected a numeric IPv4 or IPv6 address"))),
  path: v.optional(v.pipe(v.string(), v.regex(/\//, "Expected a path that holds a /"))),
  fd: range(0, 2 ** 31 - 1),
  backlog: count(limits.backlog * 16),
  reusePort: v.optional(v.boolean()),
  ipv6Only: v.optional(v.boolean()),
  keepAliveSeconds: count(3600),
});

/** Throws BELFRY_BAD_OPTION that names the option, its value and what is allowed. */
export function checkServerOptions(options: object): void {
  check(serverOptions, options, "createServer");
}

/** The same for `listen`. */
export function checkListenOptions(options: object): void {
  check(listenOptions, options, "listen");
}

const attachOptions = v.strictObject({
  path: v.optional(v.pipe(v.string(), v.startsWith("/"))),
});

/** The same for `attach`. */
export function checkAttachOptions(options: object): void {
  check(attachOptions, options, "attach");
}

/** Checks `value` against a schema; `what` begins the sentence of the error. */
export function check(schema: v.GenericSchema, value: unknown, what: string): void {
  const result = v.safeParse(schema, value);
  if (result.success) return;
  const sentences = result.issues.map((issue) => `option ${v.getDotPath(issue) ?? "(all)"}: ${issue.message}`);
  throw new BelfryError("BELFRY_BAD_OPTION", `${what}: ${sentences.join("; ")}`);
}
