import type { Duplex } from "node:stream";
import { BelfryError } from "../errors.ts";
import { limits } from "../limits.ts";
import { explained } from "./connection-error.ts";
import type { Transport } from "./transport.ts";

/**
 * A transport over a connected stream of Node's, for a `connect` of one's own: a `net.Socket`, a `tls.TLSSocket`, or
 * what a proxy gave. The stream is the transport's from now on.
 */
export class SocketTransport implements Transport {
  readonly source: AsyncIterable<Uint8Array>;
  readonly #stream: Duplex;
  readonly #queueBytesMax: number;
  #destroyed = false;
  #gone: Promise<void> | undefined;

  constructor(stream: Duplex, options: { dialQueueBytesMax?: number } = {}) {
    this.#stream = stream;
    this.#queueBytesMax = options.dialQueueBytesMax ?? limits.dialQueueBytesMax;
    this.source = this.#read();
    // Without a listener an error would end the process; who reads is told by the stream's iterator.
    stream.on("error", () => {});
  }

  write(bytes: Uint8Array): void | Promise<void> {
    const stream = this.#stream;
    if (!stream.writable) return;
    const max = this.#queueBytesMax;
    if (stream.writableLength > max) return this.#overflow(max);
    if (!stream.write(bytes)) return this.#whenGone();
  }

  end(): void {
    this.#stream.end();
  }

  destroy(): void {
    this.#destroyed = true;
    this.#stream.destroy();
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    let left = true;
    try {
      // At the end of the stream the iterator would destroy it, with what was not sent yet.
      for await (const chunk of this.#stream.iterator({ destroyOnReturn: false })) yield chunk as Uint8Array;
      left = false;
    } catch (error) {
      if (!this.#destroyed) throw explained("the connection broke", error);
    } finally {
      if (left) this.destroy();
    }
  }

  #overflow(max: number): void {
    this.#stream.destroy(
      new BelfryError(
        "BELFRY_LIMIT",
        `dialQueueBytesMax is ${max} (option dialQueueBytesMax): wait for what write returns`,
      ),
    );
  }

  /** One promise serves all who wait. */
  #whenGone(): Promise<void> {
    this.#gone ??= new Promise((resolve) => {
      const stream = this.#stream;
      const gone = () => {
        stream.off("drain", gone).off("close", gone);
        this.#gone = undefined;
        resolve();
      };
      stream.on("drain", gone).on("close", gone);
    });
    return this.#gone;
  }
}
