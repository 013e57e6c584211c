import { endianness } from "node:os";
import { readGroupLimits } from "./control-group.ts";
import { Files } from "./files.ts";
import type { Machine, Triple } from "./machine.ts";

const USUAL_PAGE_BYTES = 4096;

/**
 * Reads what the machine says below `root`: /proc (proc(5)) and /sys. Another folder with the same files stands for
 * another machine. Throws nothing: a figure that cannot be read is undefined.
 */
export function readMachine(root = "/"): Machine {
  const files = new Files(root);
  const group = readGroupLimits(files);
  const sys = (name: string) => files.number(`proc/sys/${name}`);
  const memory = (key: string) => times(files.found("proc/meminfo", new RegExp(`^${key}:\\s+(\\d+) kB`, "m")), 1024);
  const [first, last] = files.numbers("proc/sys/net/ipv4/ip_local_port_range", 2) ?? [];
  // 0 is no bound.
  const conntrackMax = sys("net/netfilter/nf_conntrack_max") || undefined;
  return {
    pageBytes: pageBytesOf(files),
    ...descriptorsOf(files),
    nrOpen: sys("fs/nr_open"),
    filesMax: sys("fs/file-max"),
    filesUsed: sys("fs/file-nr"),
    somaxconn: sys("net/core/somaxconn"),
    synBacklog: sys("net/ipv4/tcp_max_syn_backlog"),
    synCookies: sys("net/ipv4/tcp_syncookies"),
    tcpMemoryPages: triple(files, "tcp_mem"),
    tcpPagesUsed: files.found("proc/net/sockstat", /^TCP:.* mem (\d+)/m),
    tcpReadBytes: triple(files, "tcp_rmem"),
    tcpWriteBytes: triple(files, "tcp_wmem"),
    ports: first === undefined || last === undefined ? undefined : [first, last],
    conntrackMax,
    conntrackUsed: conntrackMax === undefined ? undefined : sys("net/netfilter/nf_conntrack_count"),
    memoryBytes: memory("MemAvailable"),
    groupBytesMax: group.bytesMax,
    groupBytesUsed: group.bytesUsed,
    commitBytesFree:
      sys("vm/overcommit_memory") === 2 ? difference(memory("CommitLimit"), memory("Committed_AS")) : undefined,
    cores: coresOf(files),
    groupCores: group.cores,
    slabBytes: slabBytesOf(files.text("proc/slabinfo"), pageBytesOf(files)),
  };
}

/** AT_PAGESZ of the auxiliary vector (getauxval(3)): pairs of words, of 8 bytes on the machines that this is for. */
function pageBytesOf(files: Files): number {
  const bytes = files.bytes("proc/self/auxv") ?? Buffer.alloc(0);
  const word = (at: number) => Number(endianness() === "LE" ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at));
  for (let at = 0; at + 16 <= bytes.length; at += 16) if (word(at) === 6) return word(at + 8);
  return USUAL_PAGE_BYTES;
}

function descriptorsOf(files: Files): Pick<Machine, "descriptorsSoft" | "descriptorsHard"> {
  const [, soft, hard] =
    /^Max open files\s+(\d+|unlimited)\s+(\d+|unlimited)/m.exec(files.text("proc/self/limits") ?? "") ?? [];
  const count = (word: string) => (word === "unlimited" ? Number.MAX_SAFE_INTEGER : Number(word));
  return {
    descriptorsSoft: soft === undefined ? undefined : count(soft),
    descriptorsHard: hard === undefined ? undefined : count(hard),
  };
}

function triple(files: Files, name: string): Triple | undefined {
  const [a, b, c] = files.numbers(`proc/sys/net/ipv4/${name}`, 3) ?? [];
  return a === undefined || b === undefined || c === undefined ? undefined : [a, b, c];
}

/** Cores that the process may use and that are there: a virtual machine may allow many that are not. */
function coresOf(files: Files): number | undefined {
  const allowed = listOf(/^Cpus_allowed_list:\s*(\S+)/m.exec(files.text("proc/self/status") ?? "")?.[1]);
  if (allowed === undefined) return undefined;
  const online = listOf(files.text("sys/devices/system/cpu/online")?.trim()) ?? allowed;
  const count = [...allowed].filter((core) => online.has(core)).length;
  return count === 0 ? undefined : count;
}

/** A list of cores, `0-2,7`. */
function listOf(text: string | undefined): Set<number> | undefined {
  if (text === undefined || !/^[\d,-]+$/.test(text)) return undefined;
  const cores = new Set<number>();
  for (const range of text.split(",")) {
    const [from = 0, to = from] = range.split("-").map(Number);
    // As many as Linux can be built for.
    for (let core = from; core <= to && cores.size < 8192; core++) cores.add(core);
  }
  return cores;
}

/** /proc/slabinfo (slabinfo(5)): a slab's pages, shared out among its objects. */
function slabBytesOf(text: string | undefined, pageBytes: number): Machine["slabBytes"] {
  const slabs = text?.matchAll(/^(\S+) +\d+ +\d+ +\d+ +(\d+) +(\d+) :/gm) ?? [];
  const sizes = Array.from(slabs, ([, name = "", objects, pages]) => {
    return [name, Math.ceil((Number(pages) * pageBytes) / Number(objects))] as const;
  });
  return sizes.length === 0 ? undefined : Object.fromEntries(sizes);
}

function times(count: number | undefined, factor: number): number | undefined {
  return count === undefined ? undefined : count * factor;
}

function difference(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : Math.max(0, a - b);
}
