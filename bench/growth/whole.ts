import { setTimeout as sleep } from "node:timers/promises";
import { startClients, warmUp } from "../million/clients.ts";
import { fitOf } from "../million/fit.ts";
import type { Options } from "../million/options.ts";
import { Servers } from "../million/servers.ts";
import { coresAtRest, memoryOf, openAll } from "../million/stages.ts";

/** What each of so many connections costs servers with real sockets. */
export interface Whole {
  /** Bytes of user space, and of the kernel's at the server's end. */
  readonly user: number;
  readonly kernel: number;
  /** Microseconds of CPU a second, to ping it and to take its pong, beyond what the processes need without any. */
  readonly rest: number;
  /** Microseconds of CPU to open it, with two subscriptions. */
  readonly open: number;
  /** Microseconds of CPU for each delivery of a publication to all. */
  readonly fanout: number;
}

const PORT = 8766;
const PING_SECONDS = 25;
/** Many processes on few cores need time for their heartbeats too. */
const ARRIVALS = 5000;
/** Deliveries that one measurement is made of: many ticks of the kernel's clock. */
const DELIVERIES = 200_000;

/** Measures servers with so many connections, as many processes as their descriptors ask for. */
export async function whole(connections: number, restSeconds: number): Promise<Whole> {
  const fit = fitOf({ connections } as Options);
  if (typeof fit === "string") throw new Error(fit);
  const servers = await Servers.start({
    port: PORT,
    processes: fit.servers,
    apiKey: "growth",
    pingSeconds: PING_SECONDS,
  });
  try {
    await warmUp(PORT, fit);
    const before = await memoryOf(servers);
    const idle = await coresAtRest(servers, undefined, restSeconds);
    const crew = await startClients(PORT, connections, ARRIVALS, fit);
    const openNs = servers.cpuNs;
    await openAll(crew, () => {});
    const open = (servers.cpuNs - openNs) / 1000 / connections;
    await sleep(3000);
    const after = await memoryOf(servers);
    const rest = await coresAtRest(servers, crew, restSeconds);
    const publications = Math.max(2, Math.ceil(DELIVERIES / connections));
    const fanNs = servers.cpuNs;
    for (let i = 0; i < publications; i++) {
      await servers.call("publish", { channel: "all", data: { n: i, text: "a mail has come" } });
      await sleep(Math.max(20, connections / 40));
    }
    await sleep(1000);
    const fanout = (servers.cpuNs - fanNs) / 1000 / (publications * connections);
    const { lost, failed } = crew.look();
    await crew.end();
    if (lost + failed > 0) throw new Error(`${lost} connections were lost, ${failed} not opened`);
    return {
      user: (after.user - before.user) / connections,
      kernel: (after.slab - before.slab) / connections / 2,
      rest: ((rest.servers - idle.servers) * 1e6) / connections,
      ...{ open, fanout },
    };
  } finally {
    await servers.stop();
  }
}
