import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** A Bus under test. */
export interface Contestant {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  stop(): void;
}

const NATS_SERVER = "/usr/sbin/nats-server";
const BELFRY = fileURLToPath(new URL("../../../bin/belfry.js", import.meta.url));
const START_MS = 10_000;

/** Whether nats-server is here; without it belfry bus is measured alone. */
export const hasNats = existsSync(NATS_SERVER);

/** Starts `belfry bus`, pinned to a core. */
export async function startBelfry(core: number): Promise<Contestant> {
  const port = await freePort();
  const own = ["bus", "--host", "127.0.0.1", "--port", `${port}`];
  return await started("belfry bus", port, pinned(core, process.execPath, [BELFRY, ...own]));
}

/** Starts nats-server with JetStream, pinned to a core. */
export async function startNats(core: number): Promise<Contestant> {
  const port = await freePort();
  const store = mkdtempSync(join(tmpdir(), "belfry-bench-"));
  const child = pinned(core, NATS_SERVER, [
    "-a",
    "127.0.0.1",
    "-p",
    `${port}`,
    "-js",
    "-sd",
    store,
    "-l",
    join(store, "log"),
  ]);
  child.once("exit", () => rmSync(store, { recursive: true, force: true }));
  return await started("nats-server", port, child);
}

/** A process on one core, as far as this system lets one choose. */
export function pinned(core: number, command: string, args: readonly string[]): ChildProcess {
  const stdio = ["ignore", "pipe", "inherit"] as const;
  if (!existsSync("/usr/bin/taskset")) return spawn(command, args, { stdio: [...stdio] });
  return spawn("taskset", ["-c", `${core}`, command, ...args], { stdio: [...stdio] });
}

async function started(name: string, port: number, child: ChildProcess): Promise<Contestant> {
  child.stdout?.resume();
  const until = performance.now() + START_MS;
  while (!(await answers(port))) {
    if (performance.now() > until) throw new Error(`${name} does not listen on port ${port}`);
    await sleep(50);
  }
  return { name, port, pid: child.pid as number, stop: () => void child.kill("SIGKILL") };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function answers(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
