/** What no key can say for itself: how values of several keys go together. */

import { unmetNeeds } from "./channel-options.ts";
import type { Fault } from "./read.ts";
import type { Config } from "./schema.ts";
import type { Path } from "./tree.ts";

/** A fault that two or more keys make; `paths` are those that it depends on. The fault's text is left to the reader. */
export interface Clash extends Omit<Fault, "fault"> {
  readonly others: readonly Path[];
}

/** All clashes of a configuration. */
export function clashesOf(config: Config): Clash[] {
  return [...ofServer(config), ...ofClient(config), ...ofChannels(config), ...ofProxies(config), ...ofKeys(config)];
}

function ofServer({ server }: Config): Clash[] {
  if (server.path === "") {
    const { port, internalPort } = server;
    if (internalPort === 0 || internalPort !== port) return [];
    return [clash(["server", "internalPort"], "server.port is the same", ["server", "port"])];
  }
  const path = ["server", "path"];
  return [
    ...(server.host === "" ? [] : [clash(["server", "host"], "server.path is set, and takes its place", path)]),
    ...(server.workers === 1 ? [] : [clash(["server", "workers"], "server.path is set, which takes one", path)]),
  ];
}

function ofClient({ client, token }: Config): Clash[] {
  const clashes: Clash[] = [];
  if (client.pongSeconds >= client.pingSeconds) {
    const hint = `it must be less than client.pingSeconds, which is ${client.pingSeconds}`;
    clashes.push(clash(["client", "pongSeconds"], hint, ["client", "pingSeconds"]));
  }
  if (token.previousHmacSecret !== "" && token.hmacSecret === "")
    clashes.push(clash(["token", "previousHmacSecret"], "it needs token.hmacSecret", ["token", "hmacSecret"]));
  return clashes;
}

function ofChannels({ channel, proxy }: Config): Clash[] {
  const clashes: Clash[] = [];
  const namespaces = Object.entries(channel.namespaces).map(([name, options]) => ({
    path: ["channel", "namespaces", name],
    options,
  }));
  for (const { path, options } of [
    { path: ["channel", "withoutNamespace"], options: channel.withoutNamespace },
    ...namespaces,
  ]) {
    for (const { option, needed } of unmetNeeds(options)) {
      const others = needed.map((other) => [...path, other]);
      clashes.push(clash([...path, option], `it needs ${needed.join(" or ")}`, ...others));
    }
    for (const kind of ["subscribe", "publish", "subRefresh"] as const) {
      const option = `${kind}Proxy` as const;
      if (!options[option] || proxy[kind].url !== "") continue;
      clashes.push(clash([...path, option], `it needs proxy.${kind}.url`, ["proxy", kind, "url"]));
    }
  }
  return [...clashes, ...ofSeparators(channel)];
}

function ofSeparators(channel: Config["channel"]): Clash[] {
  const names = ["namespaceBoundary", "privatePrefix", "userBoundary", "userSeparator"] as const;
  return names.flatMap((name, i) => {
    const same = names.slice(0, i).find((other) => channel[other] === channel[name] && channel[name] !== "");
    return same ? [clash(["channel", name], `channel.${same} is the same`, ["channel", same])] : [];
  });
}

function ofProxies({ proxy: { connect } }: Config): Clash[] {
  if (connect.cacheSeconds === 0 || connect.url !== "") return [];
  return [clash(["proxy", "connect", "cacheSeconds"], "it needs proxy.connect.url", ["proxy", "connect", "url"])];
}

function ofKeys({ api: { keys } }: Config): Clash[] {
  return keys.flatMap(({ key }, i) => {
    const first = keys.findIndex((other) => other.key === key);
    return first < i ? [clash(["api", "keys", i, "key"], `api.keys.${first}.key is the same`)] : [];
  });
}

function clash(path: Path, hint: string, ...others: Path[]): Clash {
  return { path, hint, others };
}
