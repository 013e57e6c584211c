import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import { test } from "node:test";
import { kernelCost, type Machine, readMachine } from "../src/doctor/index.ts";
import { limits } from "../src/limits.ts";
import {
  cloudBox,
  cloudBoxOfRoot,
  conntrackFull,
  container,
  descriptors,
  type Files,
  olderContainer,
  rootOf,
  tuned,
} from "./doctor-machines.ts";

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;

test("readMachine reads a small cloud box whole", (t) => {
  assert.deepEqual(readMachine(rootOf(t, cloudBox)), {
    pageBytes: 4096,
    descriptorsSoft: 1024,
    descriptorsHard: 524_288,
    nrOpen: 1_048_576,
    filesMax: 2 ** 63,
    filesUsed: 1200,
    somaxconn: 4096,
    synBacklog: 256,
    synCookies: 1,
    tcpMemoryPages: [42_579, 56_772, 85_158],
    tcpPagesUsed: 12,
    tcpReadBytes: [4096, 131_072, 6_291_456],
    tcpWriteBytes: [4096, 16_384, 4_194_304],
    ports: [32_768, 60_999],
    conntrackMax: undefined,
    conntrackUsed: undefined,
    memoryBytes: 3.5 * GIB,
    groupBytesMax: undefined,
    groupBytesUsed: undefined,
    commitBytesFree: undefined,
    cores: 2,
    groupCores: undefined,
    slabBytes: undefined,
  } satisfies Machine);
});

test("readMachine gives undefined for each figure of an empty root, and for a root that is not there", (t) => {
  for (const root of [rootOf(t, {}), "/nowhere/at/all"]) {
    const { pageBytes, ...figures } = readMachine(root);
    assert.equal(pageBytes, 4096);
    assert.ok(Object.keys(figures).length > 20);
    for (const [name, figure] of Object.entries(figures)) assert.equal(figure, undefined, name);
  }
});

test("readMachine takes a file away from a machine, and only its figure is missing", (t) => {
  const whole = readMachine(rootOf(t, conntrackFull));
  const lost = Object.keys(conntrackFull).map((path) => {
    const machine = readMachine(rootOf(t, { ...conntrackFull, [path]: null }));
    const names = (Object.keys(whole) as (keyof Machine)[]).filter((name) => {
      return JSON.stringify(machine[name]) !== JSON.stringify(whole[name]);
    });
    for (const name of names) assert.ok(machine[name] === undefined || name === "cores", `${path}: ${name}`);
    return names;
  });
  assert.ok(lost.flat().length > 15, lost.flat().join());
});

const rows: readonly (readonly [what: string, files: Files, expected: Partial<Machine>])[] = [
  [
    "a container's limits, without what files keep of its memory",
    container,
    { groupBytesMax: GIB, groupBytesUsed: 200 * MIB, groupCores: 1.5, cores: 16, tcpMemoryPages: undefined },
  ],
  [
    "the tightest group around a container of version 1",
    olderContainer,
    { groupBytesMax: 512 * MIB, groupBytesUsed: 100 * MIB, groupCores: 3 },
  ],
  [
    "the limits of a place whose group is not there",
    {
      ...olderContainer,
      "sys/fs/cgroup/memory/docker/memory.limit_in_bytes": null,
      "sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": null,
      "sys/fs/cgroup/memory/memory.limit_in_bytes": `${GIB}\n`,
    },
    { groupBytesMax: GIB, groupBytesUsed: 100 * MIB },
  ],
  [
    "no limit in one that is larger than the machine",
    { ...container, "sys/fs/cgroup/memory.max": `${65 * GIB}` },
    { groupBytesMax: undefined, groupBytesUsed: undefined },
  ],
  ["cores that are allowed and there", tuned, { cores: 5 }],
  ["conntrack", conntrackFull, { conntrackMax: 262_144, conntrackUsed: 262_144 }],
  [
    "conntrack without a bound as none",
    { ...conntrackFull, "proc/sys/net/netfilter/nf_conntrack_max": "0\n" },
    { conntrackMax: undefined, conntrackUsed: undefined },
  ],
  [
    "descriptors without a limit",
    { ...tuned, "proc/self/limits": descriptors("unlimited", "unlimited") },
    { descriptorsSoft: Number.MAX_SAFE_INTEGER, descriptorsHard: Number.MAX_SAFE_INTEGER },
  ],
  [
    "what may be promised to processes where the kernel refuses more",
    {
      ...cloudBox,
      "proc/sys/vm/overcommit_memory": "2\n",
      "proc/meminfo": "CommitLimit:  3000 kB\nCommitted_AS:   1000 kB\n",
    },
    { commitBytesFree: 2000 * 1024, memoryBytes: undefined },
  ],
  [
    "nothing out of files that hold something else",
    {
      ...cloudBox,
      "proc/sys/net/ipv4/tcp_mem": "1 2\n",
      "proc/self/status": "Cpus_allowed_list:\tall\n",
      "proc/self/limits": "Max open files  many more files\n",
      "proc/meminfo": "MemAvailable: much\n",
      "proc/sys/fs/nr_open": "\n",
    },
    {
      tcpMemoryPages: undefined,
      cores: undefined,
      descriptorsHard: undefined,
      memoryBytes: undefined,
      nrOpen: undefined,
    },
  ],
];
for (const [what, files, expected] of rows) {
  test(`readMachine reads ${what}`, (t) => {
    const machine = readMachine(rootOf(t, files));
    for (const [name, figure] of Object.entries(expected))
      assert.deepEqual(machine[name as keyof Machine], figure, name);
  });
}

test("kernelCost reckons with whole slabs of this machine, and takes the usual size of what has no name there", (t) => {
  const machine = readMachine(rootOf(t, cloudBoxOfRoot));
  assert.equal(machine.slabBytes?.["TCPv6"], Math.ceil((8 * 4096) / 13));
  // Socket, inode, file, dentry, item of epoll, and what has no row: entry and head of epoll, and the descriptor.
  const end = 863 + 196 + 196 + 128 + 64 + 16 + 16;
  assert.deepEqual(kernelCost(machine), {
    from: "slabs",
    serverBytes: 2521 + end,
    clientBytes: 2521 + end + 128 + 128,
    conntrackBytes: 0,
  });
  assert.equal(kernelCost({ ...machine, conntrackMax: 1 }).conntrackBytes, 256);
});

test("kernelCost says where it has only what was measured elsewhere", (t) => {
  const machine = readMachine(rootOf(t, cloudBox));
  const each = limits.doctorKernelEndBytes;
  assert.deepEqual(kernelCost(machine), {
    from: "measured elsewhere",
    serverBytes: each,
    clientBytes: each,
    conntrackBytes: 0,
  });
  assert.equal(kernelCost({ ...machine, conntrackMax: 1 }).conntrackBytes, limits.doctorConntrackBytes);
});

test("readMachine reads this machine", { skip: process.platform !== "linux" && "Linux only" }, () => {
  const machine = readMachine();
  assert.equal(machine.cores, availableParallelism());
  assert.ok((machine.memoryBytes ?? 0) > 16 * MIB, `${machine.memoryBytes}`);
  assert.ok((machine.descriptorsHard ?? 0) >= (machine.descriptorsSoft ?? Infinity), "descriptors");
  assert.ok((machine.nrOpen ?? 0) >= 1024 && (machine.somaxconn ?? 0) > 0);
  assert.ok((machine.filesUsed ?? 0) > 0 && (machine.filesUsed ?? Infinity) <= (machine.filesMax ?? 0), "files");
  assert.ok((machine.tcpPagesUsed ?? -1) >= 0, "sockstat");
  const { serverBytes, clientBytes } = kernelCost(machine);
  for (const bytes of [serverBytes, clientBytes]) assert.ok(2000 < bytes && bytes < 12_000, `${bytes}`);
});
