import { execFileSync } from "node:child_process";
import { cpus, release, totalmem, type } from "node:os";
import { fileURLToPath } from "node:url";
import type { Machine } from "../report/results.ts";
import type { Contestant } from "./contestants.ts";

/** This machine, and who took part on it. */
export function thisMachine(contestants: readonly Contestant[]): Machine {
  const present = contestants.filter(({ absent }) => absent === undefined);
  const versions = present.map(({ name, version }) => [name, name === "belfry" ? `${version}${commit()}` : version]);
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryBytes: totalmem(),
    kernel: `${type()} ${release()}`,
    versions: { node: process.versions.node, ...Object.fromEntries(versions) },
  };
}

/** Of this clone, with a mark when files differ from it; "" where there is no git. */
function commit(): string {
  try {
    const options = { cwd: fileURLToPath(new URL("../../../", import.meta.url)), encoding: "utf8" } as const;
    const described = execFileSync("git", ["describe", "--always", "--dirty", "--abbrev=7"], options);
    return ` (${described.trim()})`;
  } catch {
    return "";
  }
}
