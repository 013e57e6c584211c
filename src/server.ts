import type { Server as HttpServer, IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import { Server as TlsServer } from "node:tls";
import type { AdmissionState } from "./connection/admission-state.ts";
import { HttpUpgrades, refuseUpgrade } from "./connection/http-upgrade.ts";
import type { OutboundCounts } from "./connection/outbound.ts";
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

export { type AdmissionState, admissionCauses } from "./connection/admission-state.ts";
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
  readonly #upgrades: HttpUpgrades;
  #isStopped = false;
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
    return this.#core.admission.connections;
  }
  /** Whether connections are accepted, why not, and how many were refused: a snapshot. */
  get admission(): AdmissionState {
    return this.#core.admission.state;
  }
  /** Which driver runs. */
  get driver(): "native" | "portable" {
    return this.#core.poll.driver;
  }
  /** What waits for connections that do not read. */
  get outbound(): OutboundCounts {
    return this.#core.wire.outbound.counts;
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
    if (this.#isStopped) throw new BelfryError("BELFRY_BAD_STATE", "listen: the server has stopped listening");
    const { port = 0, backlog = limits.backlog, keepAliveSeconds } = options;
    const flags = (options.reusePort ? listenFlags.REUSE_PORT : 0) | (options.ipv6Only ? listenFlags.V6_ONLY : 0);
    const given = options.fd === undefined ? (options.path ?? options.host) : `fd:${options.fd}`;
    const place = { address: given ?? "::", port, backlog, flags, keepAliveSeconds };
    const { admission, heartbeat } = this.#core;
    let local = await admission.listen(place);
    if (given === undefined && noIpv6(local)) local = await admission.listen({ ...place, address: "0.0.0.0" });
    if (typeof local === "number")
      throw new SystemError(errnoName(local), `listen on ${whereOf(options, place.address)}`);
    if (this.#closed) throw new BelfryError("BELFRY_BAD_STATE", "listen: the server was closed meanwhile");
    heartbeat.start();
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

  /**
   * Stops listening, and lets everybody go on who is there; who stands in the backlog is accepted first, unless a gate
   * of the admission is shut. A port that other processes share (`reusePort`) gets no new connection from then on, and
   * is given up listenerLingerMs later, so that handshakes that the kernel has begun end here: with the native driver
   * on Linux nobody is refused.
   */
  async stopListening(): Promise<void> {
    const { admission } = this.#core;
    this.#isStopped = true;
    if (admission.retire()) await delay(limits.listenerLingerMs);
    // The portable driver's connections are accepted by Node, in one turn, and are to be had in the next one.
    for (let i = 0; i < 3; i++) {
      await nextTurn();
      if (this.#closed) return;
      this.#core.turn();
    }
    admission.close();
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
    core.askToEnd(code, reason);
    await Promise.all([core.http?.close(ms), core.admission.emptied(ms)]);
    core.heartbeat.stop();
    core.end(code, reason);
  }
}

const NO_TLS =
  'a TLS connection cannot leave Node: use driver: "portable", or end TLS at nginx, HAProxy or Envoy before the server';

function whereOf({ path, fd, port = 0 }: ListenOptions, host: string): string {
  return path ?? (fd === undefined ? `${host} port ${port}` : `descriptor ${fd}`);
}

/** Whether a failed listen on "::" says that there is no IPv6 here. */
function noIpv6(result: string | number): boolean {
  return typeof result === "number" && ["EAFNOSUPPORT", "EADDRNOTAVAIL", "EINVAL"].includes(errnoName(result));
}
