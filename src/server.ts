import { rmSync } from "node:fs";
import type { Server as HttpServer, IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { Server as TlsServer } from "node:tls";
import { HttpUpgrades, refuseUpgrade } from "./connection/http-upgrade.ts";
import type { ServerStats } from "./connection/server-stats.ts";
import type { ServerWire } from "./connection/wire.ts";
import { Core } from "./core.ts";
import { BelfryError, SystemError } from "./errors.ts";
import { limits } from "./limits.ts";
import { type Log, silent } from "./log.ts";
import { addressPart, errnoName, listenFlags, portPart } from "./netpoll/index.ts";
import {
  checkAttachOptions,
  checkListenOptions,
  checkServerOptions,
  type ListenOptions,
  type ServerOptions,
} from "./options.ts";
import { answerText, closeCodes } from "./ws/index.ts";

export type { ServerStats };

/** Where a server listens; for a Unix socket the path, and port 0. */
export interface ListeningAddress {
  address: string;
  port: number;
}

/** Makes a WebSocket server; it begins with `listen`. Throws BELFRY_BAD_OPTION for an option that is not allowed. */
export function createServer(options: ServerOptions = {}): Server {
  checkServerOptions(options);
  return new Server(options);
}

/** A WebSocket server, from `listen` to `close`; what happens in between is in core.ts. */
export class Server {
  readonly #core: Core;
  readonly #log: Log;
  readonly #closeSecondsMax: number;
  readonly #listeners = new Set<number>();
  readonly #paths: string[] = [];
  readonly #upgrades: HttpUpgrades;
  #closed: Promise<void> | undefined;

  /** Use {@link createServer}, which checks the options. */
  constructor(options: ServerOptions) {
    this.#log = options.log ?? silent;
    this.#core = new Core(options, this.#log);
    this.#upgrades = new HttpUpgrades((socket, bytes) => this.#takeOver(socket, bytes));
    this.#closeSecondsMax = options.closeSecondsMax ?? limits.closeSecondsMax;
  }

  /** How many descriptors are held: WebSockets, handshakes, and connections that linger after their end. */
  get connections(): number {
    return this.#core.connections;
  }
  /** Which driver runs. */
  get driver(): "native" | "portable" {
    return this.#core.poll.driver;
  }
  /** See {@link ServerStats}. */
  get stats(): ServerStats {
    return this.#core.stats;
  }
  /** See {@link ServerWire}. */
  get wire(): ServerWire {
    return this.#core.wire;
  }

  /** Listens; may be called for several addresses. Rejects with SystemError, EADDRINUSE say, or BELFRY_BAD_OPTION. */
  async listen(options: ListenOptions = {}): Promise<ListeningAddress> {
    checkListenOptions(options);
    if (this.#closed) throw new BelfryError("BELFRY_BAD_STATE", "listen: the server is closed");
    const { port = 0, backlog = limits.backlog } = options;
    const bits = (options.reusePort ? listenFlags.REUSE_PORT : 0) | (options.ipv6Only ? listenFlags.V6_ONLY : 0);
    const host = options.path ?? options.host ?? "::";
    let listener = await this.#core.poll.listen(host, port, backlog, bits);
    if (options.host === undefined && noIpv6(listener))
      listener = await this.#core.poll.listen("0.0.0.0", port, backlog, bits);
    if (listener < 0) throw new SystemError(errnoName(listener), `listen on ${options.path ?? `${host} port ${port}`}`);
    if (this.#closed) {
      this.#core.poll.close(listener);
      throw new BelfryError("BELFRY_BAD_STATE", "listen: the server was closed meanwhile");
    }
    this.#listeners.add(listener);
    if (options.path !== undefined) this.#paths.push(options.path);
    this.#core.admission.add(listener);
    this.#core.heartbeat.start();
    const local = this.#core.poll.local(listener);
    return { address: addressPart(local), port: portPart(local) };
  }

  /**
   * Takes the WebSockets of an HTTP server that is somebody else's (node:http, Express, Fastify, Hono, …) out of Node:
   * its routes stay as they are, its WebSockets cost what they cost here. With `path` only requests for that path, the
   * others are left to the server's other listeners. Throws BELFRY_BAD_OPTION for a TLS server with the native driver.
   */
  attach(server: HttpServer, options: { path?: string } = {}): void {
    checkAttachOptions(options);
    if (this.#closed) throw new BelfryError("BELFRY_BAD_STATE", "attach: the server is closed");
    if (server instanceof TlsServer && this.driver === "native") throw new BelfryError("BELFRY_BAD_OPTION", NO_TLS);
    this.#upgrades.attach(server, options.path);
    this.#core.heartbeat.start();
  }

  /**
   * The same for one `upgrade` event of node:http, for those who decide by themselves whose it is. Neither the request
   * nor the socket may be used afterwards.
   */
  upgradeHTTP(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#core.heartbeat.start();
    this.#upgrades.take(request, socket, head);
  }

  #takeOver(socket: Socket, bytes: Buffer): void {
    if (this.#closed) return refuseUpgrade(socket, answerText(503, "the server closes"));
    const fd = this.#core.takeOver(socket, bytes);
    if (fd >= 0) return;
    this.#log.error(`an upgrade of an HTTP server's connection is refused: ${errnoName(fd)}`);
    refuseUpgrade(socket, answerText(501, "WebSockets are not served on this connection"));
  }

  /** Stops listening, closes every connection with `code`, and waits until all have ended, at most closeSecondsMax. */
  close(code: number = closeCodes.GOING_AWAY, reason = "the server closes"): Promise<void> {
    this.#closed ??= this.#close(code, reason);
    return this.#closed;
  }

  async #close(code: number, reason: string): Promise<void> {
    const core = this.#core;
    const ms = this.#closeSecondsMax * 1000;
    this.#upgrades.close();
    core.admission.close();
    for (const listener of this.#listeners) core.poll.close(listener);
    for (const path of this.#paths) rmSync(path, { force: true });
    core.askToEnd(code, reason);
    await Promise.all([core.http?.close(ms), core.emptied(ms)]);
    core.heartbeat.stop();
    core.end(code, reason);
  }
}

const NO_TLS =
  'a TLS connection cannot leave Node: use driver: "portable", or end TLS at nginx, HAProxy or Envoy before the server';

/** Whether a failed listen on "::" says that there is no IPv6 here. */
function noIpv6(result: number): boolean {
  return result < 0 && ["EAFNOSUPPORT", "EADDRNOTAVAIL", "EINVAL"].includes(errnoName(result));
}
