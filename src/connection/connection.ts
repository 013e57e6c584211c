import { BelfryError } from "../errors.ts";
import { limits } from "../limits.ts";
import { CompiledMessage, closeCodes, validCloseCode } from "../ws/index.ts";
import type { Packet } from "./packet.ts";

/** What a handle calls. All take the descriptor of a connection that is open. */
export interface Wire {
  /** Whether the descriptor is still this generation's, and open. */
  isOpen(fd: number, generation: number): boolean;
  text(fd: number, text: string): void;
  bytes(fd: number, bytes: Uint8Array): void;
  packet(fd: number, packet: Packet): void;
  compiled(fd: number, message: CompiledMessage): void;
  close(fd: number, code: number, reason: string): void;
  cut(fd: number): void;
  bufferedBytes(fd: number): number;
  peer(fd: number): string;
  pin(connection: Connection): void;
}

/**
 * A handle on one connection: its descriptor and generation. It is made when a handler needs one and is safe to keep:
 * after the close it is `closed`, and never somebody else's connection. Two handles of one connection need not be the
 * same object: compare their `id`. One that has `data` set is kept, and is then always the same.
 */
export class Connection<Data = unknown> {
  readonly #wire: Wire;
  readonly #fd: number;
  readonly #generation: number;
  #data: Data | undefined;

  constructor(wire: Wire, fd: number, generation: number) {
    this.#wire = wire;
    this.#fd = fd;
    this.#generation = generation;
  }

  /** A number that no other connection of this server has, for keys of a Map. */
  get id(): number {
    return this.#generation * 2 ** 21 + this.#fd;
  }
  /** The descriptor; means something only while the connection is open. */
  get descriptor(): number {
    return this.#fd;
  }
  get generation(): number {
    return this.#generation;
  }
  /** Whether messages can be sent: false from the moment either side closes. */
  get isOpen(): boolean {
    return this.#wire.isOpen(this.#fd, this.#generation);
  }
  /** Bytes that were sent and that the kernel has not taken yet. */
  get bufferedBytes(): number {
    return this.isOpen ? this.#wire.bufferedBytes(this.#fd) : 0;
  }
  /** The client's address, asked of the kernel at each call; "" after the close. */
  get remoteAddress(): string {
    return this.isOpen ? this.#wire.peer(this.#fd) : "";
  }
  /**
   * One value of the application's own, kept until the connection has closed; a connection without one holds nothing.
   */
  get data(): Data | undefined {
    return this.#data;
  }
  set data(value: Data | undefined) {
    this.#data = value;
    if (this.isOpen) this.#wire.pin(this as Connection);
  }

  /**
   * Sends a message: a string as text, bytes as binary, a packet as what it was, and one that was compiled for many
   * readers. The bytes are copied. Returns false, and sends nothing, when the connection is closed.
   */
  send(message: string | Uint8Array | Packet | CompiledMessage): boolean {
    if (!this.isOpen) return false;
    if (typeof message === "string") this.#wire.text(this.#fd, message);
    else if (message instanceof Uint8Array) this.#wire.bytes(this.#fd, message);
    else if (message instanceof CompiledMessage) this.#wire.compiled(this.#fd, message);
    else this.#wire.packet(this.#fd, message);
    return true;
  }

  /**
   * Starts the closing handshake (RFC 6455, 7.1.2). Nothing is received any more; what was sent still goes out. Throws
   * BELFRY_BAD_OPTION for a code that may not be sent, or a reason of more than 123 bytes.
   */
  close(code: number = closeCodes.NORMAL, reason = ""): void {
    if (!validCloseCode(code)) {
      throw new BelfryError("BELFRY_BAD_OPTION", `close code ${code}: allowed are 1000-1003, 1007-1014 and 3000-4999`);
    }
    if (Buffer.byteLength(reason) > limits.closeReasonBytesMax) {
      throw new BelfryError(
        "BELFRY_BAD_OPTION",
        `a close reason may have ${limits.closeReasonBytesMax} bytes (closeReasonBytesMax)`,
      );
    }
    if (this.isOpen) this.#wire.close(this.#fd, code, reason);
  }

  /** Cuts the connection at once, without a word. */
  terminate(): void {
    if (this.isOpen) this.#wire.cut(this.#fd);
  }
}
