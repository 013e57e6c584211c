import { type AddressInfo, connect, createServer, isIP, type ListenOptions, type Server, type Socket } from "node:net";
import { limits } from "../limits.ts";
import { ENTRY, events, interest, listenFlags, RECORD } from "./binding.ts";
import { errnoNumber } from "./errno.ts";
import type { Netpoll } from "./netpoll.ts";

/** Records of one wait, and the most that one connection gets of them. */
const RECORDS_MAX = 4096;
const CONNECTION_RECORDS_MAX = 4;
/** Connections taken from one listener in one wait. */
const ACCEPTS_MAX = 256;
/** Bytes taken from one connection in one wait: a fast sender is not favoured. With less room than the other, none. */
const RECEIVE_BYTES_MAX = 65_536;
const RECEIVE_BYTES_MIN = 4096;
/** Bytes that Node may hold for a peer that does not read: about what a kernel's socket buffer takes. */
const UNSENT_BYTES_MAX = 262_144;

const EAGAIN = errnoNumber("EAGAIN");
const EBADF = errnoNumber("EBADF");
const ECONNRESET = errnoNumber("ECONNRESET");
const EFAULT = errnoNumber("EFAULT");
const EINVAL = errnoNumber("EINVAL");
const ENOTCONN = errnoNumber("ENOTCONN");
const ENOTSUP = errnoNumber("ENOTSUP");
const EPIPE = errnoNumber("EPIPE");
const EPROTO = errnoNumber("EPROTO");

interface Listener {
  readonly fd: number;
  readonly server: Server;
  readonly path: string | undefined;
  readonly heldMax: number;
  /** Accepted by Node and not harvested yet; nothing is read from them. */
  held: Socket[];
  resting: boolean;
  /** Value of a RESTED record that is to come. */
  rested: number | undefined;
}

interface Connection {
  readonly fd: number;
  readonly socket: Socket;
  /** "PATH 0" of either side of a Unix socket, which node:net does not tell. */
  readonly names: { peer: string; local: string } | undefined;
  interest: number;
  connecting: boolean;
  /** Values of records that are to come. */
  connected: number | undefined;
  ended: number | undefined;
  writable: boolean;
  endTold: boolean;
  unhook: () => void;
}

/**
 * The driver over node:net, for platforms without the addon, and for TLS: the contract of the addon with small integers in
 * place of descriptors, which serve again after a close. A connection costs what a `net.Socket` costs, some kilobytes.
 *
 * What has arrived waits in the socket's own buffer until `wait` takes it, and Node stops reading when that is full, so
 * back-pressure is TCP's here too. What was sent counts as sent when Node took it, up to a bound in place of the kernel's.
 */
export class PortableNetpoll implements Netpoll {
  readonly driver = "portable";
  readonly slab: Buffer;
  readonly inputBytes: number;
  readonly records = new Int32Array(RECORDS_MAX * RECORD);
  readonly #ready: () => void;
  readonly #listeners = new Map<number, Listener>();
  readonly #connections = new Map<number, Connection>();
  /** Who has something to harvest. */
  readonly #listenersDue = new Set<Listener>();
  readonly #connectionsDue = new Set<Connection>();
  /** Descriptors to be used again; those closed since the last `wait` may still stand in its records. */
  #free: number[] = [];
  #closed: number[] = [];
  #nextFd = 3;
  #count = 0;
  #used = 0;
  #watching = true;
  #destroyed = false;
  #scheduled: NodeJS.Immediate | undefined;

  constructor(inputBytes: number, outputBytes: number, ready: () => void) {
    this.inputBytes = inputBytes;
    this.slab = Buffer.from(new ArrayBuffer(inputBytes + outputBytes));
    this.#ready = ready;
  }

  wait(): number {
    if (this.#destroyed) return EBADF;
    for (const fd of this.#closed) this.#free.push(fd);
    this.#closed = [];
    this.#count = 0;
    this.#used = 0;
    for (const listener of this.#listenersDue) this.#takeListener(listener);
    const due = [...this.#connectionsDue];
    const left: Connection[] = [];
    for (const connection of due) {
      if (this.#count + CONNECTION_RECORDS_MAX > RECORDS_MAX) break;
      this.#connectionsDue.delete(connection);
      this.#takeConnection(connection);
      if (isDue(connection)) left.push(connection);
    }
    // Behind those that had no turn.
    for (const connection of left) this.#connectionsDue.add(connection);
    this.#schedule();
    return this.#count;
  }

  watching(on: boolean): void {
    this.#watching = on;
    this.#schedule();
  }

  /** As in the contract; REUSE_PORT needs Node 22.12 or 23.1, and is -ENOTSUP before. */
  listen(address: string, port: number, backlog: number, flags: number): Promise<number> {
    const path = pathOf(address);
    const reusePort = !path && (flags & listenFlags.REUSE_PORT) !== 0;
    if (!path && !isNumeric(address, port)) return Promise.resolve(EINVAL);
    if (reusePort && !nodeHasReusePort()) return Promise.resolve(ENOTSUP);
    const server = createServer({
      allowHalfOpen: true,
      pauseOnConnect: true,
      noDelay: true,
      highWaterMark: RECEIVE_BYTES_MAX,
    });
    const options: ListenOptions & { reusePort?: boolean } = path
      ? { path, backlog, exclusive: true }
      : { host: address, port, backlog, exclusive: true, ipv6Only: (flags & listenFlags.V6_ONLY) !== 0, reusePort };
    return new Promise((resolve) => {
      const failed = (error: Error) => resolve(errnoOf(error));
      server.once("error", failed);
      server.listen(options, () => {
        server.off("error", failed);
        if (this.#destroyed) server.close();
        resolve(this.#destroyed ? EBADF : this.#addListener(server, path, backlog));
      });
    });
  }

  /**
   * Node goes on accepting, because to close the port would refuse clients that a kernel's backlog keeps waiting, and
   * might lose the port. The connections are held unread, as many as the backlog that `listen` was given; further
   * ones are closed.
   */
  rest(listener: number): void {
    const found = this.#listeners.get(listener);
    if (found) found.resting = true;
  }

  resume(listener: number): void {
    const found = this.#listeners.get(listener);
    if (!found) return;
    found.resting = false;
    this.#listenerDue(found);
  }

  connect(address: string, port: number, source: string): number {
    if (this.#destroyed) return EBADF;
    const path = pathOf(address);
    if ((!path && !isNumeric(address, port)) || (source && !isNumeric(source, 0))) return EINVAL;
    const socket = path
      ? connect({ path, allowHalfOpen: true })
      : connect({
          host: address,
          port,
          allowHalfOpen: true,
          noDelay: true,
          ...(source ? { localAddress: source } : {}),
        });
    return this.#add(socket, path ? { peer: `${path} 0`, local: " 0" } : undefined, true).fd;
  }

  arm(fd: number, bits: number): number {
    const connection = this.#connections.get(fd);
    if (!connection) return EBADF;
    connection.interest = bits;
    connection.writable = (bits & interest.WRITE) !== 0 && !connection.socket.writableNeedDrain;
    this.#look(connection);
    return 0;
  }

  flush(list: Int32Array, count: number): number {
    if (!within(list.length / ENTRY, 0, count)) return EFAULT;
    let left = 0;
    for (let i = 0; i < count * ENTRY; i += ENTRY) {
      const offset = list[i + 1] as number;
      const length = list[i + 2] as number;
      const sent = this.send(list[i] as number, this.slab, offset, length);
      if (sent === EAGAIN) left++;
      else if (sent < 0) {
        list[i + 2] = sent;
        left++;
      } else {
        list[i + 2] = length - sent;
        if (sent === length) continue;
        list[i + 1] = offset + sent;
        left++;
      }
    }
    return left;
  }

  multicast(bytes: Uint8Array, length: number, fds: Int32Array, count: number, results: Int32Array): number {
    if (!within(bytes.length, 0, length) || !within(Math.min(fds.length, results.length), 0, count)) return EFAULT;
    const copy = Buffer.from(bytes.subarray(0, length));
    let left = 0;
    for (let i = 0; i < count; i++) {
      const fd = fds[i] as number;
      const taken = this.#room(fd, length);
      if (taken > 0) this.#connections.get(fd)?.socket.write(taken === length ? copy : copy.subarray(0, taken));
      if (taken !== length) left++;
      results[i] = taken;
    }
    return left;
  }

  send(fd: number, bytes: Uint8Array, offset: number, length: number): number {
    if (!within(bytes.length, offset, length)) return EFAULT;
    const taken = this.#room(fd, length);
    if (taken > 0) this.#connections.get(fd)?.socket.write(Buffer.from(bytes.subarray(offset, offset + taken)));
    return taken;
  }

  /** The end of the stream goes out after what was sent. */
  shutdown(fd: number): number {
    const connection = this.#connections.get(fd);
    if (!connection) return EBADF;
    if (connection.connecting || connection.socket.destroyed) return ENOTCONN;
    connection.socket.end();
    return 0;
  }

  /** As in the kernel, what was sent still goes out, for at most `limits.closeSecondsMax`; what was not read is lost. */
  close(fd: number): number {
    const listener = this.#listeners.get(fd);
    if (listener) {
      this.#listeners.delete(fd);
      this.#listenersDue.delete(listener);
      closeListener(listener);
      this.#closed.push(fd);
      return 0;
    }
    const socket = this.#remove(fd);
    if (!socket) return EBADF;
    socket.on("error", ignore);
    if (socket.connecting) socket.destroy();
    if (socket.destroyed) return 0;
    const timer = setTimeout(() => socket.destroy(), limits.closeSecondsMax * 1000).unref();
    socket.once("close", () => clearTimeout(timer));
    socket.destroySoon();
    return 0;
  }

  peer(fd: number): string | number {
    const connection = this.#connections.get(fd);
    if (!connection) return this.#listeners.has(fd) ? ENOTCONN : EBADF;
    const { remoteAddress, remotePort } = connection.socket;
    return connection.names?.peer ?? nameOf(remoteAddress, remotePort);
  }

  local(fd: number): string | number {
    const listener = this.#listeners.get(fd);
    if (listener?.path) return `${listener.path} 0`;
    const bound = listener?.server.address() as AddressInfo | null | undefined;
    if (bound) return nameOf(bound.address, bound.port);
    const connection = this.#connections.get(fd);
    if (!connection) return EBADF;
    const { localAddress, localPort } = connection.socket;
    return connection.names?.local ?? nameOf(localAddress, localPort);
  }

  /** The socket itself, of any kind, stays under the descriptor; those who read from it are taken off. */
  adopt(socket: Socket): number {
    if (socket.destroyed || this.#destroyed) return EBADF;
    socket.removeAllListeners("data").removeAllListeners("readable").removeAllListeners("timeout");
    socket.setTimeout(0);
    socket.setNoDelay(true);
    socket.allowHalfOpen = true;
    const connection = this.#add(socket, undefined, socket.connecting);
    if (socket.readableEnded) connection.ended = 0;
    this.#look(connection);
    return connection.fd;
  }

  detach(fd: number): Socket {
    const socket = this.#remove(fd);
    if (!socket) throw new RangeError(`detach descriptor ${fd}: no such connection`);
    return socket;
  }

  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    clearImmediate(this.#scheduled);
    for (const listener of this.#listeners.values()) closeListener(listener);
    for (const { socket, unhook } of this.#connections.values()) {
      unhook();
      socket.on("error", ignore).destroy();
    }
    this.#listeners.clear();
    this.#connections.clear();
    this.#listenersDue.clear();
    this.#connectionsDue.clear();
  }

  #record(fd: number, event: number, value: number, offset: number): void {
    const at = this.#count++ * RECORD;
    this.records[at] = fd;
    this.records[at + 1] = event;
    this.records[at + 2] = value;
    this.records[at + 3] = offset;
  }

  #takeListener(listener: Listener): void {
    let accepts = 0;
    while (!listener.resting && listener.held.length > 0 && accepts < ACCEPTS_MAX && this.#count < RECORDS_MAX) {
      const batch = listener.held.splice(0, Math.min(ACCEPTS_MAX - accepts, RECORDS_MAX - this.#count));
      accepts += batch.length;
      for (const socket of batch) {
        socket.off("error", ignore);
        if (socket.destroyed) continue;
        const names = listener.path ? { peer: " 0", local: `${listener.path} 0` } : undefined;
        this.#record(this.#add(socket, names, false).fd, events.ACCEPTED, listener.fd, 0);
      }
    }
    if (listener.rested !== undefined && this.#count < RECORDS_MAX) {
      this.#record(listener.fd, events.RESTED, listener.rested, 0);
      listener.rested = undefined;
    }
    if (listener.rested === undefined && (listener.resting || listener.held.length === 0)) {
      this.#listenersDue.delete(listener);
    }
  }

  #takeConnection(connection: Connection): void {
    const { fd, socket } = connection;
    if (connection.connected !== undefined) {
      this.#record(fd, events.CONNECTED, connection.connected, 0);
      connection.connected = undefined;
    }
    if (connection.writable) this.#record(fd, events.WRITABLE, 0, 0);
    connection.writable = false;
    const room = this.inputBytes - this.#used;
    const roomy = room >= RECEIVE_BYTES_MIN || (this.#used === 0 && room > 0);
    if (roomy && isReadable(connection)) {
      const bytes = socket.read(Math.min(socket.readableLength, room, RECEIVE_BYTES_MAX)) as Buffer;
      this.slab.set(bytes, this.#used);
      this.#record(fd, events.DATA, bytes.length, this.#used);
      this.#used = Math.min(this.inputBytes, (this.#used + bytes.length + 7) & ~7);
      // Asks for more, or for the end, which a stream tells only to one who reads.
      if (socket.readableLength === 0) socket.read(0);
    }
    if (isEndDue(connection)) {
      this.#record(fd, events.END, connection.ended as number, 0);
      connection.endTold = true;
    }
  }

  #addListener(server: Server, path: string | undefined, backlog: number): number {
    const fd = this.#free.pop() ?? this.#nextFd++;
    const listener: Listener = { fd, server, path, heldMax: backlog, held: [], resting: false, rested: undefined };
    this.#listeners.set(fd, listener);
    server.on("connection", (socket) => {
      if (listener.held.length >= listener.heldMax) return socket.destroy();
      listener.held.push(socket.on("error", ignore));
      return this.#listenerDue(listener);
    });
    // accept failed for want of descriptors. libuv has closed the connection in question, to be rid of it.
    server.on("error", (error) => {
      if (listener.resting) return;
      listener.resting = true;
      listener.rested = errnoOf(error);
      this.#listenerDue(listener);
    });
    return fd;
  }

  #add(socket: Socket, names: Connection["names"], connecting: boolean): Connection {
    const fd = this.#free.pop() ?? this.#nextFd++;
    const connection: Connection = {
      ...{ fd, socket, names, connecting, interest: connecting ? interest.NONE : interest.READ },
      ...{ connected: undefined, ended: undefined, writable: false, endTold: false, unhook: ignore },
    };
    connection.unhook = hook(connection, () => this.#look(connection));
    this.#connections.set(fd, connection);
    return connection;
  }

  /** Forgets a connection; its socket is the caller's. */
  #remove(fd: number): Socket | undefined {
    const connection = this.#connections.get(fd);
    if (!connection) return undefined;
    connection.unhook();
    this.#connections.delete(fd);
    this.#connectionsDue.delete(connection);
    this.#closed.push(fd);
    return connection.socket;
  }

  /** How many of `length` bytes the connection takes now, or `-errno`. */
  #room(fd: number, length: number): number {
    const connection = this.#connections.get(fd);
    if (!connection) return EBADF;
    if (connection.connecting) return EAGAIN;
    const { socket, ended } = connection;
    if (!socket.writable) return ended !== undefined && ended < 0 ? ended : EPIPE;
    const room = Math.min(length, UNSENT_BYTES_MAX - socket.writableLength);
    return room > 0 || length === 0 ? room : EAGAIN;
  }

  #look(connection: Connection): void {
    const { socket } = connection;
    if (connection.interest & interest.READ && socket.readableLength === 0 && !socket.destroyed) socket.read(0);
    if (isDue(connection)) this.#connectionsDue.add(connection);
    else this.#connectionsDue.delete(connection);
    this.#schedule();
  }

  #listenerDue(listener: Listener): void {
    this.#listenersDue.add(listener);
    this.#schedule();
  }

  /** Calls `ready` once in a turn of the event loop, as long as something waits to be harvested. */
  #schedule(): void {
    const due = this.#listenersDue.size > 0 || this.#connectionsDue.size > 0;
    if (!due || !this.#watching || this.#destroyed || this.#scheduled) return;
    this.#scheduled = setImmediate(() => {
      this.#scheduled = undefined;
      if (!this.#watching) return;
      try {
        this.#ready();
      } finally {
        this.#schedule();
      }
    });
  }
}

/** Follows the socket's events: they set what the next records say, and `look` is called after each. */
function hook(connection: Connection, look: () => void): () => void {
  const { socket } = connection;
  const end = (value: number) => {
    if (!connection.endTold) connection.ended = value;
    look();
  };
  const handlers: [string, (error: Error) => void][] = [
    ["readable", look],
    ["end", () => end(0)],
    ["close", () => end(connection.ended ?? ECONNRESET)],
  ];
  const connected = (value: number) => {
    connection.connecting = false;
    connection.connected = value;
    connection.endTold = value < 0;
    if (value === 0) connection.interest = interest.READ;
    look();
  };
  handlers.push(
    ["connect", () => connected(0)],
    ["error", (error) => (connection.connecting ? connected(errnoOf(error)) : end(errnoOf(error)))],
    [
      "drain",
      () => {
        connection.writable = (connection.interest & interest.WRITE) !== 0;
        look();
      },
    ],
  );
  for (const [event, handler] of handlers) socket.on(event, handler);
  return () => {
    for (const [event, handler] of handlers) socket.off(event, handler);
  };
}

function isReadable({ interest: bits, socket }: Connection): boolean {
  return (bits & interest.READ) !== 0 && socket.readableLength > 0;
}

/** An end comes after the last byte; when nobody reads, only what broke is told, as the kernel does. */
function isEndDue(connection: Connection): boolean {
  const { ended, endTold, interest: bits } = connection;
  if (ended === undefined || endTold) return false;
  return (bits & interest.READ) !== 0 ? !isReadable(connection) : ended < 0;
}

function isDue(connection: Connection): boolean {
  return connection.connected !== undefined || connection.writable || isReadable(connection) || isEndDue(connection);
}

/** Whoever was not harvested yet is cut off, as by the kernel. */
function closeListener(listener: Listener): void {
  listener.server.close();
  for (const socket of listener.held) socket.destroy();
}

/** A path is what holds a slash, as for the addon, or a named pipe of Windows. */
function pathOf(address: string): string | undefined {
  return address.includes("/") || address.startsWith("\\\\") ? address : undefined;
}

function isNumeric(address: string, port: number): boolean {
  return isIP(address) !== 0 && !address.includes("%") && port >= 0 && port <= 65_535;
}

function nameOf(address: string | undefined, port: number | undefined): string | number {
  if (address === undefined || port === undefined) return ENOTCONN;
  return `${address.replace(/^::ffff:(?=\d+\.)/i, "").replace(/%.*/, "")} ${port}`;
}

function within(size: number, offset: number, length: number): boolean {
  return offset >= 0 && length >= 0 && offset + length <= size;
}

/** Errors of TLS and of streams have no errno: the peer, or its certificate, broke the protocol. */
function errnoOf(error: NodeJS.ErrnoException): number {
  return typeof error.errno === "number" && error.errno < 0 ? error.errno : EPROTO;
}

function nodeHasReusePort(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  return major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12);
}

/** An error of a socket that nobody waits for: its "close" says the rest. */
function ignore(): void {}
