import { BelfryError } from "../errors.ts";

const GONE = Buffer.alloc(0);

/**
 * One application message. By default it is the handler's own; with `zeroCopy` it is a view of what the server
 * received, valid until the handler returns or, if it is asynchronous, until its first `await`: afterwards every read
 * throws BELFRY_EXPIRED.
 */
export class Packet {
  /** Whether it came as text; its UTF-8 has been checked. */
  isText = false;
  #bytes: Buffer = GONE;
  #from = 0;
  #to = 0;

  /** Bytes of the payload. */
  get length(): number {
    return this.#to - this.#from;
  }
  /** The payload as text. */
  text(): string {
    return this.source.toString("utf8", this.#from, this.#to);
  }
  /** The payload. With `zeroCopy` a view, whose bytes change after the handler has returned. */
  bytes(): Uint8Array {
    return this.source.subarray(this.#from, this.#to);
  }
  /** The array that the payload lies in, `[sourceFrom, sourceTo)`: for those who read or copy it without a view. */
  get source(): Buffer {
    if (this.#bytes !== GONE) return this.#bytes;
    throw new BelfryError(
      "BELFRY_EXPIRED",
      "a zeroCopy packet was read after its handler returned: copy what you keep",
    );
  }
  get sourceFrom(): number {
    return this.#from;
  }
  get sourceTo(): number {
    return this.#to;
  }

  /** Makes the packet a view of `bytes[from, to)`. */
  view(isText: boolean, bytes: Buffer, from: number, to: number): this {
    this.isText = isText;
    this.#bytes = bytes;
    this.#from = from;
    this.#to = to;
    return this;
  }
  /** Ends the view. */
  expire(): void {
    this.#bytes = GONE;
    this.#from = 0;
    this.#to = 0;
  }
}
