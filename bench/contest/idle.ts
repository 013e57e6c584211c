import { startServer } from "./children.ts";
import type { Service } from "./contestants.ts";
import { warmUp } from "./echo.ts";
import { Load, settle } from "./load.ts";
import type { Trial } from "./trial.ts";
import { slabBytes, userBytes } from "./vitals.ts";

const WARM_CONNECTIONS = 2000;

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
    const collect = async () => {
      process.kill(pid, "SIGUSR2");
      await settle();
    };
    try {
      await warmUp(contestant, port, Math.min(WARM_CONNECTIONS, connections), 32);
      await collect();
      const [user, slab] = [userBytes(pid), slabBytes()];
      const load = new Load(contestant, service, port, { scenario: "idle", connections });
      const { perSecond } = await load.opened();
      await collect();
      const values = {
        "idle-user": (userBytes(pid) - user) / connections,
        "idle-kernel": (slabBytes() - slab) / connections / 2,
        connects: perSecond,
      };
      await load.summary(true);
      return values;
    } finally {
      await stop();
    }
  },
};
