import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";
import { type Server, startServer } from "../bench/contest/children.ts";
import { hasFailed, hold } from "../bench/contest/contest.ts";
import { type Contestant, findContestants, type Service } from "../bench/contest/contestants.ts";
import { echoTrials } from "../bench/contest/echo.ts";
import { fanoutTrials } from "../bench/contest/fanout.ts";
import { compileFloors } from "../bench/contest/floors.ts";
import { NOTIFICATION, Publisher } from "../bench/contest/publish.ts";
import { frameOf, SocketIoClient } from "../bench/contest/socket-io-client.ts";
import type { Trial } from "../bench/contest/trial.ts";
import type { Results } from "../bench/report/results.ts";
import { textOf } from "../bench/report/text.ts";
import { cpuNs, slabBytes, userBytes } from "../bench/vitals.ts";
import { type Ending, Running } from "./processes.ts";
import { until } from "./until.ts";

const main = fileURLToPath(new URL("../bench/contest/main.js", import.meta.url));
const size = { connections: 1, subscribers: 1, clients: 1, busy: 1, seconds: 1 };
const folder = mkdtempSync(join(tmpdir(), "belfry-contest-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const contestants = await findContestants(compileFloors(folder), folder);
const present = contestants.filter(({ absent }) => absent === undefined);

test("belfry, ws and the floor take part; the others where they are installed, or with a reason why not", (t) => {
  const names = present.map(({ name }) => name);
  for (const name of ["belfry", "ws", "floor"]) assert.ok(names.includes(name), `${names}`);
  assert.deepEqual(
    contestants.map(({ name }) => name),
    ["belfry", "ws", "bun", "uws", "socket.io", "floor"],
  );
  for (const { name, absent } of contestants) {
    if (absent === undefined) continue;
    assert.match(absent, /not installed: npm ci|does not load/);
    t.diagnostic(`${name} is not tested: ${absent}`);
  }
});

for (const { name, echo, channels } of present.filter((one) => one.dialect === undefined)) {
  describe(`${name}'s server`, () => {
    if (echo) {
      test("answers an upgrade, and sends back messages of all lengths, bytes and text", async (t) => {
        const { port } = await started(t, echo);
        const socket = await opened(port, echo.path);
        for (const length of [0, 1, 32, 125, 126, 1024, 16_384]) {
          const bytes = Buffer.alloc(length, "abcdefg");
          assert.deepEqual(await answered(socket, bytes), { data: bytes, isBinary: true });
          const text = bytes.toString();
          assert.deepEqual(await answered(socket, text), { data: bytes, isBinary: false });
        }
        socket.terminate();
      });
    }
    if (channels) {
      test("delivers a publication to those who subscribe to its channel, in Belfry's words", async (t) => {
        const { port } = await started(t, channels);
        const members = await Promise.all(
          ["own:0", "own:1", "all"].map((channel) => subscribed(port, channels, channel)),
        );
        const heard = members.map(nextLine);
        const publisher = new Publisher(port);
        await publisher.publish(["own:0", "own:1"]);
        await publisher.publish(["all"]);
        publisher.close();
        assert.deepEqual(
          (await Promise.all(heard)).map((line) => JSON.parse(line)),
          ["own:0", "own:1", "all"].map((channel) => ({ push: { channel, pub: { data: NOTIFICATION } } })),
        );
        for (const member of members) member.terminate();
      });
    }
  });
}

test("the floor sends back many frames that come together, and one that comes in parts", async (t) => {
  const floor = present.find(({ name }) => name === "floor");
  const { port } = await started(t, floor?.echo as Service);
  const socket = await opened(port, "/");
  const sent = Array.from({ length: 200 }, (_, i) => Buffer.alloc(i * 97, `${i}`));
  const came: Buffer[] = [];
  await new Promise<void>((resolve) => {
    socket.on("message", (data: Buffer) => came.push(data) === sent.length && resolve());
    for (const bytes of sent) socket.send(bytes);
  });
  assert.deepEqual(came, sent);
  socket.terminate();
});

for (const { name, channels } of present.filter((one) => one.dialect === "socket.io")) {
  test(`${name}'s server sends events back, and delivers publications`, async (t) => {
    const { path } = channels as Service;
    const { port } = await started(t, channels as Service);
    const publisher = new Publisher(port);
    const heard: string[] = [];
    await new Promise<void>((resolve, reject) => {
      const client = new SocketIoClient({
        url: new URL(`ws://127.0.0.1:${port}${path}`),
        localAddress: "127.0.0.1",
        connected: () => client.send(frameOf(`42["m","${"a".repeat(1000)}"]`)),
        message(text) {
          heard.push(text);
          if (heard.length === 1) client.send(frameOf('420["subscribe","own:7"]'));
          if (heard.length === 2) publisher.publish(["own:7"]).catch(reject);
          if (heard.length === 3) resolve();
        },
        ended: () => reject(new Error("its connection ended")),
      });
    });
    publisher.close();
    assert.deepEqual(heard, [`42["m","${"a".repeat(1000)}"]`, "430[]", `42["m",${JSON.stringify(NOTIFICATION)}]`]);
  });
}

for (const contestant of present.filter((one) => one.dialect === "socket.io")) {
  test(`${contestant.name} is measured by clients of its own: echoes, and publications that all come`, async () => {
    const few = { ...size, busy: 2, subscribers: 3 };
    const [echo, distinct] = [echoTrials[0], fanoutTrials.find(({ name }) => name === "distinct")];
    assert.ok(((await echo?.run(contestant, few))?.["echo-32"] ?? 0) > 0);
    assert.ok(((await distinct?.run(contestant, few))?.["distinct"] ?? 0) > 0);
  });
}

test("CPU and memory are those of a process with its children", async (t) => {
  const spin = "for (const end = Date.now() + 300; Date.now() < end;);";
  const child = `require("node:child_process").spawnSync(process.execPath, ["-e", 'console.log("up");${spin}process.stdin.resume()'], {stdio:"inherit"})`;
  const parent = await Running.start(t, [process.execPath, "-e", child]);
  await parent.says(/up/);
  const alone = Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${parent.pid}/smaps_rollup`, "utf8"))?.[1]) * 1024;
  assert.ok(userBytes(parent.pid) > alone * 1.2, "two processes have more than one");
  assert.ok(cpuNs(parent.pid) > 0 && cpuNs(parent.pid) % 1e7 === 0);
  assert.ok(slabBytes() > 1 << 20);
});

test("rounds are interleaved; who fails is out with a reason, and who cannot take part is never started", async () => {
  const calls: string[] = [];
  const trial = (name: string, skipped: string): Trial => ({
    name,
    measures: [{ id: `${name}-a`, title: name, unit: "µs", better: "less", note: "" }],
    skips: (contestant) => (contestant.name === skipped ? "not this one" : undefined),
    async run(contestant) {
      calls.push(`${name} ${contestant.name}`);
      if (name === "two" && contestant.name === "x") throw new Error("it broke");
      return { [`${name}-a`]: calls.length };
    },
  });
  const some: Contestant[] = ["x", "y"].map((name) => ({ name, version: "1" }));
  const gone: Contestant = { name: "z", version: "", absent: "gone" };
  const order = { trials: [trial("one", "y"), trial("two", "none")], contestants: [...some, gone], rounds: 2, size };
  const measures = await hold({ ...order, says: () => {} });
  assert.deepEqual([hasFailed(measures), hasFailed(measures.slice(0, 1))], [true, false]);
  assert.deepEqual(calls, ["one x", "two x", "two y", "one x", "two y"]);
  assert.deepEqual(
    measures.map(({ id, rows }) => [id, rows]),
    [
      [
        "one-a",
        [
          { subject: "x", rounds: [1, 4] },
          { subject: "y", rounds: [], skipped: "not this one" },
          { subject: "z", rounds: [], skipped: "gone" },
        ],
      ],
      [
        "two-a",
        [
          { subject: "x", rounds: [], skipped: "failed in round 1: it broke" },
          { subject: "y", rounds: [3, 5] },
          { subject: "z", rounds: [], skipped: "gone" },
        ],
      ],
    ],
  );
});

test("the text has medians, ratios, reasons, and bounds that do not hold", () => {
  const rows = [
    { subject: "belfry", rounds: [3, 2, 4] },
    { subject: "ws", rounds: [2] },
    { subject: "bun", rounds: [], skipped: "gone" },
  ];
  const bounds = [{ subject: "belfry", of: "ws", most: 1.1 }];
  const text = textOf({ id: "a", title: "CPU", unit: "µs", better: "less", note: "How.", bounds, rows });
  assert.match(text, /^CPU, µs\n {2}belfry +3 +\(2 to 4\)\n {2}ws +2 +0\.667 x +\(2 to 2\)\n {2}bun +gone\n/);
  assert.match(text, /missed: belfry is 1\.5 of ws, at most 1\.1\n {2}How\.\n/);
});

test("the command measures the floor, prints a table, and writes the results", async (t) => {
  const json = join(folder, "results.json");
  const sized = ["--rounds", "1", "--subscribers", "20", "--json", json];
  const command = [process.execPath, main, "--only", "fanout,storm", "--contestants", "floor", ...sized];
  const bench = await Running.start(t, command);
  assert.equal(await bench.ended(), 0, bench.lines.join("\n"));
  await bench.says(/floor is skipped in storm: has no channels/);
  await bench.says(/CPU for each delivery, one channel/);
  const { measures, machine } = JSON.parse(readFileSync(json, "utf8")) as Results;
  const [fanout, ...storm] = measures;
  assert.deepEqual(
    fanout?.rows.map(({ subject, rounds }) => [subject, rounds.length]),
    [["floor", 1]],
  );
  assert.ok((fanout?.rows[0]?.rounds[0] ?? 0) > 0);
  assert.deepEqual(
    storm.map(({ rows }) => rows[0]?.skipped),
    ["has no channels", "has no channels"],
  );
  assert.ok(machine.versions["floor"] && machine.versions["node"] === process.versions.node);
});

test("the command ends its children when it is interrupted", async (t) => {
  const only = ["--only", "storm", "--contestants", "ws", "--clients", "1"];
  const bench = await Running.start(t, [process.execPath, main, ...only]);
  await bench.says(/round 1 of 3, storm: ws/);
  const pid = await childOf(bench.pid);
  bench.signal("SIGINT");
  assert.equal(await bench.ended(), 130);
  await until(() => !isRunning(pid));
});

test("what it does not know is refused with what there is", async (t) => {
  const bench = await Running.start(t, [process.execPath, main, "--only", "echo-33"]);
  assert.equal(await bench.ended(), 1);
  await bench.says(/--only echo-33: there are idle, echo-32, echo-1k/);
});

async function started(t: Ending, { command }: Service): Promise<Server> {
  const server = await startServer(command);
  t.after(() => server.stop());
  return server;
}

async function opened(port: number, path: string): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { perMessageDeflate: false });
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  return socket;
}

async function answered(socket: WebSocket, message: Buffer | string): Promise<{ data: Buffer; isBinary: boolean }> {
  return await new Promise((resolve) => {
    socket.once("message", (data: Buffer, isBinary) => resolve({ data, isBinary }));
    socket.send(message);
  });
}

async function subscribed(port: number, { path }: Service, channel: string): Promise<WebSocket> {
  const socket = await opened(port, path);
  const { data } = await answered(
    socket,
    `{"id":1,"connect":{}}\n${JSON.stringify({ id: 2, subscribe: { channel } })}`,
  );
  const [connect, subscribe] = data
    .toString()
    .split("\n")
    .map((line) => JSON.parse(line) as { id: number; connect?: object; subscribe?: object });
  assert.ok(connect?.id === 1 && connect.connect && subscribe?.id === 2 && subscribe.subscribe, data.toString());
  return socket;
}

async function nextLine(socket: WebSocket): Promise<string> {
  return await new Promise((resolve) => socket.once("message", (data: Buffer) => resolve(data.toString())));
}

/** The first child that a process has, as soon as it has one. */
async function childOf(pid: number): Promise<number> {
  const children = () =>
    readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  await until(() => children().length > 0);
  return children()[0] as number;
}

/** Whether there is such a process, that is more than what its parent has not asked for yet. */
function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
