import { limits } from "../limits.ts";
import type { Health, MetricJson, VitalsDoor } from "../push/index.ts";
import type { Gathering } from "../push/vitals/gathering.ts";
import { Inquiries } from "./inquiries.ts";

/** What a parent asks its workers; a worker asks its parent for the metrics, which come as text then. */
export const questions = { metrics: "metrics", health: "health", unready: "unready" } as const;

/** A worker, as its parent sees it. */
export interface Member {
  /** It serves: from now on it is asked. */
  serves(): void;
  /** Takes a message that has come from it. */
  take(message: unknown): void;
  /** It has ended. */
  left(): void;
}

/** The workers of one port, for operators: what one asks of a worker, or of the parent, all of them answer together. */
export class Crew {
  readonly #count: number;
  readonly #healthMsMax: number;
  readonly #serving = new Set<Inquiries>();
  #gathering: Promise<Gathering<Inquiries>> | undefined;
  #started = 0;

  /** `count` is how many there shall be, `healthSecondsMax` how long their checks may take. */
  constructor(count: number, healthSecondsMax: number) {
    this.#count = count;
    this.#healthMsMax = healthSecondsMax * 1000 + limits.workerAnswerMsMax;
  }

  /** What is answered on the internal port. */
  get answers(): Required<VitalsDoor> {
    return { metrics: () => this.metrics(), health: () => this.health(), unready: () => this.unready() };
  }

  /** One is started; `send` hands it a message, and does not throw. */
  join(send: (message: object) => void): Member {
    this.#started++;
    const inquiries = new Inquiries(send, async (what) => {
      if (what !== questions.metrics) throw new RangeError(what);
      return await this.metrics();
    });
    return {
      serves: () => void this.#serving.add(inquiries),
      take: (message) => inquiries.take(message),
      left: () => {
        this.#serving.delete(inquiries);
        inquiries.close();
        void this.#gathering?.then((gathering) => gathering.left(inquiries));
      },
    };
  }

  /** The metrics of all in the text form of Prometheus, of those that answer in time. */
  async metrics(): Promise<string> {
    this.#gathering ??= import("../push/vitals/gathering.ts").then(({ Gathering }) => new Gathering());
    const gathering = await this.#gathering;
    const answers = await this.#ask<readonly MetricJson[]>(questions.metrics, limits.workerAnswerMsMax);
    const restarts = Math.max(0, this.#started - this.#count);
    return await gathering.text(answers, { workers: this.#count, answered: answers.size, restarts });
  }

  /** All must be healthy: a client cannot choose whose it is. */
  async health(): Promise<Health> {
    const since = performance.now();
    const asked = this.#serving.size;
    const answers = await this.#ask<Health>(questions.health, this.#healthMsMax);
    const all = [...answers.values()];
    const ms = Math.round(performance.now() - since);
    if (asked === 0) return { status: "failing", ms, step: "listen" };
    const failing = all.find(({ status }) => status === "failing");
    if (failing) return failing;
    if (all.length < asked) return { status: "failing", ms, step: "answer" };
    return { status: "ok", ms: Math.max(...all.map((health) => health.ms)) };
  }

  /** Why nobody new is to be sent to the port. */
  async unready(): Promise<readonly string[]> {
    const asked = this.#serving.size;
    if (asked === 0) return ["no worker serves"];
    const answers = await this.#ask<readonly string[]>(questions.unready, limits.workerAnswerMsMax);
    const reasons = [...answers.values()].flat();
    return [...new Set(answers.size < asked ? [...reasons, "a worker does not answer"] : reasons)];
  }

  /** Asks all that serve; what they answered in time. One that ends meanwhile is left out at once. */
  async #ask<Answer>(what: string, ms: number): Promise<Map<Inquiries, Answer>> {
    const answers = new Map<Inquiries, Answer>();
    const all = [...this.#serving].map(async (inquiries) => {
      try {
        answers.set(inquiries, (await inquiries.ask(what, ms)) as Answer);
      } catch {
        // It is not among those that answered.
      }
    });
    await Promise.all(all);
    for (const inquiries of [...answers.keys()]) if (!this.#serving.has(inquiries)) answers.delete(inquiries);
    return answers;
  }
}
