import type { Socket } from "node:net";
import { limits } from "../limits.ts";
import { interest } from "./binding.ts";
import { errnoNumber, errnoOf } from "./errno.ts";
import { ignore, nameOf } from "./portable-listener.ts";

/** Bytes that Node may hold for a peer that does not read: about what a kernel's socket buffer takes. */
const UNSENT_BYTES_MAX = 262_144;

const EAGAIN = errnoNumber("EAGAIN");
const ECONNRESET = errnoNumber("ECONNRESET");
const ENOTCONN = errnoNumber("ENOTCONN");
const EPIPE = errnoNumber("EPIPE");

/** "PATH 0" of either side of a Unix socket, which node:net does not tell. */
export interface PathNames {
  readonly peer: string;
  readonly local: string;
}

/**
 * A socket of the portable driver, and what the next records say of it. What has arrived stays in the socket's own
 * buffer until it is taken, and Node stops reading when that is full.
 */
export class Connection {
  readonly fd: number;
  readonly socket: Socket;
  /** Values of records that are to come. */
  connected: number | undefined;
  writable = false;
  readonly #names: PathNames | undefined;
  readonly #changed: (connection: Connection) => void;
  readonly #handlers: readonly [event: string, handler: (error: Error) => void][];
  #interest: number;
  #connecting: boolean;
  #ended: number | undefined;
  #endTold = false;

  /** `changed` is called after each event of the socket; then `isDue` says whether there is something to take. */
  constructor(fd: number, socket: Socket, names: PathNames | undefined, changed: (connection: Connection) => void) {
    this.fd = fd;
    this.socket = socket;
    this.#names = names;
    this.#changed = changed;
    this.#connecting = socket.connecting;
    this.#interest = socket.connecting ? interest.NONE : interest.READ;
    if (socket.readableEnded) this.#ended = 0;
    this.#handlers = [
      ["readable", () => this.#look()],
      ["end", () => this.#end(0)],
      ["close", () => this.#end(this.#ended ?? ECONNRESET)],
      ["error", (error) => (this.#connecting ? this.#connect(errnoOf(error)) : this.#end(errnoOf(error)))],
      ["connect", () => this.#connect(0)],
      ["drain", () => this.arm(this.#interest)],
    ];
    for (const [event, handler] of this.#handlers) socket.on(event, handler);
  }

  /** Listens to the socket no longer; what was not taken is still in it. */
  release(): Socket {
    for (const [event, handler] of this.#handlers) this.socket.off(event, handler);
    return this.socket;
  }

  arm(bits: number): void {
    this.#interest = bits;
    this.writable = (bits & interest.WRITE) !== 0 && !this.socket.writableNeedDrain;
    this.#look();
  }

  isDue(): boolean {
    return this.connected !== undefined || this.writable || this.isReadable() || this.#isEndDue();
  }

  isReadable(): boolean {
    return (this.#interest & interest.READ) !== 0 && this.socket.readableLength > 0;
  }

  /** Takes at most so many of the bytes that have arrived. */
  read(bytesMax: number): Buffer {
    const bytes = this.socket.read(Math.min(this.socket.readableLength, bytesMax)) as Buffer;
    // Asks for more, or for the end, which a stream tells only to one who reads.
    if (this.socket.readableLength === 0) this.socket.read(0);
    return bytes;
  }

  /** Takes the value of the END record, once, when it is its turn. */
  takeEnd(): number | undefined {
    if (!this.#isEndDue()) return undefined;
    this.#endTold = true;
    return this.#ended;
  }

  /** How many of `length` bytes may be written now, or `-errno`. */
  room(length: number): number {
    if (this.#connecting) return EAGAIN;
    if (!this.socket.writable) return this.#ended !== undefined && this.#ended < 0 ? this.#ended : EPIPE;
    const room = Math.min(length, UNSENT_BYTES_MAX - this.socket.writableLength);
    return room > 0 || length === 0 ? room : EAGAIN;
  }

  /** Writes bytes for which there was room. Who waits for more room is told at once when Node took them all. */
  write(bytes: Uint8Array): void {
    this.socket.write(bytes);
    if ((this.#interest & interest.WRITE) !== 0) this.arm(this.#interest);
  }

  shutdown(): number {
    if (this.#connecting || this.socket.destroyed) return ENOTCONN;
    this.socket.end();
    return 0;
  }

  peer(): string | number {
    return this.#names?.peer ?? nameOf(this.socket.remoteAddress, this.socket.remotePort);
  }

  local(): string | number {
    return this.#names?.local ?? nameOf(this.socket.localAddress, this.socket.localPort);
  }

  #connect(result: number): void {
    this.#connecting = false;
    this.connected = result;
    this.#endTold = result < 0;
    if (result === 0) this.#interest = interest.READ;
    this.#look();
  }

  #end(value: number): void {
    if (!this.#endTold) this.#ended = value;
    this.#look();
  }

  /** An end comes after the last byte; when nobody reads, only what broke is told, as the kernel does. */
  #isEndDue(): boolean {
    if (this.#ended === undefined || this.#endTold) return false;
    return (this.#interest & interest.READ) !== 0 ? !this.isReadable() : this.#ended < 0;
  }

  #look(): void {
    const { socket } = this;
    if ((this.#interest & interest.READ) !== 0 && socket.readableLength === 0 && !socket.destroyed) socket.read(0);
    this.#changed(this);
  }
}

/** As the kernel does, lets what was sent go out before the socket closes, for at most `limits.closeSecondsMax`. */
export function closeSocket(socket: Socket): void {
  socket.on("error", ignore);
  if (socket.connecting) socket.destroy();
  if (socket.destroyed) return;
  const timer = setTimeout(() => socket.destroy(), limits.closeSecondsMax * 1000).unref();
  socket.once("close", () => clearTimeout(timer));
  socket.destroySoon();
}
