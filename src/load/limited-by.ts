import { limits } from "../limits.ts";

/** The first of these that is there, in this order. */
const causes: readonly [error: string, cause: string][] = [
  ["EMFILE", "descriptors of the load: raise the limit (ulimit -n), or give --processes auto"],
  ["ENFILE", "descriptors of the machine (fs.file-max): see belfry doctor"],
  [
    "EADDRNOTAVAIL",
    "ports of the source addresses: give more of them with --from, or widen net.ipv4.ip_local_port_range",
  ],
  ["ENOBUFS", "memory of the kernel: see belfry doctor"],
  ["ENOMEM", "memory: see belfry doctor"],
  ["ECONNREFUSED", "the server: it refused connections"],
  ["ETIMEDOUT", "the server, or the way to it: connections got no answer"],
];

/** What kept a run from being more, in a sentence; `busiest` is the part of a core that one of its processes used. */
export function limitedBy(errors: Readonly<Record<string, number>>, busiest: number): string {
  const cause = causes.find(([error]) => Object.keys(errors).some((kind) => kind.includes(error)));
  if (cause) return cause[1];
  if (busiest >= limits.loadBusyMax)
    return "CPU of the load: a process of it used a whole core; give it more --processes";
  return "the server, or what was asked for: the load had descriptors, ports and CPU left";
}
