import type { Maybe } from "../chain.ts";
import { asked, type Command, type CommandParts, jsonText, type Reply, serverSide } from "../command.ts";
import type { Credentials, ServerSubscription } from "../hooks.ts";
import {
  DisconnectError,
  disconnects,
  type Fields,
  isObject,
  ReplyError,
  stringField,
  valueField,
} from "../protocol.ts";
import type { ConnectionToken } from "../tokens/claims.ts";

/** The version that the client is told: that of the protocol's server that this one stands for. */
export const VERSION = "belfry";

const ANONYMOUS: Credentials = { user: "" };

/** Opens the session (PROTOCOL.md, "connect"): by a token, by the application's word, or, where that is allowed, so. */
export const connect: Command = (parts, fd, fields) => {
  const token = stringField(fields, "token");
  const { tokens, hooks, allowAnonymous } = parts;
  if (token !== "") {
    if (!tokens.enabled) throw new DisconnectError(disconnects.INVALID_TOKEN);
    return settle(parts, fd, fields, tokens.connection(token), false);
  }
  if (hooks.connect) return settle(parts, fd, fields, byHook(parts, fd, fields), true);
  if (!allowAnonymous) throw new DisconnectError(disconnects.BAD_REQUEST);
  return accept(parts, fd, fields, ANONYMOUS, false);
};

async function byHook(parts: CommandParts, fd: number, fields: Fields): Promise<Credentials> {
  const { hooks, headers, clients, remoteAddress } = parts;
  const sent = valueField(fields, "headers");
  const own = isObject(sent) ? sent : {};
  const request = {
    client: clients.idOf(fd),
    transport: parts.exits.of(fd)?.transport ?? ("websocket" as const),
    name: stringField(fields, "name"),
    version: stringField(fields, "version"),
    data: valueField(fields, "data"),
    // What came with the request goes first: a client must not replace what a server in front of us has set.
    header: (name: string) => headers.of(fd, name) ?? ownHeader(own, name),
    remoteAddress: remoteAddress(fd),
  };
  const answer = await asked(hooks.connect?.(request));
  if (typeof answer.user !== "string") throw new TypeError("the connect hook answered without a user");
  return answer;
}

/** A header that the client sent in its command, whatever the case of its name. */
function ownHeader(own: Fields, name: string): string | undefined {
  const value = Object.entries(own).find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
  return typeof value === "string" ? value : undefined;
}

function settle(
  parts: CommandParts,
  fd: number,
  fields: Fields,
  credentials: Maybe<ConnectionToken>,
  isByHook: boolean,
): Maybe<Reply | undefined> {
  if (!(credentials instanceof Promise)) return accept(parts, fd, fields, credentials, isByHook);
  const generation = parts.clients.generationOf(fd);
  return credentials.then((settled) => {
    if (parts.clients.generationOf(fd) !== generation) return undefined;
    return accept(parts, fd, fields, settled, isByHook);
  });
}

function accept(
  parts: CommandParts,
  fd: number,
  fields: Fields,
  credentials: ConnectionToken,
  isByHook: boolean,
): Maybe<Reply | undefined> {
  const { clients, identities, expiries, headers, revocations, connectionsPerUserMax, now } = parts;
  const { user, expireAt = 0, data } = credentials;
  // Asked as late as this: it may have been revoked while it was verified.
  if (!isByHook && revocations.refuses(credentials)) throw new DisconnectError(disconnects.INVALID_TOKEN);
  if (expireAt > 0 && expireAt <= now()) throw new ReplyError(isByHook ? 110 : 109);
  if (identities.connectionsOf(user) >= connectionsPerUserMax) throw new DisconnectError(disconnects.CONNECTION_LIMIT);
  headers.forget(fd);
  const client = clients.connect(fd);
  identities.set(fd, user, { info: jsonText(credentials.info), meta: credentials.meta, isByHook });
  if (!isByHook) identities.setToken(fd, credentials.tokenId);
  if (expireAt > 0) expiries.set(fd, Math.ceil(expireAt));
  const expiry = expireAt > 0 && !isByHook ? `,"expires":true,"ttl":${Math.ceil(expireAt - now())}` : "";
  const text = jsonText(data);
  const begin = `{"client":"${client}","version":"${VERSION}"${heartbeat(parts, fd)}${expiry}`;
  const end = text === undefined ? "}" : `,"data":${text}}`;
  if (!credentials.channels && !credentials.subs) return { result: begin + end };
  return withSubscriptions(parts, fd, fields, serverSubscriptions(credentials), begin, end);
}

/** A client that cannot answer pings is told so; one that sends its commands another way, how they find it. */
function heartbeat({ clients, exits, node }: CommandParts, fd: number): string {
  const exit = exits.of(fd);
  const ping = `,"ping":${clients.pingSeconds}`;
  if (!exit) return `${ping},"pong":true`;
  if (exit.session !== "") return `${ping},"pong":true,"session":"${exit.session}","node":"${node}"`;
  clients.mute(fd);
  return ping;
}

function serverSubscriptions({ channels = [], subs = {} }: Credentials): [string, ServerSubscription][] {
  const all = new Map<string, ServerSubscription>(channels.map((channel) => [channel, {}]));
  for (const [channel, how] of Object.entries(subs)) all.set(channel, how);
  return [...all];
}

async function withSubscriptions(
  parts: CommandParts,
  fd: number,
  fields: Fields,
  wanted: readonly [string, ServerSubscription][],
  begin: string,
  end: string,
): Promise<Reply | undefined> {
  const { channels, subscriptions, channelsPerClientMax } = parts;
  if (wanted.length > channelsPerClientMax) throw new DisconnectError(disconnects.CHANNEL_LIMIT);
  const sent = valueField(fields, "subs");
  const positions = isObject(sent) ? sent : {};
  const results: string[] = [];
  const pushes: string[] = [];
  for (const [channel, how] of wanted) {
    const options = channels.optionsOf(channel);
    if (!options) throw new ReplyError(102);
    const recover = positionIn(positions, channel);
    const made = subscriptions.add(fd, channel, options, { ...serverSide(how), recover });
    // What is there at once leaves no time for a publication that would come before the reply.
    const subscribed = made instanceof Promise ? await made : made;
    if (!subscribed) return undefined;
    results.push(`${JSON.stringify(channel)}:${subscribed.result}`);
    pushes.push(...subscribed.pushes);
  }
  return { result: `${begin},"subs":{${results.join(",")}}${end}`, pushes };
}

function positionIn(positions: Fields, channel: string): { offset: number; epoch: string } | undefined {
  const position = Object.hasOwn(positions, channel) ? positions[channel] : undefined;
  if (!isObject(position) || position["recover"] !== true) return undefined;
  const { offset = 0, epoch = "" } = position;
  if (!Number.isSafeInteger(offset) || typeof epoch !== "string") throw new ReplyError(107);
  return { offset: offset as number, epoch };
}
