import { limits } from "../limits.ts";
import type { Log } from "../log.ts";

/** The three ways to end, each faster than the one before. */
export interface Endings {
  /** In order: clients are closed one after the other. */
  readonly drain: () => void;
  /** Clients are closed at once. May come without `drain`. */
  readonly hurry: () => void;
  /** Nobody is told; the process is ended after it. */
  readonly kill: () => void;
}

/**
 * A first SIGTERM drains, a second one hurries, a third ends the process at once, with the exit code that shells give
 * to the signal. A SIGINT hurries from the start: it is sent by a person at a terminal, who waits.
 */
export function onSignals(log: Log, endings: Endings): void {
  const steps = ["drain", "hurry", "kill"] as const;
  let next = 0;
  let lastMs = -Infinity;
  for (const [signal, number] of [["SIGINT", 2] as const, ["SIGTERM", 15] as const]) {
    process.on(signal, () => {
      const now = performance.now();
      if (now - lastMs <= limits.signalTwinMs) return;
      lastMs = now;
      if (signal === "SIGINT") next = Math.max(next, 1);
      const step = steps[next++] ?? "kill";
      log.info(`${signal}: ${sentences[step]}`);
      endings[step]();
      if (step === "kill") process.exit(128 + number);
    });
  }
}

const sentences = {
  drain: "draining; another signal closes all at once",
  hurry: "closing; another signal ends without a word",
  kill: "ending",
} as const;
