import { limits } from "../limits.ts";
import type { Machine } from "./machine.ts";

/** Kernel memory of an idle connection. */
export interface KernelCost {
  /** Whether it was reckoned from this machine's own slabs, or is what was measured on others. */
  readonly from: "slabs" | "measured elsewhere";
  /** The server's end. */
  readonly serverBytes: number;
  /** The client's end, where that is on the same machine. */
  readonly clientBytes: number;
  /** The entry of conntrack, which both ends share; 0 where conntrack is not loaded. */
  readonly conntrackBytes: number;
}

/**
 * What the kernel keeps for each end besides the TCP socket itself, and how much that is in Linux 6 where the slab has
 * no name of its own: slabs of one size are often one, under the first one's name. What a security module adds has a
 * name.
 */
const eachEnd: readonly (readonly [slab: string, bytes: number])[] = [
  ["sock_inode_cache", 862],
  ["filp", 195],
  ["dentry", 195],
  ["eventpoll_epi", 128],
  ["eventpoll_pwq", 64],
  ["ep_head", 16],
  ["lsm_inode_cache", 0],
  ["lsm_file_cache", 0],
];
/** Who connects has a port of its own, and is found by the port alone and by address and port. */
const clientOnly: readonly (readonly [slab: string, bytes: number])[] = [
  ["tcp_bind_bucket", 128],
  ["tcp_bind2_bucket", 128],
];
/** A place in the table of descriptors, which grows by doubling. */
const DESCRIPTOR_BYTES = 16;

/** The kernel's cost of a connection on this machine. A listener for IPv4 and IPv6 makes sockets of IPv6's size. */
export function kernelCost({ slabBytes = {}, conntrackMax }: Machine): KernelCost {
  const plain = slabBytes["TCP"];
  const conntrackBytes = conntrackMax === undefined ? 0 : (slabBytes["nf_conntrack"] ?? limits.doctorConntrackBytes);
  if (plain === undefined) {
    const each = limits.doctorKernelEndBytes;
    return { from: "measured elsewhere", serverBytes: each, clientBytes: each, conntrackBytes };
  }
  const sum = (parts: typeof eachEnd) => parts.reduce((bytes, [slab, usual]) => bytes + (slabBytes[slab] ?? usual), 0);
  const end = DESCRIPTOR_BYTES + sum(eachEnd);
  return {
    from: "slabs",
    serverBytes: end + Math.max(plain, slabBytes["TCPv6"] ?? 0),
    clientBytes: end + plain + sum(clientOnly),
    conntrackBytes,
  };
}
