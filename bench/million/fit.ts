import { examine, type Finding, type Machine, readMachine, reportInWords } from "../../src/doctor/index.ts";
import { limits } from "../../src/limits.ts";
import type { Options } from "./options.ts";

/** The kernel shares connections out by chance: a process must not be full while the others have room. */
const ROOM = 0.95;
/** Of the 28,232 ports that an address has to one server: the kernel searches long for one where most are in use. */
const PORTS_USED = 4000;

/** How many processes a run has, and where its clients connect from. */
export interface Fit {
  readonly servers: number;
  readonly loads: number;
  readonly sources: readonly string[];
}

/** How the connections are shared out; or, where this machine does not suffice, what `belfry doctor` says of it. */
export function fitOf({ connections, processes, descriptors }: Options): Fit | string {
  const machine = readMachine();
  const sources = loopbacks(connections);
  const own = processes ? Math.ceil(connections / processes) + limits.doctorSpareDescriptors : undefined;
  const descriptorsPerProcess = descriptors ?? own ?? machine.descriptorsHard ?? limits.doctorDescriptorsUsual;
  const report = examine(machine, {
    ...{ connections, clients: true, sources: sources.length, descriptorsPerProcess },
    bytesUserEach: limits.doctorSubscribedBytes,
  });
  if (report.findings.some((finding) => isShort(finding, machine))) return reportInWords(report).join("\n");
  const least = Math.ceil(connections / ((descriptorsPerProcess - limits.doctorSpareDescriptors) * ROOM));
  return { servers: processes ?? least, loads: processes ?? report.plan.loads, sources };
}

function isShort({ id, state }: Finding, { conntrackUsed }: Machine): boolean {
  // No rule asks for conntrack where it follows nothing.
  if (id === "conntrack" && conntrackUsed === 0) return false;
  return state === "raise" || state === "short";
}

/** Addresses of this machine with ports enough, all of them in 127.0.0.0/8. */
function loopbacks(connections: number): string[] {
  return Array.from(
    { length: Math.ceil(connections / PORTS_USED) },
    (_, i) => `127.0.${1 + Math.floor(i / 250)}.${1 + (i % 250)}`,
  );
}
