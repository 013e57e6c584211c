import { copyBytes } from "../connection/copy-bytes.ts";
import { limits } from "../limits.ts";
import type { Message } from "./message.ts";
import { sidPlace, sizeOf, writeMessage } from "./write-message.ts";

const NO_SID = new Uint8Array(0);

/**
 * Messages as they are delivered, one behind the other. They are made once, with the id of one subscription, and copied
 * to all: only the ids differ from subscriber to subscriber.
 */
export class Block {
  #bytes = Buffer.allocUnsafeSlow(limits.busBlockBytes);
  #length = 0;
  #count = 0;
  /** Where the id stands in each message. */
  #places = new Int32Array(256);
  #sid: Uint8Array = NO_SID;

  /** How many messages there are. */
  get count(): number {
    return this.#count;
  }

  /** Begins anew; `sid` is the id of one of the subscriptions that the messages go to. */
  begin(sid: Uint8Array): void {
    this.#sid = sid;
    this.#length = 0;
    this.#count = 0;
    // One that a large message needed is not kept.
    if (this.#bytes.length > limits.busBlockBytes) this.#bytes = Buffer.allocUnsafeSlow(limits.busBlockBytes);
  }

  /** Whether a message finds room beside those that are there. */
  fits(message: Message): boolean {
    return this.#length + sizeOf(message, this.#sid) <= limits.busBlockBytes;
  }

  /** Adds a message, with its headers or without. */
  add(message: Message, hasHeaders: boolean): void {
    this.#reserve(sizeOf(message, this.#sid));
    this.#places[this.#count++] = sidPlace(this.#length, message, hasHeaders);
    this.#length = writeMessage(this.#bytes, this.#length, message, this.#sid, hasHeaders);
  }

  /** How many bytes the messages are for the subscription of an id. */
  bytesFor(sid: Uint8Array): number {
    return this.#length + this.#count * (sid.length - this.#sid.length);
  }

  /** Writes the messages for the subscription of an id to `out[at]`. */
  write(sid: Uint8Array, out: Buffer, at: number): void {
    const places = this.#places;
    const count = this.#count;
    const length = sid.length;
    if (length !== this.#sid.length) return this.#weave(sid, out, at);
    copyBytes(this.#bytes, 0, this.#length, out, at);
    if (isSame(sid, this.#sid)) return;
    for (let i = 0; i < count; i++) {
      const place = at + (places[i] as number);
      for (let k = 0; k < length; k++) out[place + k] = sid[k] as number;
    }
  }

  /** An id of another length: what stands between the ids is copied piece by piece. */
  #weave(sid: Uint8Array, out: Buffer, begin: number): void {
    let at = begin;
    let from = 0;
    for (let i = 0; i < this.#count; i++) {
      const place = this.#places[i] as number;
      at = copyBytes(this.#bytes, from, place, out, at);
      at = copyBytes(sid, 0, sid.length, out, at);
      from = place + this.#sid.length;
    }
    copyBytes(this.#bytes, from, this.#length, out, at);
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(this.#length + bytes);
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    if (this.#count < this.#places.length) return;
    const places = new Int32Array(this.#places.length * 2);
    places.set(this.#places);
    this.#places = places;
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  if (one === other) return true;
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false;
  return true;
}
