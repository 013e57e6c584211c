import type { Broker, Publication } from "../bus/index.ts";
import { limits } from "../limits.ts";
import { type Hub, subscriptionFlags } from "./hub.ts";

/** What {@link Positions} needs of the other parts. */
export interface PositionsParts {
  readonly hub: Hub;
  readonly broker: Pick<Broker, "history" | "progress">;
  /** Delivers as what comes from the Bus is delivered: what has come before is dropped there. */
  readonly deliver: (publication: Publication) => void;
}

const NONE = -1;

/**
 * A publication that was lost is noticed at the next one of its channel. Where there is no next one it would stay lost:
 * so every positionCheckSeconds the histories are asked, all with one request, whether they have come on. Only then the
 * channels in which somebody counts on its position are compared, each once and a few in a second, however many
 * clients they have; and what is missing is delivered.
 */
export class Positions {
  readonly #parts: PositionsParts;
  #seconds = 0;
  /** How far the histories were when all channels were whole. */
  #progress: string | undefined;
  #waiting: string[] = [];
  #perSecond = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: PositionsParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.tick(), 1000);
    this.#timer.unref();
  }
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** One second; resolves when what it began is done. */
  async tick(): Promise<void> {
    try {
      if (++this.#seconds % limits.positionCheckSeconds === 0) await this.#begin();
      else await Promise.all(this.#waiting.splice(-this.#perSecond).map((name) => this.#check(name)));
    } catch {
      // The Bus is away. It catches up when it is back, and the next round looks at all again.
      this.#progress = undefined;
      this.#waiting = [];
    }
  }

  async #begin(): Promise<void> {
    const progress = await this.#parts.broker.progress();
    if (progress === undefined || progress === this.#progress) return;
    this.#progress = progress;
    const { hub } = this.#parts;
    this.#waiting = [];
    for (const [name] of hub.names()) if (this.#counts(hub.channel(name))) this.#waiting.push(name);
    this.#perSecond = Math.ceil(this.#waiting.length / (limits.positionCheckSeconds - 1));
  }

  /** Whether somebody counts on its position there. */
  #counts(channel: number): boolean {
    const { hub } = this.#parts;
    for (let s = channel === NONE ? NONE : hub.first(channel); s !== NONE; s = hub.next(s)) {
      if ((hub.flagsOf(s) & subscriptionFlags.POSITIONED) !== 0) return true;
    }
    return false;
  }

  async #check(name: string): Promise<void> {
    const { hub, broker, deliver } = this.#parts;
    const before = hub.channel(name);
    if (!this.#counts(before)) return;
    const since = hub.positionOf(before);
    const { publications } = await broker.history(name, { since, limit: limits.historyReadMax });
    // Whoever came meanwhile stands where the history ended then.
    const now = hub.channel(name);
    if (!this.#counts(now) || hub.positionOf(now) < since) return;
    for (const publication of publications) deliver(publication);
  }
}
