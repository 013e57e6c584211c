import { limits } from "../limits.ts";
import { events, type Netpoll, openDriver, RECORD } from "../netpoll/index.ts";
import { answerText } from "../ws/index.ts";
import { retryAfter } from "./refusal.ts";

/** A client that is refused. */
interface Visitor {
  /** How many bytes of the end of a head (CR LF CR LF) have come in a row; ANSWERED when it was answered. */
  matched: number;
  readonly leavesAt: number;
}

const CR = 13;
const LF = 10;
const HEAD_END = 4;
const ANSWERED = 5;
const TICK_MS = 500;

/**
 * Answers clients 503 while the server is overloaded: on a poll of its own, since the server's may not be harvested.
 * It reads up to the end of the head, keeps nothing of it, and waits for the client to end, since a socket that is
 * closed before its last bytes are read is reset. It has refusalsInFlightMax clients at a time; the others wait in the
 * backlog.
 */
export class Doorman {
  /** How many were answered. */
  refused = 0;
  /** The poll, for listeners to be passed to. */
  readonly poll: Netpoll;
  readonly #reason: () => string;
  readonly #visitors = new Map<number, Visitor>();
  readonly #listeners = new Set<number>();
  /** No descriptor is left: looked at again with the next tick. */
  #isStarved = false;
  #isFull = false;
  #timer: NodeJS.Timeout | undefined;

  /** `reason` is the answer's body. */
  constructor(driver: "native" | "portable", reason: () => string) {
    this.#reason = reason;
    const ready = () => this.#harvest();
    this.poll = openDriver({ choice: driver, inputBytes: 65_536, outputBytes: 0, ready, says: () => {} });
    this.poll.accepts(limits.refusalsInFlightMax);
  }

  /** Takes over a listener that was passed to its poll. */
  add(listener: number): void {
    this.#listeners.add(listener);
    if (this.#isResting) this.poll.rest(listener);
  }
  /** A listener is about to be passed on. */
  remove(listener: number): void {
    this.#listeners.delete(listener);
  }

  /** Cuts all visitors, and ends the poll. */
  close(): void {
    clearInterval(this.#timer);
    for (const fd of [...this.#visitors.keys()]) this.#leave(fd);
    this.poll.destroy();
  }

  #harvest(): void {
    const { records, slab } = this.poll;
    const end = this.poll.wait() * RECORD;
    for (let i = 0; i < end; i += RECORD) {
      const fd = records[i] as number;
      const offset = records[i + 3] as number;
      switch (records[i + 1]) {
        case events.ACCEPTED:
          this.#visitors.set(fd, { matched: 0, leavesAt: performance.now() + limits.refusalSecondsMax * 1000 });
          break;
        case events.DATA:
          this.#read(fd, slab, offset, offset + (records[i + 2] as number));
          break;
        case events.END:
          this.#leave(fd);
          break;
        case events.RESTED:
          this.#settle(true, this.#isFull);
          break;
      }
    }
    this.#bound(this.#isStarved);
    if (this.#visitors.size > 0 || this.#isStarved) this.#timer ??= setInterval(() => this.#tick(), TICK_MS).unref();
  }

  #read(fd: number, bytes: Buffer, from: number, to: number): void {
    const visitor = this.#visitors.get(fd);
    if (!visitor || visitor.matched === ANSWERED) return;
    for (let i = from; i < to && visitor.matched < HEAD_END; i++) {
      const wanted = visitor.matched % 2 === 0 ? CR : LF;
      visitor.matched = bytes[i] === wanted ? visitor.matched + 1 : bytes[i] === CR ? 1 : 0;
    }
    if (visitor.matched < HEAD_END) return;
    visitor.matched = ANSWERED;
    this.refused++;
    // Who came before it was over, and asked after that, is answered all the same.
    const reason = this.#reason() || "the server was overloaded";
    const answer = Buffer.from(answerText(503, reason, { "Retry-After": retryAfter() }), "latin1");
    this.poll.send(fd, answer, 0, answer.length);
    this.poll.shutdown(fd);
  }

  #leave(fd: number): void {
    if (this.#visitors.delete(fd)) this.poll.close(fd);
  }

  /** Those who take too long leave, the oldest first; a listener that rested for want of descriptors looks again. */
  #tick(): void {
    const now = performance.now();
    for (const [fd, { leavesAt }] of this.#visitors) {
      if (leavesAt > now) break;
      this.#leave(fd);
    }
    this.#bound(false);
    if (this.#visitors.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #bound(isStarved: boolean): void {
    const room = limits.refusalsInFlightMax - this.#visitors.size;
    this.poll.accepts(room);
    this.#settle(isStarved, this.#isFull ? room < limits.refusalsInFlightMax / 4 : room === 0);
  }

  get #isResting(): boolean {
    return this.#isStarved || this.#isFull;
  }

  #settle(isStarved: boolean, isFull: boolean): void {
    const was = this.#isResting;
    this.#isStarved = isStarved;
    this.#isFull = isFull;
    if (this.#isResting === was) return;
    for (const listener of this.#listeners) {
      if (was) this.poll.resume(listener);
      else this.poll.rest(listener);
    }
  }
}
