import { limits } from "../limits.ts";
import { type Check, roundUp, sysctl } from "./check.ts";
import type { Machine, Triple } from "./machine.ts";
import { type Demand, type Plan, pagesOf } from "./plan.ts";
import { portCheck } from "./ports.ts";
import { grouped } from "./words.ts";

/** The checks of a machine. Those that do not concern it, or the demand, are left out. */
export function checksOf(machine: Machine, demand: Demand): Check[] {
  return [...descriptorChecks(machine), ...memoryChecks(machine, demand), ...networkChecks(machine, demand)];
}

function descriptorChecks(machine: Machine): Check[] {
  const { descriptorsSoft: soft, descriptorsHard, nrOpen, filesMax, filesUsed = 0 } = machine;
  const spare = limits.doctorSpareDescriptors;
  const raised =
    (soft ?? 0) < (descriptorsHard ?? 0) ? `; Node raises the soft limit, ${grouped(soft ?? 0)}, to it` : "";
  return [
    {
      id: "descriptors",
      title: "LimitNOFILE (ulimit -Hn)",
      unit: "descriptors",
      has: descriptorsHard,
      needs: (plan) => plan.descriptorsEach,
      note: `of each process: one for each connection, and ${spare}${raised}`,
      set: (needs) => ({ where: "systemd", key: "LimitNOFILE", value: `${limitFor(needs, machine)}` }),
      isAlwaysSet: true,
    },
    {
      id: "nrOpen",
      title: "fs.nr_open",
      unit: "descriptors",
      has: nrOpen,
      needs: (plan) => plan.descriptorsEach,
      note: "how far LimitNOFILE can be raised",
      set: (needs) => sysctl("fs.nr_open", Math.max(needs, Math.min(roundUp(needs), limits.doctorDescriptorsUsual))),
    },
    {
      id: "filesMax",
      title: "fs.file-max",
      unit: "files",
      has: filesMax,
      needs: ({ connections, servers, loads }) =>
        filesUsed + connections * (loads > 0 ? 2 : 1) + (servers + loads) * spare,
      note: "open files of the whole machine",
      set: (needs) => sysctl("fs.file-max", roundUp(needs)),
    },
  ];
}

function memoryChecks(machine: Machine, demand: Demand): Check[] {
  const { memoryBytes, groupBytesMax, groupBytesUsed = 0, commitBytesFree, tcpPagesUsed = 0 } = machine;
  const spare = limits.doctorSpareMemoryPercent;
  const withSpare = ({ bytes }: Plan) => Math.ceil((bytes.total * 100) / (100 - spare));
  const checks: Check[] = [
    {
      id: "memory",
      title: "MemAvailable",
      unit: "bytes",
      has: memoryBytes,
      needs: withSpare,
      note: `${spare} % of it is left to everything else`,
    },
    {
      id: "tcpMemory",
      title: "net.ipv4.tcp_mem (pressure)",
      unit: "pages",
      has: machine.tcpMemoryPages?.[1],
      needs: ({ connections }) => tcpPagesUsed + pagesOf(demand, connections),
      note: `messages on their way, with ${limits.doctorBusyPercent} % of the clients at one time`,
      set: (needs) => sysctl("net.ipv4.tcp_mem", tcpMemory(roundUp(needs), machine.tcpMemoryPages ?? [0, 0, 0])),
    },
  ];
  if (groupBytesMax !== undefined) {
    checks.push({
      id: "groupMemory",
      title: "MemoryMax (control group)",
      unit: "bytes",
      has: groupBytesMax,
      needs: (plan) => groupBytesUsed + withSpare(plan),
      note: "the kernel's memory counts too",
      set: (needs) => ({
        where: "systemd",
        key: "MemoryMax",
        value: `${Math.max(groupBytesMax, roundUp(needs))}`,
      }),
      isAlwaysSet: true,
    });
  }
  if (commitBytesFree !== undefined) {
    checks.push({
      id: "commit",
      title: "vm.overcommit_memory=2",
      unit: "bytes",
      has: commitBytesFree,
      needs: ({ bytes }) => bytes.user + bytes.processes,
      note: "the kernel promises no more than this",
      set: () => sysctl("vm.overcommit_memory", 0),
    });
  }
  return checks;
}

function networkChecks(machine: Machine, demand: Demand): Check[] {
  const { somaxconn, synBacklog, synCookies, conntrackMax, conntrackUsed = 0, ports } = machine;
  const backlog = () => Math.min(limits.backlog, demand.connections);
  const checks: Check[] = [
    {
      id: "somaxconn",
      title: "net.core.somaxconn",
      unit: "connections",
      has: somaxconn,
      needs: backlog,
      note: "who waits to be accepted: the listener's backlog",
      set: (needs) => sysctl("net.core.somaxconn", needs),
      isNoBound: true,
    },
  ];
  // With cookies the kernel does not ask for it: who finds no room in the queue of handshakes needs none.
  if (synCookies === undefined || synCookies === 0) {
    checks.push({
      id: "synBacklog",
      title: "net.ipv4.tcp_max_syn_backlog",
      unit: "connections",
      has: synBacklog,
      needs: backlog,
      note: "whose handshake of TCP is under way",
      set: (needs) => sysctl("net.ipv4.tcp_max_syn_backlog", needs),
      isNoBound: true,
    });
  }
  if (conntrackMax !== undefined) {
    checks.push({
      id: "conntrack",
      title: "nf_conntrack_max",
      unit: "entries",
      has: conntrackMax,
      needs: ({ connections }) => conntrackUsed + connections,
      note: `where it is full, packets are dropped${conntrackUsed === 0 ? "; none now: perhaps no rule asks for it" : ""}`,
      set: (needs) => sysctl("net.netfilter.nf_conntrack_max", roundUp(needs)),
    });
  }
  return demand.clients ? [...checks, portCheck(ports, demand)] : checks;
}

/** The kernel's own proportions, 3 to 4 to 6; nothing becomes smaller. */
function tcpMemory(pressure: number, [low, , high]: Triple): string {
  return [Math.max(low, Math.ceil(pressure * 0.75)), pressure, Math.max(high, Math.ceil(pressure * 1.5))].join(" ");
}

/** What is there, where that is enough: a service may have less by itself. Else as much as is needed, rounded. */
function limitFor(needs: number, { descriptorsHard = 0, nrOpen = limits.doctorDescriptorsUsual }: Machine): number {
  if (descriptorsHard >= needs) return Math.max(needs, Math.min(descriptorsHard, nrOpen));
  return Math.max(needs, Math.min(roundUp(needs), Math.max(nrOpen, limits.doctorDescriptorsUsual)));
}
