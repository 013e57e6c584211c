import { Agent, type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";
import { KEY } from "./fleet.ts";

/**
 * A back end that publishes 1, 2, 3, … to each channel of a crowd, one after the other at a steady rate, over the HTTP
 * API. What fails is asked again until it is done, since numbers have to follow each other.
 */
export class Publisher {
  /** The last number of each channel. */
  readonly finals: number[];
  /** Requests that failed, by why. */
  readonly failures: Record<string, number> = {};
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  #isStopped = false;
  readonly #done: Promise<void>;

  constructor(port: number, channels: number, perSecond: number) {
    this.#port = port;
    this.finals = new Array<number>(channels).fill(0);
    this.#done = this.#run(1000 / perSecond);
  }

  /** Resolves when the last one is published. */
  async stop(): Promise<readonly number[]> {
    this.#isStopped = true;
    await this.#done;
    this.#agent.destroy();
    return this.finals;
  }

  async #run(everyMs: number): Promise<void> {
    const startedAt = performance.now();
    for (let i = 0; !this.#isStopped; i++) {
      const channel = i % this.finals.length;
      const number = (this.finals[channel] as number) + 1;
      while (!(await this.#publish(channel, number)));
      this.finals[channel] = number;
      const ms = startedAt + (i + 1) * everyMs - performance.now();
      if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
    }
  }

  async #publish(channel: number, number: number): Promise<boolean> {
    const body = { channel: `crowd:${channel}`, data: number, idempotency_key: `${channel}-${number}` };
    const why = await this.#post(JSON.stringify(body)).catch(
      (error: NodeJS.ErrnoException) => error.code ?? String(error),
    );
    if (why === "") return true;
    this.failures[why] = (this.failures[why] ?? 0) + 1;
    await new Promise((resolve) => setTimeout(resolve, 20));
    return false;
  }

  /** Resolves with "", or with what was answered instead of a result. */
  #post(body: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const call = request(
        `http://127.0.0.1:${this.#port}/api/publish`,
        { method: "POST", headers: { "X-API-Key": KEY }, agent: this.#agent, timeout: 5000 },
        (answer: IncomingMessage) => {
          text(answer).then(
            (said) => resolve(said.includes('"offset"') ? "" : `${answer.statusCode} ${said.slice(0, 60)}`),
            reject,
          );
        },
      );
      call
        .on("timeout", () => call.destroy(new Error("timeout")))
        .on("error", reject)
        .end(body);
    });
  }
}
