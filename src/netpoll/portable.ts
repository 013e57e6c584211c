import { connect, type Socket } from "node:net";
import { ENTRY, events, RECORD } from "./binding.ts";
import { errnoNumber } from "./errno.ts";
import type { Netpoll } from "./netpoll.ts";
import { Connection, closeSocket, type PathNames } from "./portable-connection.ts";
import { ignore, isNumeric, type Listener, listen, pathOf } from "./portable-listener.ts";
import { Listeners } from "./portable-listeners.ts";

/** Records of one wait, and the most that one connection gets of them. */
const RECORDS_MAX = 4096;
const CONNECTION_RECORDS_MAX = 4;
/** Bytes taken from one connection in one wait: a fast sender is not favoured. With less room than the other, none. */
const RECEIVE_BYTES_MAX = 65_536;
const RECEIVE_BYTES_MIN = 4096;

const EAGAIN = errnoNumber("EAGAIN");
const EBADF = errnoNumber("EBADF");
const EFAULT = errnoNumber("EFAULT");
const EINVAL = errnoNumber("EINVAL");
const ENOTCONN = errnoNumber("ENOTCONN");

/**
 * The driver over node:net, for platforms without the addon, and for TLS: the contract of the addon with small integers
 * in place of descriptors, which serve again after a close. A connection costs some kilobytes, as a `net.Socket` does.
 *
 * Back-pressure is TCP's here too, as Node does not read what is not taken. What was sent counts as sent when Node took
 * it, up to a bound in place of the kernel's; then WRITABLE tells when all of it has gone. A reset that comes together
 * with the last bytes is told as an end of stream, because libuv does not tell them apart.
 */
export class PortableNetpoll implements Netpoll {
  readonly driver = "portable";
  readonly slab: Buffer;
  readonly inputBytes: number;
  readonly records = new Int32Array(RECORDS_MAX * RECORD);
  readonly #ready: () => void;
  readonly #listeners = new Listeners();
  readonly #connections = new Map<number, Connection>();
  /** The connections that have something to take. */
  readonly #due = new Set<Connection>();
  /** Descriptors to be used again; those closed since the last `wait` may still stand in its records. */
  readonly #free: number[] = [];
  readonly #closed: number[] = [];
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
    for (const fd of this.#closed.splice(0)) this.#free.push(fd);
    this.#count = 0;
    this.#used = 0;
    this.#listeners.take({
      room: () => RECORDS_MAX - this.#count,
      accepted: (socket, names, listener) => this.#record(this.#add(socket, names), events.ACCEPTED, listener, 0),
      rested: (listener, result) => this.#record(listener, events.RESTED, result, 0),
    });
    const left: Connection[] = [];
    for (const connection of [...this.#due]) {
      if (this.#count + CONNECTION_RECORDS_MAX > RECORDS_MAX) break;
      this.#due.delete(connection);
      this.#takeConnection(connection);
      if (connection.isDue()) left.push(connection);
    }
    // Behind those that had no turn.
    for (const connection of left) this.#due.add(connection);
    this.#schedule();
    return this.#count;
  }

  watching(on: boolean): void {
    this.#watching = on;
    this.#schedule();
  }
  async listen(address: string, port: number, backlog: number, flags: number): Promise<number> {
    const listener = await listen(address, port, backlog, flags);
    if (typeof listener === "number") return listener;
    if (this.#destroyed) {
      listener.close();
      return EBADF;
    }
    return this.#take(listener);
  }

  rest(listener: number): void {
    this.#listeners.get(listener)?.rest();
  }
  resume(listener: number): void {
    this.#listeners.get(listener)?.resume();
  }

  pass(fd: number, to: Netpoll): number {
    if (!(to instanceof PortableNetpoll) || to.#destroyed) return EINVAL;
    const listener = this.#listeners.remove(fd);
    if (!listener) return EBADF;
    this.unreserve(fd);
    listener.resume();
    return to.#take(listener);
  }

  accepts(max: number): void {
    this.#listeners.acceptsMax = max;
    this.#schedule();
  }

  connect(address: string, port: number, source: string): number {
    if (this.#destroyed) return EBADF;
    const path = pathOf(address);
    if ((!path && !isNumeric(address, port)) || (source && !isNumeric(source, 0))) return EINVAL;
    const from = source ? { localAddress: source } : {};
    const socket = path
      ? connect({ path, allowHalfOpen: true })
      : connect({ host: address, port, allowHalfOpen: true, noDelay: true, ...from });
    return this.#add(socket, path ? { peer: `${path} 0`, local: " 0" } : undefined);
  }

  arm(fd: number, interest: number): number {
    const connection = this.#connections.get(fd);
    connection?.arm(interest);
    return connection ? 0 : EBADF;
  }

  flush(list: Int32Array, count: number): number {
    if (!within(list.length / ENTRY, 0, count)) return EFAULT;
    const stalled = new Set<number>();
    let left = 0;
    for (let i = 0; i < count * ENTRY; i += ENTRY) {
      const [fd, offset, length] = [list[i] as number, list[i + 1] as number, list[i + 2] as number];
      const sent = stalled.has(fd) ? EAGAIN : this.send(fd, this.slab, offset, length);
      if (sent >= 0) {
        list[i + 1] = sent < length ? offset + sent : offset;
        list[i + 2] = length - sent;
      } else if (sent !== EAGAIN) list[i + 2] = sent;
      if (sent >= 0 && sent === length) continue;
      stalled.add(fd);
      left++;
    }
    return left;
  }

  multicast(bytes: Uint8Array, length: number, fds: Int32Array, count: number, results: Int32Array): number {
    if (!within(bytes.length, 0, length) || !within(Math.min(fds.length, results.length), 0, count)) return EFAULT;
    const copy = Buffer.from(bytes.subarray(0, length));
    let left = 0;
    for (let i = 0; i < count; i++) {
      const connection = this.#connections.get(fds[i] as number);
      const taken = connection?.room(length) ?? EBADF;
      if (taken > 0) connection?.write(taken === length ? copy : copy.subarray(0, taken));
      if (taken !== length) left++;
      results[i] = taken;
    }
    return left;
  }

  send(fd: number, bytes: Uint8Array, offset: number, length: number): number {
    if (!within(bytes.length, offset, length)) return EFAULT;
    const connection = this.#connections.get(fd);
    const taken = connection?.room(length) ?? EBADF;
    if (taken > 0) connection?.write(Buffer.from(bytes.subarray(offset, offset + taken)));
    return taken;
  }

  /** The end of the stream goes out after what was sent. */
  shutdown(fd: number): number {
    return this.#connections.get(fd)?.shutdown() ?? EBADF;
  }

  /** What was sent still goes out, for at most `limits.closeSecondsMax`; what was not taken is lost. */
  close(fd: number): number {
    const listener = this.#listeners.remove(fd);
    const socket = this.#remove(fd);
    if (listener) {
      listener.close();
      this.unreserve(fd);
    } else if (socket) closeSocket(socket);
    return listener || socket ? 0 : EBADF;
  }

  peer(fd: number): string | number {
    return this.#connections.get(fd)?.peer() ?? (this.#listeners.get(fd) ? ENOTCONN : EBADF);
  }

  local(fd: number): string | number {
    return this.#connections.get(fd)?.local() ?? this.#listeners.get(fd)?.local() ?? EBADF;
  }

  /** The socket itself, of any kind, stays under the descriptor; those who read from it are taken off. */
  adopt(socket: Socket): number {
    if (socket.destroyed || this.#destroyed) return EBADF;
    for (const event of ["data", "readable", "timeout"]) socket.removeAllListeners(event);
    socket.setTimeout(0);
    socket.setNoDelay(true);
    socket.allowHalfOpen = true;
    return this.#add(socket, undefined);
  }

  detach(fd: number): Socket {
    const socket = this.#remove(fd);
    if (!socket) throw new RangeError(`detach descriptor ${fd}: no such connection`);
    return socket;
  }

  destroy(): void {
    this.#destroyed = true;
    clearImmediate(this.#scheduled);
    this.#listeners.close();
    for (const connection of this.#connections.values()) connection.release().on("error", ignore).destroy();
    this.#connections.clear();
    this.#due.clear();
  }

  #take(listener: Listener): number {
    const fd = this.reserve();
    this.#listeners.add(fd, listener);
    listener.due = () => this.#schedule();
    listener.due();
    return fd;
  }

  #takeConnection(connection: Connection): void {
    const { fd } = connection;
    if (connection.connected !== undefined) this.#record(fd, events.CONNECTED, connection.connected, 0);
    connection.connected = undefined;
    if (connection.writable) this.#record(fd, events.WRITABLE, 0, 0);
    connection.writable = false;
    const room = this.inputBytes - this.#used;
    if (connection.isReadable() && (room >= RECEIVE_BYTES_MIN || (room > 0 && this.#used === 0))) {
      const bytes = connection.read(Math.min(room, RECEIVE_BYTES_MAX));
      this.slab.set(bytes, this.#used);
      this.#record(fd, events.DATA, bytes.length, this.#used);
      this.#used = Math.min(this.inputBytes, (this.#used + bytes.length + 7) & ~7);
    }
    const end = connection.takeEnd();
    if (end !== undefined) this.#record(fd, events.END, end, 0);
  }

  #record(fd: number, event: number, value: number, offset: number): void {
    const at = this.#count++ * RECORD;
    this.records[at] = fd;
    this.records[at + 1] = event;
    this.records[at + 2] = value;
    this.records[at + 3] = offset;
  }

  keepAlive = (fd: number, seconds: number): number => this.#listeners.get(fd)?.keepAlive(seconds) ?? EBADF;
  reserve = (): number => this.#free.pop() ?? this.#nextFd++;
  unreserve = (fd: number): void => void this.#closed.push(fd);
  deafen = (): number => errnoNumber("ENOTSUP");

  #add(socket: Socket, names: PathNames | undefined): number {
    const fd = this.reserve();
    const connection = new Connection(fd, socket, names, (changed) => this.#look(changed));
    this.#connections.set(fd, connection);
    this.#look(connection);
    return fd;
  }

  /** Forgets a connection; its socket is the caller's. */
  #remove(fd: number): Socket | undefined {
    const connection = this.#connections.get(fd);
    if (!connection) return undefined;
    this.#connections.delete(fd);
    this.#due.delete(connection);
    this.unreserve(fd);
    return connection.release();
  }

  #look(connection: Connection): void {
    if (connection.isDue()) this.#due.add(connection);
    else this.#due.delete(connection);
    this.#schedule();
  }

  /** Calls `ready` once in a turn of the event loop, as long as there is something to take. */
  #schedule(): void {
    if (!this.#watching || this.#destroyed || this.#scheduled) return;
    if (this.#due.size === 0 && !this.#listeners.isDue()) return;
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

function within(size: number, offset: number, length: number): boolean {
  return offset >= 0 && length >= 0 && offset + length <= size;
}
