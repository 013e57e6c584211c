import { readFileSync } from "node:fs";
import { limits } from "../limits.ts";

/** Where the limit cannot be read: what is usual. */
const DESCRIPTORS_USUAL = 1024;

/** How many processes so many connections need, as many as fit into the descriptors of each. */
export function processesFor(connections: number, descriptors = descriptorsMax()): number {
  return Math.max(1, Math.ceil(connections / Math.max(1, descriptors - limits.loadDescriptorsSpare)));
}

/** Descriptors that a process of this machine may have. */
function descriptorsMax(): number {
  try {
    const text = /^Max open files\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
    return text === "unlimited" ? Number.MAX_SAFE_INTEGER : Number(text ?? DESCRIPTORS_USUAL);
  } catch {
    return DESCRIPTORS_USUAL;
  }
}
