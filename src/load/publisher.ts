import { limits } from "../limits.ts";
import { Pace } from "./pace.ts";
import { channelOf } from "./protocol-client.ts";
import { stamped } from "./stamp.ts";

/** One publication. */
export interface ToPublish {
  readonly channel: string;
  readonly json: string;
}

/** What {@link Publisher} is made with. */
export interface PublisherParts {
  readonly perSecond: number;
  /** `%d` is the number of a connection, chosen at random below `connections`. */
  readonly channel: string;
  readonly connections: number;
  /** Of a publication. */
  readonly bytes: number;
  /** How often is looked for what is due; default 1. What comes together can be published in one call. */
  readonly everyMs?: number;
  /** Publishes all that is due; resolves with how many of them were accepted. */
  readonly publish: (all: readonly ToPublish[]) => Promise<number>;
  readonly failed: (error: unknown) => void;
}

/** Publishes at an even pace; each publication carries the time at which it was due. */
export class Publisher {
  published = 0;
  readonly #parts: PublisherParts;
  readonly #pace: Pace;
  readonly #timer: NodeJS.Timeout;
  #underWay = 0;
  #isOver = false;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
    this.#pace = new Pace(parts.perSecond);
    this.#timer = setInterval(() => this.#go(), parts.everyMs ?? 1);
  }

  stop(): void {
    this.#isOver = true;
    clearInterval(this.#timer);
  }

  #go(): void {
    while (!this.#isOver && this.#underWay < limits.loadPublishingMax && this.#pace.isDue())
      void this.#some(this.#due());
  }

  /** What is due now, so that a slow way out has fewer and larger calls. */
  #due(): ToPublish[] {
    const { channel, connections, bytes } = this.#parts;
    const due: ToPublish[] = [];
    do {
      const number = Math.floor(Math.random() * connections);
      due.push({ channel: channelOf(channel, number), json: stamped(this.#pace.take(), bytes) });
    } while (due.length < limits.loadBatchMax && this.#pace.isDue());
    return due;
  }

  async #some(due: readonly ToPublish[]): Promise<void> {
    this.#underWay++;
    try {
      const accepted = await this.#parts.publish(due);
      this.published += accepted;
    } catch (error) {
      this.#parts.failed(error);
    } finally {
      this.#underWay--;
    }
    this.#go();
  }
}
