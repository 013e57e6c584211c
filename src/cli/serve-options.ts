import type { Log } from "../log.ts";
import { type Config, type ProxyOptions, type PushOptions, proxyHooks, type TokenOptions } from "../push/index.ts";

/** The configuration as options of the push server; a text that is "" is none. */
export function optionsOf(config: Config, log: Log): PushOptions {
  const { server, admission, client, token, channel, api, proxy, metrics, health } = config;
  const { deflate, deflateThresholdBytes, messageBytesMax, outboxBytesMax, outboundBytesMax } = server;
  const { workersMax, headBytesMax, headSecondsMax, closeSecondsMax } = server;
  const { connectionsPerUserMax, ...clientOptions } = client;
  return {
    ...clientOptions,
    ...(connectionsPerUserMax > 0 && { connectionsPerUserMax }),
    driver: server.driver,
    allowedOrigins: [...server.allowedOrigins],
    server: {
      deflate: deflate && { thresholdBytes: deflateThresholdBytes },
      messageBytesMax,
      outboxBytesMax,
      outboundBytesMax,
      workersMax,
      headBytesMax,
      headSecondsMax,
      closeSecondsMax,
      admission,
    },
    tokens: set(token) as TokenOptions,
    channels: channel,
    apiKeys: api.keys.map(({ name, ...key }) => (name === "" ? key : { ...key, name })),
    errorMode: api.errorMode === "transport" ? "transport" : "body",
    metrics: metrics.enabled,
    health: health.enabled,
    healthSecondsMax: health.secondsMax,
    hooks: proxyHooks({ ...proxies(proxy), log }),
  };
}

function proxies(proxy: Config["proxy"]): ProxyOptions {
  const set = Object.entries(proxy).filter(([, { url }]) => url !== "");
  const { cacheSeconds } = proxy.connect;
  return Object.fromEntries(
    set.map(([name, { url, seconds, concurrency, headers }]) => [
      name,
      {
        url,
        secondsMax: seconds,
        concurrencyMax: concurrency,
        ...(name === "connect" && { passHeaders: headers, cacheSeconds }),
      },
    ]),
  );
}

/** Without the texts that are empty. */
function set(texts: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== ""));
}
