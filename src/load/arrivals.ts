import { Pace } from "./pace.ts";
import type { Share } from "./plan.ts";

/** Begins the connections of a share: so many at once, and not more a second than asked for. */
export class Arrivals {
  /** How many are still to begin. */
  left: number;
  readonly #opening: () => number;
  readonly #openingMax: number;
  readonly #pace: Pace | undefined;
  readonly #connect: () => void;

  constructor(share: Pick<Share, "connections" | "opening" | "arrivals">, opening: () => number, connect: () => void) {
    this.left = share.connections;
    this.#opening = opening;
    this.#openingMax = share.opening;
    this.#pace = share.arrivals > 0 ? new Pace(share.arrivals) : undefined;
    this.#connect = connect;
  }

  /** Begins as many as may begin now. */
  go(): void {
    while (this.left > 0 && this.#opening() < this.#openingMax && (this.#pace?.isDue() ?? true)) {
      this.#pace?.take();
      this.left--;
      this.#connect();
    }
  }
}
