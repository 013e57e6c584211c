import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { connectNats } from "../src/bus/index.ts";
import { followersOf, Numbers } from "./numbered.ts";
import { buses, folderOf, freePort, isFull, startApi } from "./processes.ts";

const KILLS = isFull ? 40 : 3;

// Nearly all of the time is that after which a publisher gives up a publication that the Bus died with.
describe("a Bus that dies and comes back", { concurrency: 4, timeout: 300_000 }, () => {
  for (const { name, start, skip } of buses) {
    describe(`${name}, ended by kill -9 and started again`, { skip, concurrency: 2 }, () => {
      for (const historyStorage of ["file", "memory"] as const) {
        const what =
          historyStorage === "file"
            ? "what was acknowledged arrives once and in order, and no client is cut"
            : "clients are told that it is gone, and none is cut";
        it(`${KILLS} times with histories in ${historyStorage}: ${what}`, async (t) => {
          const [busPort, port] = [await freePort(), await freePort()];
          const bus = { url: `nats://127.0.0.1:${busPort}`, prefix: "t", historyStorage };
          const place = { port: busPort, data: folderOf(t) };
          let running = await start(t, place);
          const api = await startApi(t, port, bus);
          const broker = await connectNats(bus);
          t.after(() => broker.close());
          const followers = await followersOf(t, [port], ["a", "b", "c"], 2);
          const numbers = new Numbers(t, broker, followers);
          for (let kill = 0; kill < KILLS; kill++) {
            await numbers.pass(10 + kill * 3);
            const from = api.lines.length;
            await running.kill("SIGKILL");
            await api.says(/out of reach/, from);
            running = await start(t, place);
            await api.says(/the Bus is back/, from);
            if (historyStorage === "memory") {
              await Promise.all(followers.map((follower) => follower.until(() => follower.told.length > kill)));
            }
          }
          await numbers.pass(10);
          await numbers.finish();
          for (const { channel, connected, told } of followers) {
            assert.equal(connected, 1, `${channel}: it stayed connected`);
            assert.equal(told.length, historyStorage === "file" ? 0 : KILLS, `${channel}: told`);
          }
          t.diagnostic(
            `${KILLS} kills, ${numbers.acknowledged} publications acknowledged, ${numbers.rejected} rejected, ` +
              `${numbers.delivered} deliveries`,
          );
        });
      }
    });
  }
});
