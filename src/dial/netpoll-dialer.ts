import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { BelfryError, SystemError } from "../errors.ts";
import { limits } from "../limits.ts";
import { type Log, silent } from "../log.ts";
import {
  type DriverChoice,
  errnoName,
  errnoNumber,
  events,
  type Netpoll,
  openDriver,
  RECORD,
} from "../netpoll/index.ts";
import { type NetpollParts, NetpollTransport } from "./netpoll-transport.ts";
import type { Connect, Target, Transport } from "./transport.ts";

/** How to open a {@link NetpollDialer}. */
export interface NetpollDialerOptions {
  /** Default "auto": the addon, or node:net where it cannot be loaded. */
  readonly driver?: DriverChoice;
  /** Default: that of limits.ts. */
  readonly dialQueueBytesMax?: number;
  readonly log?: Log;
}

/**
 * Connects through one poll of netpoll, for those who hold very many connections: a load generator, a proxy. It speaks
 * no TLS. The process stays alive while it has connections.
 */
export class NetpollDialer {
  /** For the option of `dial`: resolves the name, and tries its addresses one after the other. */
  readonly connect: Connect = (target, signal) => this.#resolve(target, signal);
  readonly #poll: Netpoll;
  readonly #parts: NetpollParts;
  readonly #transports = new Map<number, NetpollTransport>();
  /** Who is told how a `connect` ended. */
  readonly #connecting = new Map<number, (result: number) => void>();
  #closed = false;

  /** Throws BELFRY_NO_ADDON when the driver "native" was asked for and is not there. */
  constructor(options: NetpollDialerOptions = {}) {
    const { driver = "auto", dialQueueBytesMax = limits.dialQueueBytesMax, log = silent } = options;
    this.#poll = openDriver({
      choice: driver,
      inputBytes: limits.inputSlabBytes,
      outputBytes: 0,
      ready: () => this.#harvest(),
      says: (line) => log.info(line),
    });
    this.#poll.watching(false);
    this.#parts = { poll: this.#poll, dialQueueBytesMax, closed: (fd) => this.#forget(fd) };
  }

  /** Which driver runs. */
  get driver(): "native" | "portable" {
    return this.#poll.driver;
  }

  /** Connections that are open or being made. */
  get connections(): number {
    return this.#transports.size + this.#connecting.size;
  }

  /**
   * Connects to a numeric address and a port, or to a Unix socket's path, which holds a `/`. Rejects with SystemError
   * (ECANCELED when the dialer is closed meanwhile), with the signal's reason, or with BELFRY_BAD_STATE when it was
   * closed before.
   */
  connectTo(address: string, port: number, signal: AbortSignal): Promise<Transport> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      if (this.#closed) throw new BelfryError("BELFRY_BAD_STATE", "connect: the dialer is closed");
      const failed = (result: number) =>
        new SystemError(errnoName(result), `connect to ${address}${port === 0 ? "" : ` port ${port}`}`);
      const fd = this.#poll.connect(address, port, "");
      if (fd < 0) throw failed(fd);
      const over = () => {
        signal.removeEventListener("abort", aborted);
        this.#connecting.delete(fd);
      };
      const gaveUp = (reason: unknown) => {
        over();
        this.#poll.close(fd);
        this.#forget(fd);
        reject(reason);
      };
      const aborted = () => gaveUp(signal.reason);
      signal.addEventListener("abort", aborted);
      this.#connecting.set(fd, (result) => {
        if (result < 0) return gaveUp(failed(result));
        over();
        const transport = new NetpollTransport(fd, this.#parts);
        this.#transports.set(fd, transport);
        resolve(transport);
      });
      this.#poll.watching(true);
    });
  }

  /** Cuts all connections, and ends the driver. The dialer is of no use afterwards. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const transport of this.#transports.values()) transport.destroy();
    for (const told of this.#connecting.values()) told(errnoNumber("ECANCELED"));
    this.#poll.destroy();
  }

  async #resolve(target: Target, signal: AbortSignal): Promise<Transport> {
    const { host, port, tls } = target;
    if (tls) {
      throw new BelfryError("BELFRY_BAD_OPTION", "netpoll speaks no TLS: use connectNet for wss: and https:");
    }
    const addresses = isIP(host) ? [host] : (await lookup(host, { all: true })).map(({ address }) => address);
    let last: unknown;
    for (const address of addresses) {
      try {
        return await this.connectTo(address, port, signal);
      } catch (error) {
        if (signal.aborted || this.#closed) throw error;
        last = error;
      }
    }
    throw last;
  }

  #harvest(): void {
    const { records, slab } = this.#poll;
    const count = this.#poll.wait();
    for (let i = 0; i < count * RECORD; i += RECORD) {
      const fd = records[i] as number;
      const value = records[i + 2] as number;
      if (records[i + 1] === events.CONNECTED) {
        this.#connecting.get(fd)?.(value);
        continue;
      }
      // Nobody opens a connection before the batch is over, so a descriptor that is not there was closed within it.
      const transport = this.#transports.get(fd);
      const offset = records[i + 3] as number;
      if (records[i + 1] === events.DATA) transport?.data(slab.subarray(offset, offset + value));
      else if (records[i + 1] === events.WRITABLE) transport?.writable();
      else if (records[i + 1] === events.END) transport?.ended(value);
    }
  }

  #forget(fd: number): void {
    this.#transports.delete(fd);
    if (this.connections === 0) this.#poll.watching(false);
  }
}
