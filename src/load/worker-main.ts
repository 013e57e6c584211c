import type { Share } from "./plan.ts";
import type { Report } from "./tally.ts";
import { Worker } from "./worker.ts";

/** What one process is told: its share at first, then to open it, that all are there, and that it is over. */
export type Order = { readonly share: Share } | { readonly do: "open" | "start" | "end" };

/** What it tells: once each second, and whenever something has changed that others wait for. */
export interface Told {
  readonly state: "waiting" | "arrived" | "ended";
  readonly report: Report;
}

const REPORT_MS = 1000;

let worker: Worker | undefined;
let state: Told["state"] = "waiting";

function tell(): void {
  if (!worker || !process.connected) return;
  // The one that asked may be gone at any time: that ends this process by itself.
  process.send?.({ state, report: worker.tally.take() } satisfies Told, undefined, undefined, () => {});
}

process.on("message", (order: Order) => {
  if ("share" in order) {
    worker = new Worker(order.share, () => {
      state = "arrived";
      tell();
    });
    setInterval(tell, REPORT_MS);
    tell();
  } else if (order.do === "open") {
    worker?.open();
  } else if (order.do === "start") {
    worker?.start();
  } else {
    state = "ended";
    tell();
    process.disconnect();
  }
});
// An interrupt at a terminal goes to all processes; the one that asked decides.
process.on("SIGINT", () => {});
// Without the one that asked there is nothing to do; the connections end with the process.
process.on("disconnect", () => process.exit());
