import type { Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { BelfryError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Log } from "../log.ts";

/** With what the Bus shows who it is, each in PEM. */
export interface DaemonTlsOptions {
  cert: string | Buffer;
  key: string | Buffer;
  /** Whose certificates clients must show; without it they show none. */
  ca?: string | Buffer;
}

/** A connection whose handshake is under way, and what is done with it then. */
interface Coming {
  readonly socket: Socket;
  readonly secured: (socket: TLSSocket) => void;
}

/**
 * The way in over TLS, as NATS has it: INFO goes out in plain text, and then the handshake begins on the same socket.
 * It is for sockets of Node's, which only the portable driver has.
 */
export class TlsDoor {
  readonly #server: Server;
  readonly #log: Log;
  /** By the address and port of the peer, which the socket over TLS has too. */
  readonly #coming = new Map<string, Coming>();

  /** Throws BELFRY_BAD_OPTION for what is no certificate, no key, or not its key. */
  constructor(options: DaemonTlsOptions, log: Log) {
    this.#log = log;
    this.#server = makeServer(options);
    this.#server.on("secureConnection", (socket) => this.#take(nameOf(socket))?.secured(socket));
    this.#server.on("tlsClientError", (error, socket) => {
      this.#log.warn(`a client's TLS handshake failed: ${error.message}`);
      socket.destroy();
    });
  }

  /**
   * Says INFO to a socket that nobody reads, and lets it make the handshake, for which it has busTlsSecondsMax; then
   * calls `secured` with the socket to go on with.
   */
  enter(socket: Socket, info: string, secured: (socket: TLSSocket) => void): void {
    const name = nameOf(socket);
    this.#coming.set(name, { socket, secured });
    socket
      .on("error", () => {})
      .once("close", () => {
        if (this.#coming.get(name)?.socket === socket) this.#coming.delete(name);
      });
    socket.write(info);
    this.#server.emit("connection", socket);
  }

  /** Ends the connections whose handshake is under way. */
  close(): void {
    for (const { socket } of this.#coming.values()) socket.destroy();
  }

  #take(name: string): Coming | undefined {
    const coming = this.#coming.get(name);
    this.#coming.delete(name);
    return coming;
  }
}

function makeServer({ cert, key, ca }: DaemonTlsOptions): Server {
  const handshakeTimeout = limits.busTlsSecondsMax * 1000;
  try {
    return createServer({ cert, key, handshakeTimeout, ...(ca !== undefined && { ca, requestCert: true }) });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new BelfryError("BELFRY_BAD_OPTION", `createDaemon: option tls is no good: ${why}`, { cause: error });
  }
}

function nameOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
