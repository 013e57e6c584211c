import type { Log } from "../../log.ts";
import { WorkerPool } from "../../pool/index.ts";
import type { HookDisconnect, HookError } from "../hooks.ts";
import { ReplyError, type ReplyErrorCode } from "../protocol.ts";
import { Circuit } from "./circuit.ts";
import { ProxyFailure, post } from "./post.ts";
import type { FullEndpoint } from "./proxy-options.ts";
import { readAnswer } from "./read-answer.ts";
import { RepeatLog } from "./repeat-log.ts";
import type { ResultSchema } from "./results.ts";

/** What came of a request. */
export interface Asked<Reply> {
  readonly answer: Reply | HookError | HookDisconnect;
  /** The length of the application's answer; 0 when it gave none, and the answer is ours. */
  readonly length: number;
}

/**
 * Asks one application's endpoint. So many requests are under way at once, so many wait for their turn, and when the
 * application is not there nobody waits for it: what is beyond is answered 111, upon which clients come back later, and
 * later each time.
 */
export class Asker<Reply> {
  readonly #what: string;
  readonly #url: URL;
  readonly #options: FullEndpoint;
  readonly #schema: ResultSchema<Reply>;
  readonly #pool: WorkerPool;
  readonly #circuit: Circuit;
  readonly #errors: RepeatLog;
  readonly #news: RepeatLog;

  /** `hook` is its name for the log. */
  constructor(hook: string, options: FullEndpoint, schema: ResultSchema<Reply>, log: Log) {
    this.#url = new URL(options.url);
    // A query may hold a key.
    this.#what = `proxy ${hook} ${this.#url.origin}${this.#url.pathname}`;
    this.#options = options;
    this.#schema = schema;
    this.#pool = new WorkerPool(options.concurrencyMax);
    this.#circuit = new Circuit(options, () => performance.now());
    this.#errors = new RepeatLog((line) => log.error(line));
    this.#news = new RepeatLog((line) => log.info(line));
  }

  /** POSTs `question` as JSON; `headers` go with it. Rejects only when the question has no JSON. */
  async ask(question: object, headers: Readonly<Record<string, string>> = {}): Promise<Asked<Reply>> {
    const pool = this.#pool;
    const { queueMax, secondsMax } = this.#options;
    const body = JSON.stringify(question);
    if (this.#circuit.isOpen) return ours(111);
    if (pool.saturated && pool.waiting >= queueMax) return this.#busy(`${queueMax} wait (queueMax)`);
    return new Promise((resolve) => {
      pool.scheduleTimeout(
        secondsMax * 1000,
        async () => resolve(await this.#request(body, headers)),
        () => resolve(this.#busy(`one waited for ${secondsMax} s (secondsMax)`)),
      );
    });
  }

  async #request(body: string, more: Readonly<Record<string, string>>): Promise<Asked<Reply>> {
    // It may have gone away while this request waited for its turn.
    if (!this.#circuit.tryEnter()) return ours(111);
    try {
      const text = await post(this.#url, this.#headersWith(more), body, this.#options);
      this.#answered();
      return { answer: readAnswer(text, this.#schema), length: text.length };
    } catch (error) {
      if (!(error instanceof ProxyFailure)) throw error;
      this.#errors.tell(error.kind, `${this.#what}: ${error.message}`);
      if (error.isDown) this.#failed();
      else this.#answered();
      return ours(100);
    }
  }

  #headersWith(more: Readonly<Record<string, string>>): Headers {
    const headers = new Headers({ "user-agent": "belfry", accept: "application/json" });
    for (const [name, value] of Object.entries({ ...this.#options.headers, ...more })) headers.set(name, value);
    headers.set("content-type", "application/json");
    return headers;
  }

  #answered(): void {
    if (this.#circuit.succeeded()) this.#news.tell("back", `${this.#what}: the application answers again`);
  }

  #failed(): void {
    if (!this.#circuit.failed()) return;
    const { failuresMax, restSeconds } = this.#options;
    const limits = `failuresMax ${failuresMax}, restSeconds ${restSeconds}`;
    this.#errors.tell(
      "rest",
      `${this.#what}: no answer again and again: it is asked once in a while (options ${limits})`,
    );
  }

  #busy(what: string): Asked<Reply> {
    const { concurrencyMax } = this.#options;
    const todo = "make the application faster, or give it more at once with the option concurrencyMax";
    this.#errors.tell("busy", `${this.#what}: ${concurrencyMax} are under way (concurrencyMax), and ${what}; ${todo}`);
    return ours(111);
  }
}

/** An answer for a client that the application did not give. */
function ours(code: ReplyErrorCode): Asked<never> {
  const { message, temporary } = new ReplyError(code);
  return { answer: { error: { code, message, temporary } }, length: 0 };
}
