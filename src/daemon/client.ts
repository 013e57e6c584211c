import { SendQueue } from "../connection/send-queue.ts";
import type { Message } from "./message.ts";

/** What a client said in its CONNECT; the protocol's defaults before. */
export interface ConnectOptions {
  verbose: boolean;
  pedantic: boolean;
  /** Whether it gets what it publishes itself. */
  echo: boolean;
  /** Whether it understands headers. */
  headers: boolean;
  /** Whether it wants to be told that a request reached nobody. */
  noResponders: boolean;
}

/** One connection of the Bus. There are few of them, a process each, so that objects do. */
export class Client {
  readonly fd: number;
  readonly id: number;
  readonly options: ConnectOptions = { verbose: true, pedantic: true, echo: true, headers: false, noResponders: false };
  /** By their ids, as the client chose them. */
  readonly subscriptions = new Map<string, Subscription>();
  /** Whether it has shown what is asked for. */
  isIn: boolean;
  isClosed = false;
  /** Whether nothing is sent to it any more, not even what waits. */
  isCut = false;
  /** When it was closed from this side; then its end is waited for, so that it can read the last bytes. */
  closedMs = 0;
  /** Pings that it has not answered. */
  pingsOut = 0;
  /** When it came, in milliseconds. */
  readonly sinceMs = Date.now();
  /** What has come of an operation that is not whole: `held[0, heldBytes)`. */
  held: Buffer | undefined;
  heldBytes = 0;
  /** What waits for its socket, while that is full. */
  queue: SendQueue | undefined;
  /** Where in the outlets' list its current piece stands; -1 for none. */
  entry = -1;

  constructor(fd: number, id: number, isIn: boolean) {
    this.fd = fd;
    this.id = id;
    this.isIn = isIn;
  }

  /** Keeps bytes of an operation that is not whole. */
  keep(bytes: Uint8Array, from: number, to: number): void {
    const length = this.heldBytes + to - from;
    if (!this.held || this.held.length < length) {
      const larger = Buffer.allocUnsafeSlow(2 ** (32 - Math.clz32(Math.max(length, HELD_BYTES_MIN) - 1)));
      if (this.held) larger.set(this.held.subarray(0, this.heldBytes));
      this.held = larger;
    }
    this.held.set(bytes.subarray(from, to), this.heldBytes);
    this.heldBytes = length;
  }

  /** Keeps nothing any more. */
  letGo(): void {
    this.held = undefined;
    this.heldBytes = 0;
  }

  /** What waits, made when it is needed first. */
  waiting(): SendQueue {
    this.queue ??= new SendQueue();
    return this.queue;
  }
}

const HELD_BYTES_MIN = 512;

/** Who wants what is published to a pattern. */
export interface Subscription {
  readonly pattern: string;
  /** "" for none: of a queue group each message goes to one member. */
  readonly queue: string;
  /** Whose it is, and what it calls it; absent where the Bus itself listens. */
  readonly client?: Client | undefined;
  readonly sid?: Uint8Array;
  /** What the Bus itself does with a message. */
  readonly handle?: (message: Message) => void;
  /** Its number among all, given by the routes. */
  number: number;
  /** After how many messages it ends, 0 for never, and how many there were. */
  max: number;
  delivered: number;
}
