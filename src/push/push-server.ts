import { randomUUID } from "node:crypto";
import type { RequestListener } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { type Broker, MemoryBroker } from "../bus/index.ts";
import { limits } from "../limits.ts";
import { type Log, silent } from "../log.ts";
import type { ListenOptions } from "../options.ts";
import { createServer, type ListeningAddress, type Server } from "../server.ts";
import type { UpgradeRequest } from "../ws/index.ts";
import { httpApi, keysOf } from "./api/index.ts";
import { tellState } from "./channel-state.ts";
import { Channels } from "./channels.ts";
import { Clients } from "./clients.ts";
import type { CommandParts } from "./command.ts";
import { VERSION } from "./commands/connect.ts";
import { Delivery } from "./delivery.ts";
import { decideUpgrade, Visitor } from "./entrance.ts";
import { Exits } from "./exits.ts";
import { Expiries } from "./expiries.ts";
import { Expiry } from "./expiry.ts";
import { Fanout } from "./fanout.ts";
import { Filters } from "./filters.ts";
import { Gaps } from "./gaps.ts";
import { makeGates } from "./gates/gates.ts";
import { Hub } from "./hub.ts";
import { Identities } from "./identities.ts";
import { Joins } from "./joins.ts";
import { Lives } from "./lives.ts";
import { Awaited } from "./loopbacks.ts";
import { Node } from "./node.ts";
import type { Operations } from "./operations.ts";
import { type Disconnect, disconnects } from "./protocol.ts";
import { checkPushOptions, type PushOptions } from "./push-options.ts";
import { Recovery } from "./recovery.ts";
import { Rehearsal } from "./rehearsal.ts";
import { Revocations } from "./revocations.ts";
import { isPong } from "./session.ts";
import { SlowReaders } from "./slow-readers.ts";
import { Streams } from "./streams.ts";
import { Subscriptions } from "./subscriptions.ts";
import { Tokens } from "./tokens.ts";
import { UpgradeHeaders } from "./upgrade-headers.ts";
import { countedBroker } from "./vitals/counted-broker.ts";
import { Vitals } from "./vitals/vitals.ts";
import { waysOut } from "./ways-out.ts";

/** Makes the notification API. Throws BELFRY_BAD_OPTION for an option that is not allowed. */
export function createPushServer(options: PushOptions = {}): PushServer {
  checkPushOptions(options);
  return new PushServer(options);
}

/**
 * The notification API: clients of Centrifugo's protocol on one side, the Bus on the other. The composition root of
 * push.
 */
export class PushServer {
  readonly #options: PushOptions;
  readonly #log: Log;
  readonly #broker: Broker;
  readonly #server: Server;
  readonly #clients: Clients;
  readonly #hub: Hub;
  readonly #session: CommandParts;
  readonly #expiry: Expiry;
  readonly #delivery: Delivery;
  readonly #node: Node;
  readonly #exits = new Exits();
  readonly #streams: Streams;
  readonly #slow: SlowReaders;
  readonly #lives: Lives;
  readonly #api: ReturnType<typeof getRequestListener>;
  readonly #text: (fd: number, text: string) => void;
  /** Metrics, health, readiness. */
  readonly vitals: Vitals;
  #unlisten = () => {};

  /** Use {@link createPushServer}, which checks the options. */
  constructor(options: PushOptions) {
    this.#options = options;
    this.#log = options.log ?? silent;
    this.#broker = options.broker ?? new MemoryBroker();
    this.#server = this.#makeServer();
    const { wire } = this.#server;
    const ways = waysOut(wire, this.#exits);
    const { text } = ways;
    this.#text = text;
    const fanout = new Fanout(ways);
    this.vitals = new Vitals({
      options,
      version: VERSION,
      server: () => this.#server,
      session: () => this.#session,
      fanouts: () => fanout.waiting,
      warn: (line) => this.#log.warn(line),
    });
    const disconnect = (fd: number, how: Disconnect) => this.#lives.disconnect(fd, how);
    const { pingSeconds, pongSeconds, staleSecondsMax, expiredCloseSeconds } = options;
    this.#clients = new Clients({ text, disconnect, pingSeconds, pongSeconds, staleSecondsMax });
    this.#hub = new Hub(
      (channel, subscription) => {
        fanout.moveOn(this.#hub, channel, subscription);
        this.#session.subscriptions.forget(subscription, channel);
      },
      (channel) => {
        // Who is on the way to it still counts on what is published meanwhile.
        if (!joins.has(channel)) this.#broker.unsubscribe(channel);
        if (!this.vitals.loopbacks.owns(channel)) tellState(options.hooks ?? {}, this.#log, channel, false);
      },
    );
    const recovery = new Recovery(this.#broker);
    const joins = new Joins();
    const filters = new Filters();
    this.#session = this.#makeSession({ recovery, joins, filters });
    const error = (line: string) => this.#log.error(line);
    this.#expiry = new Expiry({ session: this.#session, disconnect, error, expiredCloseSeconds });
    this.#node = this.#makeNode(this.#session.broker);
    const control = (message: string) => this.#node.control(message);
    const ofApi = { keys: keysOf(options), operations: this.#node, counts: this.vitals.counts };
    const api = httpApi({ ...ofApi, errorMode: options.errorMode, log: this.#log });
    this.#api = getRequestListener(api.fetch);
    this.#streams = this.#makeStreams(disconnect);
    const { channels, subscriptions } = this.#session;
    this.#slow = new SlowReaders({ subscriptions, text });
    const slow = this.#slow;
    const close = (fd: number, code: number, reason: string) => wire.handle(fd).close(code, reason);
    this.#lives = new Lives({ session: this.#session, slow, text, close, error });
    const gaps = new Gaps({ hub: this.#hub, subscriptions, disconnect });
    const parts = { hub: this.#hub, fanout, filters, gaps, joins, recovery, channels, slow };
    this.#delivery = new Delivery({ ...parts, text, control, counts: this.vitals.counts.fromBus });
  }

  /** What back ends may do, without the HTTP around it. */
  get operations(): Operations {
    return this.#node;
  }

  /** What there is now. */
  get stats(): { clients: number; channels: number; subscriptions: number } {
    const { channels, subscriptions } = this.#hub;
    return { clients: this.#clients.connected, channels, subscriptions };
  }

  /** Listens; may be called for several addresses. Rejects with SystemError or BELFRY_BAD_OPTION. */
  async listen(options: ListenOptions = {}): Promise<ListeningAddress> {
    const address = await this.#server.listen(options);
    this.vitals.listens(address, options);
    this.#unlisten();
    this.#unlisten = this.#broker.listen(this.#delivery);
    this.#clients.start();
    this.#expiry.start();
    return address;
  }

  /** Publishes to itself, so that the first clients find the code compiled: see {@link Rehearsal}. */
  async rehearse(at: ListeningAddress): Promise<void> {
    await new Rehearsal({
      loopbacks: this.vitals.loopbacks,
      subscribe: (fd, channel) => this.#hub.subscribe(fd, channel),
      listener: this.#delivery,
      api: (broker, key) => httpApi({ keys: [{ key, scopes: ["*"] }], operations: this.#makeNode(broker) }).fetch,
    }).run(at);
    this.vitals.clear();
  }

  /** Closes all clients with 3001, upon which they come back (elsewhere, or later), and ends the server. */
  async close(): Promise<void> {
    this.vitals.reasons.push(() => "the server closes");
    this.#unlisten();
    this.#clients.stop();
    this.#expiry.stop();
    this.#streams.close();
    await this.#server.close(disconnects.SHUTDOWN.code, disconnects.SHUTDOWN.reason);
    await this.vitals.close();
  }

  // ---- The parts ------------------------------------------------------------------------------------------------

  #makeServer(): Server {
    const { outboxBytesMax, driver } = this.#options;
    return createServer({
      zeroCopy: true,
      messageBytesMax: limits.commandBytesMax,
      ...this.#options.server,
      http: (request, response) => this.#route(request, response),
      log: this.#log,
      ...(outboxBytesMax === undefined ? {} : { outboxBytesMax }),
      ...(driver === undefined ? {} : { driver }),
      upgrade: (request) => this.#upgrade(request),
      open: (connection) => {
        const fd = connection.descriptor;
        const { data } = connection;
        if (data instanceof Awaited) return data.opened(connection);
        this.#clients.open(fd);
        this.vitals.counts.clients.websocket++;
        if (!(data instanceof Visitor)) return;
        this.#session.headers.keep(fd, data.headers);
        connection.data = undefined;
      },
      packet: (connection, packet) => {
        const fd = connection.descriptor;
        if (!packet.isText) return this.#lives.disconnect(fd, disconnects.BAD_REQUEST);
        if (isPong(packet.source, packet.sourceFrom, packet.sourceTo)) return this.#lives.pong(fd);
        return this.#lives.command(fd, packet.text());
      },
      drain: (connection) => this.#slow.drained(connection.descriptor),
      close: (connection) => this.#lives.leave(connection.descriptor),
    });
  }

  #makeSession(given: { recovery: Recovery; joins: Joins; filters: Filters }): CommandParts {
    const { hooks = {}, allowSubscribe = false } = this.#options;
    const { wire } = this.#server;
    const hub = this.#hub;
    const clients = this.#clients;
    const { counts } = this.vitals;
    const broker = countedBroker(this.#broker, counts.toBus);
    const channels = new Channels(this.#options.channels);
    const gates = makeGates(this.#options);
    const identities = new Identities((user) => gates.userRates?.forget(user));
    const now = () => Date.now() / 1000;
    const occupied = (channel: string) => tellState(hooks, this.#log, channel, true);
    const parts = { ...given, hub, channels, clients, identities, broker, text: this.#text, now, occupied, counts };
    return {
      clients,
      identities,
      expiries: new Expiries(),
      hub,
      channels,
      subscriptions: new Subscriptions(parts),
      broker,
      hooks,
      tokens: new Tokens(this.#options.tokens ?? {}, Date.now, this.#log),
      revocations: new Revocations(now),
      headers: new UpgradeHeaders(),
      exits: this.#exits,
      node: randomUUID(),
      allowAnonymous: this.#options.allowAnonymous ?? false,
      allowSubscribe: typeof allowSubscribe === "function" ? allowSubscribe : () => allowSubscribe,
      channelsPerClientMax: this.#options.channelsPerClientMax ?? limits.channelsPerClientMax,
      connectionsPerUserMax: this.#options.connectionsPerUserMax ?? limits.connectionsPerUserMax,
      counts,
      ...gates,
      remoteAddress: (fd) => this.#exits.of(fd)?.remoteAddress ?? wire.peer(fd),
      now,
    };
  }

  #makeNode(broker: Broker): Node {
    return new Node({
      ...this.#session,
      broker,
      text: this.#text,
      disconnect: (fd, how) => this.#lives.disconnect(fd, how),
      rpc: this.#options.rpc,
      name: "belfry",
      version: VERSION,
    });
  }

  #makeStreams(disconnect: (fd: number, how: Disconnect) => void): Streams {
    const { wire } = this.#server;
    return new Streams({
      clients: this.#clients,
      exits: this.#exits,
      node: this.#session.node,
      counts: this.vitals.counts,
      allowedOrigins: this.#options.allowedOrigins ?? [],
      reserve: wire.reserve,
      unreserve: wire.unreserve,
      command: async (fd, text) => await this.#lives.command(fd, text),
      disconnect,
      leave: (fd) => this.#lives.leave(fd),
      keepHeaders: (fd, headers) => {
        if (this.#options.hooks?.connect) this.#session.headers.keep(fd, headers);
      },
    });
  }

  // ---- The doors ------------------------------------------------------------------------------------------------

  #upgrade(request: UpgradeRequest) {
    const data = this.vitals.loopbacks.of(request.path);
    if (data) return { data };
    return decideUpgrade(request, this.#options.allowedOrigins ?? [], this.#options.hooks?.connect !== undefined);
  }

  /** Requests that are not for a WebSocket: the API's are ours, the others the application's. */
  #route: RequestListener = (request, response) => {
    if (this.vitals.door(request, response) || this.#streams.take(request, response)) return;
    const { http } = this.#options;
    if (!http || request.url === "/api" || request.url?.startsWith("/api/")) void this.#api(request, response);
    else http(request, response);
  };
}
