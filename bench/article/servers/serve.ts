import { setTimeout as sleep } from "node:timers/promises";

const COLLECTIONS = 15;
const PAUSE_MS = 40;

/** What the servers have in common: says the port, and collects the garbage on SIGUSR2. */
export function serves(port: number): void {
  process.stdout.write(`port ${port}\n`);
  process.on("SIGUSR2", () => void collect());
}

/** Many times, and with pauses: a dozen collections later V8 gives back what the rush of connections took. */
async function collect(): Promise<void> {
  const { gc } = globalThis as { gc?: () => void };
  for (let i = 0; i < COLLECTIONS; i++) {
    gc?.();
    await sleep(PAUSE_MS);
  }
  process.stdout.write("collected\n");
}
