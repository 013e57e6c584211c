import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  examine,
  type Finding,
  type Machine,
  type Now,
  type Report,
  sysctlSnippet,
  type Triple,
} from "../src/doctor/index.ts";
import { limits } from "../src/limits.ts";
import { settingsOf } from "./doctor-settings.ts";

const GIB = 1024 ** 3;
const least = limits.doctorSpareDescriptors + 1;

const size = (most: number) => fc.oneof(fc.integer({ min: 0, max: most }), fc.nat(5000));
const sorted = (most: number) =>
  fc.array(size(most), { minLength: 3, maxLength: 3 }).map((all) => all.sort((a, b) => a - b) as unknown as Triple);
const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });

const machines = fc.record({
  pageBytes: fc.constantFrom(4096, 65_536),
  descriptorsSoft: maybe(size(5_000_000)),
  descriptorsHard: size(5_000_000),
  nrOpen: maybe(size(5_000_000)),
  filesMax: maybe(size(10_000_000)),
  filesUsed: maybe(size(100_000)),
  somaxconn: maybe(size(65_536)),
  synBacklog: maybe(size(65_536)),
  synCookies: maybe(fc.constantFrom(0, 1, 2)),
  tcpMemoryPages: maybe(sorted(5_000_000)),
  tcpPagesUsed: maybe(size(100_000)),
  tcpReadBytes: maybe(sorted(10_000_000)),
  tcpWriteBytes: maybe(sorted(10_000_000)),
  ports: maybe(fc.tuple(fc.integer({ min: 1, max: 65_535 }), fc.integer({ min: 1, max: 65_535 }))),
  conntrackMax: maybe(fc.integer({ min: 1, max: 5_000_000 })),
  conntrackUsed: maybe(size(100_000)),
  memoryBytes: fc.integer({ min: 0, max: 300 * GIB }),
  groupBytesMax: maybe(fc.integer({ min: 0, max: 300 * GIB })),
  groupBytesUsed: maybe(fc.integer({ min: 0, max: GIB })),
  commitBytesFree: maybe(fc.integer({ min: 0, max: 10 * GIB })),
  cores: maybe(fc.integer({ min: 1, max: 256 })),
  groupCores: maybe(fc.double({ min: 0.01, max: 64, noNaN: true })),
  slabBytes: maybe(
    fc.dictionary(fc.constantFrom("TCP", "TCPv6", "filp", "nf_conntrack"), fc.integer({ min: 1, max: 9999 })),
  ),
});

const demands = fc
  .record({
    connections: fc.oneof(fc.integer({ min: 1, max: 10_000_000 }), fc.integer({ min: 1, max: 2000 })),
    clients: fc.boolean(),
    sources: fc.integer({ min: 1, max: 200 }),
    own: maybe(fc.oneof(fc.integer({ min: least, max: 2_000_000 }), fc.integer({ min: least, max: least + 50 }))),
    bytesUserEach: fc.constantFrom(64, 160, 5000),
  })
  .map(({ own, ...demand }) => ({ ...demand, ...(own !== undefined && { descriptorsPerProcess: own }) }));

const isBound = ({ id }: Finding) => !["somaxconn", "synBacklog", "tcpRead", "tcpWrite"].includes(id);
const isEnough = ({ state }: Finding) => state === "ok" || state === "missing";

test("examine: more memory never makes less fit", () => {
  const more = fc.nat(300 * GIB);
  fc.assert(
    fc.property(machines, demands, more, (machine, demand, bytes) => {
      const before = examine(machine, demand);
      const after = examine({ ...machine, memoryBytes: (machine.memoryBytes ?? 0) + bytes }, demand);
      assert.ok((after.now?.connections ?? 0) >= (before.now?.connections ?? 0));
      if (before.verdict !== "impossible") assert.equal(after.verdict, before.verdict);
    }),
  );
});

test("examine: no more is asked for than fits now, exactly when nothing that bounds it is to be set", () => {
  fc.assert(
    fc.property(machines, demands, (machine, demand) => {
      const { now, findings } = examine(machine, demand);
      assert.equal((now?.connections ?? 0) >= demand.connections, findings.filter(isBound).every(isEnough));
    }),
  );
});

test("examine: where processes may be many, what fits now fits when it is asked for, and one more is too many", () => {
  let count = 0;
  fc.assert(
    fc.property(machines, demands, (machine, demand) => {
      const many = { ...demand, descriptorsPerProcess: demand.descriptorsPerProcess ?? 20_000 };
      const { now } = examine(machine, many);
      fc.pre(now?.limitedBy !== undefined && now.connections > 0);
      count++;
      const { connections, limitedBy } = now as Now;
      assert.ok(
        examine(machine, { ...many, connections })
          .findings.filter(isBound)
          .every(isEnough),
      );
      const tooMany = examine(machine, { ...many, connections: connections + 1 });
      const limit = tooMany.findings.find(({ id }) => id === limitedBy);
      assert.ok(limit && !isEnough(limit), limitedBy);
    }),
  );
  assert.ok(count >= 100, `${count}`);
});

test("examine: what the snippets set, applied to the machine, makes all fit, and nothing is to be set any more", () => {
  let count = 0;
  fc.assert(
    fc.property(machines, demands, (machine, demand) => {
      const before = examine(machine, demand);
      fc.pre(before.verdict !== "impossible");
      count++;
      const asked = demand.clients ? { ...demand, sources: Math.max(demand.sources, before.sources) } : demand;
      const after = examine(applied(machine, before), asked);
      const left = after.findings.filter(({ state }) => state !== "ok" && state !== "missing");
      assert.deepEqual(left, []);
      assert.equal(after.verdict, "fits");
      assert.match(sysctlSnippet(after), /nothing has to be set/);
      assert.ok(after.plan.servers <= before.plan.servers, "the snippet made more processes");
    }),
  );
  assert.ok(count >= 100, `${count}`);
});

test("examine: what the snippets set lowers nothing but the least buffers", () => {
  fc.assert(
    fc.property(machines, demands, (machine, demand) => {
      const after = applied(machine, examine(machine, demand));
      const names = ["nrOpen", "filesMax", "somaxconn", "synBacklog", "conntrackMax", "groupBytesMax"] as const;
      for (const name of names) assert.ok((after[name] ?? 0) >= (machine[name] ?? 0), name);
      for (const i of [0, 1, 2] as const) {
        assert.ok((after.tcpMemoryPages?.[i] ?? 0) >= (machine.tcpMemoryPages?.[i] ?? 0), `tcp_mem ${i}`);
      }
      const [low, pressure, high] = after.tcpMemoryPages ?? [0, 0, 0];
      assert.ok(low <= pressure && pressure <= high);
    }),
  );
});

/** The machine, when both snippets are in their files. */
function applied(machine: Machine, report: Report): Machine {
  const fields: Readonly<Record<string, keyof Machine>> = {
    LimitNOFILE: "descriptorsHard",
    MemoryMax: "groupBytesMax",
    "fs.nr_open": "nrOpen",
    "fs.file-max": "filesMax",
    "net.core.somaxconn": "somaxconn",
    "net.ipv4.ip_local_port_range": "ports",
    "net.ipv4.tcp_max_syn_backlog": "synBacklog",
    "net.ipv4.tcp_mem": "tcpMemoryPages",
    "net.ipv4.tcp_rmem": "tcpReadBytes",
    "net.ipv4.tcp_wmem": "tcpWriteBytes",
    "net.netfilter.nf_conntrack_max": "conntrackMax",
    "vm.overcommit_memory": "commitBytesFree",
  };
  const changed: Partial<Record<keyof Machine, unknown>> = {};
  for (const [key, value] of settingsOf(report)) {
    if (key === "TasksMax") continue;
    const field = fields[key] ?? assert.fail(key);
    const numbers = value.split(" ").map(Number);
    if (field === "commitBytesFree") changed[field] = undefined;
    else changed[field] = numbers.length === 1 ? numbers[0] : numbers;
  }
  return { ...machine, ...changed } as Machine;
}
