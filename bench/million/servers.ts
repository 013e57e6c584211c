import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { cpuNs, eachProcess, userBytes } from "../vitals.ts";

const PROGRAM = fileURLToPath(new URL("../../../bin/belfry.js", import.meta.url));
const COLLECTOR = new URL("../collect-garbage.js", import.meta.url).href;
/** V8 gives memory back little by little. */
const COLLECTIONS = 4;
const COLLECT_MS = 2000;
const READY = /listening on .* port \d+/;

/** How the servers are started. */
export interface ServersOptions {
  readonly port: number;
  readonly processes: number;
  readonly apiKey: string;
  readonly pingSeconds: number;
}

/** `belfry serve` with as many workers as asked for, all on one port, and the Bus between them. */
export class Servers {
  readonly #child: ChildProcess;
  readonly #apiKey: string;
  readonly #port: number;

  private constructor(child: ChildProcess, { apiKey, port }: ServersOptions) {
    this.#child = child;
    this.#apiKey = apiKey;
    this.#port = port;
  }

  /** Resolves when all serve. */
  static async start(options: ServersOptions): Promise<Servers> {
    const { port, processes, apiKey, pingSeconds } = options;
    const args = ["serve", "--host", "127.0.0.1", "--port", `${port}`, "--workers", `${processes}`];
    const child = spawn(
      process.execPath,
      [PROGRAM, ...args, "--allow-anonymous", "--allow-subscribe", "--api-key", apiKey],
      {
        env: { ...process.env, BELFRY_CLIENT_PING_SECONDS: `${pingSeconds}`, NODE_OPTIONS: `--import=${COLLECTOR}` },
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    const servers = new Servers(child, options);
    process.once("exit", () => child.kill("SIGKILL"));
    for await (const line of createInterface({ input: child.stdout })) {
      const { level, msg } = JSON.parse(line) as { level: number; msg: string };
      if (level > 40) process.stderr.write(`server: ${msg}\n`);
      if (!READY.test(msg)) continue;
      child.stdout.resume();
      return servers;
    }
    throw new Error("the servers ended before they listened");
  }

  /** Nanoseconds of CPU of all of them so far. */
  get cpuNs(): number {
    return cpuNs(this.#child.pid as number);
  }
  /** Bytes of user space of all of them, after each has collected its garbage. */
  async userBytes(): Promise<number> {
    const pid = this.#child.pid as number;
    for (let i = 0; i < COLLECTIONS; i++) {
      eachProcess(pid, (one) => process.kill(one, "SIGUSR2"));
      await sleep(COLLECT_MS);
    }
    return userBytes(pid);
  }

  /** Calls the HTTP API of whichever process takes the connection. */
  async call(method: string, body: object): Promise<unknown> {
    const response = await fetch(`http://127.0.0.1:${this.#port}/api/${method}`, {
      method: "POST",
      headers: { "X-API-Key": this.#apiKey },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`/api/${method}: ${response.status} ${await response.text()}`);
    return await response.json();
  }

  /** Ends all of them at once; resolves when they are gone. */
  async stop(): Promise<void> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }
}
