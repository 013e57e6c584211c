import { measureStorm } from "../storm/storm.ts";
import { LOAD_CORE, startServer } from "./children.ts";
import type { Service } from "./contestants.ts";
import type { Trial } from "./trial.ts";

const CHANNELS = 100;
const note =
  "All clients are cut at once and come back as the SDK does: first after 0.5 to 1 s, later each time it fails, and " +
  "subscribe again.";

/** What a reconnect storm costs. */
export const stormTrial: Trial = {
  name: "storm",
  measures: [
    { id: "storm", title: "Time until all clients are back", unit: "ms", better: "less", note },
    {
      id: "storm-cpu",
      title: "CPU for each client that comes back",
      unit: "µs",
      better: "less",
      note: `${note} User and system time of the server's processes, by clients.`,
    },
  ],
  skips({ channels, dialect }) {
    if (!channels) return "has no channels";
    return dialect === undefined ? undefined : "the clients of a storm speak the notification protocol";
  },
  async run(contestant, { clients }) {
    const { port, pid, stop } = await startServer((contestant.channels as Service).command);
    try {
      const { seconds, cpuSeconds } = await measureStorm({ port, pid, clients, channels: CHANNELS, core: LOAD_CORE });
      return { storm: seconds * 1000, "storm-cpu": (cpuSeconds * 1e6) / clients };
    } finally {
      await stop();
    }
  },
};
