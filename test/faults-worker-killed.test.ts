import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { connectNats } from "../src/bus/index.ts";
import { followersOf, HISTORY, Numbers } from "./numbered.ts";
import { folderOf, freePort, isFull, Running, startBelfryBus } from "./processes.ts";

const command = fileURLToPath(new URL("../../bin/belfry.js", import.meta.url));
// Each further one of a worker waits twice as long for the next.
const KILLS = isFull ? 12 : 6;

/** In the environment, as an operator has it. */
const settings = {
  BELFRY_CLIENT_ALLOW_ANONYMOUS: "true",
  BELFRY_CHANNEL_WITHOUT_NAMESPACE_ALLOW_SUBSCRIBE_FOR_CLIENT: "true",
  BELFRY_CHANNEL_WITHOUT_NAMESPACE_ALLOW_SUBSCRIBE_FOR_ANONYMOUS: "true",
  BELFRY_CHANNEL_WITHOUT_NAMESPACE_HISTORY_SIZE: `${HISTORY.size}`,
  BELFRY_CHANNEL_WITHOUT_NAMESPACE_HISTORY_SECONDS: `${HISTORY.seconds}`,
  BELFRY_CHANNEL_WITHOUT_NAMESPACE_FORCE_RECOVERY: "true",
};

test(`belfry serve --workers: of ${KILLS} kill -9 of a worker the clients of the other one notice nothing, and nobody loses`, {
  timeout: 300_000,
}, async (t) => {
  const [busPort, port] = [await freePort(), await freePort()];
  const bus = { url: `nats://127.0.0.1:${busPort}` };
  await startBelfryBus(t, { port: busPort, data: folderOf(t) });
  // A variable of that name is no key of the configuration.
  const variables = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  const argv = ["serve", "--workers", "2", "--host", "127.0.0.1", "--port", `${port}`, "--bus", bus.url];
  const parent = await Running.start(t, [
    "/usr/bin/env",
    "-u",
    "BELFRY_FAULTS",
    ...variables,
    process.execPath,
    command,
    ...argv,
  ]);
  await parent.says(/workers listening on/);
  const broker = await connectNats(bus);
  t.after(() => broker.close());
  // All of them come to one of the two in one of half a million runs.
  const followers = await followersOf(t, [port], ["a", "b"], 10);
  const numbers = new Numbers(t, broker, followers);
  const serving = () => parent.lines.flatMap((line) => /worker (\d) serves as process (\d+)/.exec(line) ?? []);
  /** By the number of the worker, the process that serves in its place now. */
  const pids = () => {
    const said = serving();
    const found = new Map<string, number>();
    for (let i = 0; i < said.length; i += 3) found.set(said[i + 1] as string, Number(said[i + 2]));
    return found;
  };
  let moved = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    // All that were at the one that died are at the other now: they choose anew.
    await Promise.all(followers.map((follower) => follower.reconnect()));
    await numbers.pass(5);
    const connected = followers.map((follower) => follower.connected);
    const from = parent.lines.length;
    const number = `${1 + (kill % 2)}`;
    process.kill(pids().get(number) as number, "SIGKILL");
    await parent.says(new RegExp(`worker ${number} serves as`), from);
    await numbers.pass(5);
    const all = followers.filter((follower, i) => follower.connected > (connected[i] as number));
    assert.ok(all.length < followers.length, "the clients of the other worker stay where they are");
    moved += all.length;
  }
  await numbers.finish();
  assert.equal(numbers.rejected, 0);
  assert.ok(moved > 0, "somebody was at a worker that died");
  for (const { told } of followers) assert.deepEqual(told, [], "the history had everything");
  t.diagnostic(`${KILLS} kills, ${numbers.acknowledged} publications, ${numbers.delivered} deliveries, ${moved} moved`);
});
