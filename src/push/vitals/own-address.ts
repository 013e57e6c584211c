import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ListenOptions } from "../../options.ts";
import type { ListeningAddress } from "../../server.ts";

/**
 * Where a connection comes to this process: where it listens, or, when it shares its port with others, a Unix socket of
 * its own.
 */
export class OwnAddress {
  readonly #listen: (options: ListenOptions) => Promise<ListeningAddress>;
  #at: ListeningAddress | undefined;
  #isShared = false;
  #folder: Promise<string> | undefined;
  #own: Promise<ListeningAddress> | undefined;

  constructor(listen: (options: ListenOptions) => Promise<ListeningAddress>) {
    this.#listen = listen;
  }

  /** The server listens there. */
  listens(at: ListeningAddress, { reusePort = false }: ListenOptions): void {
    this.#at = at;
    this.#isShared ||= reusePort;
  }

  /** Rejects while the server does not listen. */
  async get(): Promise<ListeningAddress> {
    if (!this.#at) throw new Error("the server does not listen");
    if (!this.#isShared) return this.#at;
    this.#own ??= this.#makeOwn();
    return await this.#own;
  }

  /** Removes what was made, after the server has ended. */
  async close(): Promise<void> {
    const folder = this.#folder;
    if (folder) await rm(await folder, { recursive: true, force: true });
  }

  async #makeOwn(): Promise<ListeningAddress> {
    this.#folder ??= mkdtemp(join(tmpdir(), "belfry-"));
    try {
      return await this.#listen({ path: join(await this.#folder, "health") });
    } catch (error) {
      this.#own = undefined;
      throw error;
    }
  }
}
