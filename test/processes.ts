import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { NatsOptions } from "../src/bus/index.ts";

/** Processes that tests end without a word, stop, or cut off: the Bus, notification APIs, publishers. */

/** What ends with a test. */
export interface Ending {
  after(done: () => void | Promise<void>): void;
}

/** Whether the long figures are wanted: `BELFRY_FAULTS=full`. */
export const isFull = process.env["BELFRY_FAULTS"] === "full";

/** A process that runs, and the lines that it says. */
export class Running {
  readonly lines: string[] = [];
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  #wake = () => {};
  #isGone = false;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.pid = child.pid as number;
    this.#exited = once(child, "close").then(() => {
      this.#isGone = true;
      this.#wake();
    });
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream as NodeJS.ReadableStream }).on("line", (line) => {
        this.lines.push(line);
        this.#wake();
      });
    }
  }

  /** Starts it; the test's end ends it. */
  static async start(t: Ending, [command = "", ...args]: readonly string[]): Promise<Running> {
    const child = spawn(command, args, { stdio: "pipe" });
    await once(child, "spawn");
    const running = new Running(child);
    t.after(() => running.kill("SIGKILL"));
    return running;
  }

  /** Waits for a line, behind the first `from`; rejects with all that was said when the process ends before. */
  async says(pattern: RegExp, from = 0): Promise<RegExpExecArray> {
    for (let at = from; ; ) {
      for (; at < this.lines.length; at++) {
        const found = pattern.exec(this.lines[at] as string);
        if (found) return found;
      }
      if (this.#isGone) throw new Error(`it ended and never said ${pattern}:\n${this.lines.join("\n")}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Waits for its end; its exit code, null if a signal ended it. */
  async ended(): Promise<number | null> {
    await this.#exited;
    return this.#child.exitCode;
  }

  /** Ends what it reads. */
  endInput(): void {
    this.#child.stdin?.end();
  }

  /** Sends a signal without waiting for what comes of it. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends it, and waits until it is gone. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    this.#child.kill(signal);
    await this.#exited;
  }
}

/** Where a Bus is to be. */
export interface BusPlace {
  readonly port: number;
  /** Where histories outlive the process. */
  readonly data: string;
  /** Default: this machine alone. */
  readonly host?: string;
  /** Stands before the command: `ip netns exec …`. */
  readonly before?: readonly string[];
  /** Further arguments. */
  readonly more?: readonly string[];
}

/** Starts a Bus in a process of its own; resolves when it listens. */
export type StartBus = (t: Ending, place: BusPlace) => Promise<Running>;

const BELFRY = fileURLToPath(new URL("../../bin/belfry.js", import.meta.url));
const NATS_SERVER = "/usr/sbin/nats-server";

/** Starts `belfry bus`. */
export const startBelfryBus: StartBus = async (t, { port, data, host = "127.0.0.1", before = [], more = [] }) => {
  const argv = [process.execPath, BELFRY, "bus", "--host", host, "--port", `${port}`, "--data", data];
  const bus = await Running.start(t, [...before, ...argv, ...more]);
  await bus.says(/nats:\/\/localhost:\d+/);
  return bus;
};

/** Starts nats-server with JetStream. */
export const startNatsServer: StartBus = async (t, { port, data, host = "127.0.0.1", before = [], more = [] }) => {
  const argv = [NATS_SERVER, "-a", host, "-p", `${port}`, "-js", "-sd", data];
  const bus = await Running.start(t, [...before, ...argv, ...more]);
  await bus.says(/Server is ready/);
  return bus;
};

/** Why nats-server cannot be tested over; where all is to be tested, its absence fails. */
export const natsSkip: string | false =
  existsSync(NATS_SERVER) || process.env["CI"] === "true" ? false : `${NATS_SERVER} is not there`;

/** Each Bus that there is, by name. */
export const buses: readonly { readonly name: string; readonly start: StartBus; readonly skip: string | false }[] = [
  { name: "belfry bus", start: startBelfryBus, skip: false },
  { name: "nats-server", start: startNatsServer, skip: natsSkip },
];

/** A notification API in a process of its own: see `api-process.ts`. It may not listen yet. */
export async function launchApi(t: Ending, port: number, bus: NatsOptions): Promise<Running> {
  const script = fileURLToPath(new URL("./api-process.js", import.meta.url));
  return await Running.start(t, [process.execPath, script, JSON.stringify({ port, bus })]);
}

/** The same, when it listens. */
export async function startApi(t: Ending, port: number, bus: NatsOptions): Promise<Running> {
  const api = await launchApi(t, port, bus);
  await api.says(/^listening/);
  return api;
}

/** A folder that goes with the test; what writes into it must be told to end later than this is called. */
export function folderOf(t: Ending): string {
  const folder = mkdtempSync(join(tmpdir(), "belfry-faults-"));
  // Ends run in the order in which they were asked for: whoever writes here still runs at this one.
  t.after(() => {
    process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  });
  return folder;
}

const given = new Set<number>();

/** A port that nobody has; below those that the kernel gives to others meanwhile. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    if (given.has(port)) continue;
    given.add(port);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    await new Promise((resolve) => server.close(resolve));
    if (isFree) return port;
  }
}
