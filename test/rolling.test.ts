import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Centrifuge } from "centrifuge";
import WebSocket from "ws";
import { limits } from "../src/index.ts";
import { WEBSOCKET_PATH } from "../src/push/index.ts";
import { Crowd } from "./crowd/crowd.ts";
import { Fleet, type Instance, nginx } from "./crowd/fleet.ts";
import type { CrowdReport } from "./crowd/main.ts";
import { Publisher } from "./crowd/publisher.ts";

/** In the documented run, with BELFRY_FAULTS=full, as many as two nginx connections each leave of its descriptors. */
const clients = process.env["BELFRY_FAULTS"] === "full" ? 5000 : 1000;
const channels = 20;
const skip = nginx || process.env["CI"] === "true" ? false : "nginx is not installed: apt-get install nginx-light";

/** A client of the SDK: how often it was told to come back, and what it got. */
function reader(t: TestContext, port: number, channel: string) {
  const got: unknown[] = [];
  const codes: number[] = [];
  const client = new Centrifuge(`ws://127.0.0.1:${port}${WEBSOCKET_PATH}`, { websocket: WebSocket });
  t.after(() => client.disconnect());
  client.on("connecting", ({ code }) => void codes.push(code));
  const subscription = client.newSubscription(channel);
  const first = new Promise<number>((resolve) =>
    subscription.once("subscribed", ({ streamPosition }) => resolve(streamPosition?.offset ?? 0)),
  );
  subscription.on("publication", ({ data }) => void got.push(data));
  subscription.subscribe();
  client.connect();
  return { got, codes, first };
}

/** Ends an instance in order, waits until everybody is elsewhere, and starts it again. Checks the pace of the returns. */
async function restart(t: TestContext, instance: Instance, crowd: Crowd): Promise<void> {
  const before = await crowd.now();
  const from = instance.lines.length;
  assert.deepEqual(await instance.end("SIGTERM"), [0, null]);
  const [first = "", ...later] = instance.lines.slice(from).filter((line) => line.includes("connections left"));
  const moved = Number(/of ([\d,]+) /.exec(first)?.[1]?.replaceAll(",", ""));
  assert.ok(moved > 0 && later.length > 0, "it says how many are left");
  const after = await crowd.until(({ subscribed, closes }) => {
    return subscribed === clients && (closes[3001] ?? 0) - (before.closes[3001] ?? 0) >= moved - sdkClients;
  });
  const spreadSeconds = Math.min(limits.drainSpreadSeconds, moved / limits.drainPerSecondMin);
  const busiest = busiestSecond(before, after);
  const average = moved / spreadSeconds;
  t.diagnostic(
    `${moved} moved over ${spreadSeconds} s; ${busiest} connects in the busiest second, ${average} on average`,
  );
  assert.ok(busiest <= 2 * average, `${busiest} connects in a second, of ${moved} in ${spreadSeconds} s`);
  await instance.start();
}

/** The most attempts of any second that begins with a tenth. */
function busiestSecond(before: CrowdReport, after: CrowdReport): number {
  const tenths = Object.keys(after.attempts).map(Number);
  const since = (tenth: number) => (after.attempts[tenth] ?? 0) - (before.attempts[tenth] ?? 0);
  const second = (from: number) => Array.from({ length: 10 }, (_, i) => since(from + i)).reduce((a, b) => a + b, 0);
  return Math.max(...tenths.map(second));
}

const sdkClients = 4;

test(`a rolling restart behind nginx: ${clients} clients miss nothing, get nothing twice, and come back at the pace of the drain`, {
  skip,
}, async (t) => {
  assert.ok(nginx, "nginx is not installed: apt-get install nginx-light");
  const fleet = await Fleet.start(2);
  t.after(() => fleet.close());
  await fleet.startNginx();
  const crowd = new Crowd({ port: fleet.port, clients, channels, arrivalsPerSecond: 1000 });
  t.after(() => crowd.close());
  await crowd.until(({ subscribed }) => subscribed === clients);
  const readers = Array.from({ length: sdkClients }, (_, i) => reader(t, fleet.port, `crowd:${i}`));
  const starts = await Promise.all(readers.map(({ first }) => first));
  const publisher = new Publisher(fleet.port, channels, 50);

  for (const instance of fleet.instances) await restart(t, instance, crowd);

  const finals = await publisher.stop();
  assert.deepEqual(publisher.failures, {}, "no request of a back end fails");
  crowd.say({ finals });
  const report = await crowd.until(({ isComplete }) => isComplete);
  t.diagnostic(`${report.deliveries} deliveries, ${report.returns} subscriptions`);
  assert.deepEqual(report.faults, { lost: 0, twice: 0, disordered: 0, unrecovered: 0 });
  assert.deepEqual(Object.keys(report.closes), ["3001"], "nobody is cut without a word");
  assert.ok(report.returns >= 2 * clients, "everybody was moved once at least");
  for (const [i, { got, codes }] of readers.entries()) {
    const from = starts[i] as number;
    assert.deepEqual(
      got,
      Array.from({ length: (finals[i] as number) - from }, (_, n) => from + n + 1),
    );
    assert.deepEqual([...new Set(codes)].sort(), [0, 3001]);
  }
});
