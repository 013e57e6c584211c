import { slabBytes, userBytes } from "../vitals.ts";
import { startServer } from "./children.ts";
import type { Service } from "./contestants.ts";
import { warmUp } from "./echo.ts";
import { Load, settle } from "./load.ts";
import type { Trial } from "./trial.ts";

const WARM_CONNECTIONS = 2000;
/** Readings are taken until two in a row differ by less: a collector gives memory back little by little. */
const SETTLED_BYTES = 128 * 1024;
const READINGS_MAX = 12;

/** What a silent connection costs, and how fast they come. */
export const idleTrial: Trial = {
  name: "idle",
  measures: [
    {
      id: "idle-user",
      title: "User space for each idle connection",
      unit: "bytes",
      better: "less",
      note:
        "Growth of the PSS of the server's processes, by the number of connections. The server has served others before, " +
        "and collects its garbage before each reading.",
    },
    {
      id: "idle-kernel",
      title: "Kernel for each idle connection",
      unit: "bytes",
      better: "less",
      note: "Growth of Slab in /proc/meminfo, by the number of connections, halved: both ends are on this machine.",
    },
    {
      id: "connects",
      title: "Connections opened a second",
      unit: "1/s",
      better: "more",
      note: "TCP and the upgrade, 256 under way at once, on a core of the server's and a core of the clients'.",
    },
  ],
  skips: ({ echo }) => (echo ? undefined : "has no echo"),
  async run(contestant, { connections }) {
    const service = contestant.echo as Service;
    const { port, pid, stop } = await startServer(service.command);
    try {
      await warmUp(contestant, port, Math.min(WARM_CONNECTIONS, connections), 32);
      const before = await settledBytes(pid);
      const load = new Load(contestant, service, port, { scenario: "idle", connections });
      const { perSecond } = await load.opened();
      const after = await settledBytes(pid);
      await load.summary(true);
      return {
        "idle-user": (after.user - before.user) / connections,
        "idle-kernel": (after.slab - before.slab) / connections / 2,
        connects: perSecond,
      };
    } finally {
      await stop();
    }
  },
};

/** Bytes of a server that has collected its garbage, and of the kernel. */
async function settledBytes(pid: number): Promise<{ user: number; slab: number }> {
  let user = Number.POSITIVE_INFINITY;
  for (let i = 0; i < READINGS_MAX; i++) {
    process.kill(pid, "SIGUSR2");
    await settle();
    const before = user;
    user = userBytes(pid);
    if (Math.abs(user - before) < SETTLED_BYTES) break;
  }
  return { user, slab: slabBytes() };
}
