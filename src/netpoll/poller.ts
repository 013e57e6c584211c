import { SystemError } from "../errors.ts";
import { type Binding, events, interest, loadBinding, type Poll, RECORD } from "./binding.ts";
import { errnoName } from "./errno.ts";

/** What a descriptor is watched for. `once`: the watch rests after each event until it is resumed. */
export interface Watch {
  readable?: boolean;
  writable?: boolean;
  once?: boolean;
}

/** What a descriptor is ready for. An end of stream or an error is `readable`: the read tells which. */
export interface Readiness {
  readonly readable: boolean;
  readonly writable: boolean;
}

/**
 * A poller for those who want netpoll alone, in the shape of mailru/easygo's: `start` a descriptor with a callback,
 * `stop` it, `resume` one that was watched `once`. It never reads or writes by itself and owns no descriptor; use
 * `read` and `write`, which never block. Needs the addon.
 */
export class Poller {
  readonly #binding: Binding = loadBinding();
  readonly #records = new Int32Array(1024 * 2 * RECORD);
  readonly #watched = new Map<number, { bits: number; callback: (ready: Readiness) => void }>();
  readonly #poll: Poll;

  constructor() {
    const poll = this.#binding.open(new Uint8Array(0), this.#records, 0, () => this.#harvest());
    if (typeof poll === "number") throw new SystemError(errnoName(poll), "open the poll");
    this.#poll = poll;
  }

  /**
   * Watches a descriptor that can be polled; while any is watched the process stays alive. Throws {@link SystemError}.
   */
  start(fd: number, watch: Watch, callback: (ready: Readiness) => void): void {
    const bits =
      (watch.readable ? interest.READ : 0) | (watch.writable ? interest.WRITE : 0) | (watch.once ? interest.ONCE : 0);
    this.#check(this.#binding.watch(this.#poll, fd, bits, this.#watched.has(fd) ? 1 : 0), `watch descriptor ${fd}`);
    this.#watched.set(fd, { bits, callback });
    this.#binding.watching(this.#poll, 1);
  }

  /** Ends the watch; the descriptor stays open. Call it before the descriptor is closed. */
  stop(fd: number): void {
    if (!this.#watched.delete(fd)) return;
    this.#binding.release(this.#poll, fd);
    if (this.#watched.size === 0) this.#binding.watching(this.#poll, 0);
  }

  /** Renews a watch that was started with `once`. */
  resume(fd: number): void {
    const watched = this.#watched.get(fd);
    if (watched) this.#check(this.#binding.watch(this.#poll, fd, watched.bits, 1), `resume descriptor ${fd}`);
  }

  /** Reads what is there: the bytes, `undefined` when there are none now, an empty array at the end of the stream. */
  read(fd: number, into: Uint8Array): Uint8Array | undefined {
    const got = this.#binding.receive(fd, into);
    if (got < 0 && errnoName(got) === "EAGAIN") return undefined;
    this.#check(got, `read descriptor ${fd}`);
    return into.subarray(0, got);
  }

  /** Writes what the socket takes now; returns how many bytes that were. */
  write(fd: number, bytes: Uint8Array): number {
    const sent = this.#binding.send(fd, bytes, 0, bytes.length);
    if (sent < 0 && errnoName(sent) === "EAGAIN") return 0;
    return this.#check(sent, `write descriptor ${fd}`);
  }

  /** Ends all watches. The poller is of no use afterwards. */
  close(): void {
    this.#watched.clear();
    this.#binding.destroy(this.#poll);
  }

  #check(result: number, action: string): number {
    if (result < 0) throw new SystemError(errnoName(result), action);
    return result;
  }

  #harvest(): void {
    const count = this.#binding.wait(this.#poll);
    for (let i = 0; i < count * RECORD; i += RECORD) {
      if (this.#records[i + 1] !== events.READY) continue;
      const bits = this.#records[i + 2] as number;
      this.#watched.get(this.#records[i] as number)?.callback({
        readable: (bits & interest.READ) !== 0,
        writable: (bits & interest.WRITE) !== 0,
      });
    }
  }
}
