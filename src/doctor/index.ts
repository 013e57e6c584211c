export { examine, type Now, type Report, type Verdict } from "./examine.ts";
export type { Finding, FindingId, FindingState, Setting, Unit } from "./finding.ts";
export { type KernelCost, kernelCost } from "./kernel-cost.ts";
export type { Machine, Triple } from "./machine.ts";
export type { Demand, Plan, PlanBytes } from "./plan.ts";
export { readMachine } from "./read-machine.ts";
export { SYSCTL_FILE, SYSTEMD_FILE, sysctlSnippet, systemdSnippet } from "./snippets.ts";
export { type Paint, reportInWords } from "./text.ts";
export { bytesInWords, counted, grouped } from "./words.ts";
