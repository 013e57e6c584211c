import { connect, type Socket } from "node:net";
import type { Crowd } from "../crowd/crowd.ts";
import type { Fleet, Instance } from "../crowd/fleet.ts";
import type { Random } from "./random.ts";

/** What a disturbance has to do with. */
export interface Scene {
  readonly fleet: Fleet;
  readonly crowd: Crowd;
  readonly clients: number;
  readonly random: Random;
  /** Instances that are as they should be: only these are disturbed, and one of them is left alone. */
  readonly calm: Set<Instance>;
}

/** Disturbs, and puts right again; resolves when it is over. The name says what it does, in the table at the end. */
export type Action = (scene: Scene) => Promise<void>;

const STALL_MS_MAX = 4000;
const DOWN_MS_MAX = 2000;
const FLOOD_SOCKETS = 200;

/** All disturbances, by name. */
export const actions: Readonly<Record<string, Action>> = {
  "kill an instance": async ({ random, ...scene }) => {
    await alone(scene.calm, random, async (instance) => {
      await instance.end("SIGKILL");
      await after(random.below(DOWN_MS_MAX));
      await instance.start();
    });
  },
  "restart an instance in order": async ({ random, ...scene }) => {
    await alone(scene.calm, random, async (instance) => {
      await instance.end("SIGTERM");
      await instance.start();
    });
  },
  "kill a worker": async ({ fleet, random }) => {
    const pid = workersOf(fleet)[random.below(workersOf(fleet).length)];
    if (pid !== undefined) signal(pid, "SIGKILL");
    await after(random.below(DOWN_MS_MAX));
  },
  "stall an instance": async ({ random, ...scene }) => {
    await alone(scene.calm, random, async (instance) => await stall(instance, random.below(STALL_MS_MAX)));
  },
  "stall the Bus": async ({ fleet, random }) => await stall(fleet.bus, random.below(STALL_MS_MAX / 2)),
  "reset connections": async ({ crowd, clients, random }) => {
    crowd.say({ cut: 1 + random.below(Math.ceil(clients / 5)) });
    await after(500);
  },
  "flood with what is no request": async ({ fleet, random }) => {
    const port = fleet.ports[random.below(fleet.ports.length)] as number;
    const sockets = Array.from({ length: FLOOD_SOCKETS }, () => nonsense(port, random));
    await after(1000);
    for (const socket of sockets) socket.resetAndDestroy();
  },
};

/** Disturbs one of the calm, unless it is the last. */
async function alone(calm: Set<Instance>, random: Random, disturb: (instance: Instance) => Promise<void>) {
  const all = [...calm];
  const instance = all[random.below(all.length)];
  if (!instance || all.length < 2) return;
  calm.delete(instance);
  await disturb(instance);
  calm.add(instance);
}

async function stall(instance: Instance, ms: number): Promise<void> {
  instance.child?.kill("SIGSTOP");
  await after(ms);
  instance.child?.kill("SIGCONT");
}

/** The workers that live now. */
function workersOf({ instances }: Fleet): number[] {
  const said = instances.flatMap(({ lines }) => lines.map((line) => /serves as process (\d+)/.exec(line)?.[1]));
  return said.filter((pid) => pid !== undefined && signal(Number(pid), 0)).map(Number);
}

function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

/** A connection that says half of a request, or bytes at random, or nothing. */
function nonsense(port: number, random: Random): Socket {
  const socket = connect(port, "127.0.0.1").on("error", () => {});
  const kinds = [
    () => "GET /connection/websocket HTTP/1.1\r\nHost: ",
    () => Buffer.from(Array.from({ length: 2000 }, () => random.below(256))),
    () => "",
  ];
  socket.write((kinds[random.below(kinds.length)] as () => string | Buffer)());
  return socket;
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
