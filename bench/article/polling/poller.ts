import type { Socket } from "node:net";
import { open, readAnswer, request } from "./http-client.ts";
import type { Tally } from "./tally.ts";

/** A client that polls, over one connection that is kept: prepared bytes out, a look at the status of what comes. */
export class Poller {
  readonly #mailbox: number;
  readonly #tally: () => Tally;
  readonly #socket: Socket;
  #request: Buffer;
  /** Called with the answer; undefined while none is awaited. */
  #answered: (() => void) | undefined;

  constructor(port: number, mailbox: number, tally: () => Tally) {
    this.#mailbox = mailbox;
    this.#tally = tally;
    this.#request = request(mailbox, undefined);
    this.#socket = open(port, (bytes) => this.#hear(bytes));
  }

  /** Resolves when it has seen its mailbox for the first time. */
  start(): Promise<void> {
    return new Promise((resolve) => this.poll(resolve));
  }

  /** Asks whether something is new; while the last answer is not there that is only counted. */
  poll(answered = () => {}): void {
    const tally = this.#tally();
    tally.asked++;
    if (this.#answered) return;
    this.#answered = answered;
    tally.bytesUp += this.#request.length;
    this.#socket.write(this.#request);
  }

  #hear(bytes: Buffer): void {
    const tally = this.#tally();
    const seen = readAnswer(bytes, tally);
    if (seen) {
      tally.known(seen.at);
      tally.had(seen.at);
      this.#request = request(this.#mailbox, seen.version);
    }
    this.#answered?.();
    this.#answered = undefined;
  }
}
