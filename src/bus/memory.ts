import { BelfryError } from "../errors.ts";
import type { Broker, Publication } from "./broker.ts";

/**
 * The Bus within one process, and the default. A publication is delivered before `publish` returns. Interest is not
 * tracked: the hub looks the channel up anyway, and a set of millions of names would only double that table.
 */
export class MemoryBroker implements Broker {
  readonly #listeners = new Set<(publication: Publication) => void>();
  #closed = false;

  async publish(channel: string, data: string): Promise<void> {
    this.#checkOpen();
    this.#deliver(channel, data);
  }
  async broadcast(channels: readonly string[], data: string): Promise<undefined[]> {
    this.#checkOpen();
    for (const channel of channels) this.#deliver(channel, data);
    return new Array(channels.length).fill(undefined);
  }
  subscribe(): void {}
  unsubscribe(): void {}
  listen(listener: (publication: Publication) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  async close(): Promise<void> {
    this.#closed = true;
    this.#listeners.clear();
  }

  #checkOpen(): void {
    if (this.#closed) throw new BelfryError("BELFRY_BAD_STATE", "publish: the broker is closed");
  }
  #deliver(channel: string, data: string): void {
    const publication = { channel, data };
    for (const listener of this.#listeners) listener(publication);
  }
}
