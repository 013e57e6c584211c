import type { RequestListener } from "node:http";
import * as v from "valibot";
import type { Broker } from "../bus/index.ts";
import type { Log } from "../log.ts";
import type { DriverChoice } from "../netpoll/index.ts";
import { check, type ServerOptions } from "../options.ts";
import { type ApiKey, type ErrorMode, errorModes } from "./api/index.ts";
import type { ChannelsConfig } from "./channels.ts";
import type { Hooks } from "./hooks.ts";
import type { TokenOptions } from "./tokens.ts";

/** What the notification API is made with; without any, nobody is let in. */
export interface PushOptions {
  /** The Bus. Default: one of its own, in the process. */
  broker?: Broker;
  /** The key of the HTTP API, for all of it; without one, or `apiKeys`, the API lets nobody in. */
  apiKey?: string;
  /** Several keys, each with its scopes. */
  apiKeys?: readonly ApiKey[];
  /** Lets clients connect without a token. Default false. */
  allowAnonymous?: boolean;
  /** Which channels clients may subscribe to, beside what the namespaces allow. Default: none. */
  allowSubscribe?: boolean | ((channel: string) => boolean);
  /** What channels offer, by their namespace. */
  channels?: ChannelsConfig;
  /** How tokens are verified; without it no client can connect with one. */
  tokens?: TokenOptions;
  /** The application's own decisions. */
  hooks?: Hooks;
  /** A method that back ends call through the HTTP API. */
  rpc?: (method: string, params: unknown) => unknown;
  /** Origins of pages that may connect, besides the server's own host: `https://example.com`, or `*`. */
  allowedOrigins?: string[];
  /** Takes the requests that are neither for a WebSocket nor for the API. */
  http?: RequestListener;
  /** How errors of the HTTP API are answered, if the caller does not say. Default "body". */
  errorMode?: ErrorMode;
  /**
   * Answers `GET /metrics`, in the text form of Prometheus, on the port of the clients; a function resolves with what
   * is answered, that of several processes say. Default false: it is for operators, and not for everybody.
   */
  metrics?: boolean | (() => Promise<string>);
  /** Answers `GET /healthz` and `/readyz` there. Default false. */
  health?: boolean;
  healthSecondsMax?: number;
  channelsPerClientMax?: number;
  connectionsPerUserMax?: number;
  commandsPerSecondMax?: number;
  /** … and all clients of one user together; 0: no bound. */
  commandsPerUserPerSecondMax?: number;
  /** Failed connects of one address that are answered at once; each further one within a while waits twice as long. */
  failedConnectsFree?: number;
  /** … and this long at most; 0: never. */
  failedConnectDelayMsMax?: number;
  staleSecondsMax?: number;
  expiredCloseSeconds?: number;
  pingSeconds?: number;
  pongSeconds?: number;
  /** Options of the WebSocket server below, under the same names. */
  server?: Pick<
    ServerOptions,
    | "deflate"
    | "driver"
    | "outboxBytesMax"
    | "outboundBytesMax"
    | "messageBytesMax"
    | "workersMax"
    | "headBytesMax"
    | "headSecondsMax"
    | "closeSecondsMax"
    | "admission"
  >;
  outboxBytesMax?: number;
  driver?: DriverChoice;
  log?: Log;
}

const isObject = (value: unknown) => typeof value === "object" && value !== null;
const isFunction = (value: unknown) => typeof value === "function";
const count = v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)));

const whole = v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)));
const seconds = v.optional(v.pipe(v.number(), v.minValue(0)));

const pushOptions = v.strictObject({
  broker: v.optional(v.custom(isObject)),
  apiKey: v.optional(v.pipe(v.string(), v.nonEmpty())),
  apiKeys: v.optional(v.array(v.custom(isObject))),
  allowAnonymous: v.optional(v.boolean()),
  allowSubscribe: v.optional(v.union([v.boolean(), v.custom(isFunction)])),
  channels: v.optional(v.custom(isObject)),
  tokens: v.optional(v.custom(isObject)),
  hooks: v.optional(v.custom(isObject)),
  rpc: v.optional(v.custom(isFunction)),
  allowedOrigins: v.optional(v.array(v.string())),
  http: v.optional(v.custom(isFunction)),
  errorMode: v.optional(v.picklist(errorModes)),
  metrics: v.optional(v.union([v.boolean(), v.custom(isFunction)])),
  health: v.optional(v.boolean()),
  healthSecondsMax: v.optional(v.pipe(v.number(), v.minValue(0.05), v.maxValue(600))),
  channelsPerClientMax: count,
  connectionsPerUserMax: count,
  commandsPerSecondMax: count,
  commandsPerUserPerSecondMax: whole,
  failedConnectsFree: whole,
  failedConnectDelayMsMax: whole,
  staleSecondsMax: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(3600))),
  expiredCloseSeconds: seconds,
  pingSeconds: count,
  pongSeconds: count,
  server: v.optional(v.custom(isObject)),
  outboxBytesMax: count,
  driver: v.optional(v.picklist(["auto", "native", "portable"])),
  log: v.optional(v.custom(isObject)),
});

/** Throws BELFRY_BAD_OPTION that names the option, its value and what is allowed. */
export function checkPushOptions(options: object): void {
  check(pushOptions, options, "createPushServer");
}
