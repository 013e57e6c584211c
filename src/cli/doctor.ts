import { styleText } from "node:util";
import { Command, Option } from "commander";
import {
  type Demand,
  examine,
  type Paint,
  type Report,
  readMachine,
  reportInWords,
  SYSCTL_FILE,
  SYSTEMD_FILE,
  sysctlSnippet,
  systemdSnippet,
  type Verdict,
} from "../doctor/index.ts";
import { limits } from "../limits.ts";
import { wholeNumber } from "./numbers.ts";

interface Flags {
  connections: number;
  clients?: boolean;
  sources: number;
  descriptors?: number;
  bytes: number;
  json?: true;
  snippet?: keyof typeof snippets;
  root?: string;
}

const snippets = { sysctl: sysctlSnippet, systemd: systemdSnippet };

/** The exit status for what was found out. */
const statuses: Readonly<Record<Verdict, number>> = { fits: 0, set: 1, unknown: 1, impossible: 2 };

const colours = { ok: "green", raise: "yellow", lower: "yellow", missing: "cyan", short: "red" } as const;

const examples = `
Examples:
  What does this machine hold, and what has to be set for three million?
    $ belfry doctor

  For fewer; as root it reckons with the sizes of this machine's own kernel
    $ sudo belfry doctor --connections 200000

  Set it: add to the file, since what has been set once is not said again
    $ belfry doctor --snippet sysctl | sudo tee --append ${SYSCTL_FILE}
    $ sudo sysctl --system
    $ sudo mkdir -p ${SYSTEMD_FILE.replace(/\/[^/]*$/, "")}
    $ belfry doctor --snippet systemd | sudo tee ${SYSTEMD_FILE}
    $ sudo systemctl daemon-reload && sudo systemctl restart belfry

  The same without systemd
    $ docker run --ulimit nofile=1010000 --memory 16g ...

  A million on this machine alone, clients and all, from 127.0.0.1 to 127.0.0.20
    $ belfry doctor --connections 1000000 --clients --sources 20

  In a container whose limit of 20,000 descriptors nobody can raise: more processes
    $ belfry doctor --connections 100000 --descriptors 20000

  For a program
    $ belfry doctor --json | jq '.now.connections, .plan.servers'

Ask while no server runs: what a running one holds is counted as taken.

Exit status:
  0  all that is asked for fits now
  1  something has to be set first, or the machine does not tell enough; a mistake in the options
  2  it cannot be done on this machine: its memory is short, or it does not run Linux
`;

/** `belfry doctor`: what a machine can hold, and what to set. */
export function doctorCommand(): Command {
  return new Command("doctor")
    .description("Say how many connections this Linux machine can hold, and what to set for more.")
    .addOption(
      new Option("--connections <number>", "how many it shall hold")
        .argParser(wholeNumber(1, limits.doctorConnectionsMax))
        .default(3_000_000),
    )
    .option("--clients", "the clients are on this machine too, as in a benchmark")
    .addOption(
      new Option("--sources <number>", "addresses that these clients connect from")
        .argParser(wholeNumber(1, limits.doctorSourcesMax))
        .default(1),
    )
    .addOption(
      new Option(
        "--descriptors <number>",
        "descriptors that a process may use, where that shall not be raised",
      ).argParser(wholeNumber(limits.doctorSpareDescriptors + 1, limits.doctorConnectionsMax)),
    )
    .addOption(
      new Option(
        "--bytes <number>",
        `memory of a connection in its process; a bare one takes ${limits.doctorBareBytes}`,
      )
        .argParser(wholeNumber(0, limits.doctorUserBytesMax))
        .default(limits.doctorSubscribedBytes),
    )
    .option("--json", "all of it, for programs")
    .addOption(
      new Option("--snippet <name>", "print only what to put into a file")
        .choices(Object.keys(snippets))
        .conflicts("json"),
    )
    .option("--root <folder>", "copies of another machine's /proc and /sys, in a folder")
    .addHelpText("after", examples)
    .action(doctor);
}

function doctor(flags: Flags): void {
  if (process.platform !== "linux" && flags.root === undefined) {
    console.error("error: belfry doctor knows Linux, and this is another system; with --root it looks at files of one");
    process.exitCode = 2;
    return;
  }
  const machine = readMachine(flags.root);
  const report = examine(machine, demandOf(flags));
  process.exitCode = statuses[report.verdict];
  if (flags.snippet) process.stdout.write(snippets[flags.snippet](report));
  else if (flags.json) console.log(JSON.stringify({ ...report, snippets: snippetsOf(report), machine }, undefined, 2));
  else for (const line of [...reportInWords(report, painter()), ...snippetLines(report)]) console.log(line);
}

function demandOf({ connections, clients = false, sources, descriptors, bytes }: Flags): Demand {
  return {
    connections,
    clients,
    sources,
    ...(descriptors !== undefined && { descriptorsPerProcess: descriptors }),
    bytesUserEach: bytes,
  };
}

function snippetsOf(report: Report) {
  return { sysctl: sysctlSnippet(report), systemd: systemdSnippet(report) };
}

/** What to set is worth showing where setting it helps. */
function snippetLines(report: Report): string[] {
  if (report.verdict === "impossible") return [];
  return Object.values(snippetsOf(report)).flatMap((snippet) => ["", ...snippet.trimEnd().split("\n")]);
}

/** Colours for a terminal, unless NO_COLOR says otherwise (no-color.org). */
function painter(): Paint | undefined {
  const isWanted = process.stdout.isTTY && !process.env["NO_COLOR"];
  return isWanted ? (state, word) => styleText(colours[state], word) : undefined;
}
