import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import WebSocket from "ws";
import { ChildServer } from "./child-server.ts";

const HEARTBEAT_SECONDS = 1;
const PONG_SECONDS = 1;
/** What a loaded machine may add to a deadline. */
const SLACK_MS = 15_000;

/** Why there can be no network here whose cable is pulled; CI has to have one. */
function hindrance(): string | false {
  if (process.env["CI"] === "true") return false;
  if (process.platform !== "linux") return "network namespaces are Linux's";
  if (process.getuid?.() !== 0) return "needs root, for a network namespace";
  try {
    execFileSync("ip", ["netns", "list"], { stdio: "ignore" });
    return false;
  } catch {
    return "needs ip of iproute2";
  }
}

const ip = (...args: string[]) => execFileSync("ip", args, { stdio: ["ignore", "ignore", "inherit"] });

let networks = 0;

/** A network with one cable to this one; its clients reach the server at `host`. */
function network(t: TestContext): { name: string; host: string; pull: () => void } {
  const own = `${process.pid}-${++networks}`;
  const name = `belfry-${own}`;
  const subnet = `10.${200 + (process.pid % 50)}.${(process.pid + networks) % 256}`;
  const [near, far] = [`bn${own}`, `bf${own}`];
  ip("netns", "add", name);
  t.after(() => {
    ip("link", "delete", near);
    ip("netns", "delete", name);
  });
  ip("link", "add", near, "type", "veth", "peer", "name", far, "netns", name);
  ip("address", "add", `${subnet}.1/24`, "dev", near);
  ip("link", "set", near, "up");
  ip("-n", name, "address", "add", `${subnet}.2/24`, "dev", far);
  ip("-n", name, "link", "set", far, "up");
  return { name, host: `${subnet}.1`, pull: () => ip("-n", name, "link", "set", far, "down") };
}

/** A client over there, connected. */
async function lonely(t: TestContext, name: string, url: string): Promise<void> {
  const file = fileURLToPath(new URL("fixtures/lonely-client.js", import.meta.url));
  const child = spawn("ip", ["netns", "exec", name, process.execPath, file, url], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  await once(createInterface({ input: child.stdout }), "line");
}

interface State {
  port: number;
  connections: number;
  closes: Record<string, number>;
}

/** How long after the cable was pulled the server closes the client over there, with which codes; another one stays. */
async function pullTheCable(t: TestContext, options: object): Promise<{ ms: number; closes: State["closes"] }> {
  const { name, host, pull } = network(t);
  const server = await ChildServer.start("hostile-server", { closeSecondsMax: 0.5, ...options });
  t.after(() => server.stop());
  const { port } = await server.ask<State>({});
  const here = new WebSocket(`ws://127.0.0.1:${port}/`);
  await once(here, "open");
  t.after(() => here.terminate());
  await lonely(t, name, `ws://${host}:${port}/`);
  // It is alive, and stays for longer than all deadlines.
  await wait(2 * (HEARTBEAT_SECONDS + PONG_SECONDS) * 1000);
  assert.equal((await server.ask<State>({})).connections, 2);
  pull();
  const begun = performance.now();
  for (;;) {
    const { connections, closes } = await server.ask<State>({});
    const ms = performance.now() - begun;
    if (connections === 1) {
      assert.equal(here.readyState, WebSocket.OPEN);
      return { ms, closes };
    }
    assert.ok(ms < 60_000, "it was never found");
    await wait(20);
  }
}

const skip = hindrance();

test("a peer whose network is gone is found by its missing pong, in time, and closed with 1008", {
  skip,
}, async (t) => {
  const { ms, closes } = await pullTheCable(t, {
    heartbeatSeconds: HEARTBEAT_SECONDS,
    pongSecondsMax: PONG_SECONDS,
  });
  assert.deepEqual(closes, { 1008: 1 });
  assert.ok(ms < (HEARTBEAT_SECONDS + PONG_SECONDS) * 1000 + SLACK_MS, `after ${ms} ms`);
});

for (const [driver, patienceMs] of [
  ["native", 2000],
  // Node lets the kernel ask ten times, a second apart.
  ["portable", 12_000],
] as const) {
  test(`a peer whose network is gone is found by TCP keepalive, over the ${driver} driver`, { skip }, async (t) => {
    const { ms, closes } = await pullTheCable(t, { driver, heartbeatSeconds: 3600, listen: { keepAliveSeconds: 1 } });
    assert.deepEqual(closes, { 1006: 1 });
    assert.ok(ms < patienceMs + SLACK_MS, `after ${ms} ms`);
  });
}
