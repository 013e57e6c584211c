import { setTimeout as sleep } from "node:timers/promises";
import { limits } from "../../src/limits.ts";
import { Crew, findTarget } from "../../src/load/index.ts";
import type { Fit } from "./fit.ts";

const WARM_EACH = 1000;
const LEAVE_MS = 3000;

/** Processes of clients that are about to connect, each to a channel of its own and to the one of all. */
export async function startClients(port: number, connections: number, { loads, sources }: Fit): Promise<Crew> {
  const crew = new Crew(
    {
      target: await findTarget(`ws://127.0.0.1:${port}/connection/websocket`),
      ...{ connections, scenario: "subscribe", channels: ["own:%d", "all"], sources, driver: "auto", token: "" },
      ...{ rate: 0, busy: 0, arrivals: 0, bytes: 0, opening: Math.max(8, Math.ceil(limits.loadOpeningMax / loads)) },
    },
    loads,
  );
  await crew.waiting();
  return crew;
}

/** Has some clients come and go, so that what serves for the first time is compiled, and pools have what they keep. */
export async function warmUp(port: number, fit: Fit): Promise<void> {
  const crew = await startClients(port, WARM_EACH * fit.servers, fit);
  await crew.open();
  await crew.end();
  await sleep(LEAVE_MS);
}
