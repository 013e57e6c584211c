import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Demand,
  examine,
  type Finding,
  type FindingId,
  kernelCost,
  type Report,
  readMachine,
} from "../src/doctor/index.ts";
import { BelfryError } from "../src/errors.ts";
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
import { settingsOf } from "./doctor-settings.ts";

const GIB = 1024 ** 3;

function demandOf(connections: number, more: Partial<Demand> = {}): Demand {
  return { connections, clients: false, sources: 1, bytesUserEach: limits.doctorSubscribedBytes, ...more };
}

function finding({ findings }: Report, id: FindingId): Finding {
  const found = findings.find((one) => one.id === id);
  assert.ok(found, id);
  return found;
}

interface Row {
  readonly machine: string;
  readonly files: Files;
  readonly connections: number;
  readonly demand?: Partial<Demand>;
  readonly verdict: Report["verdict"];
  /** What is not right, with its state. */
  readonly marked?: Partial<Record<FindingId, Finding["state"]>>;
  readonly servers: number;
  readonly loads?: number;
  readonly limitedBy: FindingId | undefined;
  readonly set?: Readonly<Record<string, string>>;
}

const rows: readonly Row[] = [
  {
    machine: "a small cloud box",
    files: cloudBox,
    connections: 100_000,
    verdict: "fits",
    servers: 1,
    limitedBy: "tcpMemory",
    set: { LimitNOFILE: "524288", TasksMax: "64" },
  },
  {
    machine: "a small cloud box, read by root,",
    files: cloudBoxOfRoot,
    connections: 600_000,
    verdict: "set",
    marked: { tcpMemory: "raise" },
    servers: 2,
    limitedBy: "tcpMemory",
    set: { "net.ipv4.tcp_mem": "45075 60100 90150", LimitNOFILE: "524288", TasksMax: "96" },
  },
  {
    machine: "a small cloud box without cookies",
    files: { ...cloudBox, "proc/sys/net/ipv4/tcp_syncookies": "0\n", "proc/sys/net/core/somaxconn": "128\n" },
    connections: 1000,
    verdict: "set",
    marked: { somaxconn: "raise", synBacklog: "raise" },
    servers: 1,
    limitedBy: "tcpMemory",
    set: { "net.core.somaxconn": "1000", "net.ipv4.tcp_max_syn_backlog": "1000" },
  },
  {
    machine: "a small cloud box",
    files: cloudBox,
    connections: 3_000_000,
    verdict: "impossible",
    marked: { memory: "short", descriptors: "raise", tcpMemory: "raise" },
    servers: 3,
    limitedBy: "tcpMemory",
  },
  {
    machine: "a small cloud box with the usual limit of a shell",
    files: { ...cloudBox, "proc/self/limits": descriptors(1024, 4096) },
    connections: 50_000,
    verdict: "set",
    marked: { descriptors: "raise" },
    servers: 2,
    limitedBy: "descriptors",
    set: { LimitNOFILE: "25300" },
  },
  {
    machine: "a small cloud box whose 4,096 descriptors shall not be raised",
    files: { ...cloudBox, "proc/self/limits": descriptors(1024, 4096) },
    connections: 50_000,
    demand: { descriptorsPerProcess: 1_000_000 },
    verdict: "fits",
    servers: 14,
    limitedBy: "memory",
    set: { LimitNOFILE: "4096" },
  },
  {
    machine: "a machine with less descriptors than a process needs for itself",
    files: { ...cloudBox, "proc/self/limits": descriptors(256, 256) },
    connections: 1000,
    demand: { descriptorsPerProcess: 756 },
    verdict: "set",
    marked: { descriptors: "raise" },
    servers: 2,
    limitedBy: "descriptors",
    set: { LimitNOFILE: "756" },
  },
  {
    machine: "a container with a limit of memory",
    files: container,
    connections: 300_000,
    verdict: "set",
    marked: { groupMemory: "raise", tcpMemory: "missing" },
    servers: 1,
    limitedBy: "groupMemory",
    set: { MemoryMax: "1820000000" },
  },
  {
    machine: "a container with a limit of memory",
    files: container,
    connections: 100_000,
    verdict: "fits",
    marked: { tcpMemory: "missing" },
    servers: 1,
    limitedBy: "groupMemory",
    set: { MemoryMax: `${GIB}` },
  },
  {
    machine: "an older container",
    files: olderContainer,
    connections: 100_000,
    verdict: "set",
    marked: { groupMemory: "raise", tcpMemory: "missing" },
    servers: 1,
    limitedBy: "groupMemory",
  },
  {
    machine: "a tuned server with 64 GiB",
    files: tuned,
    connections: 3_000_000,
    verdict: "fits",
    servers: 3,
    limitedBy: "descriptors",
  },
  {
    machine: "a tuned server with 64 GiB",
    files: tuned,
    connections: 3_000_000,
    demand: { clients: true, sources: 47 },
    verdict: "fits",
    servers: 3,
    loads: 3,
    limitedBy: "ports",
  },
  {
    machine: "a tuned server with 64 GiB",
    files: tuned,
    connections: 3_000_000,
    demand: { clients: true, sources: 46 },
    verdict: "set",
    marked: { ports: "raise" },
    servers: 3,
    loads: 3,
    limitedBy: "ports",
    set: {},
  },
  {
    machine: "a small cloud box with clients",
    files: cloudBox,
    connections: 50_000,
    demand: { clients: true },
    verdict: "set",
    marked: { ports: "raise" },
    servers: 1,
    loads: 1,
    limitedBy: "ports",
    set: { "net.ipv4.ip_local_port_range": "10000 65535" },
  },
  {
    machine: "a server whose conntrack is full",
    files: conntrackFull,
    connections: 1_000_000,
    verdict: "set",
    marked: { conntrack: "raise" },
    servers: 1,
    limitedBy: "conntrack",
    set: { "net.netfilter.nf_conntrack_max": "1270000" },
  },
  {
    machine: "a server with few files",
    files: { ...tuned, "proc/sys/fs/file-max": "400000\n", "proc/sys/fs/nr_open": "65536\n" },
    connections: 3_000_000,
    verdict: "set",
    marked: { filesMax: "raise", nrOpen: "raise" },
    servers: 5,
    limitedBy: "nrOpen",
    set: { "fs.nr_open": "601000", "fs.file-max": "3010000" },
  },
  {
    machine: "a server whose sockets keep much",
    files: { ...tuned, "proc/sys/net/ipv4/tcp_wmem": "65536\t65536\t4194304\n" },
    connections: 1000,
    verdict: "set",
    marked: { tcpWrite: "lower" },
    servers: 1,
    limitedBy: "descriptors",
    set: { "net.ipv4.tcp_wmem": "4096 65536 4194304" },
  },
  {
    machine: "a server that promises no more memory than there is",
    files: {
      ...tuned,
      "proc/sys/vm/overcommit_memory": "2\n",
      "proc/meminfo": "MemAvailable: 60000000 kB\nCommitLimit: 300000 kB\nCommitted_AS: 200000 kB\n",
    },
    connections: 100_000,
    verdict: "set",
    marked: { commit: "raise" },
    servers: 1,
    limitedBy: "commit",
    set: { "vm.overcommit_memory": "0" },
  },
  {
    machine: "an empty root",
    files: {},
    connections: 3_000_000,
    verdict: "unknown",
    servers: 3,
    limitedBy: undefined,
    set: {},
  },
];

for (const { machine, files, connections, demand, verdict, ...expected } of rows) {
  const how = [demand?.clients ? `and clients from ${demand.sources ?? 1}` : "", demand?.descriptorsPerProcess ?? ""];
  test(`examine ${machine} for ${connections} connections ${how.join(" ")}: ${verdict}`, (t) => {
    const report = examine(readMachine(rootOf(t, files)), demandOf(connections, demand));
    assert.equal(report.verdict, verdict);
    const marked = report.findings.filter(({ state }) => state !== "ok").map(({ id, state }) => [id, state]);
    if (verdict === "unknown") assert.ok(marked.every(([, state]) => state === "missing"));
    else assert.deepEqual(Object.fromEntries(marked), expected.marked ?? {});
    assert.deepEqual([report.plan.servers, report.plan.loads], [expected.servers, expected.loads ?? 0]);
    assert.equal(report.now?.limitedBy, expected.limitedBy);
    const settings = settingsOf(report);
    for (const [key, value] of Object.entries(expected.set ?? {})) assert.equal(settings.get(key), value, key);
    if (expected.set) {
      const sysctls = [...settings.keys()].filter((key) => key.includes("."));
      assert.deepEqual(
        sysctls,
        Object.keys(expected.set).filter((key) => key.includes(".")),
      );
    }
  });
}

test("examine counts both ends where the clients are on the machine", (t) => {
  const machine = readMachine(rootOf(t, conntrackFull));
  const { serverBytes, clientBytes, conntrackBytes } = kernelCost(machine);
  const n = 1_000_000;
  const one = examine(machine, demandOf(n)).plan;
  const both = examine(machine, demandOf(n, { clients: true, sources: 20 })).plan;
  assert.equal(one.bytes.kernel, n * (serverBytes + conntrackBytes));
  assert.equal(both.bytes.kernel, n * (serverBytes + clientBytes + conntrackBytes));
  assert.equal(both.bytes.buffers, 2 * one.bytes.buffers);
  assert.equal(both.bytes.user - one.bytes.user, n * limits.doctorBareBytes);
  assert.equal(one.bytes.user, n * limits.doctorSubscribedBytes);
  assert.equal(both.bytes.processes, 2 * limits.doctorProcessBytes);
  const { total, ...parts } = both.bytes;
  assert.equal(
    total,
    Object.values(parts).reduce((a, b) => a + b),
  );
});

test("examine says from how many addresses the clients have to come, and says nothing of ports where there are none", (t) => {
  const machine = readMachine(rootOf(t, cloudBox));
  const report = examine(machine, demandOf(1_000_000, { clients: true }));
  assert.equal(report.sources, Math.ceil(1_000_000 / 55_536));
  assert.match(finding(report, "ports").note, /take --sources 19/);
  const elsewhere = examine(machine, demandOf(1_000_000));
  assert.equal(elsewhere.sources, 0);
  assert.ok(!elsewhere.findings.some(({ id }) => id === "ports"));
});

test("examine tells that Node raises the soft limit", (t) => {
  assert.match(
    finding(examine(readMachine(rootOf(t, cloudBox)), demandOf(1)), "descriptors").note,
    /soft limit, 1,024/,
  );
  assert.doesNotMatch(finding(examine(readMachine(rootOf(t, tuned)), demandOf(1)), "descriptors").note, /soft/);
});

const least = limits.doctorSpareDescriptors + 1;
for (const [what, good, bad, says] of [
  [
    "connections",
    { connections: 1 },
    { connections: 0 },
    /connections is .* from 1 to 1000000000 \(doctorConnectionsMax\), not 0/,
  ],
  ["connections", { connections: 1e9 }, { connections: 1e9 + 1 }, /doctorConnectionsMax/],
  ["connections", { connections: 2 }, { connections: 1.5 }, /whole number .* not 1.5/],
  ["sources", { sources: 1 }, { sources: 0 }, /sources is/],
  ["sources", { sources: limits.doctorSourcesMax }, { sources: limits.doctorSourcesMax + 1 }, /doctorSourcesMax/],
  ["bytesUserEach", { bytesUserEach: 0 }, { bytesUserEach: -1 }, /bytesUserEach is/],
  ["bytesUserEach", { bytesUserEach: 1_048_576 }, { bytesUserEach: 1_048_577 }, /doctorUserBytesMax/],
  ["descriptors", { descriptorsPerProcess: least }, { descriptorsPerProcess: least - 1 }, /from 257 to/],
  ["descriptors", { descriptorsPerProcess: 1e9 }, { descriptorsPerProcess: 1e9 + 1 }, /descriptorsPerProcess is/],
] as const) {
  test(`examine takes ${JSON.stringify(good)} and refuses ${JSON.stringify(bad)}: ${what}`, (t) => {
    const machine = readMachine(rootOf(t, tuned));
    examine(machine, demandOf(1000, good));
    assert.throws(
      () => examine(machine, demandOf(1000, bad)),
      (error) => error instanceof BelfryError && error.code === "BELFRY_BAD_OPTION" && says.test(error.message),
    );
  });
}
