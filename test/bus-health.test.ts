import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { limits } from "../src/limits.ts";
import { CutProxy } from "./broker-proxy.ts";
import { type FleetNode, nodeAt } from "./node-fleet.ts";

const command = fileURLToPath(new URL("../../bin/belfry.js", import.meta.url));
const { busStarvedSeconds, nodeAliveSeconds } = limits;

/** `belfry bus` as a process of its own. */
async function bus(t: TestContext): Promise<{ child: ChildProcess; port: number }> {
  const holder = createServer().listen(0, "127.0.0.1");
  await once(holder, "listening");
  const address = holder.address();
  const port = typeof address === "object" && address ? address.port : 0;
  await new Promise((resolve) => holder.close(resolve));
  const child = spawn(process.execPath, [command, "bus", "--host", "127.0.0.1", "--port", `${port}`], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => void child.kill("SIGKILL"));
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    if (line.includes("listening")) break;
  }
  return { child, port };
}

/** A node whose seconds are the test's. */
async function nodeOf(t: TestContext, port: number): Promise<FleetNode> {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const node = await nodeAt(t, port);
  await returned(node);
  return node;
}

const seconds = (t: TestContext, count: number) => t.mock.timers.tick(count * 1000);

/** All that the node has said to the Bus has come back. */
async function returned({ broker, heard }: FleetNode): Promise<void> {
  const mark = JSON.stringify({ op: "mark", at: Math.random() });
  await broker.control(mark);
  await heard.until(() => heard.controls.includes(mark));
}

test("a Bus that accepts and does not deliver starves, which is logged once, and is alive when it goes on", async (t) => {
  const { child, port } = await bus(t);
  const node = await nodeOf(t, port);
  for (let i = 0; i < 10; i++) {
    seconds(t, nodeAliveSeconds);
    await returned(node);
  }
  assert.ok(node.server.bus.isAlive && node.server.bus.roundTripMs > 0);
  child.kill("SIGSTOP");
  while (!/^\d+ \(.*\) T /.test(readFileSync(`/proc/${child.pid}/stat`, "utf8"))) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  seconds(t, busStarvedSeconds);
  assert.equal(node.server.bus.isAlive, true);
  seconds(t, 1);
  assert.equal(node.server.bus.isAlive, false);
  seconds(t, 60);
  assert.equal(node.lines.matching(/^the Bus starves/).length, 1);
  child.kill("SIGCONT");
  await node.lines.until(/^the Bus delivers again$/);
  assert.equal(node.server.bus.isAlive, true);
  assert.equal(node.lines.matching(/^the Bus delivers again$/).length, 1);
});

test("a Bus that is out of reach starves, and is alive when it is back", async (t) => {
  const { port } = await bus(t);
  const proxy = await CutProxy.to(port);
  t.after(() => proxy.close());
  const node = await nodeOf(t, proxy.port);
  seconds(t, nodeAliveSeconds);
  await returned(node);
  proxy.cut();
  await node.lines.until(/out of reach/);
  seconds(t, busStarvedSeconds);
  assert.equal(node.server.bus.isAlive, true);
  seconds(t, 1);
  assert.equal(node.server.bus.isAlive, false);
  proxy.mend();
  await node.lines.until(/^the Bus is back$/);
  seconds(t, nodeAliveSeconds);
  await node.lines.until(/^the Bus delivers again$/);
  assert.equal(node.server.bus.isAlive, true);
});
