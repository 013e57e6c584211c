import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { mailLimits } from "./limits.ts";
import type { ReadAnswer } from "./reader-worker.ts";
import type { IncomingMail } from "./storage.ts";

/**
 * Reads mails in a thread of its own: what strangers send must not hold up the event loop that serves the connections,
 * and some mails take minutes (mailparser 3.9 needs quadratic time for `format=flowed`). One mail at a time; one that
 * takes too long costs the thread, and the next mail gets a new one.
 */
export class MailReader {
  readonly #millisMax: number;
  #worker: Worker | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(millisMax: number = mailLimits.readMs) {
    this.#millisMax = millisMax;
  }

  /** What the mail says; rejects with an error that says why it cannot be read. */
  read(bytes: Uint8Array): Promise<IncomingMail> {
    const reading = this.#last.then(() => this.#readNow(bytes));
    this.#last = reading.catch(() => undefined);
    return reading;
  }

  /** Ends the thread; a mail that is being read is given up. */
  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  async #readNow(bytes: Uint8Array): Promise<IncomingMail> {
    const answer = await this.#ask(bytes);
    if ("error" in answer) throw new Error(answer.error);
    return answer.mail;
  }

  async #ask(bytes: Uint8Array): Promise<ReadAnswer> {
    const signal = AbortSignal.timeout(this.#millisMax);
    this.#worker ??= startWorker();
    try {
      this.#worker.postMessage(bytes);
      const [answer]: ReadAnswer[] = await once(this.#worker, "message", { signal });
      if (answer) return answer;
      throw new Error("the reader gave no answer");
    } catch (error) {
      void this.#worker.terminate();
      this.#worker = undefined;
      if (signal.aborted) throw new Error(`reading it takes more than ${this.#millisMax} ms`);
      throw error;
    }
  }
}

function startWorker(): Worker {
  const worker = new Worker(new URL("./reader-worker.js", import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: mailLimits.readerHeapMiB },
  });
  worker.on("error", () => {});
  worker.unref();
  return worker;
}
