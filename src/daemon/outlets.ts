import { limits } from "../limits.ts";
import { ENTRY, errnoNumber, interest, type Netpoll } from "../netpoll/index.ts";
import type { Client } from "./client.ts";

/** What {@link Outlets} needs of the other parts. */
export interface OutletsParts {
  readonly poll: Netpoll;
  /** Bytes that may wait for one client. */
  readonly pendingBytesMax: number;
  /** A client cannot be written to any more: `-errno`, or 0 when more than `pendingBytesMax` wait for it. */
  readonly broken: (client: Client, result: number) => void;
}

const EAGAIN = errnoNumber("EAGAIN");

/**
 * The way out of the Bus. Messages for many clients come mixed, and a send for each would cost more than all the rest:
 * so each client is written into a piece of the slab of its own, and at the end of the batch all pieces leave in one
 * native call. Only a client whose socket is full has a queue.
 */
export class Outlets {
  /** Where to write: from the offset that `room` gives. */
  readonly slab: Buffer;
  readonly #parts: OutletsParts;
  readonly #begin: number;
  readonly #entriesMax: number;
  /** Descriptor, offset and length of each piece; whose it is, and where it must end. */
  readonly #list: Int32Array;
  readonly #owners: Client[] = [];
  readonly #ends: Int32Array;
  #count = 0;
  #at: number;
  readonly #ending = new Set<Client>();
  #isScheduled = false;

  constructor(parts: OutletsParts) {
    this.#parts = parts;
    this.slab = parts.poll.slab;
    this.#begin = parts.poll.inputBytes;
    this.#at = this.#begin;
    this.#entriesMax = Math.ceil((this.slab.length - this.#begin) / limits.busChunkBytes);
    this.#list = new Int32Array(this.#entriesMax * ENTRY);
    this.#ends = new Int32Array(this.#entriesMax);
  }

  /** The offset in the slab at which `bytes` for a client may be written; valid until `commit`. */
  room(client: Client, bytes: number): number {
    const { entry } = client;
    if (entry >= 0) {
      const end = (this.#list[entry * ENTRY + 1] as number) + (this.#list[entry * ENTRY + 2] as number);
      if (end + bytes <= (this.#ends[entry] as number)) return end;
      // The last piece of the slab grows in its place: a client that gets everything gets it in one.
      if (this.#ends[entry] === this.#at && end + bytes <= this.slab.length) {
        this.#at = Math.min(this.slab.length, end + Math.max(bytes, limits.busChunkBytes));
        this.#ends[entry] = this.#at;
        return end;
      }
    }
    return this.#begun(client, bytes);
  }

  #begun(client: Client, bytes: number): number {
    const size = Math.max(bytes, limits.busChunkBytes);
    if (this.#count === this.#entriesMax || this.#at + size > this.slab.length) this.#send();
    const at = this.#at;
    const entry = this.#count++;
    this.#at = at + size;
    this.#list[entry * ENTRY] = client.fd;
    this.#list[entry * ENTRY + 1] = at;
    this.#list[entry * ENTRY + 2] = 0;
    this.#ends[entry] = at + size;
    this.#owners[entry] = client;
    client.entry = entry;
    this.#schedule();
    return at;
  }

  /** `bytes` were written where `room` said. */
  commit(client: Client, bytes: number): void {
    const i = client.entry * ENTRY + 2;
    this.#list[i] = (this.#list[i] as number) + bytes;
  }

  /** Writes a line of the protocol. */
  text(client: Client, text: string): void {
    if (client.isClosed) return;
    const at = this.room(client, text.length * 3);
    this.commit(client, this.slab.write(text, at, "utf8"));
  }

  /** Ends the sending side of a client that is closed, when what was written for it has gone. */
  end(client: Client): void {
    this.#ending.add(client);
    this.#schedule();
  }

  /** Gives up what waits for a client. */
  cut(client: Client): void {
    client.isCut = true;
    client.queue = undefined;
    this.#parts.poll.arm(client.fd, interest.READ);
  }

  /** The socket takes bytes again. */
  writable(client: Client): void {
    const { poll } = this.#parts;
    if (!client.queue) return;
    const result = client.queue.drain((bytes, offset, length) => poll.send(client.fd, bytes, offset, length));
    if (result < 0 && result !== EAGAIN) return this.#parts.broken(client, result);
    if (client.queue.bytes > 0) return;
    client.queue = undefined;
    poll.arm(client.fd, interest.READ);
    if (client.isClosed) poll.shutdown(client.fd);
  }

  /** Sends all that was written, and ends who is to be ended. */
  flush(): void {
    while (this.#count > 0) this.#send();
    for (const client of this.#ending) if (!client.queue) this.#parts.poll.shutdown(client.fd);
    this.#ending.clear();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.flush();
    });
  }

  #send(): void {
    const list = this.#list;
    const count = this.#count;
    const owners = this.#owners;
    let free = 0;
    for (let entry = 0; entry < count; entry++) {
      const client = owners[entry] as Client;
      client.entry = -1;
      const i = entry * ENTRY;
      if (client.queue || client.isCut) {
        this.#enqueue(client, list[i + 1] as number, list[i + 2] as number);
      } else {
        list.copyWithin(free * ENTRY, i, i + ENTRY);
        owners[free++] = client;
      }
    }
    this.#count = 0;
    this.#at = this.#begin;
    if (free === 0 || this.#parts.poll.flush(list, free) === 0) return;
    for (let entry = 0; entry < free; entry++) {
      const client = owners[entry] as Client;
      const at = list[entry * ENTRY + 1] as number;
      const left = list[entry * ENTRY + 2] as number;
      if (left > 0) this.#enqueue(client, at, left);
      else if (left < 0) this.#parts.broken(client, left);
    }
  }

  #enqueue(client: Client, at: number, length: number): void {
    if (client.isCut) return;
    const { poll, pendingBytesMax, broken } = this.#parts;
    const isFirst = client.queue === undefined;
    const queue = client.waiting();
    queue.push(this.slab, at, at + length, false);
    if (isFirst) poll.arm(client.fd, interest.READ | interest.WRITE);
    if (queue.bytes > pendingBytesMax) broken(client, 0);
  }
}
