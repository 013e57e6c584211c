import { setTimeout as pause } from "node:timers/promises";

/** Waits until something holds that tells nobody when it comes to hold; the runner's own timeout is its bound. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await pause(5);
}
