import type { Writable } from "node:stream";

/** Lines for another program, which reads them at its own pace, and may go away before the end. */
export class Output {
  readonly #stream: Writable;
  #gone = false;
  #drained: (() => void) | undefined;

  /**
   * Aborts `ending` when nobody reads any more, as in `belfry subscribe … | head`; once it is, nobody is waited for.
   */
  constructor(stream: Writable, ending: AbortController) {
    this.#stream = stream;
    const wake = () => this.#drained?.();
    stream.on("drain", wake).on("error", () => ending.abort());
    ending.signal.addEventListener("abort", () => {
      this.#gone = true;
      wake();
    });
  }

  /** Writes a line; resolves when more may be written. One at a time. */
  async line(text: string): Promise<void> {
    if (this.#gone || this.#stream.write(`${text}\n`)) return;
    await new Promise<void>((resolve) => {
      this.#drained = resolve;
    });
  }
}
