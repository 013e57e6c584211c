import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** What is compared with as the least that can be done: programs in C, by their paths. */
export interface Floors {
  /** bench/floor.c: an echo. */
  readonly echo: string;
  /** bench/fanout-floor.c: bare sends. */
  readonly sends: string;
  /** What compiled them. */
  readonly compiler: string;
  /** Why there are none here. */
  readonly absent?: string;
}

const FLAGS = ["-O2", "-Wall", "-Wextra", "-Werror"];

/** Compiles them into a folder. */
export function compileFloors(folder: string): Floors {
  const floors = { echo: join(folder, "floor"), sends: join(folder, "fanout-floor") };
  try {
    for (const program of Object.values(floors)) {
      const source = fileURLToPath(new URL(`../../../bench${program.slice(folder.length)}.c`, import.meta.url));
      execFileSync("cc", [...FLAGS, "-o", program, source], { stdio: ["ignore", "ignore", "inherit"] });
    }
    const [compiler = ""] = execFileSync("cc", ["--version"], { encoding: "utf8" }).split("\n");
    return { ...floors, compiler };
  } catch (error) {
    return { ...floors, compiler: "", absent: `cannot be compiled: ${(error as Error).message}` };
  }
}
