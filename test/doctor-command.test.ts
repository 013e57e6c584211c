import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { bytesInWords, counted, grouped, type Report } from "../src/doctor/index.ts";
import { cloudBox, cloudBoxOfRoot, type Files, memory, rootOf, tuned } from "./doctor-machines.ts";

const belfry = fileURLToPath(new URL("../../bin/belfry.js", import.meta.url));

interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

interface How {
  readonly env?: NodeJS.ProcessEnv;
  /** A program that runs before the command. */
  readonly before?: string;
}

/** What --json prints. */
type Told = Report & { snippets: Record<"sysctl" | "systemd", string>; machine: Record<string, unknown> };

/** Runs `belfry doctor`. */
async function doctor(argv: readonly string[], { env = {}, before = "" }: How = {}): Promise<Ran> {
  const { NO_COLOR: _, FORCE_COLOR: __, ...rest } = process.env;
  const first = before === "" ? [] : ["--import", `data:text/javascript,${encodeURIComponent(before)}`];
  const child = spawn(process.execPath, [...first, belfry, "doctor", ...argv], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...rest, TERM: "xterm-256color", ...env },
  });
  const [out, err, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { status, out, err };
}

/** Runs it over a machine of files. */
async function doctorOf(t: Parameters<typeof rootOf>[0], files: Files, ...argv: string[]): Promise<Ran> {
  return await doctor(["--root", rootOf(t, files), ...argv]);
}

test("belfry doctor tells what fits, marks what has to be set, and shows what to paste", async (t) => {
  const { status, out, err } = await doctorOf(t, cloudBoxOfRoot, "--connections", "600000");
  assert.deepEqual([status, err], [1, ""]);
  assert.equal(
    out,
    `600,000 connections: it fits when the marked figures are set
  fits now: 567,600 connections in 2 processes (283,800 in each), limited by net.ipv4.tcp_mem (pressure)

           figure                            here    needed
+ ok       LimitNOFILE (ulimit -Hn)       524,288   300,256  of each process: one for each connection, and 256; Node raises the soft limit, 1,024, to it
+ ok       fs.nr_open                   1,048,576   300,256  how far LimitNOFILE can be raised
+ ok       fs.file-max                   no limit   601,712  open files of the whole machine
+ ok       MemAvailable                  3.50 GiB  3.05 GiB  10 % of it is left to everything else
! raise    net.ipv4.tcp_mem (pressure)     56,772    60,012  messages on their way, with 10 % of the clients at one time
+ ok       net.core.somaxconn               4,096     4,096  who waits to be accepted: the listener's backlog
+ ok       net.ipv4.tcp_rmem (min)       4.00 KiB  4.00 KiB  what a socket may keep when memory is short
+ ok       net.ipv4.tcp_wmem (min)       4.00 KiB  4.00 KiB  what a socket may keep when memory is short

Plan: 2 processes (belfry serve --workers 2), with 2 cores
  300,000 connections, 300,256 descriptors and 142 MiB each
Memory: 2.74 GiB in all
  2.24 GiB of the kernel: 4,000 bytes for each connection (as this machine's slabs say)
  234 MiB of the kernel for messages, 10 % of the clients having one at one time
  91.6 MiB for what the processes keep of connections, 160 bytes each
  192 MiB for the processes themselves

# /etc/sysctl.d/90-belfry.conf, for 600,000 connections; then: sysctl --system
# at least 60,012: messages on their way, with 10 % of the clients at one time
net.ipv4.tcp_mem = 45075 60100 90150

# /etc/systemd/system/belfry.service.d/90-belfry.conf, for 600,000 connections in 2 processes;
# then: systemctl daemon-reload && systemctl restart belfry
[Service]
# at least 300,256: of each process: one for each connection, and 256; Node raises the soft limit, 1,024, to it
LimitNOFILE=524288
# threads of all processes
TasksMax=96
`,
  );
});

for (const [what, files, argv, expected, says] of [
  ["all that is asked for fits now", tuned, [], 0, /^3,000,000 connections: it fits now\n/],
  [
    "something has to be set",
    cloudBox,
    ["--connections", "600000", "--bytes", "64"],
    1,
    /\n! raise +net\.ipv4\.tcp_mem/,
  ],
  ["memory is short", cloudBox, [], 2, /: it does not fit on this machine\n[\s\S]*\nx short +MemAvailable/],
  [
    "the machine tells nothing",
    {},
    ["--connections", "1"],
    1,
    /tell enough[\s\S]*cannot be read here[\s\S]*\n\? missing +Lim/,
  ],
  [
    "descriptors are few, for processes that are many",
    cloudBox,
    ["--connections", "9000", "--descriptors", "4096"],
    0,
    /--workers 3\)/,
  ],
  ["clients lack source addresses", tuned, ["--clients", "--connections", "64513"], 1, /take --sources 2\n/],
  [
    "clients have source addresses",
    tuned,
    ["--clients", "--connections", "64513", "--sources", "2"],
    0,
    /2 source addresses/,
  ],
  [
    "the buffers of sockets are too large",
    { ...tuned, "proc/sys/net/ipv4/tcp_rmem": "8192 9000 9000" },
    [],
    1,
    /\n! lower .*tcp_rmem/,
  ],
] as const) {
  test(`belfry doctor ends with ${expected} and says so when ${what}, in words and in JSON`, async (t) => {
    const [{ status, out, err }, json] = await Promise.all([
      doctorOf(t, files, ...argv),
      doctorOf(t, files, "--json", ...argv),
    ]);
    assert.deepEqual([status, err], [expected, ""]);
    assert.match(out, says);
    assert.deepEqual([json.status, json.err], [expected, ""]);
    const { verdict } = JSON.parse(json.out) as Told;
    assert.equal({ fits: 0, set: 1, unknown: 1, impossible: 2 }[verdict], expected);
  });
}

test("belfry doctor shows nothing to paste where that would not help", async (t) => {
  assert.doesNotMatch((await doctorOf(t, cloudBox)).out, /LimitNOFILE=/);
  assert.match(
    (await doctorOf(t, tuned)).out,
    /# Of what the machine tells nothing has to be set\.\n[\s\S]*LimitNOFILE=/,
  );
});

test("belfry doctor --snippet prints the file and nothing else, the same as --json has", async (t) => {
  const argv = ["--connections", "600000"];
  const { snippets } = JSON.parse((await doctorOf(t, cloudBox, "--json", ...argv)).out) as Told;
  for (const name of ["sysctl", "systemd"] as const) {
    const { status, out } = await doctorOf(t, cloudBox, "--snippet", name, ...argv);
    assert.deepEqual([status, out], [1, snippets[name]]);
  }
  assert.match(snippets.systemd, /^#[^\n]*\n#[^\n]*\n\[Service\]\n/);
  assert.match(snippets.sysctl, /^# \/etc\/sysctl\.d\/90-belfry\.conf, for 600,000 connections/);
});

test("belfry doctor looks at this machine, and ends as it says", {
  skip: process.platform !== "linux" && "Linux only",
}, async () => {
  const { status, out, err } = await doctor(["--json", "--connections", "1000"]);
  assert.equal(err, "");
  const { verdict, machine, now, plan, findings } = JSON.parse(out) as Told;
  assert.equal(status, { fits: 0, set: 1, unknown: 1, impossible: 2 }[verdict]);
  assert.ok((machine["memoryBytes"] as number) > 0);
  assert.ok(now && now.connections > 0, "nothing fits here");
  assert.equal(plan.connectionsEach * plan.servers >= 1000, true);
  for (const { id, has } of findings) assert.notEqual(has, null, id);
});

test("belfry doctor colours marks on a terminal only, and not against NO_COLOR", async (t) => {
  const argv = ["--root", rootOf(t, { ...cloudBox, "proc/meminfo": memory(1, 0.1) }), "--connections", "600000"];
  const before = "Object.defineProperty(process.stdout, 'isTTY', { value: true })";
  const { out: plain } = await doctor(argv, { env: { FORCE_COLOR: "1" } });
  const { out: coloured } = await doctor(argv, { before });
  const { out: without } = await doctor(argv, { before, env: { NO_COLOR: "1" } });
  assert.ok(coloured.includes("\x1b[32m+ ok"), coloured);
  assert.ok(coloured.includes("\x1b[31mx short"), coloured);
  assert.ok(!plain.includes("\x1b") && !without.includes("\x1b"));
  assert.equal(stripVTControlCharacters(coloured), plain);
  assert.equal(without, plain);
});

test("belfry doctor ends with 2 on another system, unless it is to look at files of a Linux machine", async (t) => {
  const before = "Object.defineProperty(process, 'platform', { value: 'darwin' })";
  const { status, out, err } = await doctor([], { before });
  assert.deepEqual([status, out], [2, ""]);
  assert.match(err, /^error: belfry doctor knows Linux, and this is another system/);
  assert.equal((await doctor(["--root", rootOf(t, tuned)], { before })).status, 0);
});

for (const [what, argv, says] of [
  ["no connections", ["--connections", "0"], /'--connections <number>'.*from 1 to 1000000000/],
  ["too many connections", ["--connections", "1000000001"], /from 1 to 1000000000/],
  ["connections in words", ["--connections", "3M"], /Allowed are whole numbers/],
  ["no source", ["--sources", "0"], /'--sources <number>'.*from 1 to 16777214/],
  ["too few descriptors", ["--descriptors", "256"], /'--descriptors <number>'.*from 257 to/],
  ["too large connections", ["--bytes", "1048577"], /'--bytes <number>'.*from 0 to 1048576/],
  ["a snippet that there is not", ["--snippet", "nginx"], /Allowed choices are sysctl, systemd/],
  ["a snippet in JSON", ["--snippet", "sysctl", "--json"], /cannot be used with option '--json'/],
  ["an option that is misspelt", ["--conections", "5"], /Did you mean --connections\?/],
  ["a number without the option", ["5"], /too many arguments/],
] as const) {
  test(`belfry doctor with ${what} ends with 1 and says what is allowed`, async () => {
    const { status, out, err } = await doctor(argv);
    assert.deepEqual([status, out], [1, ""]);
    assert.match(err, says);
  });
}

test("belfry doctor --help teaches by example", async () => {
  const { status, out } = await doctor(["--help"]);
  assert.equal(status, 0);
  assert.match(out, /\$ belfry doctor\n/);
  assert.match(out, /--snippet sysctl \| sudo tee --append \/etc\/sysctl\.d\/90-belfry\.conf/);
  assert.match(out, /\$ sudo mkdir -p \/etc\/systemd\/system\/belfry\.service\.d\n/);
  assert.match(out, /Exit status:\n {2}0 /);
});

test("numbers are shown as a person reads them", () => {
  const shown = [0, 1, 1023, 1024, 10_230, 1_048_576, 1_023_000_000, 1_073_741_824, 123_456_789_012, 2 ** 60].map(
    bytesInWords,
  );
  const words = ["0 bytes", "1 byte", "1,023 bytes", "1.00 KiB", "9.99 KiB", "1.00 MiB", "976 MiB", "1.00 GiB"];
  assert.deepEqual(shown, [...words, "115 GiB", "1024 PiB"]);
  assert.deepEqual([grouped(3_000_000), grouped(2 ** 63)], ["3,000,000", "no limit"]);
  assert.deepEqual(
    [counted(1, "process"), counted(2, "process"), counted(1000, "core")],
    ["1 process", "2 processes", "1,000 cores"],
  );
});
