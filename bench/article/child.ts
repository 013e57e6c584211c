import type { ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { pinned } from "../bus/contestants.ts";
import { cpuNs, userBytes } from "../vitals.ts";

/** Servers run on the one core, their clients on the other. */
const [SERVER_CORE, CLIENT_CORE] = [0, 1];

/** A script below bench/ in a process of its own, on the core of the servers or of the clients. */
export class Child {
  readonly pid: number;
  readonly #script: string;
  readonly #child: ChildProcess;
  #text = "";

  private constructor(core: number, script: string, args: readonly string[]) {
    const path = fileURLToPath(new URL(`../${script}`, import.meta.url));
    this.#script = script;
    this.#child = pinned(core, process.execPath, ["--expose-gc", path, ...args]);
    this.pid = this.#child.pid as number;
    process.once("exit", this.end);
  }

  static server(script: string, ...args: string[]): Child {
    return new Child(SERVER_CORE, script, args);
  }

  static client(script: string, ...args: string[]): Child {
    return new Child(CLIENT_CORE, script, args);
  }

  /** Waits until it says this on stdout, behind what it was waited for before; the first group of the pattern. */
  async says(pattern: RegExp): Promise<string> {
    for await (const chunk of this.#child.stdout?.iterator({ destroyOnReturn: false }) ?? []) {
      this.#text += String(chunk);
      const match = pattern.exec(this.#text);
      if (!match) continue;
      this.#text = this.#text.slice(match.index + match[0].length);
      return match[1] ?? "";
    }
    throw new Error(`${this.#script} ended before it said ${pattern}`);
  }

  /** Tells it to go on with what it is there for: all of them listen to SIGUSR2. */
  poke(): void {
    this.#child.kill("SIGUSR2");
  }

  /** Seconds of a core that it has used. */
  get cpuSeconds(): number {
    return cpuNs(this.pid) / 1e9;
  }

  /** Bytes of user space. */
  get userBytes(): number {
    return userBytes(this.pid);
  }

  /** Ends it without a word. */
  readonly end = (): void => {
    process.off("exit", this.end);
    this.#child.kill("SIGKILL");
  };
}
