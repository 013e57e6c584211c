import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { describe, it, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { AdmissionState } from "../src/index.ts";
import { frame, RawClient, request } from "./raw-client.ts";
import { until } from "./until.ts";

const CLIENTS = 5000;
const LOAD_PROCESSES = 2;
/** What a slow machine may take; on a free one it is under two seconds, which the test tells. */
const WAIT_MS_MAX = 30_000;

const pathOf = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** A balancer, and how its file in deploy/ becomes one for a test: by other ports, and for fewer descriptors. */
interface Balancer {
  readonly name: string;
  readonly file: string;
  readonly program: string;
  readonly check: (file: string) => string[];
  readonly run: (file: string, folder: string) => string[];
  readonly smaller: readonly [RegExp, string][];
}

const balancers: readonly Balancer[] = [
  {
    name: "nginx",
    file: pathOf("../../deploy/nginx.conf"),
    program: "/usr/sbin/nginx",
    check: (file) => ["-t", "-c", file],
    run: (file, folder) => ["-p", folder, "-c", file, "-g", `daemon off; error_log ${folder}/log; pid ${folder}/pid;`],
    smaller: [
      [/worker_rlimit_nofile \d+/, "worker_rlimit_nofile 20000"],
      [/worker_connections \d+/, "worker_connections 19000"],
    ],
  },
  {
    name: "HAProxy",
    file: pathOf("../../deploy/haproxy.cfg"),
    program: "/usr/sbin/haproxy",
    check: (file) => ["-c", "-f", file],
    run: (file) => ["-db", "-f", file],
    smaller: [[/maxconn \d+/, "maxconn 9000"]],
  },
];

class Instance {
  readonly child: ChildProcess;
  readonly #lines: Interface;

  constructor(t: TestContext, fixture: string, ...args: string[]) {
    this.child = spawn(process.execPath, [pathOf(`fixtures/${fixture}.js`), ...args], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    t.after(() => this.child.kill("SIGKILL"));
    this.#lines = createInterface({ input: this.child.stdout as NodeJS.ReadableStream });
  }

  tell(line: string): void {
    this.child.stdin?.write(`${line}\n`);
  }
  /** The next line that it says. */
  async said<What>(): Promise<What> {
    const [line] = (await once(this.#lines, "line")) as [string];
    return JSON.parse(line) as What;
  }
  state(): Promise<AdmissionState> {
    this.tell("state");
    return this.said<AdmissionState>();
  }
}

/** A port that was free just now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** Starts a balancer with its file of the project; its port. */
async function balance(t: TestContext, balancer: Balancer, one: number, two: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "belfry-balancer-"));
  const port = await freePort();
  const ports: [RegExp, string][] = [
    [/127\.0\.0\.1:8001/g, `127.0.0.1:${one}`],
    [/127\.0\.0\.1:8002/g, `127.0.0.1:${two}`],
    [/(listen |bind :)8000/g, `$1${port}`],
  ];
  let text = readFileSync(balancer.file, "utf8");
  for (const [from, to] of [...ports, ...balancer.smaller]) {
    assert.match(text, from);
    text = text.replace(from, to);
  }
  const file = join(folder, "conf");
  writeFileSync(file, text);
  const child = spawn(balancer.program, balancer.run(file, folder), { stdio: ["ignore", "inherit", "pipe"] });
  const exited = once(child, "exit");
  child.stderr.resume();
  t.after(async () => {
    child.kill("SIGTERM");
    await exited;
    rmSync(folder, { recursive: true });
  });
  await until(async () => {
    assert.equal(child.exitCode, null, `${balancer.name} has ended`);
    const socket = connect({ port, host: "127.0.0.1" });
    const isThere = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    return isThere;
  });
  return port;
}

/** All workers of a server get something to do that does not end. */
async function saturate(t: TestContext, port: number): Promise<void> {
  for (let i = 0; i < 4; i++) {
    const client = await RawClient.open(port);
    t.after(() => client.reset());
    client.send(frame(1, "hold"));
  }
}

/** Who serves one client that comes now. */
async function servedBy(port: number): Promise<string | undefined> {
  const client = await RawClient.connect(port);
  client.send(request());
  const { status, headers } = await client.head();
  client.reset();
  // HAProxy writes names of headers in small letters.
  return status === 101 ? (headers.get("X-Instance") ?? headers.get("x-instance")) : `status ${status}`;
}

for (const balancer of balancers) {
  const isThere = existsSync(balancer.program);
  const skip = !isThere && process.env["CI"] !== "true" ? `there is no ${balancer.program} here` : false;

  describe(`${balancer.name} in front of two Belfrys`, { skip }, () => {
    it("takes the file in deploy/ as it is", () => {
      const { status, stderr } = spawnSync(balancer.program, balancer.check(balancer.file), { encoding: "utf8" });
      assert.equal(status, 0, stderr);
    });

    for (const overload of ["refuse", "503"] as const)
      it(`overload ${overload}: a herd that comes as one of them is overloaded is served by the other, and it gets clients again`, async (t) => {
        const one = new Instance(t, "balanced-server", "one", overload);
        const two = new Instance(t, "balanced-server", "two", overload);
        const [first, second] = await Promise.all([one.said<{ port: number }>(), two.said<{ port: number }>()]);
        const port = await balance(t, balancer, first.port, second.port);
        // Each process of nginx has a turn of its own.
        for (const name of ["one", "two"]) await until(async () => (await servedBy(port)) === name);

        await saturate(t, first.port);
        await until(async () => !(await one.state()).isOpen);
        const storms = Array.from(
          { length: LOAD_PROCESSES },
          () => new Instance(t, "storm", String(port), String(CLIENTS / LOAD_PROCESSES)),
        );
        const told = await Promise.all(storms.map((storm) => storm.said<{ got: object; msMax: number }>()));
        const msMax = Math.max(...told.map((each) => each.msMax));
        t.diagnostic(`${CLIENTS} clients: the longest wait was ${msMax} ms`);
        for (const { got } of told) assert.deepEqual(got, { two: CLIENTS / LOAD_PROCESSES });
        assert.ok(msMax < WAIT_MS_MAX, `${msMax} ms`);

        await until(async () => {
          const { portsClosed, refusedOverload } = await one.state();
          return overload === "refuse" ? portsClosed === 1 : refusedOverload > 0;
        });
        one.tell("release");
        await until(async () => (await servedBy(port)) === "one");
      });
  });
}
