import { BelfryError } from "../errors.ts";

/** A question, or the answer to one, as they stand in a message between processes. */
type Message =
  | { readonly ask: number; readonly what: string }
  | { readonly answer: number; readonly value?: unknown; readonly failed?: true };

/** Questions between two processes, in both directions; other messages of theirs are not touched. */
export class Inquiries {
  readonly #send: (message: object) => void;
  readonly #answer: (what: string) => Promise<unknown>;
  readonly #asked = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #count = 0;

  /** `answer` resolves with a value that JSON can say; it rejects for what it does not know. */
  constructor(send: (message: object) => void, answer: (what: string) => Promise<unknown>) {
    this.#send = send;
    this.#answer = answer;
  }

  /** Resolves with the other side's answer; rejects when it has none, or not within `ms`. */
  async ask(what: string, ms: number): Promise<unknown> {
    const number = ++this.#count;
    const answer = new Promise<unknown>((resolve, reject) => this.#asked.set(number, { resolve, reject }));
    const timer = setTimeout(() => this.#settle(number, true, undefined), ms);
    this.#send({ ask: number, what } satisfies Message);
    try {
      return await answer;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Takes a message that has come. */
  take(message: unknown): void {
    if (typeof message !== "object" || message === null) return;
    const came = message as Message;
    if ("ask" in came) void this.#reply(came.ask, came.what);
    else if ("answer" in came) this.#settle(came.answer, came.failed ?? false, came.value);
  }

  /** The other side is gone: nothing is answered any more. */
  close(): void {
    for (const number of [...this.#asked.keys()]) this.#settle(number, true, undefined);
  }

  async #reply(answer: number, what: string): Promise<void> {
    try {
      this.#send({ answer, value: await this.#answer(what) } satisfies Message);
    } catch {
      this.#send({ answer, failed: true } satisfies Message);
    }
  }

  #settle(number: number, failed: boolean, value: unknown): void {
    const asked = this.#asked.get(number);
    this.#asked.delete(number);
    if (failed) asked?.reject(new BelfryError("BELFRY_BAD_STATE", "another process gave no answer"));
    else asked?.resolve(value);
  }
}
