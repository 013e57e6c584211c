import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { limits } from "../src/index.ts";
import { NetNamespace, namespaceSkip } from "./net-namespace.ts";
import { followersOf } from "./numbered.ts";
import { buses, folderOf, freePort, isFull, Running, startApi } from "./processes.ts";

const SECONDS = isFull ? 30 : 1;
const CHANNELS = ["a", "b", "c"];
const publisherScript = fileURLToPath(new URL("./publisher-process.js", import.meta.url));

describe("a Bus whose packets are lost", { concurrency: 2, timeout: 200_000 }, () => {
  it("is noticed within about ten seconds", () => {
    assert.ok(limits.natsPingSeconds * (limits.natsPingsOutMax + 1) <= 10);
  });

  for (const { name, start, skip } of buses) {
    const title = `${name}: for ${SECONDS} s beyond the notice clients stay, and get what they missed, once, in order`;
    it(title, { skip: skip || namespaceSkip }, async (t) => {
      const space = NetNamespace.make(t);
      const { before } = space;
      const [busPort, port] = [await freePort(), await freePort()];
      await start(t, { port: busPort, data: folderOf(t), host: "0.0.0.0", before });
      const api = await startApi(t, port, { url: `nats://${space.address}:${busPort}`, prefix: "t" });
      const followers = await followersOf(t, [port], CHANNELS, 2);
      const publishes = { bus: { url: `nats://127.0.0.1:${busPort}`, prefix: "t" }, channels: CHANNELS, paceMs: 200 };
      const publisher = await Running.start(t, [
        ...before,
        process.execPath,
        publisherScript,
        JSON.stringify(publishes),
      ]);
      await Promise.all(followers.map((follower) => follower.until(() => follower.last >= 5)));
      const from = api.lines.length;
      const sinceMs = performance.now();
      space.cut();
      await api.says(/out of reach/, from);
      const noticedMs = performance.now() - sinceMs;
      await pause(SECONDS * 1000);
      const missing = publisher.lines.length - (followers[0]?.last ?? 0);
      space.mend();
      await api.says(/the Bus is back/, from);
      publisher.endInput();
      await publisher.says(/^over/);
      const acknowledged = publisher.lines.flatMap(
        (line) => /^acknowledged (\d+)/.exec(line)?.slice(1).map(Number) ?? [],
      );
      await Promise.all(followers.map((follower) => follower.until(() => follower.last === acknowledged.at(-1))));
      for (const follower of followers) {
        follower.check(acknowledged);
        assert.deepEqual([follower.connected, follower.subscribed], [1, 1], "nobody was cut");
      }
      assert.ok(missing > 0, "something was published meanwhile");
      t.diagnostic(
        `noticed after ${(noticedMs / 1000).toFixed(1)} s, cut for ${((performance.now() - sinceMs) / 1000).toFixed(1)} s, ` +
          `${missing} publications of each channel missed and delivered then, ${acknowledged.length} in all`,
      );
    });
  }
});
