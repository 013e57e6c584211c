import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { pinned } from "../bus/contestants.ts";

/** Servers run on the one core, their clients on the other. */
const [SERVER_CORE, CLIENT_CORE] = [0, 1];
const HZ = 100;

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
    const fields = readFileSync(`/proc/${this.pid}/stat`, "utf8").replace(/^.*\) /, "");
    const [user, system] = fields.split(" ").slice(11, 13).map(Number) as [number, number];
    return (user + system) / HZ;
  }

  /**
   * Bytes of user space, without those of files: of Node's own binary it has a part that depends on how many other
   * processes run Node.
   */
  get anonymousBytes(): number {
    return kilobytes(`/proc/${this.pid}/smaps_rollup`, /^Pss_Anon:\s+(\d+) kB/m);
  }

  /** Ends it without a word. */
  readonly end = (): void => {
    process.off("exit", this.end);
    this.#child.kill("SIGKILL");
  };
}

/** A figure of a file under /proc, in bytes. */
export function kilobytes(file: string, pattern: RegExp): number {
  return Number(pattern.exec(readFileSync(file, "utf8"))?.[1]) * 1024;
}
