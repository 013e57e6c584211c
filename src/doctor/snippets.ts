import { limits } from "../limits.ts";
import type { Report } from "./examine.ts";
import type { Finding } from "./finding.ts";
import { amount, counted } from "./words.ts";

/** Where {@link sysctlSnippet} goes. */
export const SYSCTL_FILE = "/etc/sysctl.d/90-belfry.conf";
/** Where {@link systemdSnippet} goes. */
export const SYSTEMD_FILE = "/etc/systemd/system/belfry.service.d/90-belfry.conf";

/**
 * Lines for sysctl.d(5), of what has to be set and nothing else, with a line feed at the end. They are to be added to
 * the file: what an earlier run has set is enough now, and is not said again.
 */
export function sysctlSnippet({ findings, demand }: Report): string {
  const lines = [`# ${SYSCTL_FILE}, for ${counted(demand.connections, "connection")}; then: sysctl --system`];
  for (const finding of findings) {
    if (finding.setting?.where === "sysctl") lines.push(...settingLines(finding));
  }
  if (lines.length === 1) lines.push("# Of what the machine tells nothing has to be set.");
  return `${lines.join("\n")}\n`;
}

/** A drop-in of systemd.unit(5) for the service that runs the plan. Ends with a line feed. */
export function systemdSnippet({ findings, demand, plan }: Report): string {
  const tasks = (plan.servers + 1) * limits.doctorTasksPerProcess;
  const lines = [
    `# ${SYSTEMD_FILE}, for ${counted(demand.connections, "connection")} in ${counted(plan.servers, "process")};`,
    "# then: systemctl daemon-reload && systemctl restart belfry",
    "[Service]",
  ];
  for (const finding of findings) {
    if (finding.setting?.where === "systemd") lines.push(...settingLines(finding));
  }
  lines.push("# threads of all processes", `TasksMax=${tasks}`);
  return `${lines.join("\n")}\n`;
}

function settingLines({ setting, note, needs, unit, state }: Finding): string[] {
  if (!setting) return [];
  const sign = setting.where === "sysctl" ? " = " : "=";
  const bound = state === "lower" ? "at most" : "at least";
  return [`# ${bound} ${amount(needs, unit)}: ${note}`, `${setting.key}${sign}${setting.value}`];
}
