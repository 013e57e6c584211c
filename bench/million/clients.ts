import { setTimeout as sleep } from "node:timers/promises";
import { Crew, findTarget } from "../../src/load/index.ts";
import type { Fit } from "./fit.ts";

/** Of each process: where there are many, those that wait for each other must not wake one another for each step. */
const OPENING = 128;
const WARM_EACH = 2000;
const LEAVE_MS = 3000;

/** Processes of clients, `arrivals` a second (0: as fast as they are answered), that are about to connect, each to a channel of its own and to the one of all. */
export async function startClients(port: number, connections: number, arrivals: number, fit: Fit): Promise<Crew> {
  const { loads, sources } = fit;
  const crew = new Crew(
    {
      target: await findTarget(`ws://127.0.0.1:${port}/connection/websocket`),
      ...{ connections, scenario: "subscribe", channels: ["own:%d", "all"], sources, driver: "auto", token: "" },
      ...{ rate: 0, busy: 0, arrivals, bytes: 0, opening: OPENING },
    },
    loads,
  );
  await crew.waiting();
  return crew;
}

/** Has some clients come and go, so that what serves for the first time is compiled, and pools have what they keep. */
export async function warmUp(port: number, fit: Fit): Promise<void> {
  const crew = await startClients(port, WARM_EACH * fit.servers, 0, fit);
  await crew.open();
  await crew.end();
  await sleep(LEAVE_MS);
}
