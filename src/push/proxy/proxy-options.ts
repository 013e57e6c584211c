import * as v from "valibot";
import { limits } from "../../limits.ts";
import type { Log } from "../../log.ts";
import { check } from "../../options.ts";

/** Where and how an application is asked. Defaults are in limits.ts: those of `secondsMax` under `proxySecondsMax`. */
export interface ProxyEndpoint {
  /** http: or https:, without user and password: those belong into `headers`. */
  readonly url: string;
  /** Sent with each request: an Authorization, so that the application knows who asks. */
  readonly headers?: Readonly<Record<string, string>>;
  /** For the whole answer; and for the wait for a turn. */
  readonly secondsMax?: number;
  readonly concurrencyMax?: number;
  readonly queueMax?: number;
  readonly answerBytesMax?: number;
  readonly failuresMax?: number;
  readonly restSeconds?: number;
}

/** The same for connect requests. */
export interface ConnectEndpoint extends ProxyEndpoint {
  /**
   * Names of headers to pass on, Cookie or Authorization say. What a client cannot forge, such as X-Real-Ip, must be
   * set by a server in front, for all clients.
   */
  readonly passHeaders?: readonly string[];
  /**
   * How long an answer serves for further clients that show the same headers and data, and the same library. Requests
   * under way are shared too. Only for an application that does not look at the client's id. Default 0: never.
   */
  readonly cacheSeconds?: number;
}

/** The applications that decide; a hook without one is not there. */
export interface ProxyOptions {
  readonly connect?: ConnectEndpoint;
  readonly refresh?: ProxyEndpoint;
  readonly subscribe?: ProxyEndpoint;
  readonly publish?: ProxyEndpoint;
  readonly rpc?: ProxyEndpoint;
  readonly subRefresh?: ProxyEndpoint;
  readonly log?: Log;
}

/** An endpoint with its defaults. */
export type FullEndpoint = Required<ProxyEndpoint>;

const count = (min: number) => v.optional(v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(2 ** 30)));
const seconds = (min: number, max: number) => v.optional(v.pipe(v.number(), v.minValue(min), v.maxValue(max)));

/** The request's own headers, and those of one connection (RFC 9110, 7.6.1). */
const OWN =
  /^(?:host|connection|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade|expect|content-(?:type|length|encoding)|sec-websocket-.*)$/i;

const headerName = v.pipe(
  v.string(),
  v.regex(/^[!#$%&'*+.^_`|~\w-]+$/, "Expected the name of a header"),
  v.check((name) => !OWN.test(name), "Expected the name of a header that is not the request's own"),
);
const headerValue = v.pipe(
  v.string(),
  v.check(isHeaderValue, "Expected the value of a header, without control characters"),
);

const endpoint = {
  url: v.pipe(
    v.string(),
    v.check(isUrl, "Expected an absolute URL, http: or https:, without user and password, which belong into headers"),
  ),
  headers: v.optional(v.record(headerName, headerValue)),
  secondsMax: seconds(0.01, 3600),
  concurrencyMax: count(1),
  queueMax: count(0),
  answerBytesMax: count(1),
  failuresMax: count(1),
  restSeconds: seconds(0.01, 3600),
};
const connectEndpoint = v.pipe(
  v.strictObject({
    ...endpoint,
    passHeaders: v.optional(v.array(headerName)),
    cacheSeconds: seconds(0, 3600),
  }),
  v.check(
    ({ headers = {}, passHeaders = [] }) => !Object.keys(headers).some((name) => listed(passHeaders, name)),
    "A header is in headers and in passHeaders: leave out one of them",
  ),
);
const other = v.optional(v.strictObject(endpoint));

const proxyOptions = v.strictObject({
  connect: v.optional(connectEndpoint),
  refresh: other,
  subscribe: other,
  publish: other,
  rpc: other,
  subRefresh: other,
  log: v.optional(v.custom((value) => typeof value === "object" && value !== null)),
});

/** Throws BELFRY_BAD_OPTION that names the option and what is allowed. */
export function checkProxyOptions(options: ProxyOptions): void {
  check(proxyOptions, options, "proxyHooks");
}

/** An endpoint's options, those that were not given from limits.ts. */
export function withDefaults(endpoint: ProxyEndpoint): FullEndpoint {
  return {
    url: endpoint.url,
    headers: endpoint.headers ?? {},
    secondsMax: endpoint.secondsMax ?? limits.proxySecondsMax,
    concurrencyMax: endpoint.concurrencyMax ?? limits.proxyConcurrencyMax,
    queueMax: endpoint.queueMax ?? limits.proxyQueueMax,
    answerBytesMax: endpoint.answerBytesMax ?? limits.proxyAnswerBytesMax,
    failuresMax: endpoint.failuresMax ?? limits.proxyFailuresMax,
    restSeconds: endpoint.restSeconds ?? limits.proxyRestSeconds,
  };
}

function isUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return (protocol === "http:" || protocol === "https:") && username === "" && password === "";
}

/** Whether it can be sent as the value of a header: Latin-1 without control characters (RFC 9110, 5.5). */
export function isHeaderValue(value: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(value);
}

function listed(names: readonly string[], name: string): boolean {
  return names.some((other) => other.toLowerCase() === name.toLowerCase());
}
