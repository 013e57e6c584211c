import { startServer } from "./children.ts";
import type { Service } from "./contestants.ts";
import { warmUp } from "./echo.ts";
import { Load, settle } from "./load.ts";
import type { Trial } from "./trial.ts";

const BYTES = 32;
/** Time to see the slowest thousandth more than once. */
const SECONDS_TIMES = 2;

const note =
  "Echoes of 32 B at half of the server's own rate in a closed loop, beside silent connections. Messages are sent when " +
  "they are due, and their time counts from then, whether or not an earlier one was answered.";

/** How long an echo takes at half load, with a crowd of idle connections beside. */
export const latencyTrial: Trial = {
  name: "latency",
  measures: [
    { id: "latency-p50", title: "Time of an echo at half load, median", unit: "ms", better: "less", note },
    { id: "latency-p99", title: "Time of an echo at half load, p99", unit: "ms", better: "less", note },
    { id: "latency-p999", title: "Time of an echo at half load, p99.9", unit: "ms", better: "less", note },
    {
      id: "latency-rate",
      title: "The half load: echoes a second",
      unit: "1/s",
      better: "more",
      note: "Half of what server and clients, a core each, came to in a closed loop just before.",
    },
  ],
  skips: ({ echo }) => (echo ? undefined : "has no echo"),
  async run(contestant, { connections, busy, seconds }) {
    const service = contestant.echo as Service;
    const { port, stop } = await startServer(service.command);
    const load = (more: { seconds: number; rate?: number }) =>
      new Load(contestant, service, port, {
        ...{ scenario: "echo", connections: connections + busy, busy, size: BYTES },
        ...more,
      }).summary();
    try {
      await warmUp(contestant, port, busy, BYTES);
      const rate = Math.floor((await load({ seconds })).perSecond / 2);
      await settle();
      const { latencyMs } = await load({ seconds: seconds * SECONDS_TIMES, rate });
      return {
        "latency-p50": latencyMs.p50,
        "latency-p99": latencyMs.p99,
        "latency-p999": latencyMs.p999,
        "latency-rate": rate,
      };
    } finally {
      await stop();
    }
  },
};
