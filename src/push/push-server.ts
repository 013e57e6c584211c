import type { RequestListener } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { type Broker, MemoryBroker } from "../bus/index.ts";
import { limits } from "../limits.ts";
import { type Log, silent } from "../log.ts";
import type { ListenOptions } from "../options.ts";
import { type AdmissionState, createServer, type ListeningAddress, type Server } from "../server.ts";
import type { UpgradeRequest } from "../ws/index.ts";
import { httpApi, keysOf } from "./api/index.ts";
import type { BusStatus } from "./bus-health.ts";
import { tellState } from "./channel-state.ts";
import { Clients } from "./clients.ts";
import type { CommandParts } from "./command.ts";
import { makeCommandParts } from "./command-parts.ts";
import { VERSION } from "./commands/connect.ts";
import { Delivery } from "./delivery.ts";
import { Drain, type DrainHow } from "./drain.ts";
import { decideUpgrade, Visitor } from "./entrance.ts";
import { Exits } from "./exits.ts";
import { Expiry } from "./expiry.ts";
import { Fanout } from "./fanout.ts";
import { Filters } from "./filters.ts";
import { Gaps } from "./gaps.ts";
import { Hub } from "./hub.ts";
import { Joins } from "./joins.ts";
import { Lives } from "./lives.ts";
import { Awaited } from "./loopbacks.ts";
import { Membership } from "./membership.ts";
import { Node } from "./node.ts";
import type { Operations } from "./operations.ts";
import { type Disconnect, disconnects } from "./protocol.ts";
import { checkPushOptions, type PushOptions } from "./push-options.ts";
import { Recovery } from "./recovery.ts";
import { Rehearsal } from "./rehearsal.ts";
import { isPong } from "./session.ts";
import { SlowReaders } from "./slow-readers.ts";
import { Streams } from "./streams.ts";
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
  readonly #membership: Membership;
  readonly #expiry: Expiry;
  readonly #delivery: Delivery;
  readonly #node: Node;
  readonly #exits = new Exits();
  readonly #streams: Streams;
  readonly #slow: SlowReaders;
  readonly #drain: Drain;
  readonly #lives: Lives;
  readonly #api: ReturnType<typeof getRequestListener>;
  /** Metrics, health, readiness. */
  readonly vitals: Vitals;

  /** Use {@link createPushServer}, which checks the options. */
  constructor(options: PushOptions) {
    this.#options = options;
    this.#log = options.log ?? silent;
    this.#broker = options.broker ?? new MemoryBroker();
    this.#server = this.#makeServer();
    const { wire } = this.#server;
    const ways = waysOut(wire, this.#exits);
    const { text } = ways;
    const fanout = new Fanout(ways);
    this.vitals = new Vitals({
      options,
      version: VERSION,
      server: () => this.#server,
      session: () => this.#session,
      fanouts: () => fanout.waiting,
      bus: () => this.bus,
      warn: (line) => this.#log.warn(line),
    });
    const disconnect = (fd: number, how: Disconnect) => this.#lives.disconnect(fd, how);
    const { pingSeconds, pongSeconds, staleSecondsMax, expiredCloseSeconds } = options;
    this.#clients = new Clients({ text, disconnect, pingSeconds, pongSeconds, staleSecondsMax });
    this.#hub = new Hub(
      (channel, subscription) => {
        fanout.moveOn(this.#hub, channel, subscription);
        this.#slow.unsubscribed(this.#hub, subscription);
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
    const { counts } = this.vitals;
    const there = { options, broker: this.#broker, clients: this.#clients, hub: this.#hub, exits: this.#exits };
    const given = { ...there, recovery, joins, filters, counts, text, peer: wire.peer, log: this.#log };
    const session = makeCommandParts(given);
    this.#membership = new Membership({ ...session, text, disconnect, version: VERSION, log: this.#log });
    this.#session = { ...session, survey: this.#membership.survey };
    const error = (line: string) => this.#log.error(line);
    this.#expiry = new Expiry({ session: this.#session, disconnect, error, expiredCloseSeconds });
    this.#node = this.#makeNode(this.#session.broker);
    const ofApi = { keys: keysOf(options), operations: this.#node, counts };
    const api = httpApi({ ...ofApi, errorMode: options.errorMode, log: this.#log });
    this.#api = getRequestListener(api.fetch);
    this.#streams = this.#makeStreams(disconnect);
    const dismiss = (fd: number) => disconnect(fd, disconnects.SHUTDOWN);
    const stopListening = () => this.#server.stopListening();
    this.#drain = new Drain({ clients: this.#clients, dismiss, stopListening, log: this.#log });
    this.vitals.reasons.push(() => this.drainReason);
    const { channels, subscriptions } = this.#session;
    this.#slow = new SlowReaders({ subscriptions, text });
    const slow = this.#slow;
    const close = (fd: number, code: number, reason: string) => wire.handle(fd).close(code, reason);
    this.#lives = new Lives({ session: this.#session, slow, text, close, error });
    const gaps = new Gaps({ hub: this.#hub, subscriptions, disconnect });
    const parts = { hub: this.#hub, fanout, filters, gaps, joins, recovery, channels, slow };
    this.#delivery = new Delivery({ ...parts, ...this.#membership.hearing, counts: counts.fromBus });
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

  /** How the Bus is, for probes and metrics. */
  get bus(): BusStatus {
    return this.#membership.bus;
  }

  /** Whether connections are accepted, why not, and how many were refused: a snapshot. */
  get admission(): AdmissionState {
    return this.#server.admission;
  }

  /** What waits for clients that do not read. */
  get outbound(): Server["outbound"] {
    return this.#server.outbound;
  }

  /** Listens; may be called for several addresses. Rejects with SystemError or BELFRY_BAD_OPTION. */
  async listen(options: ListenOptions = {}): Promise<ListeningAddress> {
    await this.#membership.join(this.#delivery);
    const address = await this.#server.listen(options);
    this.vitals.listens(address, options);
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

  /** Why no new client should be sent here, in one line; undefined while there is no reason. */
  get drainReason(): string | undefined {
    return this.#drain.reason;
  }

  /** Ends it, and closes all clients with 3001: at once, or as `how` says. A further call without `how` hurries. */
  async close(how?: DrainHow): Promise<void> {
    if (how) await this.#drain.run(how);
    this.#drain.hurry();
    this.#membership.leave();
    this.#clients.stop();
    this.#expiry.stop();
    this.#streams.close();
    await this.#server.close(disconnects.SHUTDOWN.code, disconnects.SHUTDOWN.reason);
    await this.vitals.close();
  }

  // ---- The parts ------------------------------------------------------------------------------------------------

  #makeServer(): Server {
    const { outboxBytesMax, driver } = this.#options;
    const { pingSeconds = limits.protocolPingSeconds, pongSeconds = limits.protocolPongSeconds } = this.#options;
    return createServer({
      zeroCopy: true,
      messageBytesMax: limits.commandBytesMax,
      // Whom the protocol's pings reach needs no others.
      heartbeatSeconds: Math.max(limits.heartbeatSeconds, pingSeconds + pongSeconds),
      ...this.#options.server,
      http: (request, response) => this.#route(request, response),
      log: this.#log,
      ...(outboxBytesMax === undefined ? {} : { outboxBytesMax }),
      ...(driver === undefined ? {} : { driver }),
      upgrade: (request) => this.#upgrade(request),
      open: (connection) => {
        const { descriptor: fd, data } = connection;
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

  #makeNode(broker: Broker): Node {
    return new Node({ ...this.#session, broker, control: this.#membership.control, rpc: this.#options.rpc });
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
      outbound: wire.outbound,
      command: async (fd, text) => await this.#lives.command(fd, text),
      disconnect,
      leave: (fd) => this.#lives.leave(fd),
      keepHeaders: (fd, headers) => this.#options.hooks?.connect && this.#session.headers.keep(fd, headers),
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
    // Whoever keeps a connection for further requests is to make the next one elsewhere.
    if (this.drainReason !== undefined) response.shouldKeepAlive = false;
    if (this.vitals.door(request, response) || this.#streams.take(request, response)) return;
    const { http } = this.#options;
    if (!http || request.url === "/api" || request.url?.startsWith("/api/")) void this.#api(request, response);
    else http(request, response);
  };
}
