import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, release, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import type { Machine } from "../report/results.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** The machine that this runs on, with the versions of Node, of Belfry, and of the packages named. */
export function thisMachine(packages: readonly string[]): Machine {
  const all = cpus();
  const require = createRequire(import.meta.url);
  const others = packages.map((name) => [name, versionIn(require.resolve(`${name}/package.json`))]);
  return {
    cpu: all[0]?.model ?? "unknown",
    cores: all.length,
    memoryBytes: totalmem(),
    kernel: release(),
    versions: {
      node: process.versions.node,
      belfry: `${versionIn(`${ROOT}package.json`)} ${commit()}`.trimEnd(),
      ...Object.fromEntries(others),
    },
  };
}

function versionIn(file: string): string {
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

/** "" where this is no clone. */
function commit(): string {
  try {
    const git = ["-C", ROOT, "rev-parse", "--short", "HEAD"];
    return execFileSync("git", git, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "";
  }
}
