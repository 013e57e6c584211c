import assert from "node:assert/strict";
import { test } from "node:test";
import { connectNats } from "../src/bus/index.ts";
import { followersOf, Numbers } from "./numbered.ts";
import { buses, folderOf, freePort, isFull, startApi } from "./processes.ts";

const kills: Readonly<Record<string, number>> = { "belfry bus": isFull ? 200 : 40, "nats-server": isFull ? 200 : 10 };

for (const { name, start, skip } of buses) {
  const count = kills[name] as number;
  const title = `${name}: over ${count} kill -9 of the notification API its clients get everything, once, in order`;
  test(title, { skip, timeout: 400_000 }, async (t) => {
    const bus = { url: `nats://127.0.0.1:${await freePort()}`, prefix: "t" };
    const port = await freePort();
    await start(t, { port: Number(new URL(bus.url).port), data: folderOf(t) });
    let api = await startApi(t, port, bus);
    const broker = await connectNats(bus);
    t.after(() => broker.close());
    const followers = await followersOf(t, [port], ["a", "b", "c"], 2);
    const numbers = new Numbers(t, broker, followers);
    let back = followers.map(() => Promise.resolve());
    for (let kill = 0; kill < count; kill++) {
      // When some are back and others on their way, or when all have had a few more.
      if (kill % 4 === 0) await numbers.pass(1 + (kill % 7));
      else await Promise.all(back.slice(0, 1 + (kill % back.length)));
      await api.kill("SIGKILL");
      back = followers.map((follower) => follower.returned());
      api = await startApi(t, port, bus);
    }
    await numbers.finish();
    assert.equal(numbers.rejected, 0, "the Bus was there all the time");
    for (const { channel, told } of followers) assert.deepEqual(told, [], `${channel}: the history had everything`);
    const returns = followers.reduce((sum, { subscribed }) => sum + subscribed - 1, 0);
    assert.ok(returns >= count, `they came back ${returns} times`);
    t.diagnostic(
      `${count} kills, ${numbers.acknowledged} publications, ${numbers.delivered} deliveries, ${returns} recoveries`,
    );
  });
}
