import { limits } from "../limits.ts";
import { type Check, sysctl } from "./check.ts";
import type { Machine } from "./machine.ts";
import type { Demand } from "./plan.ts";

/**
 * The check of clients that are on the machine: each address of theirs has one port for each connection to one port.
 */
export function portCheck(ports: Machine["ports"], demand: Demand): Check {
  const each = portCount(ports);
  const sources = sourcesFor(ports, demand);
  const [first, last] = [limits.doctorPortFirst, limits.doctorPortLast];
  const repeat = sources > demand.sources ? `: take --sources ${sources}` : "";
  return {
    id: "ports",
    title: "net.ipv4.ip_local_port_range",
    unit: "ports",
    has: each === undefined ? undefined : each * demand.sources,
    needs: ({ connections }) => connections,
    note: `of ${demand.sources} source address${demand.sources === 1 ? "" : "es"} to one port${repeat}`,
    ...((each ?? 0) < last - first + 1 && { set: () => sysctl("net.ipv4.ip_local_port_range", `${first} ${last}`) }),
  };
}

/**
 * From how many addresses the clients have to come to one port of the server, when as many ports are there as can be
 * set: no fewer than the demand says.
 */
export function sourcesFor(ports: Machine["ports"], { connections, sources }: Demand): number {
  const settable = limits.doctorPortLast - limits.doctorPortFirst + 1;
  return Math.max(sources, Math.ceil(connections / Math.max(portCount(ports) ?? 0, settable)));
}

function portCount(ports: Machine["ports"]): number | undefined {
  return ports === undefined ? undefined : Math.max(0, ports[1] - ports[0] + 1);
}
