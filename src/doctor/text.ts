import { limits } from "../limits.ts";
import type { Now, Report, Verdict } from "./examine.ts";
import type { Finding, FindingState } from "./finding.ts";
import { amount, bytesInWords, counted, grouped } from "./words.ts";

/** Colours a word by what it means, or leaves it as it is. */
export type Paint = (state: FindingState, word: string) => string;

/** A mark and a word for each state: colour only repeats them. */
const marks: Readonly<Record<FindingState, string>> = {
  ok: "+ ok",
  raise: "! raise",
  lower: "! lower",
  missing: "? missing",
  short: "x short",
};

const verdicts: Readonly<Record<Verdict, string>> = {
  fits: "it fits now",
  set: "it fits when the marked figures are set",
  impossible: "it does not fit on this machine",
  unknown: "the machine does not tell enough to know",
};

/** The report for a person: what fits, the table of checks, and the plan. Lines without line feeds. */
export function reportInWords(report: Report, paint: Paint = (_state, word) => word): string[] {
  const { demand, verdict, findings } = report;
  const where = demand.clients ? ", with the clients on this machine" : "";
  return [
    `${counted(demand.connections, "connection")}${where}: ${verdicts[verdict]}`,
    `  fits now: ${nowInWords(report.now, findings)}`,
    "",
    ...table(findings, paint),
    "",
    ...planInWords(report),
  ];
}

function nowInWords(now: Now | undefined, findings: readonly Finding[]): string {
  if (now === undefined) return "memory and descriptors cannot be read here";
  const { connections, servers, loads, connectionsEach, limitedBy } = now;
  const by = findings.find(({ id }) => id === limitedBy)?.title;
  const and = loads > 0 ? `, and ${counted(loads, "process")} of clients` : "";
  const what = `${counted(connections, "connection")} in ${counted(servers, "process")}${and}`;
  return `${what} (${grouped(connectionsEach)} in each)${by === undefined ? "" : `, limited by ${by}`}`;
}

function table(findings: readonly Finding[], paint: Paint): string[] {
  const rows = findings.map(({ state, title, has, needs, unit, note }) => ({
    state,
    cells: [title, has === undefined ? "-" : amount(has, unit), amount(needs, unit)] as const,
    note,
  }));
  const head = ["figure", "here", "needed"] as const;
  const width = (column: 0 | 1 | 2) => Math.max(head[column].length, ...rows.map(({ cells }) => cells[column].length));
  const [first, second, third] = [width(0), width(1), width(2)];
  const line = ([a, b, c]: readonly [string, string, string]) =>
    `${a.padEnd(first)}  ${b.padStart(second)}  ${c.padStart(third)}`;
  const stateWidth = Math.max(...Object.values(marks).map((mark) => mark.length));
  return [
    `${"".padEnd(stateWidth)}  ${line(head)}`,
    ...rows.map(({ state, cells, note }) => {
      return `${paint(state, marks[state].padEnd(stateWidth))}  ${line(cells)}  ${note}`;
    }),
  ];
}

function planInWords({ demand, plan, cost, cores, sources }: Report): string[] {
  const { bytes } = plan;
  const each = `${grouped(plan.connectionsEach)} connections, ${grouped(plan.descriptorsEach)} descriptors and ${bytesInWords(plan.processBytes)} each`;
  const ends = demand.clients
    ? `${grouped(cost.serverBytes)} bytes for a server's end, ${grouped(cost.clientBytes)} for a client's`
    : `${grouped(cost.serverBytes)} bytes for each connection`;
  const track = cost.conntrackBytes > 0 ? `, ${grouped(cost.conntrackBytes)} for conntrack` : "";
  const from =
    cost.from === "slabs" ? "as this machine's slabs say" : "as was measured elsewhere: only root may read the slabs";
  return [
    `Plan: ${counted(plan.servers, "process")} (belfry serve --workers ${plan.servers}), with ${counted(cores, "core")}`,
    `  ${each}`,
    ...(plan.loads === 0
      ? []
      : [`  and ${counted(plan.loads, "process")} of clients, from ${counted(sources, "source address")}`]),
    `Memory: ${bytesInWords(bytes.total)} in all`,
    `  ${bytesInWords(bytes.kernel)} of the kernel: ${ends}${track} (${from})`,
    `  ${bytesInWords(bytes.buffers)} of the kernel for messages, ${limits.doctorBusyPercent} % of the clients having one at one time`,
    `  ${bytesInWords(bytes.user)} for what the processes keep of connections, ${grouped(demand.bytesUserEach)} bytes each`,
    `  ${bytesInWords(bytes.processes)} for the processes themselves`,
  ];
}
