import { monitorEventLoopDelay } from "node:perf_hooks";
import type { ProcessStats } from "./source.ts";

/** How often the event loop is looked at: seldom enough that an idle process stays idle. */
const RESOLUTION_MS = 20;

/** Begins to watch this process; each call of what is returned tells the lag since the call before. */
export function watchProcess(): () => ProcessStats {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  const startedAt = Date.now() / 1000 - process.uptime();
  // What is measured is the time from one look to the next.
  const late = (ns: number) => (Number.isFinite(ns) ? Math.max(0, ns / 1e9 - RESOLUTION_MS / 1000) : 0);
  let known = { rss: 0, heapUsed: 0 };
  const memory = () => {
    try {
      known = process.memoryUsage();
    } catch {
      // It is read from a file, and there may be no descriptor left: then metrics are wanted most.
    }
    return known;
  };
  return () => {
    const lag = { p50: late(delays.percentile(50)), p99: late(delays.percentile(99)), max: late(delays.max) };
    delays.reset();
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed } = memory();
    return { startedAt, cpuSeconds: (user + system) / 1e6, residentBytes: rss, heapBytes: heapUsed, lag };
  };
}
