import type { Gate } from "./gate.ts";

/** Why nobody may be accepted: words for programs. */
export const admissionCauses = [
  "workers",
  "descriptors",
  "lag",
  "residentBytes",
  "outboundBytes",
  "connections",
  "handshakes",
] as const;

/** One of these. */
export type AdmissionCause = (typeof admissionCauses)[number];

/** Whether connections are accepted, and what was done about those that were not. */
export interface AdmissionState {
  readonly isOpen: boolean;
  /** Connections come faster than acceptsPerSecondMax, and wait their turn, which may be when all else is well. */
  readonly isPaced: boolean;
  /** Why not; empty when it is open. */
  readonly causes: readonly AdmissionCause[];
  /** The same for people, in the same order: each names what is too much, its bound, and the option for it. */
  readonly reasons: readonly string[];
  /** All connections of the server, and those among them whose handshake is under way. */
  readonly connections: number;
  readonly handshakes: number;
  /** The last sample of the event loop's lateness; 0 while no gate asks for samples. */
  readonly lagMs: number;
  /** What follows counts from the start on: connections accepted, also those that were answered 429. */
  readonly accepted: number;
  /** How often it went from open to shut. */
  readonly shuts: number;
  /** Clients that were answered 503, with overload "503". */
  readonly refusedOverload: number;
  /** Clients that were answered 429, or cut, since their address had connectionsPerAddressMax connections. */
  readonly refusedAddress: number;
  /** How often a port was closed, with overload "refuse". */
  readonly portsClosed: number;
}

/** The measures that have a gate, and what they are called where people read of them. */
export const measures = {
  lag: ["lagMsMax", "milliseconds that the event loop is late"],
  residentBytes: ["residentBytesMax", "resident bytes"],
  outboundBytes: ["waitingBytesMax", "bytes waiting to be sent"],
  connections: ["connectionsMax", "connections"],
  handshakes: ["handshakesMax", "handshakes under way"],
} as const satisfies Partial<Record<AdmissionCause, readonly [string, string]>>;

/** The name of a measure that has a gate. */
export type Measure = keyof typeof measures;

/** One cause as a sentence, with the value of its gate as it is now. */
export function reasonOf(cause: AdmissionCause, gates: Readonly<Record<Measure, Gate>>): string {
  if (cause === "workers") return "all workers are busy (option workersMax)";
  if (cause === "descriptors") return "no descriptor is left (ulimit -n raises the number)";
  const { value, max, reopenAt } = gates[cause];
  const [option, what] = measures[cause];
  return `${value} ${what}; option admission.${option} is ${max}, and it opens again at ${reopenAt}`;
}
