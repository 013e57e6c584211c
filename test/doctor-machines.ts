import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Ending } from "./processes.ts";

/** Machines as files below a root, for `belfry doctor`. */

/** Files by their path; null is a file of a machine that another one does not have. */
export type Files = Readonly<Record<string, string | null>>;

const GIB_KB = 1024 ** 2;

/** A small server of a cloud, as it comes: 2 cores, 4 GiB, systemd's limits; not read by root. */
export const cloudBox: Files = {
  "proc/meminfo": memory(4, 3.5),
  "proc/self/limits": descriptors(1024, 524_288),
  "proc/self/status": "Name:\tnode\nCpus_allowed_list:\t0-127\n",
  "proc/self/cgroup": "0::/user.slice/user-1000.slice/session-1.scope\n",
  "proc/net/sockstat": sockstat(12),
  "proc/sys/fs/nr_open": "1048576\n",
  "proc/sys/fs/file-max": "9223372036854775807\n",
  "proc/sys/fs/file-nr": "1200\t0\t9223372036854775807\n",
  "proc/sys/net/core/somaxconn": "4096\n",
  "proc/sys/net/ipv4/ip_local_port_range": "32768\t60999\n",
  "proc/sys/net/ipv4/tcp_max_syn_backlog": "256\n",
  "proc/sys/net/ipv4/tcp_mem": "42579\t56772\t85158\n",
  "proc/sys/net/ipv4/tcp_rmem": "4096\t131072\t6291456\n",
  "proc/sys/net/ipv4/tcp_syncookies": "1\n",
  "proc/sys/net/ipv4/tcp_wmem": "4096\t16384\t4194304\n",
  "proc/sys/vm/overcommit_memory": "0\n",
  "sys/devices/system/cpu/online": "0-1\n",
  "sys/fs/cgroup/user.slice/memory.max": "max\n",
};

/** The same with root's eyes. */
export const cloudBoxOfRoot: Files = { ...cloudBox, "proc/slabinfo": slabs() };

/** A container of version 2: 1.5 cores, 1 GiB of which 300 MiB are taken, 100 of them by files; tcp_mem is the host's. */
export const container: Files = {
  ...cloudBox,
  "proc/meminfo": memory(64, 50),
  "proc/self/cgroup": "0::/\n",
  "proc/self/limits": descriptors(1_048_576, 1_048_576),
  "proc/sys/net/ipv4/tcp_mem": null,
  "sys/devices/system/cpu/online": "0-15\n",
  "sys/fs/cgroup/cpu.max": "150000 100000\n",
  "sys/fs/cgroup/memory.max": "1073741824\n",
  "sys/fs/cgroup/memory.current": "314572800\n",
  "sys/fs/cgroup/memory.stat": "anon 100\ninactive_file 104857600\n",
};

/** A container of version 1, whose path is that of the host; the group around it is tighter than its own. */
export const olderContainer: Files = {
  ...container,
  "proc/self/cgroup": "4:memory:/docker/abc\n3:cpuset:/\n2:cpu,cpuacct:/docker/abc\n0::/\n",
  "sys/fs/cgroup/cpu.max": null,
  "sys/fs/cgroup/memory.max": null,
  "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
  "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
  "sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "300000\n",
  "sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us": "100000\n",
  "sys/fs/cgroup/memory/docker/memory.limit_in_bytes": "536870912\n",
  "sys/fs/cgroup/memory/docker/memory.usage_in_bytes": "104857600\n",
  "sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": "2147483648\n",
  "sys/fs/cgroup/memory/docker/abc/memory.usage_in_bytes": "104857600\n",
  "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
  "sys/fs/cgroup/memory/memory.usage_in_bytes": "104857600\n",
};

/** A server with 64 GiB that has been tuned for three million. */
export const tuned: Files = {
  ...cloudBoxOfRoot,
  "proc/meminfo": memory(64, 60),
  "proc/self/limits": descriptors(1_048_576, 1_048_576),
  "proc/self/status": "Cpus_allowed_list:\t0-3,8\n",
  "sys/devices/system/cpu/online": "0-15\n",
  "proc/sys/net/ipv4/tcp_max_syn_backlog": "65536\n",
  "proc/sys/net/ipv4/tcp_mem": "772000\t1030000\t1545000\n",
  "proc/sys/net/core/somaxconn": "65536\n",
  "proc/sys/net/ipv4/ip_local_port_range": "1024\t65535\n",
};

/** The same, where conntrack has as many entries as it may. */
export const conntrackFull: Files = {
  ...tuned,
  "proc/sys/net/netfilter/nf_conntrack_max": "262144\n",
  "proc/sys/net/netfilter/nf_conntrack_count": "262144\n",
};

/** A folder with these files; it goes with the test. */
export function rootOf(t: Ending, files: Files): string {
  const root = mkdtempSync(join(tmpdir(), "belfry-doctor-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(files)) {
    if (text === null) continue;
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

/** /proc/meminfo of so many GiB. */
export function memory(total: number, available: number): string {
  const kib = (gib: number) => Math.round(gib * GIB_KB);
  return `MemTotal:       ${kib(total)} kB\nMemFree:        1000 kB\nMemAvailable:   ${kib(available)} kB\n`;
}

/** /proc/self/limits. */
export function descriptors(soft: number | string, hard: number | string): string {
  return `Limit                     Soft Limit           Hard Limit           Units     
Max processes             96365                96365                processes 
Max open files            ${soft}                ${hard}                files     
`;
}

function sockstat(pages: number): string {
  return `sockets: used 13\nTCP: inuse 1 orphan 0 tw 27 alloc 1 mem ${pages}\nUDP: inuse 0 mem 0\n`;
}

/** What a machine with Linux 6 said; its conntrack is of another. */
function slabs(): string {
  const rows = [
    ["TCPv6", 2496, 13, 8],
    ["TCP", 2368, 13, 8],
    ["tw_sock_TCP", 256, 16, 1],
    ["nf_conntrack", 256, 16, 1],
    ["eventpoll_epi", 128, 32, 1],
    ["sock_inode_cache", 832, 19, 4],
    ["filp", 192, 21, 1],
    ["dentry", 192, 21, 1],
  ] as const;
  const lines = rows.map(
    ([name, size, objects, pages]) =>
      `${name.padEnd(20)} 91 156 ${size} ${objects} ${pages} : tunables 0 0 0 : slabdata 12 12 0`,
  );
  return `slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize>\n${lines.join("\n")}\n`;
}
