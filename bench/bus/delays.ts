import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Centrifuge } from "centrifuge";
import { WebSocket } from "ws";

/** How long a notification takes from the Storage to a client, in milliseconds. */
export interface Delays {
  readonly p50: number;
  readonly p99: number;
}

const PARTY = fileURLToPath(new URL("./party.js", import.meta.url));
const CHANNELS = 100;
/** The first ones find no compiled code, and are not counted. */
const WARM_UP = 500;

/** Measures the way Storage → Bus → notification API → SDK over a Bus: its address, or "memory". */
export async function measureDelays(url: string, count: number, rate: number): Promise<Delays> {
  const isMemory = url === "memory";
  const api = start(isMemory ? "both" : "api", url, count, rate);
  const storage = isMemory ? api : start("storage", url, count, rate);
  const client = new Centrifuge(`ws://127.0.0.1:${await portOf(api)}/connection/websocket`, { websocket: WebSocket });
  const delays: number[] = [];
  try {
    client.connect();
    await new Promise<void>((resolve) => {
      let subscribed = 0;
      for (let i = 0; i < CHANNELS; i++) {
        const subscription = client.newSubscription(`mail:${i}`);
        subscription.on("publication", ({ data }) => {
          delays.push(Number(process.hrtime.bigint() - BigInt(data as string)) / 1e6);
          if (delays.length === count) resolve();
        });
        subscription.on("subscribed", () => ++subscribed === CHANNELS && storage.stdin?.write("go\n"));
        subscription.subscribe();
      }
    });
  } finally {
    client.disconnect();
    for (const child of new Set([api, storage])) child.kill("SIGKILL");
  }
  const counted = delays.slice(WARM_UP).sort((a, b) => a - b);
  const percentile = (p: number) => counted[Math.floor(counted.length * p)] ?? Number.NaN;
  return { p50: percentile(0.5), p99: percentile(0.99) };
}

function start(role: string, url: string, count: number, rate: number): ChildProcess {
  return spawn(process.execPath, [PARTY, role, url, `${count}`, `${rate}`], { stdio: ["pipe", "pipe", "inherit"] });
}

async function portOf(child: ChildProcess): Promise<number> {
  let said = "";
  for await (const chunk of child.stdout ?? []) {
    said += String(chunk);
    const port = /port (\d+)\n/.exec(said)?.[1];
    if (port !== undefined) return Number(port);
  }
  throw new Error("the notification API did not start");
}
