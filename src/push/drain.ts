import { limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { Clients } from "./clients.ts";

/** How a server ends that others go on after. */
export interface DrainHow {
  /** How long it goes on as before, so that balancers notice that it is not ready any more. Default 0. */
  readonly delaySeconds?: number;
  /** Over how long its connections are closed, one after the other in random order. Default 0: all at once. */
  readonly spreadSeconds?: number;
}

/** What {@link Drain} needs of the other parts. */
export interface DrainParts {
  readonly clients: Pick<Clients, "connected" | "each" | "isConnected" | "generationOf">;
  /** Tells a client to come back, elsewhere or later. */
  readonly dismiss: (fd: number) => void;
  /** Lets nobody in any more; resolves when that is so. */
  readonly stopListening: () => Promise<void>;
  readonly log: Log;
}

/**
 * The end of a server that nobody notices. Clients come back within a second of their close, so the rate at which they
 * are closed is the rate of handshakes that the other servers see; and no client can be told to come back later. The
 * connections that there are get one array, made at the drain; who is closed next stands in it.
 */
export class Drain {
  readonly #parts: DrainParts;
  #reason: string | undefined;
  #run: Promise<void> | undefined;
  #isHurried = false;
  #wake = () => {};
  /** Descriptors in random order, and the generation of each, from `#next` on those that are still to be closed. */
  #fds = new Int32Array(0);
  #generations = new Uint32Array(0);
  #next = 0;

  constructor(parts: DrainParts) {
    this.#parts = parts;
  }

  /** Why the server is not ready for new clients, in one line; undefined while it is. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** Resolves when no client is left, or the time is over, or somebody hurries. A further call changes nothing. */
  run(how: DrainHow): Promise<void> {
    this.#run ??= this.#drain(how);
    return this.#run;
  }

  /** Ends all waiting. */
  hurry(): void {
    this.#reason = "closing";
    this.#isHurried = true;
    this.#wake();
  }

  async #drain({ delaySeconds = 0, spreadSeconds = 0 }: DrainHow): Promise<void> {
    this.#reason = "draining";
    await this.#pause(delaySeconds * 1000);
    if (this.#isHurried) return;
    await this.#parts.stopListening();
    await this.#spread(spreadSeconds * 1000);
  }

  async #spread(msMax: number): Promise<void> {
    const { clients, log } = this.#parts;
    const all = clients.connected;
    const startedAt = performance.now();
    const endsAt = startedAt + Math.min(msMax, (all * 1000) / limits.drainPerSecondMin);
    let loggedAt = -Infinity;
    while (clients.connected > 0) {
      if (this.#isHurried) return;
      const now = performance.now();
      this.#reason = `draining: ${count(clients.connected)} of ${count(all)} connections left`;
      if (now - loggedAt >= limits.drainLogMs) {
        log.info(this.#reason);
        loggedAt = now;
      }
      // A share of those that are left now: a tick that is late, or clients that came meanwhile, make no crowd.
      this.#dismiss(Math.ceil((clients.connected * limits.drainTickMs) / Math.max(limits.drainTickMs, endsAt - now)));
      // That was all of them.
      if (now >= endsAt) return;
      await this.#pause(limits.drainTickMs);
    }
  }

  #dismiss(countMax: number): void {
    const { clients, dismiss } = this.#parts;
    for (let left = countMax; left > 0 && clients.connected > 0; ) {
      if (this.#next === this.#fds.length) this.#gather();
      const fd = this.#fds[this.#next] as number;
      const isSame = clients.generationOf(fd) === this.#generations[this.#next];
      this.#next++;
      if (!isSame || !clients.isConnected(fd)) continue;
      dismiss(fd);
      left--;
    }
  }

  /** Everybody who is connected now, in random order. */
  #gather(): void {
    const { clients } = this.#parts;
    const fds = new Int32Array(clients.connected);
    let length = 0;
    clients.each((fd) => {
      // Fisher and Yates, from the front: the new one takes a place at random, whose owner moves to the end.
      const at = Math.floor(Math.random() * (length + 1));
      fds[length++] = fds[at] as number;
      fds[at] = fd;
    });
    this.#fds = fds;
    this.#generations = Uint32Array.from(fds, (fd) => clients.generationOf(fd));
    this.#next = 0;
  }

  async #pause(ms: number): Promise<void> {
    if (this.#isHurried || ms <= 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function count(connections: number): string {
  return connections.toLocaleString("en-US");
}
