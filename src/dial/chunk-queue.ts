/** Chunks from which so many were taken already that their places are given up. */
const TAKEN_MAX = 1024;

/** A queue of chunks of bytes that costs the same for each chunk, however long it is. */
export class ChunkQueue {
  /** Bytes of all chunks. */
  bytes = 0;
  #chunks: Uint8Array[] = [];
  #taken = 0;

  get first(): Uint8Array | undefined {
    return this.#chunks[this.#taken];
  }

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.bytes += chunk.length;
  }

  /** Takes the first chunk; undefined when there is none. */
  shift(): Uint8Array | undefined {
    const chunk = this.first;
    if (chunk === undefined) return undefined;
    this.bytes -= chunk.length;
    this.#taken++;
    if (this.#taken === TAKEN_MAX || this.#taken === this.#chunks.length) {
      this.#chunks.splice(0, this.#taken);
      this.#taken = 0;
    }
    return chunk;
  }

  /** Leaves of the first chunk only `rest`, its end. */
  cutFirst(rest: Uint8Array): void {
    this.bytes -= (this.first?.length ?? 0) - rest.length;
    this.#chunks[this.#taken] = rest;
  }

  clear(): void {
    this.#chunks = [];
    this.#taken = 0;
    this.bytes = 0;
  }
}
