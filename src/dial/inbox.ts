import { ChunkQueue } from "./chunk-queue.ts";

/**
 * Bytes from one who does not wait, for a reader who does: what `source` of a transport reads from. To be read once.
 */
export class Inbox implements AsyncIterable<Uint8Array> {
  readonly #chunks = new ChunkQueue();
  readonly #taken: () => void;
  readonly #left: () => void;
  #ended = false;
  #error: Error | undefined;
  #wake = () => {};

  /** `taken` is called when the reader takes a chunk, `left` when it goes before the end. */
  constructor(taken: () => void, left: () => void) {
    this.#taken = taken;
    this.#left = left;
  }

  /** Bytes that nobody has taken yet. */
  get bytes(): number {
    return this.#chunks.bytes;
  }

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#wake();
  }

  /** Nothing comes any more; the reader is told behind the last chunk, of the first end that there was. */
  end(error?: Error): void {
    if (!this.#ended) this.#error = error;
    this.#ended = true;
    this.#wake();
  }

  /** Drops what nobody has taken. */
  drop(): void {
    this.#chunks.clear();
    this.end();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    let over = false;
    try {
      for (;;) {
        const chunk = this.#chunks.shift();
        if (chunk) {
          this.#taken();
          yield chunk;
        } else if (this.#ended) {
          over = true;
          if (this.#error) throw this.#error;
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      if (!over) this.#left();
    }
  }
}
