import { NUMBER_BYTES_MAX, writeNumber } from "../bus/wire.ts";
import { copyBytes } from "../connection/copy-bytes.ts";
import { limits } from "../limits.ts";
import type { Message } from "./message.ts";

const ascii = (text: string) => new TextEncoder().encode(text);
const MSG = ascii("MSG ");
const HMSG = ascii("HMSG ");
const SPACE = 32;
const CR = 13;
const LF = 10;
/** What a message needs besides what differs: the verb, four spaces, two line ends and two numbers. */
const FRAME_BYTES = HMSG.length + 4 + 4 + 2 * NUMBER_BYTES_MAX;

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
  #sid: Uint8Array = MSG;

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
    const { bytes, subjectFrom, subjectTo, replyFrom, replyTo, headerBytes, payloadTo } = message;
    const payloadFrom = message.payloadFrom + (hasHeaders ? 0 : headerBytes);
    const out = this.#bytes;
    const sid = this.#sid;
    const verb = hasHeaders ? HMSG : MSG;
    let at = copyBytes(verb, 0, verb.length, out, this.#length);
    at = copyBytes(bytes, subjectFrom, subjectTo, out, at);
    out[at++] = SPACE;
    this.#places[this.#count++] = at;
    at = copyBytes(sid, 0, sid.length, out, at);
    out[at++] = SPACE;
    if (replyTo > replyFrom) {
      at = copyBytes(bytes, replyFrom, replyTo, out, at);
      out[at++] = SPACE;
    }
    if (hasHeaders) {
      at = writeNumber(out, at, headerBytes);
      out[at++] = SPACE;
    }
    at = writeNumber(out, at, payloadTo - payloadFrom);
    out[at++] = CR;
    out[at++] = LF;
    at = copyBytes(bytes, payloadFrom, payloadTo, out, at);
    out[at++] = CR;
    out[at++] = LF;
    this.#length = at;
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

/** The most that a message takes. */
function sizeOf({ subjectFrom, subjectTo, replyFrom, replyTo, payloadFrom, payloadTo }: Message, sid: Uint8Array) {
  return subjectTo - subjectFrom + sid.length + replyTo - replyFrom + payloadTo - payloadFrom + FRAME_BYTES;
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  if (one === other) return true;
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false;
  return true;
}
