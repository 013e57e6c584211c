import { randomBytes } from "node:crypto";
import { limits } from "../../limits.ts";
import type { ListeningAddress } from "../../server.ts";
import type { Loopbacks } from "../loopbacks.ts";

/** What {@link HealthCheck} needs of the server. */
export interface HealthParts {
  readonly loopbacks: Loopbacks;
  /** Where this process listens, and no other. Rejects when it does not listen. */
  readonly address: () => Promise<ListeningAddress>;
  /** Subscribes a descriptor to a channel, here and on the Bus. */
  readonly subscribe: (fd: number, channel: string) => void;
  /** Publishes through the Bus. */
  readonly publish: (channel: string, data: string) => Promise<unknown>;
  /** Told when checks begin to fail, and when they succeed again: why is not for everybody who may ask. */
  readonly warn: (line: string) => void;
  /** Default limits.healthSecondsMax. */
  readonly secondsMax?: number | undefined;
}

/**
 * The way of a notification, in the order in which a check goes it; "answer" is that of one of several processes that
 * says nothing at all.
 */
export type HealthStep = "listen" | "accept" | "upgrade" | "subscribe" | "publish" | "receive" | "answer";

/** What a check has found: how long it took, and where it failed. */
export interface Health {
  readonly status: "ok" | "failing";
  readonly ms: number;
  readonly step?: HealthStep;
}

/**
 * Whether notifications arrive. A check is a client: it connects, is upgraded, subscribed to a channel that nobody else
 * knows, and waits for what is published there through the Bus. Each one is made anew, since a connection that is kept
 * would not notice that nobody is let in any more; and however many ask, they share one in a second.
 */
export class HealthCheck {
  readonly #parts: HealthParts;
  #last: Promise<Health> | undefined;
  #sinceMs = 0;
  #isFailing = false;
  /** How many checks were made. */
  checks = 0;

  constructor(parts: HealthParts) {
    this.#parts = parts;
  }

  /** Resolves within healthSecondsMax, and never rejects. */
  check(): Promise<Health> {
    const now = performance.now();
    if (this.#last && now - this.#sinceMs < limits.healthSharedMs) return this.#last;
    this.#sinceMs = now;
    this.checks++;
    const last = this.#check().finally(() => {
      // Who asks right after it has waited gets an answer that is as new.
      this.#sinceMs = performance.now();
    });
    this.#last = last;
    return last;
  }

  async #check(): Promise<Health> {
    const secondsMax = this.#parts.secondsMax ?? limits.healthSecondsMax;
    const since = performance.now();
    const round = new Round(this.#parts);
    const end = new AbortController();
    const timer = setTimeout(
      () => end.abort(new Error(`nothing after ${secondsMax} s (healthSecondsMax)`)),
      secondsMax * 1000,
    );
    const ms = () => Math.round((performance.now() - since) * 100) / 100;
    try {
      await Promise.race([round.run(end.signal), aborted(end.signal)]);
      this.#tell(false, () => "the health check succeeds again");
      return { status: "ok", ms: ms() };
    } catch (error) {
      const { step } = round;
      this.#tell(true, () => `the health check failed at "${step}": ${error instanceof Error ? error.message : error}`);
      return { status: "failing", ms: ms(), step };
    } finally {
      clearTimeout(timer);
      end.abort(new Error("the check is over"));
    }
  }

  #tell(isFailing: boolean, line: () => string): void {
    if (this.#isFailing === isFailing) return;
    this.#isFailing = isFailing;
    this.#parts.warn(line());
  }
}

/** One check. */
class Round {
  step: HealthStep = "listen";
  readonly #parts: HealthParts;

  constructor(parts: HealthParts) {
    this.#parts = parts;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { loopbacks, address, subscribe, publish } = this.#parts;
    const at = await address();
    signal.throwIfAborted();
    this.step = "accept";
    const { socket, connection, channel } = await loopbacks.connect(at, signal, () => {
      this.step = "upgrade";
    });
    const data = JSON.stringify(randomBytes(16).toString("hex"));
    const received = new Promise<void>((resolve) => {
      let came = "";
      socket.on("data", (bytes) => {
        came += bytes.toString("latin1");
        if (came.includes(data)) resolve();
      });
    });
    try {
      this.step = "subscribe";
      subscribe(connection.descriptor, channel);
      this.step = "publish";
      await Promise.race([publish(channel, data), aborted(signal)]);
      this.step = "receive";
      await Promise.race([received, aborted(signal)]);
    } finally {
      connection.close(1000, "");
      socket.destroy();
    }
  }
}

/** Rejects when it is aborted. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
