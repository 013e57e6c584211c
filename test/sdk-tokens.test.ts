import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { heardBy, makeClient, pairs, token } from "./sdk-client.ts";
import { listen } from "./sdk-server.ts";

describe("SDK in Node, with tokens that expire", { concurrency: true, timeout: 50_000 }, () => {
  for (const { name, ...pair } of pairs) {
    it(`${name} brings new ones for its connection and its subscription, and notices nothing else`, async (t) => {
      const at = await listen();
      t.after(() => at.server.close());
      const [connection, own] = [lasting({ sub: "42" }), lasting({ sub: "42", channel: "$1" })];
      const client = makeClient(pair, at.origin, { getToken: connection.getToken });
      t.after(() => client.disconnect());
      const subscription = client.newSubscription("$1", { getToken: own.getToken });
      const [heard, told] = [heardBy(client), heardBy(subscription)];
      subscription.subscribe();
      client.connect();
      await Promise.all([connection.third, own.third]);
      await at.publish("$1", "still here");
      assert.equal((await told.next("publication")).data, "still here");
      assert.deepEqual([heard.all("connecting").length, told.all("subscribing").length], [1, 1]);
      assert.deepEqual([heard.all("error"), told.all("error")], [[], []]);
    });

    it(`${name} comes back when the new token that it brings has expired, too`, async (t) => {
      const at = await listen();
      t.after(() => at.server.close());
      const seconds = [3, -10, 3600];
      const client = makeClient(pair, at.origin, { getToken: () => token({ sub: "42" }, seconds.shift() ?? 3600) });
      t.after(() => client.disconnect());
      const heard = heardBy(client);
      client.connect();
      await heard.next("connected");
      await heard.next("connected");
      assert.deepEqual(
        heard.all("connecting").map(({ code }) => code),
        [0, 3005],
      );
    });
  }
});

/** Two tokens of three seconds; a third, which never comes, is asked for only if the server has taken the second. */
function lasting(claims: Record<string, unknown>) {
  let asked = 0;
  let resolve = () => {};
  const third = new Promise<void>((done) => {
    resolve = done;
  });
  const getToken = () => {
    if (++asked < 3) return token(claims, 3);
    resolve();
    return new Promise<string>(() => {});
  };
  return { third, getToken };
}
