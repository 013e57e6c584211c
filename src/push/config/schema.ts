import { createPublicKey } from "node:crypto";
import * as v from "valibot";
import { limits } from "../../limits.ts";
import { admission } from "./admission.ts";
import { channelOptions, namespaceName } from "./channel-options.ts";
import { health, metrics } from "./operators.ts";
import { proxies } from "./proxies.ts";
import { byName, httpUrl, key, listOf, oneOf, requiredKey, seconds, secret, text, whole, yesOrNo } from "./words.ts";

const GIB = 1024 ** 3;
const HOUR = 3600;
const DAY = 86_400;
const off = (doc: string) => key(yesOrNo, false, doc);
const bytes = whole(1, GIB);

const server = v.strictObject({
  port: key(whole(0, 65_535), 8000, "Where to listen. 0 lets the kernel choose."),
  host: key(
    text((host) => /^[0-9a-fA-F:.]*$/.test(host), 'a numeric IPv4 or IPv6 address, or "" for all'),
    "",
    "The address to listen on.",
  ),
  path: key(
    text((path) => path === "" || path.includes("/"), 'a path that holds a /, or "" for none'),
    "",
    "A Unix socket to listen on, instead of port and host.",
  ),
  internalPort: key(
    whole(0, 65_535),
    0,
    "A second port, for operators alone: /metrics, /healthz and /readyz of all workers, whatever metrics.enabled and " +
      "health.enabled say of the other one. It answers also while that one lets nobody in. 0 for none.",
  ),
  internalHost: key(
    text((host) => /^[0-9a-fA-F:.]*$/.test(host), 'a numeric IPv4 or IPv6 address, or "" for all'),
    "",
    "The address of internalPort.",
  ),
  reusePort: off("Lets several processes listen on the port; the kernel spreads connections over them."),
  keepAliveSeconds: key(
    whole(0, 3600),
    0,
    "Has the kernel ask a peer that was silent for so long (TCP keepalive), and give it up after as long again without " +
      "an answer. 0 for never; the pings of the protocol find dead peers without it.",
  ),
  workers: key(
    whole(0, 1024),
    1,
    "Processes that serve the port together, each on a core of its own; 0 for one for each core. Without bus.url they " +
      "share a Bus of their own, in memory.",
  ),
  driver: key(
    oneOf(["auto", "native", "portable"]),
    "auto",
    "How to talk to the kernel: through the addon (native), through node:net (portable), or whichever can be loaded.",
  ),
  allowedOrigins: key(
    listOf(text(), 'a list of origins, ["https://example.com"] say, or ["*"] for all'),
    [],
    "Web pages of these origins may connect, besides those of the server's own host. Programs are not asked.",
  ),
  messageBytesMax: key(
    bytes,
    limits.commandBytesMax,
    "The largest message of a client; a larger one closes with 1009.",
  ),
  outboxBytesMax: key(
    bytes,
    limits.outboxBytesMax,
    "Bytes that may wait for one client that does not read; over it slowReader of the channel says what happens.",
  ),
  outboundBytesMax: key(
    whole(1, 1024 * GIB),
    limits.outboundBytesMax,
    "Bytes that may wait for all clients together; over it those for which most waits are cut, as slow.",
  ),
  workersMax: key(whole(1, 1_000_000), limits.workersMax, "Tasks that may be under way at once."),
  headBytesMax: key(
    whole(1, 1_048_576),
    limits.headBytesMax,
    "The longest request head; a longer one is answered 431.",
  ),
  headSecondsMax: key(seconds(0.05, DAY), limits.headSecondsMax, "How long a request head may take: 408 beyond."),
  closeSecondsMax: key(seconds(0.05, DAY), limits.closeSecondsMax, "How long connections have to end at a shutdown."),
  deflate: off("Compresses messages (permessage-deflate, RFC 7692) for clients that offer it: less traffic, more CPU."),
  deflateThresholdBytes: key(whole(0, GIB), limits.deflateThresholdBytes, "Shorter messages go as they are."),
});

const client = v.strictObject({
  allowAnonymous: off("Lets clients connect without a token, as the anonymous user."),
  channelsPerClientMax: key(
    whole(1, 1_000_000),
    limits.channelsPerClientMax,
    "Channels that one client may be subscribed to: error 106 beyond.",
  ),
  connectionsPerUserMax: key(
    whole(0, 1_000_000),
    0,
    "Connections of one user to this process: 3504 beyond. 0 for no bound. Anonymous clients do not count.",
  ),
  commandsPerSecondMax: key(
    whole(1, 1_000_000),
    limits.commandsPerSecondMax,
    "Commands that one client may send in a second; beyond it they are refused.",
  ),
  commandsPerUserPerSecondMax: key(
    whole(0, 1_000_000),
    limits.commandsPerUserPerSecondMax,
    "Commands that all connections of one user to this process may send together in a second; beyond it they are " +
      "refused. 0 for no bound. Anonymous clients do not count.",
  ),
  failedConnectsFree: key(
    whole(0, 1_000_000),
    limits.failureGateFree,
    "Failed connects of one address within half a minute that are answered at once; each further one waits longer.",
  ),
  failedConnectDelayMsMax: key(whole(0, 60_000), limits.failureGateDelayMsMax, "How long at most. 0 for never."),
  staleSecondsMax: key(
    seconds(0.05, HOUR),
    limits.staleSecondsMax,
    "How long a client may take from the opening of its WebSocket to its connect command: 3502 beyond.",
  ),
  expiredCloseSeconds: key(
    seconds(0, DAY),
    limits.expiredCloseSeconds,
    "How long a client may be late with its new token when the old one has expired.",
  ),
  pingSeconds: key(whole(1, 3600), limits.protocolPingSeconds, "How often a client is sent a ping."),
  pongSeconds: key(
    whole(1, 3600),
    limits.protocolPongSeconds,
    "How long it may take to answer: 3012 beyond. Less than pingSeconds.",
  ),
});

const publicKey = (type: "rsa" | "ec") => {
  const isKey = (pem: string) => pem === "" || (!pem.includes("PRIVATE KEY") && keyType(pem) === type);
  // Who pastes the private key by mistake shall not find it in a log.
  return secret(isKey, `${type === "rsa" ? "an RSA" : "an EC"} public key as PEM, or "" for none`);
};

const token = v.strictObject({
  hmacSecret: key(secret(), "", 'Checks tokens that are signed with HS256, HS384 or HS512. "" accepts none.'),
  previousHmacSecret: key(
    secret(),
    "",
    "The secret before hmacSecret, for as long as tokens of it are about: they are accepted too.",
  ),
  rsaPublicKey: key(publicKey("rsa"), "", "Checks tokens that are signed with RS256, RS384 or RS512."),
  ecdsaPublicKey: key(publicKey("ec"), "", "Checks tokens that are signed with ES256, ES384 or ES512."),
  jwksUrl: key(httpUrl, "", "Where the public keys are that tokens are checked with (RFC 7517)."),
  audience: key(text(), "", 'What a token must have as aud. "" for anything.'),
  issuer: key(text(), "", 'What a token must have as iss. "" for anything.'),
  userClaim: key(
    text((claim) => claim !== "", "the name of a claim"),
    "sub",
    "Which claim of a token is the user's id.",
  ),
});

const channel = v.strictObject({
  withoutNamespace: key(channelOptions, {}, "What channels may do whose name has no namespace."),
  namespaces: key(
    byName(namespaceName, channelOptions, 'namespaces by name: {"news": {"allowSubscribeForClient": true}}'),
    {},
    "What channels may do whose name begins with a namespace (news:sports), by its name. Each has all keys of " +
      "withoutNamespace, with the same defaults. A channel of a namespace that is not here is unknown: error 102.",
  ),
  namespaceBoundary: key(text(), ":", 'What ends the namespace in a channel\'s name. "" for no namespaces.'),
  privatePrefix: key(text(), "$", 'A channel that begins with it needs a subscription token. "" for none.'),
  userBoundary: key(text(), "#", 'What stands before the users in the name of a user-limited channel. "" for none.'),
  userSeparator: key(text(), ",", "What stands between two of them."),
});

const apiKey = v.strictObject({
  key: requiredKey(
    secret((text) => text !== "", "a string that is not empty"),
    "What the caller shows, as X-API-Key say.",
  ),
  name: key(text(), "", "What the key is called in the log."),
  scopes: requiredKey(
    v.pipe(
      listOf(oneOf(["publish", "read", "manage", "*"]), 'a list of some of "publish", "read", "manage" and "*"'),
      v.nonEmpty(),
    ),
    "What the caller may do: publish, read (presence, history, channels, info), manage (users and their " +
      "subscriptions), or everything.",
  ),
});

const api = v.strictObject({
  keys: key(
    listOf(apiKey, 'a list of keys: [{"key": "…", "scopes": ["publish"]}]'),
    [],
    "Who may call the HTTP API. Without keys nobody may.",
  ),
  errorMode: key(
    oneOf(["default", "transport"]),
    "default",
    "How errors are answered: with status 200 and an error in the body, or with a status of their own.",
  ),
});

const history = v.strictObject({
  bytesMax: key(
    whole(1, 1024 * GIB),
    limits.historyBytesMax,
    "What all histories of the process may hold; beyond it the channels go that were not published to for longest.",
  ),
});

const file = (doc: string) => key(text(), "", `${doc} "" for none.`);

const bus = v.strictObject({
  url: key(
    text((url) => url === "" || /^(nats|tls):\/\/./.test(url), 'an address like nats://host:4222, or "" for none'),
    "",
    "A Bus that processes share: belfry bus, or NATS. Several servers stand with commas between them; who asks for a user, " +
      "a password or a token gets them in front of the host: nats://token@host. With none this process is by itself.",
  ),
  prefix: key(
    text((prefix) => /^[\w-]+$/.test(prefix), "letters, digits, - and _"),
    "belfry",
    "With what all subjects begin. Processes that belong together have the same.",
  ),
  credentialsFile: file("A file of credentials for NATS, as nsc makes it."),
  nkeyFile: file("A file with the seed of an nkey."),
  tlsCaFile: file("The certificates of whom to trust, as PEM."),
  tlsCertFile: file("The certificate to show, as PEM."),
  tlsKeyFile: file("Its key, as PEM."),
  historySizeMax: key(
    whole(1, 1_000_000),
    limits.natsHistorySizeMax,
    "What the Bus keeps of a channel at most; historySize of the channel says what clients get.",
  ),
  historySecondsMax: key(
    seconds(1, 31_536_000),
    limits.natsHistorySecondsMax,
    "How long the Bus keeps a publication, of whatever channel.",
  ),
  historyStorage: key(oneOf(["file", "memory"]), "file", "Where the Bus keeps it."),
  historyReplicas: key(whole(1, 5), 1, "How many servers of a cluster keep it."),
});

const shutdown = v.strictObject({
  delaySeconds: key(
    seconds(0, HOUR),
    0,
    "How long a process that is to end goes on as before, so that balancers notice that it is not ready any more.",
  ),
  spreadSeconds: key(
    seconds(0, HOUR),
    limits.drainSpreadSeconds,
    "Over how long its clients are closed, one after the other in random order, at a hundred a second or more. They " +
      "come back within a second, so this is how fast other processes get them. 0 closes all at once.",
  ),
});

/** The whole configuration of `belfry serve`: each key with its default, what it means, and what it allows. */
export const configSchema = v.strictObject({
  server: key(server, {}, "The port, and what every connection has."),
  admission: key(admission, {}, "When a process lets nobody more in, and what becomes of those who come then."),
  client: key(client, {}, "Clients of Centrifugo's protocol."),
  token: key(token, {}, "Tokens (JSON Web Tokens, RFC 7519) that clients show who they are with."),
  channel: key(channel, {}, "Channels, and what they may do."),
  api: key(api, {}, "The HTTP API for back ends."),
  proxy: key(proxies, {}, "Back ends that are asked over HTTP."),
  metrics: key(metrics, {}, "Metrics in the text form of Prometheus (docs/metrics.md)."),
  health: key(health, {}, "Whether notifications arrive, and whether clients are to be sent here."),
  history: key(history, {}, "The memory for publications."),
  bus: key(bus, {}, "What carries publications between processes."),
  shutdown: key(shutdown, {}, "The end of a process, upon SIGTERM; with server.closeSecondsMax at last."),
});

/** The configuration with every key. A text that is "" is none. */
export type Config = v.InferOutput<typeof configSchema>;
/** A configuration in which any key may be missing. */
export type PartialConfig = v.InferInput<typeof configSchema>;

function keyType(pem: string): string | undefined {
  try {
    return createPublicKey(pem).asymmetricKeyType;
  } catch {
    return undefined;
  }
}
