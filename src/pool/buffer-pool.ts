/**
 * Buffers by size class (powers of two), kept for reuse within a bound. A taken buffer may be longer than asked for and
 * holds what its last user left in it.
 */
export class BufferPool {
  readonly #free: Buffer[][] = [];
  readonly #bytesMax: number;
  #bytes = 0;

  /** `bytesMax` bounds what is kept idle, over all classes; what is given back beyond it is left to the collector. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes that lie idle in the pool. */
  get pooledBytes(): number {
    return this.#bytes;
  }

  /** A buffer of at least `bytes`. */
  take(bytes: number): Buffer {
    const exponent = sizeClass(bytes);
    const buffer = this.#free[exponent]?.pop();
    if (!buffer) return Buffer.allocUnsafeSlow(2 ** exponent);
    this.#bytes -= buffer.length;
    return buffer;
  }

  /** Takes back a buffer that `take` gave; its giver must not touch it any more. */
  give(buffer: Uint8Array): void {
    const exponent = sizeClass(buffer.length);
    if (buffer.length !== 2 ** exponent || this.#bytes + buffer.length > this.#bytesMax) return;
    this.#bytes += buffer.length;
    this.#free[exponent] ??= [];
    this.#free[exponent].push(buffer as Buffer);
  }
}

const SMALLEST = 6;

/** The exponent of the smallest power of two that holds `bytes`; 64 at least. */
function sizeClass(bytes: number): number {
  return bytes <= 64 ? SMALLEST : 32 - Math.clz32(bytes - 1);
}
