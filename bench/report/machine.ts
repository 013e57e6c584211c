import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { arch, availableParallelism, cpus, release, totalmem, type } from "node:os";
import { fileURLToPath } from "node:url";
import type { Machine } from "./results.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** This machine, with Node's version and Belfry's; `versions` are those of who else takes part, by name. */
export function describeMachine(versions: Readonly<Record<string, string>> = {}): Machine {
  return {
    cpu: cpu(),
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    kernel: `${type()} ${release()}`,
    versions: { belfry: belfry(), node: process.versions.node, ...versions },
  };
}

function cpu(): string {
  const [model] = cpus();
  return nameIn("/proc/cpuinfo") ?? (model?.model.trim() || arch());
}

/** The line that names the processor; ARM has none in some kernels. */
function nameIn(file: string): string | undefined {
  try {
    return /^(?:model name|Model|Hardware)\s*:\s*(.+)$/m.exec(readFileSync(file, "utf8"))?.[1]?.trim();
  } catch {
    return undefined;
  }
}

/** `0.1.0 (a28b6f4)`, or the version alone where there is no git. */
function belfry(): string {
  const { version } = JSON.parse(readFileSync(`${root}package.json`, "utf8")) as { version: string };
  try {
    const git = ["rev-parse", "--short", "HEAD"];
    const commit = execFileSync("git", git, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return `${version} (${commit.trim()})`;
  } catch {
    return version;
  }
}
