import { createHash } from "node:crypto";
import { limits } from "../../limits.ts";
import { type Log, silent } from "../../log.ts";
import type { ConnectRequest, Credentials, HookClient, HookDisconnect, HookError, Hooks } from "../hooks.ts";
import { ReplyError } from "../protocol.ts";
import { Asker } from "./asker.ts";
import {
  type ConnectEndpoint,
  checkProxyOptions,
  isHeaderValue,
  type ProxyEndpoint,
  type ProxyOptions,
  withDefaults,
} from "./proxy-options.ts";
import {
  connectResult,
  publishResult,
  type ResultSchema,
  refreshResult,
  rpcResult,
  subscribeResult,
} from "./results.ts";
import { SharedAnswers } from "./shared-answers.ts";

/**
 * Hooks that ask an application over HTTP, in the way of Centrifugo's HTTP proxies. When it gives no answer clients get
 * the error 100, and 111 when there is no use in asking; the log says why. Throws BELFRY_BAD_OPTION.
 */
export function proxyHooks(options: ProxyOptions): Hooks {
  checkProxyOptions(options);
  const { connect, refresh, subscribe, publish, rpc, subRefresh, log = silent } = options;
  return {
    ...(connect && { connect: connectHook(connect, log) }),
    ...(refresh && { refresh: hook("refresh", refresh, refreshResult, log) }),
    ...(subscribe && { subscribe: hook("subscribe", subscribe, subscribeResult, log) }),
    ...(publish && { publish: hook("publish", publish, publishResult, log) }),
    ...(rpc && { rpc: hook("rpc", rpc, rpcResult, log) }),
    ...(subRefresh && { subRefresh: hook("sub_refresh", subRefresh, refreshResult, log) }),
  };
}

type Answer<Reply> = Reply | HookError | HookDisconnect;

/** What a client asks for, besides who it is. */
interface Question {
  readonly channel?: string;
  readonly method?: string;
  readonly data?: unknown;
}

function hook<Reply>(name: string, endpoint: ProxyEndpoint, schema: ResultSchema<Reply>, log: Log) {
  const asker = new Asker(name, withDefaults(endpoint), schema, log);
  return async (request: HookClient & Question): Promise<Answer<Reply>> => {
    const { client, transport, user, channel, method, meta, data } = request;
    const { answer } = await asker.ask({ client, transport, ...FORM, user, channel, method, meta, data });
    return answer;
  };
}

/** How the client and its data are encoded. */
const FORM = { protocol: "json", encoding: "json" } as const;

function connectHook(endpoint: ConnectEndpoint, log: Log): (request: ConnectRequest) => Promise<Answer<Credentials>> {
  const { passHeaders = [], cacheSeconds = 0 } = endpoint;
  const asker = new Asker("connect", withDefaults(endpoint), connectResult, log);
  const shared = new SharedAnswers<Answer<Credentials>>(limits.proxyCacheBytesMax, () => performance.now());
  return async (request) => {
    const { client, transport, data } = request;
    const name = request.name || undefined;
    const version = request.version || undefined;
    const headers = passed(passHeaders, request);
    const ask = async () => {
      const { answer, length } = await asker.ask({ client, transport, ...FORM, name, version, data }, headers);
      return { value: answer, bytes: length, seconds: length > 0 ? secondsFor(answer, cacheSeconds) : 0 };
    };
    if (cacheSeconds === 0) return (await ask()).value;
    return shared.get(digest([transport, name, version, headers, data]), ask);
  };
}

/** The headers of the client that the application is to see. Throws 107 for one that cannot be sent. */
function passed(names: readonly string[], request: ConnectRequest): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of names) {
    const value = request.header(name.toLowerCase());
    if (value === undefined) continue;
    // The client may have told it in its connect command, where it can hold any character.
    if (!isHeaderValue(value)) throw new ReplyError(107);
    headers[name.toLowerCase()] = value;
  }
  return headers;
}

/** How long the answer serves for others: what asks to try again not at all, credentials not after their end. */
function secondsFor(answer: Answer<Credentials>, cacheSeconds: number): number {
  if ("error" in answer) {
    const { code, message, temporary } = answer.error;
    return new ReplyError(code, message, temporary).temporary ? 0 : cacheSeconds;
  }
  if ("disconnect" in answer || !answer.expireAt) return cacheSeconds;
  return Math.min(cacheSeconds, answer.expireAt - Date.now() / 1000);
}

/** As short as a cache's key should be, whatever the client sent. */
function digest(parts: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64");
}
