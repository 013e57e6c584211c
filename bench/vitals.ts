import { readdirSync, readFileSync } from "node:fs";

// What Linux tells of a process with all its children, and of itself.

const USER_HZ = 100;

/** User and system time so far, in nanoseconds; the kernel tells it in steps of 10 ms. */
export function cpuNs(pid: number): number {
  return sum(pid, (one) => {
    const fields = readFileSync(`/proc/${one}/stat`, "utf8")
      .replace(/^.*\) /, "")
      .split(" ");
    return (Number(fields[11]) + Number(fields[12])) * (1e9 / USER_HZ);
  });
}

/**
 * Bytes of user space that belong to no file (Pss_Anon): of a program's own file a process has a part that depends on
 * how many others run it.
 */
export function userBytes(pid: number): number {
  return sum(
    pid,
    (one) => 1024 * Number(/^Pss_Anon:\s+(\d+)/m.exec(readFileSync(`/proc/${one}/smaps_rollup`, "utf8"))?.[1]),
  );
}

/** Has each process of a tree do something. */
export function eachProcess(pid: number, visit: (pid: number) => void): void {
  sum(pid, (one) => {
    visit(one);
    return 0;
  });
}

/** Bytes that the kernel of this machine has in its own objects, sockets among them. */
export function slabBytes(): number {
  return 1024 * Number(/^Slab:\s+(\d+)/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1]);
}

/** Of the process, which must be there, and of its children, which may end while they are looked at. */
function sum(pid: number, value: (pid: number) => number): number {
  const ofChild = (child: number) => {
    try {
      return sum(child, value);
    } catch {
      return 0;
    }
  };
  return childrenOf(pid)
    .map(ofChild)
    .reduce((one, other) => one + other, value(pid));
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
    try {
      const text = readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8");
      return text.split(" ").filter(Boolean).map(Number);
    } catch {
      return [];
    }
  });
}
