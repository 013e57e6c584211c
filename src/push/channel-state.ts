import type { Log } from "../log.ts";
import type { Hooks } from "./hooks.ts";

/**
 * Tells the application's channelState hook that a channel has its first subscriber, or that the last one has gone. It
 * is told amid the work on a subscription, which a hook that throws or rejects must not break off: that is logged.
 */
export function tellState(hooks: Hooks, log: Log, channel: string, occupied: boolean): void {
  if (!hooks.channelState) return;
  new Promise((resolve) => resolve(hooks.channelState?.(channel, occupied))).catch((failure: unknown) =>
    log.error(`the channelState hook failed: ${String(failure)}`),
  );
}
