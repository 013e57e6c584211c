import { dirname } from "node:path/posix";
import type { Files } from "./files.ts";

/** What the control groups of a process leave it; undefined where they leave all. */
export interface GroupLimits {
  readonly bytesMax: number | undefined;
  readonly bytesUsed: number | undefined;
  readonly cores: number | undefined;
}

interface Room {
  readonly max: number;
  readonly used: number;
}

const V2_PLACES = ["sys/fs/cgroup", "sys/fs/cgroup/unified"];
const V1_CPU_PLACES = ["sys/fs/cgroup/cpu", "sys/fs/cgroup/cpu,cpuacct"];
const V1_MEMORY_PLACES = ["sys/fs/cgroup/memory"];

/**
 * Reads the limits of this process's groups, and of those around them (cgroups(7)), of both versions; the tightest one
 * counts. A version 1 group without a limit says a number larger than every machine's memory.
 */
export function readGroupLimits(files: Files): GroupLimits {
  const own = files.text("proc/self/cgroup") ?? "";
  const v2 = foldersOf(V2_PLACES, /^0::(.*)$/m.exec(own)?.[1]);
  const v1Memory = foldersOf(V1_MEMORY_PLACES, /^\d+:(?:[^:\n]*,)?memory(?:,[^:\n]*)?:(.*)$/m.exec(own)?.[1]);
  const v1Cpu = foldersOf(V1_CPU_PLACES, /^\d+:(?:[^:\n]*,)?cpu(?:,[^:\n]*)?:(.*)$/m.exec(own)?.[1]);
  const rooms = [
    ...v2.map((folder) => roomOf(files, `${folder}/memory.max`, `${folder}/memory.current`, `${folder}/memory.stat`)),
    ...v1Memory.map((folder) =>
      roomOf(files, `${folder}/memory.limit_in_bytes`, `${folder}/memory.usage_in_bytes`, `${folder}/memory.stat`),
    ),
  ].filter((room) => room !== undefined);
  const tightest = rooms.reduce<Room | undefined>((a, b) => (a && a.max - a.used <= b.max - b.used ? a : b), undefined);
  const cores = [...v2.map((folder) => coresOfV2(files, folder)), ...v1Cpu.map((folder) => coresOfV1(files, folder))];
  const known = cores.filter((count) => count !== undefined);
  return {
    bytesMax: tightest?.max,
    bytesUsed: tightest?.used,
    cores: known.length === 0 ? undefined : Math.min(...known),
  };
}

/**
 * The folder of a group below each place, and those around it up to the place itself: within a container the path may
 * be that of the host, and only the place is there.
 */
function foldersOf(places: readonly string[], group: string | undefined): string[] {
  if (group === undefined) return [];
  const paths: string[] = [];
  for (let path = group; path !== "/" && path.startsWith("/"); path = dirname(path)) paths.push(path);
  return places.flatMap((place) => [...paths, ""].map((path) => place + path));
}

/** What is kept of files can be taken back at any time, and counts as free. */
function roomOf(files: Files, max: string, used: string, stat: string): Room | undefined {
  const limit = files.number(max);
  const total = files.found("proc/meminfo", /^MemTotal:\s+(\d+) kB/m);
  if (limit === undefined || limit >= (total ?? Number.POSITIVE_INFINITY) * 1024) return undefined;
  if (limit >= Number.MAX_SAFE_INTEGER) return undefined;
  const cached = files.found(stat, /^total_inactive_file (\d+)/m) ?? files.found(stat, /^inactive_file (\d+)/m) ?? 0;
  return { max: limit, used: Math.max(0, (files.number(used) ?? 0) - cached) };
}

function coresOfV2(files: Files, folder: string): number | undefined {
  // "max 100000" has one number only.
  return quotient(files.numbers(`${folder}/cpu.max`, 2));
}

function coresOfV1(files: Files, folder: string): number | undefined {
  const quota = files.number(`${folder}/cpu.cfs_quota_us`);
  const period = files.number(`${folder}/cpu.cfs_period_us`);
  return quota === undefined || period === undefined ? undefined : quotient([quota, period]);
}

function quotient(pair: readonly number[] | undefined): number | undefined {
  const [quota = 0, period = 0] = pair ?? [];
  return quota > 0 && period > 0 ? quota / period : undefined;
}
