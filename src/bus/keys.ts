import { limits } from "../limits.ts";
import type { StreamPosition } from "./broker.ts";

/** Idempotency keys of the last while, each with the position of the publication that was made for it. */
export class Keys {
  readonly #now: () => number;
  /** By channel and key; the oldest first. */
  readonly #known = new Map<string, { readonly position: StreamPosition; readonly untilMs: number }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The position of the publication that was made for this key not long ago. */
  find(channel: string, key: string): StreamPosition | undefined {
    this.#forgetOld();
    return this.#known.get(`${channel}\n${key}`)?.position;
  }

  add(channel: string, key: string, position: StreamPosition): void {
    this.#known.set(`${channel}\n${key}`, { position, untilMs: this.#now() + limits.idempotencySeconds * 1000 });
  }

  #forgetOld(): void {
    const now = this.#now();
    for (const [name, { untilMs }] of this.#known) {
      if (untilMs > now && this.#known.size <= limits.idempotencyKeysMax) return;
      this.#known.delete(name);
    }
  }
}
