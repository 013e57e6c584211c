import * as v from "valibot";
import { limits } from "../../limits.ts";
import { httpUrl, key, listOf, seconds, text, whole } from "./words.ts";

const HOUR = 3600;

const proxy = v.strictObject({
  url: key(httpUrl, "", 'Where the back end is asked, with a POST. "" asks nobody.'),
  seconds: key(seconds(0.05, 600), limits.proxySecondsMax, "How long it may take to answer."),
  headers: key(
    listOf(
      text((name) => /^[-!#$%&'*+.^`|~\w]+$/.test(name), "the name of a header"),
      'a list of names of headers: ["Cookie"]',
    ),
    [],
    "Headers of the client's request that the back end is sent too.",
  ),
  concurrency: key(whole(1, 1_000_000), limits.proxyConcurrencyMax, "Requests that may be under way at once."),
});

const connectProxy = v.strictObject({
  ...proxy.entries,
  cacheSeconds: key(
    seconds(0, HOUR),
    0,
    "How long an answer serves for further clients that show the same headers and data, and the same library. Only for " +
      "a back end whose answer depends on nothing else, so not on the client's id. 0 asks for each client.",
  ),
});

/** Back ends that are asked over HTTP. */
export const proxies = v.strictObject({
  connect: key(connectProxy, {}, "Asked when a client connects without a token: who is it?"),
  refresh: key(proxy, {}, "Asked when a connection that the connect proxy let in expires: may it go on?"),
  subscribe: key(proxy, {}, "Asked in namespaces with subscribeProxy when a client subscribes: may it?"),
  publish: key(proxy, {}, "Asked in namespaces with publishProxy when a client publishes: may it?"),
  subRefresh: key(proxy, {}, "Asked in namespaces with subRefreshProxy when a subscription expires: may it go on?"),
  rpc: key(proxy, {}, "Asked when a client calls a method: what is the answer?"),
});
