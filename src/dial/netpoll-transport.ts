import { BelfryError, SystemError } from "../errors.ts";
import { limits } from "../limits.ts";
import { errnoName, errnoNumber, interest, type Netpoll } from "../netpoll/index.ts";
import { ChunkQueue } from "./chunk-queue.ts";
import { explained } from "./connection-error.ts";
import { Inbox } from "./inbox.ts";
import type { Transport } from "./transport.ts";

const EAGAIN = errnoNumber("EAGAIN");
const ECONNRESET = errnoNumber("ECONNRESET");
const EPIPE = errnoNumber("EPIPE");

/** What a transport over netpoll needs of its dialer. */
export interface NetpollParts {
  readonly poll: Netpoll;
  readonly dialQueueBytesMax: number;
  /** The descriptor is closed, and may be another connection's from now on. */
  readonly closed: (fd: number) => void;
}

/**
 * One connection of a {@link NetpollDialer}, which hands on what the poll says of it. What the socket does not take
 * waits in a queue, and the poll tells when there is room again.
 */
export class NetpollTransport implements Transport {
  readonly source: Inbox;
  readonly #fd: number;
  readonly #parts: NetpollParts;
  readonly #queue = new ChunkQueue();
  #open = true;
  #ending = false;
  #peerEnded = false;
  #readsAll = false;
  #interest: number = interest.READ;
  #gone: Promise<void> | undefined;
  #tellGone = () => {};

  /** Takes a descriptor that has just been connected. */
  constructor(fd: number, parts: NetpollParts) {
    this.#fd = fd;
    this.#parts = parts;
    this.source = new Inbox(
      () => this.#arm(),
      () => this.destroy(),
    );
  }

  write(bytes: Uint8Array): void | Promise<void> {
    if (!this.#open || this.#ending) return;
    const max = this.#parts.dialQueueBytesMax;
    if (this.#queue.bytes > max) {
      const limit = `dialQueueBytesMax is ${max} (option dialQueueBytesMax): wait for what write returns`;
      return this.#fail(new BelfryError("BELFRY_LIMIT", limit));
    }
    const rest = this.#queue.first ? bytes : this.#send(bytes);
    if (rest === undefined) return;
    this.#queue.push(rest);
    this.#arm();
    this.#gone ??= new Promise((resolve) => {
      this.#tellGone = resolve;
    });
    return this.#gone;
  }

  end(): void {
    if (!this.#open || this.#ending) return;
    this.#ending = true;
    this.#finish();
  }

  destroy(): void {
    this.source.drop();
    this.#close();
  }

  /** Bytes have come; they are copied. */
  data(bytes: Uint8Array): void {
    this.source.push(new Uint8Array(bytes));
    this.#arm();
  }

  /** The socket takes bytes again. */
  writable(): void {
    for (let first = this.#queue.first; first !== undefined; first = this.#queue.first) {
      const rest = this.#send(first);
      if (!this.#open) return;
      if (rest !== undefined) return this.#queue.cutFirst(rest);
      this.#queue.shift();
    }
    this.#arm();
    this.#allGone();
    this.#finish();
  }

  /** Nothing comes any more: 0 at the end of the stream, `-errno` when the connection broke. */
  ended(value: number): void {
    if (this.#isHeldBack(value)) {
      this.#readsAll = true;
      return this.#arm();
    }
    if (value < 0) return this.#fail(new SystemError(errnoName(value), "read"));
    this.#peerEnded = true;
    this.source.end();
    this.#arm();
    this.#finish();
  }

  /**
   * Whether the kernel says that both sides have ended, while the last bytes of the other were not read because nobody
   * asked for them. It says so for ever, so these bytes are to be read now; they are no more than the kernel's buffer.
   */
  #isHeldBack(value: number): boolean {
    const { driver } = this.#parts.poll;
    return driver === "native" && value === EPIPE && this.#ending && (this.#interest & interest.READ) === 0;
  }

  /** What the socket does not take of `bytes`; undefined when it took all, or will take none. */
  #send(bytes: Uint8Array): Uint8Array | undefined {
    const sent = this.#parts.poll.send(this.#fd, bytes, 0, bytes.length);
    if (sent === EAGAIN) return bytes;
    if (sent >= 0) return sent === bytes.length ? undefined : bytes.subarray(sent);
    if (sent === EPIPE || sent === ECONNRESET) {
      // The other side takes nothing more; what it said last, why perhaps, is read before the poll tells the end.
      this.#ending = true;
      this.#queue.clear();
    } else this.#fail(new SystemError(errnoName(sent), "write"));
    return undefined;
  }

  /** When all is sent: this side ends if it is to, and all is over when the other has ended too. */
  #finish(): void {
    if (!this.#open || this.#queue.first) return;
    if (this.#peerEnded) this.#close();
    else if (this.#ending) this.#parts.poll.shutdown(this.#fd);
  }

  #arm(): void {
    if (!this.#open) return;
    const reads = !this.#peerEnded && (this.#readsAll || this.source.bytes < limits.dialUnreadBytesMax);
    const wanted = (reads ? interest.READ : interest.NONE) | (this.#queue.first ? interest.WRITE : interest.NONE);
    if (wanted === this.#interest) return;
    this.#interest = wanted;
    this.#parts.poll.arm(this.#fd, wanted);
  }

  #fail(error: BelfryError): void {
    this.source.end(explained("the connection broke", error));
    this.#close();
  }

  #close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#queue.clear();
    this.#parts.poll.close(this.#fd);
    this.#parts.closed(this.#fd);
    this.#allGone();
  }

  #allGone(): void {
    this.#tellGone();
    this.#gone = undefined;
  }
}
