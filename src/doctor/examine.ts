import { BelfryError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Check } from "./check.ts";
import { checksOf } from "./checks.ts";
import type { Finding, FindingId, FindingState } from "./finding.ts";
import { type KernelCost, kernelCost } from "./kernel-cost.ts";
import type { Machine } from "./machine.ts";
import { coresOf, type Demand, type Plan, type Planner, planner } from "./plan.ts";
import { sourcesFor } from "./ports.ts";

/**
 * fits: all that is asked for is there now. set: something has to be set. impossible: memory is short, and nothing can
 * be set. unknown: the machine does not tell its memory or its descriptors.
 */
export type Verdict = "fits" | "set" | "impossible" | "unknown";

/** What a machine holds as it is. */
export interface Now {
  readonly connections: number;
  /** Processes that serve them; and as many that are the clients, where those are on the machine too. */
  readonly servers: number;
  readonly loads: number;
  readonly connectionsEach: number;
  /** The figure that ends it; undefined if there are more connections than `doctorConnectionsMax`. */
  readonly limitedBy: FindingId | undefined;
}

/** What was found out about a machine and a demand. */
export interface Report {
  readonly demand: Demand;
  readonly verdict: Verdict;
  /** undefined if the machine does not tell its memory or its descriptors. */
  readonly now: Now | undefined;
  /** How the demand is shared out, and what it takes, when all is set. */
  readonly plan: Plan;
  /** Source addresses that the clients need; 0 where they are elsewhere. */
  readonly sources: number;
  /** Cores that may be used. */
  readonly cores: number;
  readonly cost: KernelCost;
  readonly findings: readonly Finding[];
}

/** Without these nothing can be said. */
const vital: readonly FindingId[] = ["descriptors", "memory"];

/**
 * Says whether a machine holds what is asked for, what it holds now, and what to set. Asks nothing of the system.
 * Throws {@link BelfryError} BELFRY_BAD_OPTION for a demand that makes no sense.
 */
export function examine(machine: Machine, demand: Demand): Report {
  judge(demand);
  const planOf = planner(machine, demand);
  const plan = planOf(demand.connections);
  const findings = [
    ...checksOf(machine, demand).map((check) => findingOf(check, plan, planOf)),
    ...leastBufferFindings(machine),
  ];
  return {
    demand,
    verdict: verdictOf(findings),
    now: nowOf(findings, planOf),
    plan,
    sources: demand.clients ? sourcesFor(machine.ports, demand) : 0,
    cores: coresOf(machine),
    cost: kernelCost(machine),
    findings,
  };
}

function findingOf(check: Check, plan: Plan, planOf: Planner): Finding {
  const { id, title, unit, has, note, set } = check;
  const needs = check.needs(plan);
  const isEnough = has === undefined || needs <= has;
  // More source addresses are no line of a configuration.
  const canChange = set !== undefined || id === "ports";
  const state: FindingState = has === undefined ? "missing" : isEnough ? "ok" : canChange ? "raise" : "short";
  const setting = isEnough && !check.isAlwaysSet ? undefined : set?.(needs);
  const isBound = has !== undefined && !check.isNoBound;
  const holds = isBound ? largest((connections) => check.needs(planOf(connections)) <= has) : undefined;
  return { id, title, state, has, needs, unit, holds, note, setting };
}

/** Each socket may keep the least of its buffers even when memory is short: more than a page adds up to much. */
function leastBufferFindings({ tcpReadBytes, tcpWriteBytes, pageBytes }: Machine): Finding[] {
  const rows = [
    ["tcpRead", "net.ipv4.tcp_rmem", tcpReadBytes] as const,
    ["tcpWrite", "net.ipv4.tcp_wmem", tcpWriteBytes] as const,
  ];
  return rows.map(([id, key, triple]) => {
    const has = triple?.[0];
    const isTooMuch = has !== undefined && has > pageBytes;
    const value = [pageBytes, ...(triple ?? []).slice(1)].join(" ");
    return {
      id,
      title: `${key} (min)`,
      state: has === undefined ? "missing" : isTooMuch ? "lower" : "ok",
      has,
      needs: pageBytes,
      unit: "bytes",
      holds: undefined,
      note: "what a socket may keep when memory is short",
      setting: isTooMuch ? { where: "sysctl", key, value } : undefined,
    };
  });
}

function verdictOf(findings: readonly Finding[]): Verdict {
  const states = new Set(findings.map(({ state }) => state));
  if (states.has("short")) return "impossible";
  if (states.has("raise") || states.has("lower")) return "set";
  return isVitalMissing(findings) ? "unknown" : "fits";
}

function isVitalMissing(findings: readonly Finding[]): boolean {
  return findings.some(({ id, state }) => state === "missing" && vital.includes(id));
}

function nowOf(findings: readonly Finding[], planOf: Planner): Now | undefined {
  if (isVitalMissing(findings)) return undefined;
  let connections: number = limits.doctorConnectionsMax;
  let limitedBy: FindingId | undefined;
  for (const { id, holds } of findings) {
    if (holds === undefined || holds >= connections) continue;
    connections = holds;
    limitedBy = id;
  }
  const { servers, loads, connectionsEach } = planOf(connections);
  return { connections, servers, loads, connectionsEach, limitedBy };
}

/** The largest number of connections that is not too many; undefined if none is. */
function largest(isEnough: (connections: number) => boolean): number | undefined {
  if (isEnough(limits.doctorConnectionsMax)) return undefined;
  let [low, high] = [0, limits.doctorConnectionsMax as number];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (isEnough(middle)) low = middle;
    else high = middle;
  }
  return low;
}

function judge({ connections, sources, descriptorsPerProcess, bytesUserEach }: Demand): void {
  whole("connections", connections, 1, limits.doctorConnectionsMax, "doctorConnectionsMax");
  whole("sources", sources, 1, limits.doctorSourcesMax, "doctorSourcesMax");
  whole("bytesUserEach", bytesUserEach, 0, limits.doctorUserBytesMax, "doctorUserBytesMax");
  if (descriptorsPerProcess === undefined) return;
  const least = limits.doctorSpareDescriptors + 1;
  whole("descriptorsPerProcess", descriptorsPerProcess, least, limits.doctorConnectionsMax, "doctorConnectionsMax");
}

function whole(name: string, value: number, least: number, most: number, limit: string): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new BelfryError(
    "BELFRY_BAD_OPTION",
    `${name} is a whole number from ${least} to ${most} (${limit}), not ${value}: ask for less, or for several machines`,
  );
}
