import { limits } from "../limits.ts";
import { type KernelCost, kernelCost } from "./kernel-cost.ts";
import type { Machine } from "./machine.ts";

/** What a machine is asked to hold. */
export interface Demand {
  readonly connections: number;
  /** Whether the clients are on this machine too, as in a benchmark over loopback. */
  readonly clients: boolean;
  /** Addresses that those clients connect from. */
  readonly sources: number;
  /** Descriptors that a process may use, where its limit shall not be raised: there are more processes then. */
  readonly descriptorsPerProcess?: number;
  /** Memory of a connection in its process. */
  readonly bytesUserEach: number;
}

/** How a number of connections is shared out, and what it takes. */
export interface Plan {
  readonly connections: number;
  /** Processes that serve; and those that are clients, 0 where these are elsewhere. */
  readonly servers: number;
  readonly loads: number;
  /** Connections of one process, and the descriptors that it needs for them. */
  readonly connectionsEach: number;
  readonly descriptorsEach: number;
  /** Memory of one serving process. */
  readonly processBytes: number;
  readonly bytes: PlanBytes;
}

/** Memory of all connections and processes. */
export interface PlanBytes {
  /** Sockets and what belongs to them. */
  readonly kernel: number;
  /** Messages on their way, with those clients who have one at the same time. */
  readonly buffers: number;
  /** What processes keep of connections. */
  readonly user: number;
  /** What processes take by themselves. */
  readonly processes: number;
  readonly total: number;
}

/** Shares out a number of connections; `connections` of the demand only says for how many the machine is set up. */
export type Planner = (connections: number) => Plan;

/**
 * Without `descriptorsPerProcess` there are as few processes as the hard limit allows, if that is no more than one for
 * each core; else one for each core, with more descriptors. Beyond Linux's usual fs.nr_open there are more processes
 * too.
 */
export function planner(machine: Machine, demand: Demand): Planner {
  const cost = kernelCost(machine);
  const processesFor = processCounter(machine, demand);
  return (connections) => {
    const servers = processesFor(connections);
    const loads = demand.clients ? servers : 0;
    const connectionsEach = Math.ceil(connections / servers);
    return {
      connections,
      servers,
      loads,
      connectionsEach,
      descriptorsEach: connectionsEach + limits.doctorSpareDescriptors,
      processBytes: limits.doctorProcessBytes + connectionsEach * demand.bytesUserEach,
      bytes: bytesOf(machine, demand, cost, connections, servers + loads),
    };
  };
}

/** Ends of a connection that are on this machine. */
export function endsOf({ clients }: Demand): number {
  return clients ? 2 : 1;
}

/** Cores for which processes are worth their while. */
export function coresOf({ cores = 1, groupCores }: Machine): number {
  return Math.max(1, Math.min(cores, Math.ceil(groupCores ?? cores)));
}

function processCounter(machine: Machine, demand: Demand): (connections: number) => number {
  const spare = limits.doctorSpareDescriptors;
  const { descriptorsPerProcess: own, connections: asked } = demand;
  const now = Math.min(machine.descriptorsHard ?? limits.doctorDescriptorsUsual, machine.nrOpen ?? Infinity);
  if (own !== undefined) {
    // Where not even the spare ones are there the limit has to be raised, and then it is raised to this one.
    const room = (now > spare ? Math.min(own, now) : own) - spare;
    return (connections) => Math.max(1, Math.ceil(connections / room));
  }
  const ceiling = Math.max(machine.nrOpen ?? 0, limits.doctorDescriptorsUsual);
  const most = Math.max(coresOf(machine), Math.ceil(asked / (ceiling - spare)));
  if (now <= spare) return () => most;
  return (connections) => Math.min(most, Math.max(1, Math.ceil(connections / (now - spare))));
}

function bytesOf(
  machine: Machine,
  demand: Demand,
  cost: KernelCost,
  connections: number,
  processes: number,
): PlanBytes {
  const clientKernel = demand.clients ? cost.clientBytes : 0;
  const clientUser = demand.clients ? limits.doctorBareBytes : 0;
  const kernel = connections * (cost.serverBytes + clientKernel + cost.conntrackBytes);
  const buffers = pagesOf(demand, connections) * machine.pageBytes;
  const user = connections * (demand.bytesUserEach + clientUser);
  const own = processes * limits.doctorProcessBytes;
  return { kernel, buffers, user, processes: own, total: kernel + buffers + user + own };
}

/** Pages of the kernel that messages on their way take at one time. */
export function pagesOf(demand: Demand, connections: number): number {
  return Math.ceil((connections * endsOf(demand) * limits.doctorBusyPercent) / 100);
}
