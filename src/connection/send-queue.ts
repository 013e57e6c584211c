/** Pieces up to this size are copied together; larger ones are kept as they are. */
const COPIED_BYTES_MAX = 512;
const CHUNK_BYTES = 1024;

/** A piece of the queue: `bytes[0, end)`. */
interface Part {
  readonly bytes: Uint8Array;
  end: number;
}

/**
 * Bytes that wait for one connection whose socket was full, in their order. Small pieces share chunks, so that what the
 * queue holds is in proportion to its bytes; large ones, frames of a fan-out among them, are held by reference.
 */
export class SendQueue {
  /** Bytes that wait. */
  bytes = 0;
  readonly #parts: Part[] = [];
  /** The first part, and how much of it has gone. */
  #head = 0;
  #sent = 0;
  /** The last part, while it is a chunk with room. */
  #chunk: Part | undefined;

  /** Appends `bytes[from, to)`; `shared` bytes will not change, and need no copy. */
  push(bytes: Uint8Array, from: number, to: number, shared: boolean): void {
    const length = to - from;
    this.bytes += length;
    if (length <= COPIED_BYTES_MAX) return this.#copy(bytes, from, to);
    this.#chunk = undefined;
    const part = bytes.subarray(from, to);
    this.#parts.push({ bytes: shared ? part : Uint8Array.prototype.slice.call(part), end: length });
  }

  /**
   * Hands the parts to `send` as long as it takes all of them. Returns what it returned last when that was not all: how
   * many bytes it took, or `-errno`; 0 when nothing waits any more.
   */
  drain(send: (bytes: Uint8Array, offset: number, length: number) => number): number {
    while (this.#head < this.#parts.length) {
      const part = this.#parts[this.#head] as Part;
      const length = part.end - this.#sent;
      const sent = send(part.bytes, this.#sent, length);
      if (sent > 0) {
        this.#sent += sent;
        this.bytes -= sent;
      }
      if (sent !== length) return sent;
      this.#next();
    }
    return 0;
  }

  #next(): void {
    if (this.#parts[this.#head] === this.#chunk) this.#chunk = undefined;
    this.#sent = 0;
    // The parts that have gone are let go now and then, at a cost that does not depend on how many wait.
    if (++this.#head * 2 > this.#parts.length) {
      this.#parts.splice(0, this.#head);
      this.#head = 0;
    }
  }

  #copy(bytes: Uint8Array, from: number, to: number): void {
    let chunk = this.#chunk;
    if (!chunk || chunk.end + to - from > CHUNK_BYTES) {
      chunk = { bytes: new Uint8Array(CHUNK_BYTES), end: 0 };
      this.#chunk = chunk;
      this.#parts.push(chunk);
    }
    chunk.bytes.set(bytes.subarray(from, to), chunk.end);
    chunk.end += to - from;
  }
}
