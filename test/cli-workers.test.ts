import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { EventEmitter, on, once } from "node:events";
import { readFileSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { availableParallelism } from "node:os";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Centrifuge, type SubscribedContext } from "centrifuge";
import WebSocket from "ws";
import { readWorkers } from "../src/cli/numbers.ts";
import { limits } from "../src/index.ts";
import { loadConfig, WEBSOCKET_PATH } from "../src/push/index.ts";

const command = fileURLToPath(new URL("../../bin/belfry.js", import.meta.url));
const settings = {
  BELFRY_CLIENT_ALLOW_ANONYMOUS: "true",
  BELFRY_CHANNEL_WITHOUT_NAMESPACE_ALLOW_SUBSCRIBE_FOR_CLIENT: "true",
  BELFRY_CHANNEL_WITHOUT_NAMESPACE_ALLOW_SUBSCRIBE_FOR_ANONYMOUS: "true",
  BELFRY_CHANNEL_WITHOUT_NAMESPACE_HISTORY_SIZE: "100",
  BELFRY_CHANNEL_WITHOUT_NAMESPACE_HISTORY_SECONDS: "60",
  BELFRY_CHANNEL_WITHOUT_NAMESPACE_FORCE_RECOVERY: "true",
};

/** `belfry serve --workers`, and what it has logged. */
class Serving {
  readonly parent: ChildProcess;
  readonly lines: string[] = [];
  /** Of the workers that serve or served, in the order in which they began. */
  readonly pids: number[] = [];
  port = 0;
  readonly #said = new EventEmitter();

  constructor(t: TestContext, args: readonly string[], port = 0, env: Record<string, string> = {}) {
    const all = [command, "serve", "--port", `${port}`, "--host", "127.0.0.1", "--api-key", "secret", ...args];
    this.parent = spawn(process.execPath, all, {
      env: { PATH: process.env["PATH"] ?? "", ...settings, ...env },
      stdio: ["ignore", "pipe", "inherit"],
    });
    t.after(() => void this.parent.kill("SIGKILL"));
    createInterface({ input: this.parent.stdout as NodeJS.ReadableStream }).on("line", (json) => {
      const { msg } = JSON.parse(json) as { msg: string };
      const pid = /serves as process (\d+)/.exec(msg)?.[1];
      if (pid !== undefined) this.pids.push(Number(pid));
      this.port = Number(/port (\d+): ws:/.exec(msg)?.[1] ?? this.port);
      this.lines.push(msg);
      this.#said.emit("line");
    });
  }

  /** Resolves when a line matches. */
  async says(pattern: RegExp): Promise<void> {
    await this.until(() => this.lines.some((line) => pattern.test(line)));
  }

  /** Resolves when it holds; it is asked with each line. */
  async until(holds: () => boolean): Promise<void> {
    if (holds()) return;
    for await (const _ of on(this.#said, "line")) if (holds()) return;
  }

  /** The code and signal of the parent's end, when the last worker is gone too: the pipe ends with who holds it. */
  async ended(): Promise<unknown[]> {
    return await once(this.parent, "close");
  }

  /** Over a connection of its own: one that is kept may be that of a worker that has died. */
  async publish(data: unknown): Promise<void> {
    const how = { method: "POST", headers: { "X-API-Key": "secret" }, agent: false };
    const call = request(`http://127.0.0.1:${this.port}/api/publish`, how);
    call.end(JSON.stringify({ channel: "news", data }));
    const [answer] = (await once(call, "response")) as [IncomingMessage];
    assert.match(await text(answer), /"offset"/);
  }
}

/** A client of the SDK that is subscribed, what it got, and how it was subscribed each time. */
class Reader {
  readonly got: unknown[] = [];
  readonly subscribed: SubscribedContext[] = [];
  readonly client: Centrifuge;
  readonly #told = new EventEmitter();

  constructor(t: TestContext, port: number) {
    // Late enough that what is published as soon as a worker has died is missed.
    const delays = { minReconnectDelay: 500, maxReconnectDelay: 1000 };
    this.client = new Centrifuge(`ws://127.0.0.1:${port}${WEBSOCKET_PATH}`, { websocket: WebSocket, ...delays });
    t.after(() => this.client.disconnect());
    const subscription = this.client.newSubscription("news");
    subscription.on("publication", ({ data }) => this.#note(this.got, data));
    subscription.on("subscribed", (context) => this.#note(this.subscribed, context));
    subscription.subscribe();
    this.client.connect();
  }

  async until(holds: () => boolean): Promise<void> {
    if (holds()) return;
    for await (const _ of on(this.#told, "told")) if (holds()) return;
  }

  #note<T>(list: T[], what: T): void {
    list.push(what);
    this.#told.emit("told");
  }
}

async function readers(t: TestContext, port: number): Promise<Reader[]> {
  // All of them come to one of two workers in one of eight million runs.
  const all = Array.from({ length: 24 }, () => new Reader(t, port));
  await Promise.all(all.map((reader) => reader.until(() => reader.subscribed.length === 1)));
  return all;
}

async function serving(t: TestContext, count: number | "auto", env: Record<string, string> = {}): Promise<Serving> {
  const started = new Serving(t, ["--workers", `${count}`], 0, env);
  await started.says(/workers listening on/);
  return started;
}

test("belfry serve --workers: a publication reaches clients of all workers; those of one that dies miss nothing", async (t) => {
  const server = await serving(t, 2);
  const all = await readers(t, server.port);
  await server.publish(1);
  await Promise.all(all.map((reader) => reader.until(() => reader.got.length === 1)));

  process.kill(server.pids[0] as number, "SIGKILL");
  await server.says(/worker \d ended by SIGKILL/);
  await server.publish(2);
  await server.publish(3);
  await Promise.all(all.map((reader) => reader.until(() => reader.got.length === 3)));
  for (const { got } of all) assert.deepEqual(got, [1, 2, 3]);
  const back = all.filter(({ subscribed }) => subscribed.length > 1);
  assert.ok(back.length > 0 && back.length < all.length, `${back.length} of ${all.length} were of one worker`);
  for (const { subscribed } of back) assert.ok(subscribed[1]?.recovered);

  await server.until(() => server.pids.length === 3);
  process.kill(server.pids[1] as number, "SIGKILL");
  await server.until(() => server.lines.filter((line) => line.includes("by SIGKILL")).length === 2);
  await server.publish(4);
  await Promise.all(all.map((reader) => reader.until(() => reader.got.length === 4)));
  for (const { got } of all) assert.deepEqual(got, [1, 2, 3, 4]);
});

test("belfry serve --workers ends with all of its workers upon SIGTERM, and its clients know to come back", async (t) => {
  const server = await serving(t, 2);
  const all = await readers(t, server.port);
  const codes = Promise.all(
    all.map(({ client }) => new Promise<number>((resolve) => client.once("connecting", ({ code }) => resolve(code)))),
  );
  server.parent.kill("SIGTERM");
  assert.deepEqual(await server.ended(), [0, null]);
  assert.deepEqual([...new Set(await codes)], [3001]);
});

test("belfry serve --workers leaves no worker behind when it is killed itself", async (t) => {
  const server = await serving(t, 2);
  await readers(t, server.port);
  server.parent.kill("SIGKILL");
  assert.deepEqual(await server.ended(), [null, "SIGKILL"]);
});

test("belfry serve --workers kills a worker that does not end within closeSecondsMax", async (t) => {
  const env = { BELFRY_SERVER_CLOSE_SECONDS_MAX: "0.5", BELFRY_SHUTDOWN_SPREAD_SECONDS: "0" };
  const server = await serving(t, 2, env);
  process.kill(server.pids[0] as number, "SIGSTOP");
  server.parent.kill("SIGTERM");
  assert.deepEqual(await server.ended(), [0, null]);
});

test("belfry serve --workers ends at once upon another signal", async (t) => {
  const server = await serving(t, 2, { BELFRY_SERVER_CLOSE_SECONDS_MAX: "600" });
  process.kill(server.pids[0] as number, "SIGSTOP");
  server.parent.kill("SIGINT");
  await server.says(/SIGINT: closing/);
  // The first of them may be taken for the twin of the first.
  const again = setInterval(() => server.parent.kill("SIGINT"), 100);
  t.after(() => clearInterval(again));
  assert.deepEqual(await server.ended(), [130, null]);
});

test("belfry serve --workers: a first SIGTERM drains all workers, a second one closes all at once", async (t) => {
  const server = await serving(t, 2, { BELFRY_SHUTDOWN_DELAY_SECONDS: "3600" });
  const all = await readers(t, server.port);
  server.parent.kill("SIGTERM");
  await server.says(/SIGTERM: draining/);
  await server.publish(1);
  await Promise.all(all.map((reader) => reader.until(() => reader.got.length === 1)));
  const again = setInterval(() => server.parent.kill("SIGTERM"), limits.signalTwinMs * 2);
  t.after(() => clearInterval(again));
  await server.says(/SIGTERM: closing/);
  clearInterval(again);
  assert.deepEqual(await server.ended(), [0, null]);
});

test("belfry serve --workers starts a worker again that was told to end", async (t) => {
  const server = await serving(t, 2);
  process.kill(server.pids[0] as number, "SIGTERM");
  await server.until(() => server.pids.length === 3);
  assert.ok(server.lines.some((line) => /ended with code 0; it is started again in 100 ms/.test(line)));
});

test("belfry serve --workers on a port that is taken says so, and ends with 1", async (t) => {
  const other = createServer();
  t.after(() => void other.close());
  await once(other.listen(0, "127.0.0.1"), "listening");
  const { port } = other.address() as AddressInfo;
  const server = new Serving(t, ["--workers", "2"], port);
  assert.deepEqual(await server.ended(), [1, null]);
  assert.match(server.lines.at(-1) ?? "", /EADDRINUSE; choose another with --port/);
});

test("belfry serve --workers whose Bus is out of reach says so, and ends with 1", async (t) => {
  const other = createServer((socket) => void socket.destroy());
  t.after(() => void other.close());
  await once(other.listen(0, "127.0.0.1"), "listening");
  const { port } = other.address() as AddressInfo;
  const server = new Serving(t, ["--workers", "2", "--bus", `nats://127.0.0.1:${port}`]);
  assert.deepEqual(await server.ended(), [1, null]);
  assert.ok(server.lines.some((line) => /the Bus is out of reach/.test(line)));
  // Not the last line for certain: one that was started again may fail once more.
  assert.ok(server.lines.includes("no worker could be started"));
});

test("belfry serve --workers auto starts one for each core, --workers 1 none", async (t) => {
  const many = await serving(t, "auto");
  assert.equal(many.pids.length, availableParallelism());
  const one = new Serving(t, ["--workers", "1"]);
  await one.says(/listening on/);
  assert.deepEqual(one.pids, []);
});

test("belfry serve --workers keeps the token of its Bus off the command line and out of the log", async (t) => {
  const server = await serving(t, 2);
  for (const pid of server.pids) {
    const commandLine = readFileSync(`/proc/${pid}/cmdline`, "utf8");
    assert.doesNotMatch(commandLine, /nats:/);
    const token = /nats:\/\/(\w+)@/.exec(readFileSync(`/proc/${pid}/environ`, "utf8"))?.[1];
    assert.ok(token && token.length >= 32);
    assert.ok(!server.lines.some((line) => line.includes(token)));
  }
});

for (const [flag, count] of [
  ["auto", 0],
  ["1", 1],
  ["1024", 1024],
] as const) {
  test(`--workers ${flag} is server.workers ${count}`, () => assert.equal(readWorkers(flag), count));
}

for (const flag of ["0", "1025", "1.5", "", "many"]) {
  test(`--workers ${JSON.stringify(flag)} is refused`, () => assert.throws(() => readWorkers(flag), /from 1 to 1024/));
}

test("server.workers: a Unix socket takes one", () => {
  const path = "/tmp/belfry.sock";
  assert.equal(loadConfig({ env: { BELFRY_SERVER_WORKERS: "0" } }).server.workers, 0);
  assert.equal(loadConfig({ env: {}, flags: { server: { path } } }).server.workers, 1);
  const both = () => loadConfig({ env: { BELFRY_SERVER_WORKERS: "4" }, flags: { server: { path } } });
  assert.throws(both, /server\.workers.*server\.path is set, which takes one/);
});
