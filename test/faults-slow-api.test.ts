import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { connectNats } from "../src/bus/index.ts";
import { limits } from "../src/index.ts";
import { followersOf, Numbers } from "./numbered.ts";
import { folderOf, freePort, startApi, startBelfryBus } from "./processes.ts";

const FLOOD = "flood";
const BYTES = 100_000;
/** Four times what may wait for one client. */
const COUNT = Math.ceil((4 * limits.busPendingBytesMax) / BYTES);
/** Of the flood the Bus keeps little itself. */
const HISTORY_BYTES = 8_388_608;

function residentBytes(pid: number): number {
  const kilobytes = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kilobytes) * 1024;
}

test("belfry bus cuts an API that stands still under a flood; others are served, and it comes back to everything", {
  skip: process.platform === "linux" ? false : "/proc says how much memory a process has on Linux only",
  timeout: 120_000,
}, async (t) => {
  const [busPort, stoppedPort, port] = [await freePort(), await freePort(), await freePort()];
  const how = { url: `nats://127.0.0.1:${busPort}`, prefix: "t", historyBytesMax: HISTORY_BYTES } as const;
  const bus = await startBelfryBus(t, { port: busPort, data: folderOf(t) });
  const stopped = await startApi(t, stoppedPort, how);
  await startApi(t, port, how);
  const broker = await connectNats(how);
  t.after(() => broker.close());
  // Somebody wants the flood at the one that stops, and numbers at both.
  const [drowned] = await followersOf(t, [stoppedPort], [FLOOD], 1);
  const away = await followersOf(t, [stoppedPort], ["a", "b"], 2);
  const here = await followersOf(t, [port], ["a", "b"], 2);
  const numbers = new Numbers(t, broker, here);
  await Promise.all([...away, ...here].map((follower) => follower.until(() => follower.last >= 5)));
  const before = residentBytes(bus.pid);
  stopped.signal("SIGSTOP");
  const data = JSON.stringify("x".repeat(BYTES));
  let most = 0;
  let sent = 0;
  const flood = async () => {
    while (sent < COUNT) {
      sent++;
      await broker.publish(FLOOD, data);
      if (sent % 50 === 0) most = Math.max(most, residentBytes(bus.pid));
    }
  };
  await Promise.all(Array.from({ length: 20 }, flood));
  await bus.says(/is cut: Slow Consumer/);
  // The others go on while it stands.
  await numbers.pass(20);
  assert.ok(most - before < 3 * limits.busPendingBytesMax, `the Bus grew by ${most - before} bytes`);
  const from = stopped.lines.length;
  stopped.signal("SIGCONT");
  await stopped.says(/the Bus is back/, from);
  await numbers.pass(20);
  await numbers.finish();
  for (const { channel, acknowledged } of numbers.publishers) {
    const own = away.filter((follower) => follower.channel === channel);
    await Promise.all(own.map((follower) => follower.until(() => follower.last === acknowledged.at(-1))));
    for (const follower of own) follower.check(acknowledged);
  }
  for (const { told } of [...away, ...here]) assert.deepEqual(told, [], "the history had everything");
  for (const { subscribed, connected } of here) assert.deepEqual([subscribed, connected], [1, 1]);
  assert.ok(drowned);
  t.diagnostic(
    `${sent} × ${BYTES} bytes; the Bus grew by ${Math.round((most - before) / 1e6)} MB at most, ` +
      `${numbers.acknowledged} numbers meanwhile`,
  );
});
