import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { type Broker, MemoryBroker } from "../src/bus/index.ts";
import { limits } from "../src/index.ts";
import { createPushServer, listenInternal, type PushOptions } from "../src/push/index.ts";
import { samplesOf } from "./exposition.ts";
import { RecordingLog } from "./mail-fixture.ts";
import { ProtocolClient, serve } from "./protocol-client.ts";

/** A Bus that can be told to lose what is published, or to take it never, or to refuse it. */
class BreakableBroker extends MemoryBroker {
  how: "well" | "swallows" | "hangs" | "refuses" = "well";

  override publish(...given: Parameters<Broker["publish"]>): ReturnType<Broker["publish"]> {
    if (this.how === "swallows") return Promise.resolve({ offset: 0, epoch: "" });
    if (this.how === "hangs") return new Promise(() => {});
    if (this.how === "refuses") return Promise.reject(new Error("a secret address"));
    return super.publish(...given);
  }
}

async function get(
  port: number,
  path: string,
): Promise<{ status: number; body: Record<string, unknown>; text: string }> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`);
  const text = await answer.text();
  return { status: answer.status, body: JSON.parse(text) as Record<string, unknown>, text };
}

/** The clock of the checks, which are shared for a second; it goes on by itself too. */
function clock(t: TestContext) {
  let aheadMs = 0;
  const now = performance.now.bind(performance);
  t.mock.method(performance, "now", () => now() + aheadMs);
  return {
    pass: (ms: number) => {
      aheadMs += ms;
    },
  };
}

const usual: PushOptions = { health: true, healthSecondsMax: 0.5 };

for (const driver of ["native", "portable"] as const) {
  test(`GET /healthz (${driver}) is 200 while notifications arrive, 503 with the step while they do not, and 200 again`, async (t) => {
    const broker = new BreakableBroker();
    const log = new RecordingLog();
    const { port } = await serve(t, { ...usual, driver, broker, log });
    const { pass } = clock(t);
    // Long enough for a machine with much to do: what does not fail must not be late.
    const check = async () => {
      pass(limits.healthSharedMs);
      const { status, body } = await get(port, "/healthz");
      assert.equal(typeof body["ms"], "number");
      return [status, body["status"], body["step"]];
    };
    const well = async () => {
      for (;;) {
        const found = await check();
        if (found[0] === 200) return assert.deepEqual(found, [200, "ok", undefined]);
      }
    };
    await well();
    broker.how = "swallows";
    assert.deepEqual(await check(), [503, "failing", "receive"]);
    broker.how = "hangs";
    assert.deepEqual(await check(), [503, "failing", "publish"]);
    broker.how = "refuses";
    assert.deepEqual(await check(), [503, "failing", "publish"]);
    broker.how = "well";
    await well();
    const lines = log.lines.filter((line) => line.includes("health check"));
    assert.match(lines.at(-1) ?? "", /succeeds again/);
    assert.match(lines.at(-2) ?? "", /the health check failed at "receive": nothing after 0\.5 s \(healthSecondsMax\)/);
  });
}

test("GET /healthz: a hundred callers at once make one check, and those of the next second none", async (t) => {
  const { server, port } = await serve(t, usual);
  const { pass } = clock(t);
  const answers = await Promise.all(Array.from({ length: 100 }, () => get(port, "/healthz")));
  assert.equal(new Set(answers.map(({ text }) => text)).size, 1);
  await get(port, "/healthz");
  assert.equal(server.vitals.checks, 1);
  pass(limits.healthSharedMs);
  await get(port, "/healthz");
  assert.equal(server.vitals.checks, 2);
});

test("GET /healthz does not tell who asks why it fails", async (t) => {
  const broker = new BreakableBroker();
  broker.how = "refuses";
  const { port } = await serve(t, { ...usual, broker });
  assert.doesNotMatch((await get(port, "/healthz")).text, /secret/);
});

test("a health check is no client, and leaves nothing behind", async (t) => {
  const { server, port } = await serve(t, usual);
  await get(port, "/healthz");
  const metrics = async () => samplesOf(await server.vitals.metrics());
  // The one that is left is that of the request itself, or none.
  while (((await metrics()).get('belfry_connection_close_total{code="1000",side="server"}') ?? 0) < 1) await turn();
  assert.deepEqual(server.stats, { clients: 0, channels: 0, subscriptions: 0 });
  const all = await metrics();
  assert.equal(all.get('belfry_client_connections_accepted{transport="websocket"}'), 0);
  assert.equal(all.get("belfry_client_subscriptions_accepted"), 0);
});

test("a server that does not listen is not healthy", async () => {
  const server = createPushServer();
  const { status, step } = await server.vitals.health();
  assert.deepEqual([status, step], ["failing", "listen"]);
  await server.close();
});

test("a health check of a server that shares its port comes to itself, by a Unix socket that goes with it", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "belfry-health-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const before = process.env["TMPDIR"];
  process.env["TMPDIR"] = folder;
  t.after(() => {
    if (before === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = before;
  });
  const server = createPushServer({ driver: "native" });
  const { port } = await server.listen({ host: "127.0.0.1", reusePort: true });
  const other = createPushServer({ driver: "native", server: { headSecondsMax: 600 } });
  await other.listen({ host: "127.0.0.1", port, reusePort: true });
  // Of so many, half would come to the other one, which does not know them.
  const { pass } = clock(t);
  for (let i = 0; i < 12; i++) {
    pass(limits.healthSharedMs);
    const { step } = await server.vitals.health();
    assert.notEqual(step, "upgrade");
  }
  assert.equal(readdirSync(folder).length, 1);
  await Promise.all([server.close(), other.close()]);
  assert.deepEqual(readdirSync(folder), []);
});

test("a health check works where the server listens on a Unix socket", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "belfry-health-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const server = createPushServer();
  await server.listen({ path: join(folder, "socket") });
  assert.equal((await server.vitals.health()).status, "ok");
  await server.close();
  assert.ok(existsSync(folder));
});

test("GET /readyz is 200, and 503 with all reasons, which others may add to", async (t) => {
  const { server, port } = await serve(t, { ...usual, server: { workersMax: 1 }, hooks: { rpc: () => held } });
  assert.deepEqual((await get(port, "/readyz")).body, { status: "ok" });
  let reason: string | undefined = "it drains";
  server.vitals.reasons.push(
    () => reason,
    () => undefined,
  );
  const refused = await get(port, "/readyz");
  assert.deepEqual([refused.status, refused.body], [503, { status: "unready", reasons: ["it drains"] }]);
  reason = undefined;
  assert.equal((await get(port, "/readyz")).status, 200);

  // On the port of the clients nobody would be let in to ask.
  const internal = await listenInternal(server.vitals.answers, { port: 0, host: "127.0.0.1" });
  t.after(() => internal.close());
  let release = () => {};
  const held = new Promise<{ data: number }>((resolve) => {
    release = () => resolve({ data: 1 });
  });
  const { client } = await ProtocolClient.connect(t, port);
  client.send({ id: 2, rpc: { method: "slow" } });
  while ((await server.vitals.unready()).length === 0) await turn();
  const busy = await get(internal.port, "/readyz");
  assert.deepEqual(busy.body, { status: "unready", reasons: ["all workers are busy (option workersMax)"] });
  release();
  await client.next();
  while ((await server.vitals.unready()).length > 0) await turn();

  void server.close();
  assert.deepEqual(await server.vitals.unready(), ["closing"]);
});

test("readiness follows the gates of admission, and a drain", async (t) => {
  const { server, port } = await serve(t, { ...usual, server: { admission: { connectionsMax: 2 } } });
  const clients = [await ProtocolClient.connect(t, port), await ProtocolClient.connect(t, port)];
  const full = await server.vitals.unready();
  assert.match(full.join(), /^2 connections; option admission\.connectionsMax is 2, /);
  clients[0]?.client.raw.reset();
  clients[1]?.client.raw.reset();
  while ((await server.vitals.unready()).length > 0) await turn();
  await ProtocolClient.connect(t, port);
  const closed = server.close({ delaySeconds: 0, spreadSeconds: 60 });
  while (!/^draining: 1 of 1 connections left$/.test((await server.vitals.unready()).join())) await turn();
  await server.close();
  await closed;
});

test("GET /healthz and /readyz are not there without the option health", async (t) => {
  const { port } = await serve(t);
  for (const path of ["/healthz", "/readyz"]) assert.equal((await get(port, path)).status, 404);
});
