import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { pinned } from "../bus/contestants.ts";

/** A server under test. */
export interface Server {
  readonly port: number;
  readonly pid: number;
  /** Ends it; resolves when it is gone. */
  stop(): Promise<void>;
}

const SERVER_CORE = 0;
/** Where load runs, beside the servers. */
export const LOAD_CORE = 1;
/** Servers say where they listen as `port 8000`, or as `ws://host:8000/`. */
const LISTENS = /\bport (\d+)\b|ws:\/\/[^/\s]*:(\d+)\//;

const children = new Set<ChildProcess>();
process.once("exit", killAll);

/** A process on a core, which ends with this one at the latest. Its stdout must be read. */
export function startChild(core: number, [command = "", ...args]: readonly string[]): ChildProcess {
  const child = pinned(core, command, args);
  children.add(child);
  child.once("close", () => children.delete(child));
  child.once("error", () => children.delete(child));
  return child;
}

/** Ends all children without a word. */
export function killAll(): void {
  for (const child of children) child.kill("SIGKILL");
}

/** Starts a server; resolves as soon as it says where it listens, and rejects if it ends before. */
export async function startServer(command: readonly string[]): Promise<Server> {
  const child = startChild(SERVER_CORE, command);
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const stop = async () => {
    child.kill("SIGKILL");
    await ended;
  };
  if (!child.stdout) throw new Error("its output is not read");
  const lines = createInterface({ input: child.stdout });
  return await new Promise<Server>((resolve, reject) => {
    child.once("error", reject);
    lines.on("line", (line) => {
      const [, port, other] = LISTENS.exec(line) ?? [];
      if (port ?? other) resolve({ port: Number(port ?? other), pid: child.pid as number, stop });
    });
    void ended.then(() => reject(new Error(`${command.join(" ")} ended with ${child.exitCode ?? child.signalCode}`)));
  });
}

/** What a program prints on stdout, once it has ended well. */
export async function outputOf(core: number, command: readonly string[]): Promise<string> {
  const child = startChild(core, command);
  let said = "";
  child.stdout?.on("data", (chunk) => {
    said += String(chunk);
  });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}`);
  return said;
}
