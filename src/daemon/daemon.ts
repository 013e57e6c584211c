import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { makeTurn } from "../connection/harvest.ts";
import { BelfryError, SystemError } from "../errors.ts";
import { limits } from "../limits.ts";
import { type Log, silent } from "../log.ts";
import { addressPart, errnoName, interest, type Netpoll, openDriver, portPart } from "../netpoll/index.ts";
import { Client } from "./client.ts";
import { checkDaemonOptions, type DaemonListenOptions, type DaemonOptions } from "./daemon-options.ts";
import { Delivery } from "./delivery.ts";
import { Gate } from "./gate.ts";
import type { Message } from "./message.ts";
import { Outlets } from "./outlets.ts";
import { makePublish } from "./own-messages.ts";
import { Routes } from "./routes.ts";
import { Session } from "./session.ts";
import { API, StreamsApi } from "./streams/api.ts";
import { Streams } from "./streams/streams.ts";
import { TlsDoor } from "./tls-door.ts";

/** Makes a Bus that is a process of its own. Throws BELFRY_BAD_OPTION. */
export function createDaemon(options: DaemonOptions = {}): Daemon {
  checkDaemonOptions(options);
  return new Daemon(options);
}

/** The version of nats-server whose protocol this is: by it, clients know what they may ask for. */
const NATS_VERSION = "2.9.10";
const SECOND_MS = 1000;

/** `belfry bus`: a server of the NATS client protocol over netpoll. The composition root of the Bus as a process. */
export class Daemon {
  readonly #options: DaemonOptions;
  readonly #log: Log;
  readonly #poll: Netpoll;
  readonly #clients = new Map<number, Client>();
  readonly #routes = new Routes();
  readonly #outlets: Outlets;
  readonly #session: Session;
  readonly #gate: Gate;
  readonly #door: TlsDoor | undefined;
  readonly #streams: Streams;
  readonly #listeners = new Set<number>();
  readonly #id = randomBytes(12).toString("hex");
  #port = 0;
  #clientId = 0;
  #isClosing = false;
  #emptied = () => {};
  #ticks = 0;
  #timer: NodeJS.Timeout | undefined;

  /** Use {@link createDaemon}, which checks the options. */
  constructor(options: DaemonOptions) {
    this.#options = options;
    this.#log = options.log ?? silent;
    this.#gate = new Gate(options);
    this.#door = options.tls && new TlsDoor(options.tls, this.#log);
    const payloadBytesMax = options.payloadBytesMax ?? limits.busPayloadBytesMax;
    const controlLineBytesMax = options.controlLineBytesMax ?? limits.busControlLineBytesMax;
    // A message has the arguments of its publication, and the id of a subscription, which came in arguments too.
    const messageBytesMax = payloadBytesMax + 2 * controlLineBytesMax + limits.busChunkBytes;
    this.#poll = openDriver({
      choice: options.tls ? "portable" : (options.driver ?? "auto"),
      inputBytes: limits.inputSlabBytes,
      outputBytes: Math.max(limits.busOutputSlabBytes, messageBytesMax),
      ready: () => turn(),
      says: (line) => this.#log.info(line),
    });
    this.#outlets = new Outlets({
      poll: this.#poll,
      pendingBytesMax: options.pendingBytesMax ?? limits.busPendingBytesMax,
      broken: (client, result) => this.#broken(client, result),
    });
    const spent = (subscription: Parameters<Session["unsubscribe"]>[0]) => this.#session.unsubscribe(subscription);
    const delivery = new Delivery({ routes: this.#routes, outlets: this.#outlets, spent });
    this.#streams = this.#makeStreams(delivery);
    this.#session = new Session({
      limits: {
        controlLineBytesMax,
        payloadBytesMax,
        subscriptionsMax: options.subscriptionsMax ?? limits.busSubscriptionsMax,
      },
      routes: this.#routes,
      delivery,
      outlets: this.#outlets,
      admits: (credentials) => this.#gate.admits(credentials),
      refuse: (client, error) => this.#refuse(client, error),
    });
    const turn = makeTurn({
      poll: this.#poll,
      batch: (work) => {
        work();
        this.#outlets.flush();
      },
      saturated: () => false,
      accepted: (fd) => this.#accept(fd),
      received: (fd, bytes, from, to) => this.#received(fd, bytes, from, to),
      ended: (fd) => this.#ended(fd),
      writable: (fd) => this.#writable(fd),
      failed: (fd, error) => this.#failed(fd, error),
      rested: (result) => this.#log.warn(`no more connections are accepted for now: ${errnoName(result)}`),
    });
  }

  /** What there is now. */
  get stats(): { clients: number; subscriptions: number } {
    let subscriptions = 0;
    for (const client of this.#clients.values()) subscriptions += client.subscriptions.size;
    return { clients: this.#clients.size, subscriptions };
  }

  /** Listens. Rejects with SystemError, EADDRINUSE say, and BELFRY_BAD_STATE where a log on disk is damaged. */
  async listen({ host = "::", port = 4222 }: DaemonListenOptions = {}): Promise<{ address: string; port: number }> {
    if (this.#isClosing) throw new BelfryError("BELFRY_BAD_STATE", "listen: the Bus is closed");
    if (this.#listeners.size === 0) this.#streams.load();
    let listener = await this.#poll.listen(host, port, limits.backlog, 0);
    if (listener < 0 && host === "::") listener = await this.#poll.listen("0.0.0.0", port, limits.backlog, 0);
    if (listener < 0) throw new SystemError(errnoName(listener), `listen on ${host} port ${port}`);
    this.#listeners.add(listener);
    this.#timer ??= setInterval(() => this.#tick(), SECOND_MS);
    const local = this.#poll.local(listener);
    this.#port = portPart(local);
    return { address: addressPart(local), port: this.#port };
  }

  /** Ends all connections when what was written for them has gone, at most closeSecondsMax. */
  async close(): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    for (const listener of this.#listeners) this.#poll.close(listener);
    this.#door?.close();
    for (const client of this.#clients.values()) this.#end(client);
    this.#outlets.flush();
    if (this.#clients.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, limits.closeSecondsMax * SECOND_MS);
        this.#emptied = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    clearInterval(this.#timer);
    await this.#streams.close();
    for (const client of this.#clients.values()) this.#poll.close(client.fd);
    this.#poll.destroy();
  }

  #makeStreams(delivery: Delivery): Streams {
    const publish = makePublish(delivery);
    const listen = (pattern: string, handle: (message: Message) => void) => {
      const own = { pattern, queue: "", handle, number: 0, max: 0, delivered: 0 };
      this.#routes.add(own);
      return () => this.#routes.remove(own);
    };
    const streams = new Streams({
      publish,
      listen,
      now: Date.now,
      folder: this.#options.data === undefined ? undefined : join(this.#options.data, "streams"),
      error: (line) => this.#log.error(line),
    });
    const api = new StreamsApi(streams, publish);
    listen(API, (message) => api.handle(message));
    return streams;
  }

  #accept(fd: number): void {
    const id = ++this.#clientId;
    const info = `INFO ${JSON.stringify(this.#info(fd, id))}\r\n`;
    if (!this.#door) return this.#outlets.text(this.#enter(fd, id), info);
    this.#door.enter(this.#poll.detach(fd), info, (socket) => {
      const secured = this.#poll.adopt(socket);
      if (secured >= 0) this.#enter(secured, id);
    });
  }

  #enter(fd: number, id: number): Client {
    const client = new Client(fd, id, !this.#gate.asks);
    this.#clients.set(fd, client);
    this.#poll.arm(fd, interest.READ);
    return client;
  }

  #info(fd: number, id: number): object {
    const { tls } = this.#options;
    return {
      server_id: this.#id,
      server_name: `belfry-${this.#id.slice(0, 8)}`,
      version: NATS_VERSION,
      proto: 1,
      host: this.#options.name ?? "0.0.0.0",
      port: this.#port,
      headers: true,
      jetstream: true,
      max_payload: this.#options.payloadBytesMax ?? limits.busPayloadBytesMax,
      client_id: id,
      client_ip: addressPart(this.#poll.peer(fd)),
      ...(this.#gate.asks && { auth_required: true }),
      ...(tls && { tls_required: true, tls_verify: tls.ca !== undefined }),
    };
  }

  #received(fd: number, bytes: Buffer, from: number, to: number): void {
    const client = this.#clients.get(fd);
    if (client && !client.isClosed) this.#session.received(client, bytes, from, to);
  }

  #ended(fd: number): void {
    const client = this.#clients.get(fd);
    if (!client) return;
    this.#leave(client);
    this.#clients.delete(fd);
    this.#poll.close(fd);
    if (this.#clients.size === 0) this.#emptied();
  }

  #writable(fd: number): void {
    const client = this.#clients.get(fd);
    if (client) this.#outlets.writable(client);
  }

  #refuse(client: Client, error: string): void {
    this.#outlets.text(client, `-ERR '${error}'\r\n`);
    this.#log.warn(`client ${client.id} is refused: ${error}`);
    this.#end(client);
  }

  #broken(client: Client, result: number): void {
    if (client.isCut) return;
    const why = result === 0 ? "Slow Consumer" : errnoName(result);
    this.#log.warn(`client ${client.id} is cut: ${why}`);
    this.#outlets.cut(client);
    this.#end(client);
  }

  /** Nothing more is said to it, nor heard of it. */
  #end(client: Client): void {
    this.#leave(client);
    this.#outlets.end(client);
  }

  #leave(client: Client): void {
    if (client.isClosed) return;
    client.isClosed = true;
    client.closedMs = Date.now();
    this.#session.leave(client);
  }

  #failed(fd: number, error: unknown): void {
    this.#log.error(`an operation failed: ${error instanceof Error ? error.stack : String(error)}`);
    const client = this.#clients.get(fd);
    if (client) this.#refuse(client, "Internal Error");
  }

  /** One second: who shows no credentials, answers no ping, or does not end. */
  #tick(): void {
    const now = Date.now();
    const { pingSeconds = limits.busPingSeconds, pingsOutMax = limits.busPingsOutMax } = this.#options;
    const isPing = ++this.#ticks % pingSeconds === 0;
    for (const client of [...this.#clients.values()]) {
      if (client.isClosed) {
        if (now - client.closedMs > limits.closeSecondsMax * SECOND_MS) this.#ended(client.fd);
      } else if (!client.isIn) {
        if (now - client.sinceMs > limits.busAuthSecondsMax * SECOND_MS) this.#refuse(client, "Authentication Timeout");
      } else if (isPing) {
        if (client.pingsOut >= pingsOutMax) this.#refuse(client, "Stale Connection");
        else this.#ping(client);
      }
    }
    this.#streams.expire();
    this.#outlets.flush();
  }

  #ping(client: Client): void {
    client.pingsOut++;
    this.#outlets.text(client, "PING\r\n");
  }
}
