import picomatch from "picomatch";
import type { Broker, History, StreamPosition } from "../bus/index.ts";
import { limits } from "../limits.ts";
import { chain } from "./chain.ts";
import { channelFault } from "./channel-name.ts";
import { type ChannelOptions, type Channels, keepsHistory } from "./channels.ts";
import type { Clients } from "./clients.ts";
import { serverSide } from "./command.ts";
import type { Exits } from "./exits.ts";
import type { Expiries } from "./expiries.ts";
import type { ServerSubscription } from "./hooks.ts";
import type { Hub } from "./hub.ts";
import type { Identities } from "./identities.ts";
import type {
  ApiPublishOptions,
  ClientInfo,
  ConnectionInfo,
  NodeInfo,
  Operations,
  Revoked,
  Whom,
} from "./operations.ts";
import { type Disconnect, disconnects, encodePush, ReplyError, replyErrors, unsubscribes } from "./protocol.ts";
import { publishOptions, publishOptionsFor } from "./publish-options.ts";
import type { Revocations } from "./revocations.ts";
import type { Subscriptions } from "./subscriptions.ts";

/** What {@link Node} needs of the other parts. */
export interface NodeParts {
  readonly broker: Broker;
  readonly hub: Hub;
  readonly channels: Channels;
  readonly clients: Clients;
  readonly identities: Identities;
  readonly expiries: Expiries;
  readonly revocations: Revocations;
  readonly subscriptions: Subscriptions;
  readonly text: (fd: number, text: string) => void;
  readonly disconnect: (fd: number, how: Disconnect) => void;
  readonly exits: Exits;
  readonly remoteAddress: (fd: number) => string;
  /** A method that back ends may call; undefined when there is none. */
  readonly rpc: ((method: string, params: unknown) => unknown) | undefined;
  readonly node: string;
  readonly name: string;
  readonly version: string;
}

/** What a node tells all nodes: it is carried out wherever a connection of these is. */
type Control =
  | { op: "disconnect"; whom: Whom; how: Disconnect; whitelist: readonly string[] }
  | { op: "unsubscribe"; whom: Whom; channel: string }
  | { op: "subscribe"; whom: Whom; channel: string; how: SubscribeControl }
  | { op: "refresh"; whom: Whom; how: RefreshControl }
  | RevokeControl;

/** `at` is when it was said, and `expireAt` until when it holds, in seconds since 1970. */
interface RevokeControl {
  readonly op: "revoke";
  readonly what: Revoked;
  readonly at: number;
  readonly expireAt: number;
}

type SubscribeControl = ServerSubscription & { readonly since?: StreamPosition | undefined };
interface RefreshControl {
  readonly expired?: boolean;
  readonly expireAt?: number;
  readonly info?: unknown;
}

/** What back ends may do with the channels, and the clients on all nodes. */
export class Node implements Operations {
  readonly #parts: NodeParts;
  readonly #startedMs = Date.now();

  constructor(parts: NodeParts) {
    this.#parts = parts;
  }

  async publish(channel: string, data: string, options: ApiPublishOptions): Promise<StreamPosition> {
    return await this.#parts.broker.publish(channel, data, publishOptions(this.#optionsOf(channel), options));
  }

  async broadcast(
    channels: readonly string[],
    data: string,
    options: ApiPublishOptions,
  ): Promise<(StreamPosition | Error)[]> {
    const { broker } = this.#parts;
    const all = channels.map((channel) =>
      channelFault(channel) ? undefined : this.#parts.channels.optionsOf(channel),
    );
    if (!all.includes(undefined)) {
      const how = publishOptionsFor(options);
      return await broker.broadcast(channels, data, (_, i) => how(all[i] as ChannelOptions));
    }
    // Seldom: each for itself, so that the others are published to.
    return await Promise.all(
      channels.map((channel) => this.publish(channel, data, options).catch((error: Error) => error)),
    );
  }

  async subscribe(whom: Whom, channel: string, how: SubscribeControl): Promise<void> {
    this.#optionsOf(channel);
    await this.#tell({ op: "subscribe", whom, channel, how });
  }
  async unsubscribe(whom: Whom, channel: string): Promise<void> {
    this.#optionsOf(channel);
    await this.#tell({ op: "unsubscribe", whom, channel });
  }
  async disconnect(whom: Whom, how: Disconnect, whitelist: readonly string[]): Promise<void> {
    await this.#tell({ op: "disconnect", whom, how, whitelist });
  }
  async refresh(whom: Whom, how: RefreshControl): Promise<void> {
    await this.#tell({ op: "refresh", whom, how });
  }

  async revoke(what: Revoked, expireAt: number): Promise<void> {
    if (this.#parts.revocations.isFull) {
      const many = `revocationsMax is ${limits.revocationsMax}; choose a sooner expire_at`;
      throw new ReplyError(106, `${replyErrors[106]}: ${many}`);
    }
    await this.#tell({ op: "revoke", what, at: Math.floor(Date.now() / 1000), expireAt });
  }

  async presence(channel: string): Promise<readonly ClientInfo[]> {
    if (!this.#optionsOf(channel).presence) throw new ReplyError(108);
    return this.#parts.subscriptions.presence(channel);
  }
  async presenceStats(channel: string): Promise<{ clients: number; users: number }> {
    const all = await this.presence(channel);
    return { clients: all.length, users: new Set(all.map(({ user }) => user)).size };
  }

  async history(channel: string, query: Parameters<Operations["history"]>[1]): Promise<History> {
    const options = this.#optionsOf(channel);
    if (!keepsHistory(options)) throw new ReplyError(108);
    const { since, limit, reverse } = query;
    const history = await this.#parts.broker.history(channel, { since: since?.offset, limit, reverse });
    if (since && since.epoch !== "" && since.epoch !== history.epoch) throw new ReplyError(112);
    return history;
  }
  async removeHistory(channel: string): Promise<void> {
    if (!keepsHistory(this.#optionsOf(channel))) throw new ReplyError(108);
    await this.#parts.broker.removeHistory(channel);
  }

  async channels(pattern: string): Promise<ReadonlyMap<string, number>> {
    const isWanted = pattern === "" ? () => true : picomatch(pattern, { dot: true, bash: true });
    const found = new Map<string, number>();
    for (const [name, subscribers] of this.#parts.hub.names()) if (isWanted(name)) found.set(name, subscribers);
    return found;
  }

  async info(): Promise<readonly NodeInfo[]> {
    const { clients, identities, hub, name, version, node } = this.#parts;
    return [
      {
        uid: node,
        name,
        version,
        clients: clients.connected,
        users: identities.users,
        subscriptions: hub.subscriptions,
        channels: hub.channels,
        uptimeSeconds: Math.floor((Date.now() - this.#startedMs) / 1000),
      },
    ];
  }

  async rpc(method: string, params: unknown): Promise<unknown> {
    if (!this.#parts.rpc) throw new ReplyError(104);
    return await this.#parts.rpc(method, params);
  }

  async connections({ user, limit }: { user?: string; limit: number }): Promise<readonly ConnectionInfo[]> {
    const { clients, identities } = this.#parts;
    const found: ConnectionInfo[] = [];
    if (user !== undefined && user !== "") {
      for (const fd of identities.descriptorsOf(user).slice(0, limit)) found.push(this.#connection(fd));
    } else {
      clients.each((fd) => {
        if (found.length < limit) found.push(this.#connection(fd));
      });
    }
    return found;
  }

  /** A message of a node, itself maybe, to all. */
  control(message: string): void {
    const control = JSON.parse(message) as Control;
    if (control.op === "revoke") return this.#revoke(control);
    for (const fd of this.#descriptorsOf(control.whom)) {
      if (control.op === "disconnect") this.#drop(fd, control.how, control.whitelist);
      else if (control.op === "unsubscribe") this.#parts.subscriptions.end(fd, control.channel, unsubscribes.SERVER);
      else if (control.op === "refresh") this.#refresh(fd, control.how);
      else void this.#subscribe(fd, control.channel, control.how);
    }
  }

  #tell(control: Control): Promise<void> {
    return this.#parts.broker.control(JSON.stringify(control));
  }

  #descriptorsOf({ user, client, session }: Whom): number[] {
    const { clients, identities, exits } = this.#parts;
    if (session !== undefined && session !== "") {
      const fd = exits.find(session);
      return fd >= 0 && (user === "" || identities.userOf(fd) === user) ? [fd] : [];
    }
    if (client === undefined || client === "") return identities.descriptorsOf(user);
    const fd = clients.find(client);
    return fd >= 0 && (user === "" || identities.userOf(fd) === user) ? [fd] : [];
  }

  #drop(fd: number, how: Disconnect, whitelist: readonly string[]): void {
    const { clients, disconnect } = this.#parts;
    if (!whitelist.includes(clients.idOf(fd))) disconnect(fd, how);
  }

  #refresh(fd: number, { expired = false, expireAt = 0, info }: RefreshControl): void {
    const { disconnect, expiries, identities } = this.#parts;
    if (expired) return disconnect(fd, disconnects.CONNECTION_EXPIRED);
    expiries.set(fd, Math.ceil(expireAt));
    if (info !== undefined) identities.setInfo(fd, JSON.stringify(info));
  }

  #revoke({ what, at, expireAt }: RevokeControl): void {
    const { identities, revocations, disconnect } = this.#parts;
    const { user = "", tokenId } = what;
    if (tokenId !== undefined) revocations.revokeToken(tokenId, expireAt);
    else if (user !== "") revocations.revokeUser(user, at, expireAt);
    const fds = tokenId === undefined ? this.#descriptorsOf({ ...what, user }) : identities.descriptorsOfToken(tokenId);
    for (const fd of fds) {
      // Only who has the connection knows its token, which is to be refused everywhere.
      const own = user === "" && tokenId === undefined ? identities.tokenIdOf(fd) : undefined;
      if (own === undefined) disconnect(fd, disconnects.INVALID_TOKEN);
      else void this.#tell({ op: "revoke", what: { tokenId: own }, at, expireAt }).catch(() => {});
    }
  }

  async #subscribe(fd: number, channel: string, how: SubscribeControl): Promise<void> {
    const { channels, clients, hub, subscriptions, text, disconnect } = this.#parts;
    const options = channels.optionsOf(channel);
    if (!options || hub.isSubscribed(fd, channel)) return;
    const generation = clients.generationOf(fd);
    const wanted = { ...serverSide(how), recover: how.since, isPushed: true };
    try {
      // What is there at once is told at once: nothing that is published may come before it.
      await chain(subscriptions.add(fd, channel, options, wanted), (made) => {
        if (made) text(fd, [encodePush(channel, "subscribe", made.result), ...made.pushes].join("\n"));
      });
    } catch {
      if (clients.generationOf(fd) === generation) disconnect(fd, disconnects.INSUFFICIENT_STATE);
    }
  }

  #connection(fd: number): ConnectionInfo {
    const { clients, identities, hub, exits, remoteAddress } = this.#parts;
    const channels: string[] = [];
    for (let s = hub.firstOwn(fd); s >= 0; s = hub.nextOwn(s)) channels.push(hub.nameOf(s));
    const [client, user] = [clients.idOf(fd), identities.userOf(fd)];
    const transport = exits.of(fd)?.transport ?? "websocket";
    return { client, user, transport, channels, remoteAddress: remoteAddress(fd) };
  }

  #optionsOf(channel: string): ChannelOptions {
    const fault = channelFault(channel);
    if (fault !== undefined) throw new ReplyError(107, `bad request: ${fault}`);
    const options = this.#parts.channels.optionsOf(channel);
    if (!options) throw new ReplyError(102);
    return options;
  }
}
