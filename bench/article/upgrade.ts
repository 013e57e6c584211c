import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Measurement } from "../ws/contest.ts";
import type { Part } from "./part.ts";

// "973 ns, 0 B, 0 allocations against 5,156 ns, 8,576 B, 9 allocations": what an upgrade costs in process, through
// node:http and zero-copy. The job and those who do it are bench/ws/upgrade.ts.

const ONE = fileURLToPath(new URL("./upgrade-one.js", import.meta.url));
const NODE = "node:http";

/** Time and heap for each upgrade, the best of several runs of so many; each subject in a process of its own. */
export function upgradePart(upgrades: number): Part {
  return {
    name: "upgrade",
    subjects: [NODE, "ws on node:http", "belfry, cookie as text", "belfry"],
    measures: [
      {
        id: "upgrade-time",
        title: "An upgrade: the request read and checked, the answer written",
        unit: "ns",
        better: "less",
        note: `In process, without a kernel: the best of seven runs of ${upgrades.toLocaleString("en")} upgrades each.`,
        bounds: [{ subject: "belfry", of: NODE, most: 0.1 }],
      },
      {
        id: "upgrade-heap",
        title: "An upgrade: what it leaves on the heap",
        unit: "bytes",
        better: "less",
        note: "Growth of V8's heap without a collection in between, so that it is all that was allocated there.",
      },
    ],
    measure: async (subject) => {
      const { ns, heapBytes } = measureAside(subject, upgrades);
      return { "upgrade-time": ns, "upgrade-heap": heapBytes };
    },
  };
}

function measureAside(subject: string, upgrades: number): Measurement {
  // The young generation is larger than what is allocated between two looks at it.
  const young = ["--min-semi-space-size=256", "--max-semi-space-size=256"];
  const args = ["--expose-gc", ...young, "--no-warnings", ONE, subject, `${upgrades}`];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`the upgrade of ${subject} ended with ${status}: ${stderr}`);
  return JSON.parse(stdout) as Measurement;
}
