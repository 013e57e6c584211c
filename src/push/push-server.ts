import type { RequestListener } from "node:http";
import { getRequestListener } from "@hono/node-server";
import * as v from "valibot";
import { type Broker, MemoryBroker } from "../bus/index.ts";
import { limits } from "../limits.ts";
import { type Log, silent } from "../log.ts";
import type { DriverChoice } from "../netpoll/index.ts";
import { check, type ListenOptions } from "../options.ts";
import { createServer, type ListeningAddress, type Server } from "../server.ts";
import type { UpgradeRequest } from "../ws/index.ts";
import { Clients } from "./clients.ts";
import type { CommandParts } from "./command.ts";
import { Fanout } from "./fanout.ts";
import { httpApi } from "./http-api.ts";
import { Hub } from "./hub.ts";
import { originAllowed } from "./origin.ts";
import { type Disconnect, DisconnectError, disconnects, encodePublication } from "./protocol.ts";
import { Rehearsal } from "./rehearsal.ts";
import { dispatch, isPong } from "./session.ts";

/** What the notification API is made with; without any, nobody is let in. */
export interface PushOptions {
  /** The Bus. Default: one of its own, in the process. */
  broker?: Broker;
  /** The key of the HTTP API; without one the API lets nobody in. */
  apiKey?: string;
  /** Lets clients connect without a token. Default false: nobody can connect. */
  allowAnonymous?: boolean;
  /** Which channels clients may subscribe to. Default: none. */
  allowSubscribe?: boolean | ((channel: string) => boolean);
  /** Origins of pages that may connect, besides the server's own host: `https://example.com`, or `*`. */
  allowedOrigins?: string[];
  /** Takes the requests that are neither for a WebSocket nor for the API. */
  http?: RequestListener;
  channelsPerClientMax?: number;
  outboxBytesMax?: number;
  driver?: DriverChoice;
  log?: Log;
}

const pushOptions = v.strictObject({
  broker: v.optional(v.custom((value) => typeof value === "object" && value !== null)),
  apiKey: v.optional(v.pipe(v.string(), v.nonEmpty())),
  allowAnonymous: v.optional(v.boolean()),
  allowSubscribe: v.optional(v.union([v.boolean(), v.custom((value) => typeof value === "function")])),
  allowedOrigins: v.optional(v.array(v.string())),
  http: v.optional(v.custom((value) => typeof value === "function")),
  channelsPerClientMax: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  outboxBytesMax: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  driver: v.optional(v.picklist(["auto", "native", "portable"])),
  log: v.optional(v.custom((value) => typeof value === "object" && value !== null)),
});

/** Where clients connect. */
export const WEBSOCKET_PATH = "/connection/websocket";

/** Makes the notification API. Throws BELFRY_BAD_OPTION for an option that is not allowed. */
export function createPushServer(options: PushOptions = {}): PushServer {
  check(pushOptions, options, "createPushServer");
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
  readonly #fanout: Fanout;
  readonly #session: CommandParts;
  #rehearsal: Rehearsal | undefined;
  #unlisten = () => {};

  /** Use {@link createPushServer}, which checks the options. */
  constructor(options: PushOptions) {
    this.#options = options;
    this.#log = options.log ?? silent;
    this.#broker = options.broker ?? new MemoryBroker();
    this.#server = this.#makeServer();
    const { wire } = this.#server;
    this.#fanout = new Fanout({ text: wire.text, multicast: wire.multicast });
    this.#hub = new Hub(
      (channel, subscription) => this.#fanout.moveOn(this.#hub, channel, subscription),
      (channel) => this.#broker.unsubscribe(channel),
    );
    this.#clients = new Clients({ text: wire.text, disconnect: (fd, how) => this.#disconnect(fd, how) });
    const { allowSubscribe = false } = options;
    this.#session = {
      clients: this.#clients,
      hub: this.#hub,
      allowAnonymous: options.allowAnonymous ?? false,
      allowSubscribe: typeof allowSubscribe === "function" ? allowSubscribe : () => allowSubscribe,
      channelsPerClientMax: options.channelsPerClientMax ?? limits.channelsPerClientMax,
      occupied: (channel) => this.#broker.subscribe(channel),
    };
  }

  /** What there is now. */
  get stats(): { clients: number; channels: number; subscriptions: number } {
    const { channels, subscriptions } = this.#hub;
    return { clients: this.#clients.connected, channels, subscriptions };
  }

  /** Listens; may be called for several addresses. Rejects with SystemError or BELFRY_BAD_OPTION. */
  async listen(options: ListenOptions = {}): Promise<ListeningAddress> {
    const address = await this.#server.listen(options);
    this.#unlisten();
    this.#unlisten = this.#broker.listen({
      publication: ({ channel, data }) => this.#deliver(channel, data),
      event: () => {},
      control: () => {},
    });
    this.#clients.start();
    return address;
  }

  /**
   * Publishes to itself, so that the first clients find the code compiled: see {@link Rehearsal}. Needs a Bus in the
   * process.
   */
  async rehearse(at: ListeningAddress): Promise<void> {
    const rehearsal = new Rehearsal({
      subscribe: (fd, channel) => this.#hub.subscribe(fd, channel),
      broadcast: (channels, data) => this.#broker.broadcast(channels, data),
      end: (fd) => {
        this.#leave(fd);
        this.#server.wire.cut(fd);
      },
    });
    this.#rehearsal = rehearsal;
    try {
      await rehearsal.run(at);
    } finally {
      this.#rehearsal = undefined;
    }
  }

  /** Closes all clients with 3001, upon which they come back (elsewhere, or later), and ends the server. */
  async close(): Promise<void> {
    this.#unlisten();
    this.#clients.stop();
    await this.#server.close(disconnects.SHUTDOWN.code, disconnects.SHUTDOWN.reason);
  }

  #makeServer(): Server {
    const { outboxBytesMax, driver } = this.#options;
    return createServer({
      zeroCopy: true,
      messageBytesMax: limits.commandBytesMax,
      http: this.#route(),
      log: this.#log,
      ...(outboxBytesMax === undefined ? {} : { outboxBytesMax }),
      ...(driver === undefined ? {} : { driver }),
      upgrade: (request) => this.#upgrade(request),
      open: (connection) => {
        if (connection.data instanceof Rehearsal) connection.data.opened(connection.descriptor);
        else this.#clients.open(connection.descriptor);
      },
      packet: (connection, packet) => {
        const fd = connection.descriptor;
        if (!packet.isText) this.#disconnect(fd, disconnects.BAD_REQUEST);
        else if (isPong(packet.source, packet.sourceFrom, packet.sourceTo)) this.#pong(fd);
        else this.#command(fd, packet.text());
      },
      close: (connection) => this.#leave(connection.descriptor),
    });
  }

  #upgrade(request: UpgradeRequest) {
    if (this.#rehearsal && request.path === this.#rehearsal.path) return { data: this.#rehearsal };
    if (request.path !== WEBSOCKET_PATH) return { status: 404, reason: `clients connect to ${WEBSOCKET_PATH}` };
    if (!originAllowed(request.header("origin"), request.header("host"), this.#options.allowedOrigins ?? [])) {
      return { status: 403, reason: "this origin is not allowed (option allowedOrigins)" };
    }
    const { protocols, query } = request;
    if (protocols.includes("centrifuge-json")) return { protocol: "centrifuge-json" };
    if (
      protocols.includes("centrifuge-protobuf") ||
      query.get("format") === "protobuf" ||
      query.get("cf_protocol") === "protobuf"
    ) {
      return { status: 400, reason: "only the JSON form of the protocol is spoken here" };
    }
    return undefined;
  }

  /** Requests that are not for a WebSocket: the API's are ours, the others the application's. */
  #route(): RequestListener {
    const api = httpApi({ apiKey: this.#options.apiKey, broker: this.#broker });
    const listener = getRequestListener(api.fetch);
    const { http } = this.#options;
    return (request, response) => {
      if (!http || request.url === "/api" || request.url?.startsWith("/api/")) void listener(request, response);
      else http(request, response);
    };
  }

  #pong(fd: number): void {
    if (!this.#clients.takePong(fd)) this.#disconnect(fd, disconnects.BAD_REQUEST);
  }

  #command(fd: number, text: string): void {
    try {
      const replies = dispatch(this.#session, fd, text);
      if (replies !== "") this.#server.wire.text(fd, replies);
    } catch (error) {
      if (error instanceof DisconnectError) return this.#disconnect(fd, error.disconnect);
      this.#log.error(`a command failed: ${error instanceof Error ? error.stack : String(error)}`);
      this.#disconnect(fd, disconnects.SERVER_ERROR);
    }
  }

  #deliver(channel: string, data: string): void {
    const id = this.#hub.channel(channel);
    if (id >= 0) this.#fanout.publish(this.#hub, id, encodePublication(channel, data));
  }

  #disconnect(fd: number, { code, reason }: Disconnect): void {
    this.#leave(fd);
    this.#server.wire.handle(fd).close(code, reason);
  }

  #leave(fd: number): void {
    this.#hub.leave(fd);
    this.#clients.close(fd);
  }
}
