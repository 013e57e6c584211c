import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Crew, type Sight } from "./crew.ts";
import type { LoadEvent, Summary } from "./events.ts";
import { limitedBy } from "./limited-by.ts";
import type { Plan } from "./plan.ts";
import { Publisher, type ToPublish } from "./publisher.ts";

/** How to run a plan. */
export interface RunOptions {
  readonly processes: number;
  /** How long it goes on after all are open; 0: until the signal. */
  readonly seconds: number;
  /** Publications a second; 0 for none. */
  readonly publishRate: number;
  readonly publish: ((all: readonly ToPublish[]) => Promise<number>) | undefined;
  /** Ends it early, with its summary. */
  readonly signal: AbortSignal;
  readonly tell: (event: LoadEvent) => void;
}

const PROGRESS_MS = 1000;

/** Carries out a plan: opens its connections, lets them do what they are to do, and sums up. */
export class Run {
  readonly #plan: Plan;
  readonly #options: RunOptions;
  readonly #crew: Crew;
  readonly #aborted: Promise<unknown>;
  /** Errors of this process, by kind. */
  readonly #errors: Record<string, number> = {};
  #busiest = 0;
  #last = { at: performance.now(), received: 0 };

  constructor(plan: Plan, options: RunOptions) {
    this.#plan = plan;
    this.#options = options;
    this.#crew = new Crew(plan, options.processes);
    this.#aborted = options.signal.aborted ? Promise.resolve() : once(options.signal, "abort");
  }

  /** Resolves with the summary, which is told as well. */
  async run(): Promise<Summary> {
    const opened = await this.#open();
    const startedAt = performance.now();
    const published = opened.connections > 0 ? await this.#hold() : 0;
    const seconds = elapsed(startedAt);
    await this.#crew.end();
    const { connections, opened: all, failed, lost, received, openingMs, latencyMs, errors } = this.#look();
    const messages = received - opened.received;
    const summary: Summary = {
      ...{ event: "summary", connections, opened: all, failed, lost, processes: this.#options.processes, seconds },
      ...{ published, messages, perSecond: messages / seconds, openingMs, latencyMs, errors },
      limitedBy: limitedBy(errors, this.#busiest),
    };
    this.#options.tell(summary);
    return summary;
  }

  async #open(): Promise<Sight> {
    await Promise.race([this.#crew.waiting(), this.#aborted]);
    const begin = performance.now();
    await this.#telling("opening", this.#crew.open());
    const sight = this.#look();
    const { connections, failed, opened, openingMs } = sight;
    const seconds = elapsed(begin);
    this.#options.tell({ event: "open", connections, failed, seconds, perSecond: opened / seconds, openingMs });
    return sight;
  }

  /** The time after all are open. Returns how many publications there were. */
  async #hold(): Promise<number> {
    if (this.#options.signal.aborted) return 0;
    this.#crew.start();
    const publisher = this.#publisher();
    const { seconds } = this.#options;
    await this.#telling("progress", seconds > 0 ? sleep(seconds * 1000) : new Promise(() => {}));
    publisher?.stop();
    return publisher?.published ?? 0;
  }

  #publisher(): Publisher | undefined {
    const { publish, publishRate } = this.#options;
    const { channels, connections, bytes } = this.#plan;
    const [channel] = channels;
    if (!publish || publishRate === 0 || channel === undefined) return undefined;
    const failed = (error: unknown) => {
      const kind = `publish: ${error instanceof Error ? error.message : String(error)}`;
      this.#errors[kind] = (this.#errors[kind] ?? 0) + 1;
    };
    return new Publisher({ perSecond: publishRate, channel, connections, bytes, publish, failed });
  }

  /** Tells each second how far it is, until something is over or the signal comes. */
  async #telling(event: "opening" | "progress", over: Promise<unknown>): Promise<void> {
    const begin = performance.now();
    const timer = setInterval(() => this.#progress(event, begin), PROGRESS_MS);
    await Promise.race([over, this.#aborted]);
    clearInterval(timer);
  }

  #progress(event: "opening" | "progress", begin: number): void {
    const { connections, failed, received, latencyMs, errors } = this.#look();
    const now = performance.now();
    const perSecond = ((received - this.#last.received) * 1000) / (now - this.#last.at);
    this.#last = { at: now, received };
    const seconds = elapsed(begin);
    this.#options.tell({ event, seconds, connections, failed, received, perSecond, latencyMs, errors });
  }

  #look(): Sight {
    const sight = this.#crew.look();
    this.#busiest = Math.max(this.#busiest, sight.busiest);
    return { ...sight, errors: { ...sight.errors, ...this.#errors } };
  }
}

function elapsed(since: number): number {
  return (performance.now() - since) / 1000;
}
