import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { EventEmitter, on, once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { loadConfig } from "../src/push/index.ts";
import { samplesOf } from "./exposition.ts";
import { ProtocolClient } from "./protocol-client.ts";

const command = fileURLToPath(new URL("../../bin/belfry.js", import.meta.url));

/** `belfry serve` with a port for operators, which is in `internal`. */
async function serving(t: TestContext, workers: number, env: Record<string, string> = {}) {
  const internal = await freePort();
  const args = [command, "serve", "--port", "0", "--host", "127.0.0.1", "--allow-anonymous", "--workers", `${workers}`];
  const parent: ChildProcess = spawn(process.execPath, args, {
    env: {
      PATH: process.env["PATH"] ?? "",
      BELFRY_SERVER_INTERNAL_PORT: `${internal}`,
      BELFRY_SERVER_INTERNAL_HOST: "127.0.0.1",
      ...env,
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => void parent.kill("SIGKILL"));
  const lines: string[] = [];
  const pids: number[] = [];
  const said = new EventEmitter();
  createInterface({ input: parent.stdout as NodeJS.ReadableStream }).on("line", (json) => {
    const { msg } = JSON.parse(json) as { msg: string };
    const pid = /serves as process (\d+)/.exec(msg)?.[1];
    if (pid !== undefined) pids.push(Number(pid));
    lines.push(msg);
    said.emit("line");
  });
  const until = async (holds: () => boolean) => {
    if (holds()) return;
    for await (const _ of on(said, "line")) if (holds()) return;
  };
  let port = 0;
  await until(() => {
    port = Number(/port (\d+): ws:/.exec(lines.at(-1) ?? "")?.[1] ?? 0);
    return port > 0;
  });
  return { parent, port, internal, pids, until };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  await once(server.close(), "close");
  return port;
}

/** Over a connection of its own, so that each may come to another worker. */
async function ask(port: number, path: string): Promise<{ status: number | undefined; body: string }> {
  const call = get({ port, path, host: "127.0.0.1", agent: false });
  const [answer] = (await once(call, "response")) as [IncomingMessage];
  return { status: answer.statusCode, body: await text(answer) };
}

async function scrape(port: number): Promise<(name: string) => number> {
  const { status, body } = await ask(port, "/metrics");
  assert.equal(status, 200, body);
  const samples = samplesOf(body);
  return (name) => samples.get(`belfry_${name}`) ?? Number.NaN;
}

const SENT = 'transport_messages_sent{transport="websocket"}';

test("belfry serve --workers 2: each scrape is that of both, also when one has been killed, and counters never go back", async (t) => {
  const { port, internal, pids, until } = await serving(t, 2, { BELFRY_METRICS_ENABLED: "true" });
  const clients: ProtocolClient[] = [];
  for (let i = 0; i < 24; i++) clients.push((await ProtocolClient.connect(t, port)).client);
  for (const from of [internal, port, port, port, port, port, port]) {
    const value = await scrape(from);
    assert.equal(value("node_num_clients"), 24);
    assert.equal(value('client_connections_accepted{transport="websocket"}'), 24);
    assert.deepEqual([value("workers"), value("workers_answered"), value("worker_restarts_total")], [2, 2, 0]);
  }
  const before = await scrape(internal);

  process.kill(pids[0] as number, "SIGKILL");
  await until(() => pids.length === 3);
  const after = await scrape(internal);
  assert.ok(
    after("node_num_clients") > 0 && after("node_num_clients") < 24,
    "all of one worker, in one of 2 ** 23 runs",
  );
  assert.deepEqual([after("workers"), after("workers_answered"), after("worker_restarts_total")], [2, 2, 1]);
  assert.ok(after(SENT) >= before(SENT));
  assert.equal(after('client_connections_accepted{transport="websocket"}'), 24);
  for (let i = 0; i < 8; i++) await ProtocolClient.connect(t, port);
  const last = await scrape(port);
  assert.equal(last('client_connections_accepted{transport="websocket"}'), 32);
  assert.equal(last("node_num_clients"), after("node_num_clients") + 8);
});

test("belfry serve --workers 2: the parent answers for a worker that does not, and says so", async (t) => {
  const { port, internal, pids } = await serving(t, 2, { BELFRY_HEALTH_SECONDS_MAX: "20" });
  for (const path of ["/healthz", "/readyz"]) assert.equal((await ask(internal, path)).status, 200);
  // What is not enabled is not on the port of the clients.
  for (const path of ["/metrics", "/healthz", "/readyz"]) assert.equal((await ask(port, path)).status, 404);
  assert.equal((await ask(internal, "/api/info")).status, 404);
  for (let i = 0; i < 8; i++) await ProtocolClient.connect(t, port);
  const before = await scrape(internal);
  process.kill(pids[0] as number, "SIGSTOP");
  const value = await scrape(internal);
  assert.deepEqual([value("workers"), value("workers_answered")], [2, 1]);
  assert.equal(value(SENT), before(SENT));
  assert.deepEqual(await ask(internal, "/readyz"), {
    status: 503,
    body: '{"status":"unready","reasons":["a worker does not answer"]}',
  });
  process.kill(pids[0] as number, "SIGCONT");
  while ((await ask(internal, "/readyz")).status !== 200);
  assert.equal((await scrape(internal))("workers_answered"), 2);
});

test("belfry serve: what is enabled is on the port of the clients too, and the internal port ends with the server", async (t) => {
  const { parent, port, internal } = await serving(t, 1, { BELFRY_HEALTH_ENABLED: "true" });
  assert.equal((await ask(port, "/healthz")).status, 200);
  assert.equal((await ask(port, "/metrics")).status, 404);
  const value = await scrape(internal);
  assert.deepEqual([value("bus_alive"), value("workers")], [1, Number.NaN]);
  parent.kill("SIGTERM");
  assert.deepEqual(await once(parent, "exit"), [0, null]);
});

test("belfry serve on an internal port that is taken says so, and ends with 1", async (t) => {
  const other = createServer();
  t.after(() => void other.close());
  await once(other.listen(0, "127.0.0.1"), "listening");
  const taken = (other.address() as AddressInfo).port;
  for (const workers of ["1", "2"]) {
    const child = spawn(process.execPath, [command, "serve", "--port", "0", "--workers", workers], {
      env: {
        PATH: process.env["PATH"] ?? "",
        BELFRY_SERVER_INTERNAL_PORT: `${taken}`,
        BELFRY_SERVER_INTERNAL_HOST: "127.0.0.1",
      },
      stdio: ["ignore", "pipe", "inherit"],
    });
    t.after(() => void child.kill("SIGKILL"));
    const [out, [code]] = await Promise.all([text(child.stdout), once(child, "exit")]);
    assert.equal(code, 1);
    assert.match(out, /the internal port \d+ \(server\.internalPort\): EADDRINUSE; choose another"/);
  }
});

test("server.internalPort must not be that of the clients", () => {
  const both = { BELFRY_SERVER_PORT: "8000", BELFRY_SERVER_INTERNAL_PORT: "8000" };
  assert.throws(() => loadConfig({ env: both }), /server\.internalPort.*server\.port is the same/);
  const chosen = { BELFRY_SERVER_PORT: "0", BELFRY_SERVER_INTERNAL_PORT: "0" };
  assert.equal(loadConfig({ env: chosen }).server.internalPort, 0);
});
