import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, it, type TestContext } from "node:test";
import type { Options, SubscriptionOptions } from "centrifuge";
import type { Hooks } from "../src/push/index.ts";
import { heardBy, makeClient, pairs, token, versions } from "./sdk-client.ts";
import { type Listening, listen } from "./sdk-server.ts";

const rpc: Hooks["rpc"] = ({ user, method, data }) => {
  if (method === "mirror") return { data: { user, data } };
  return { error: { code: 1000, message: "not in the mood" } };
};

it("the versions of the SDK are those that are named", () => {
  for (const [version, folder] of [
    ["5.8", "centrifuge"],
    ["5.7", "centrifuge-5.7"],
  ] as const) {
    const file = new URL(`../../node_modules/${folder}/package.json`, import.meta.url);
    assert.ok((JSON.parse(readFileSync(file, "utf8")) as { version: string }).version.startsWith(`${version}.`));
  }
  assert.notEqual(versions["5.8"], versions["5.7"]);
});

describe("SDK in Node", { timeout: 50_000 }, () => {
  let at: Listening;
  before(async () => {
    at = await listen({ hooks: { rpc } });
  });
  after(() => at.server.close());

  for (const { name, ...pair } of pairs) {
    describe(name, () => {
      let users = 0;

      /** A client that is on its way, as a user of its own unless its token says another. */
      async function open(t: TestContext, claims: Record<string, unknown> = {}, more: Partial<Options> = {}) {
        const user = `${name}, user ${++users}`;
        const client = makeClient(pair, at.origin, { token: await token({ sub: user, ...claims }), ...more });
        t.after(() => client.disconnect());
        const heard = heardBy(client);
        const join = (channel: string, how: SubscriptionOptions = {}) => {
          const subscription = client.newSubscription(channel, { recoverable: true, ...how });
          const told = heardBy(subscription);
          subscription.subscribe();
          return { subscription, told };
        };
        client.connect();
        return { client, heard, user, join };
      }

      it("connects with a token, by the transport that it was told", async (t) => {
        const { heard, user } = await open(t);
        const { client, transport } = await heard.next("connected");
        assert.equal(transport, pair.transport);
        const [here, ...others] = await at.server.operations.connections({ user, limit: 10 });
        assert.deepEqual([here?.client, here?.transport, others], [client, pair.transport, []]);
      });

      it("asks for a token when its own has expired, and stays away with one that nobody signed", async (t) => {
        const late = await open(
          t,
          {},
          { token: await token({ sub: "late" }, -10), getToken: () => token({ sub: "late" }) },
        );
        await late.heard.next("connected");
        assert.equal(late.heard.all("error")[0]?.error.code, 109);
        const liar = await open(t, {}, { token: `${await token({ sub: "liar" })}x` });
        const { code, reason } = await liar.heard.next("disconnected");
        assert.deepEqual([code, reason], [3500, "invalid token"]);
      });

      it("a subscription token lets it into a private channel, and says what others see", async (t) => {
        const channel = `$${name}, private`;
        const { client, heard, user, join } = await open(t, { info: { name: "Ann" } });
        const getToken = () => token({ sub: user, channel, info: { seat: 7 }, data: { hello: true } });
        const { told } = join(channel, { getToken });
        assert.deepEqual((await told.next("subscribed")).data, { hello: true });
        const { client: id } = await heard.next("connected");
        const { clients } = await client.presence(channel);
        assert.deepEqual(Object.keys(clients), [id]);
        const { user: seen, connInfo, chanInfo } = clients[id] ?? {};
        assert.deepEqual([seen, connInfo, chanInfo], [user, { name: "Ann" }, { seat: 7 }]);
      });

      it("publishes, and gets its own copy", async (t) => {
        const channel = `${name}, own copy`;
        const { client, heard, user, join } = await open(t);
        const { subscription, told } = join(channel);
        const { client: id } = await heard.next("connected");
        await told.next("subscribed");
        const data = { text: 'grüße \n \u2028 "quoted" 😀', n: [1, 2.5, null] };
        await subscription.publish(data);
        await client.publish(channel, "the second");
        const copies = [await told.next("publication"), await told.next("publication")];
        assert.deepEqual(
          copies.map((copy) => [copy.data, copy.offset, copy.info?.client, copy.info?.user]),
          [
            [data, 1, id, user],
            ["the second", 2, id, user],
          ],
        );
      });

      it("sees who is there, and who comes and goes", async (t) => {
        const channel = `${name}, presence`;
        const first = await open(t);
        const { told } = first.join(channel, { joinLeave: true });
        const { client: firstId } = await first.heard.next("connected");
        assert.equal((await told.next("join")).info.client, firstId);
        const second = await open(t, { sub: first.user });
        const { subscription } = second.join(channel);
        const { client: secondId } = await second.heard.next("connected");
        const { info } = await told.next("join");
        assert.deepEqual([info.client, info.user], [secondId, first.user]);
        const { clients } = await first.client.presence(channel);
        assert.deepEqual(Object.keys(clients).sort(), [firstId, secondId].sort());
        assert.deepEqual(await first.client.presenceStats(channel), { numClients: 2, numUsers: 1 });
        subscription.unsubscribe();
        const left = (await told.next("leave")).info;
        assert.deepEqual([left.client, left.user], [secondId, first.user]);
        assert.deepEqual(await first.client.presenceStats(channel), { numClients: 1, numUsers: 1 });
      });

      it("reads a history: all, some, backwards, behind a position, and the position alone", async (t) => {
        const channel = `${name}, history`;
        const { client } = await open(t);
        for (let i = 1; i <= 12; i++) await at.publish(channel, i);
        const { epoch, offset, publications } = await client.history(channel, { limit: 0 });
        assert.deepEqual([offset, publications], [12, []]);
        for (const [query, expected] of [
          [{ limit: -1 }, [3, 4, 5, 6, 7, 8, 9, 10, 11, 12]],
          [{ limit: 2 }, [3, 4]],
          [{ limit: 2, reverse: true }, [12, 11]],
          [{ limit: 2, since: { offset: 7, epoch } }, [8, 9]],
          [{ limit: 2, since: { offset: 7, epoch }, reverse: true }, [6, 5]],
          [{ limit: 5, since: { offset: 12, epoch } }, []],
        ] as const) {
          const read = await client.history(channel, query);
          const got = read.publications.map((publication) => publication.data as number);
          assert.deepEqual(got, expected, JSON.stringify(query));
          assert.deepEqual([read.offset, read.epoch], [12, epoch]);
        }
        const elsewhere = client.history(channel, { limit: 1, since: { offset: 7, epoch: "other" } });
        await assert.rejects(elsewhere, { code: 112 });
      });

      it("calls a method, is told the application's error, and sends without an answer", async (t) => {
        const { client, heard, user } = await open(t);
        await client.send({ any: "thing" });
        assert.deepEqual((await client.rpc("mirror", { deep: [1] })).data, { user, data: { deep: [1] } });
        await assert.rejects(client.rpc("other", {}), { code: 1000, message: "not in the mood" });
        assert.equal(heard.all("connecting").length, 1);
      });

      for (const [what, channel, code] of [
        ["a channel that is not allowed", "closed:1", 103],
        ["a private channel without a token", `$${name}`, 103],
        ["a namespace that does not exist", "unheard:of", 102],
      ] as const) {
        it(`${what} refuses the subscription with ${code}, and the client goes on`, async (t) => {
          const { client, join } = await open(t);
          assert.equal((await join(channel).told.next("unsubscribed")).code, code);
          assert.equal((await client.rpc("mirror", 1)).data.data, 1);
        });
      }

      it("what a channel does not have is 108, what it does not allow 103", async (t) => {
        const { client } = await open(t);
        await assert.rejects(client.history("bare:1", { limit: 1 }), { code: 108 });
        await assert.rejects(client.presence("bare:1"), { code: 108 });
        await assert.rejects(client.presenceStats("bare:1"), { code: 108 });
        await assert.rejects(client.publish("closed:1", 1), { code: 103 });
        await assert.rejects(client.publish("unheard:of", 1), { code: 102 });
      });

      it("the server subscribes it: by its token, and by the API", async (t) => {
        const [plain, rich, later] = [`${name}, plain`, `${name}, rich`, `${name}, later`];
        const { heard, user } = await open(t, { channels: [plain], subs: { [rich]: { data: { from: "token" } } } });
        const told = [await heard.next("subscribed"), await heard.next("subscribed")];
        assert.deepEqual(
          new Map(told.map(({ channel, data }) => [channel, data])),
          new Map([
            [plain, undefined],
            [rich, { from: "token" }],
          ]),
        );
        await at.api("subscribe", { user, channel: later, data: { from: "API" } });
        const { channel, data } = await heard.next("subscribed");
        assert.deepEqual([channel, data], [later, { from: "API" }]);
        for (const one of [plain, rich, later]) {
          await at.api("publish", { channel: one, data: `to ${one}` });
          const publication = await heard.next("publication");
          assert.deepEqual([publication.channel, publication.data, publication.offset], [one, `to ${one}`, 1]);
        }
        await at.api("unsubscribe", { user, channel: later });
        assert.equal((await heard.next("unsubscribed")).channel, later);
        await at.api("publish", { channel: later, data: "too late" });
        await at.api("publish", { channel: plain, data: "still here" });
        assert.equal((await heard.next("publication")).data, "still here");
      });

      it("comes back after a cut, and gets what was published meanwhile, on subscriptions of both sides", async (t) => {
        const [own, made] = [`${name}, recovered`, `${name}, recovered by the server`];
        const { heard, user, join } = await open(t, { channels: [made] });
        const { told } = join(own);
        assert.equal((await told.next("subscribed")).recovered, false);
        assert.equal((await heard.next("subscribed")).recovered, false);
        await at.server.operations.disconnect({ user }, { code: 3011, reason: "force reconnect" }, []);
        for (const channel of [own, made]) for (const n of [1, 2, 3]) await at.publish(channel, n);
        for (const back of [await told.next("subscribed"), await heard.next("subscribed")]) {
          const { wasRecovering, recovered, hasRecoveredPublications } = back;
          assert.deepEqual([wasRecovering, recovered, hasRecoveredPublications], [true, true, true]);
        }
        for (const n of [1, 2, 3]) {
          assert.equal((await told.next("publication")).data, n);
          assert.equal((await heard.next("publication")).data, n);
        }
        await at.publish(own, 4);
        assert.equal((await told.next("publication")).offset, 4);
        assert.deepEqual([told.all("publication").length, heard.all("publication").length], [4, 3]);
      });

      it("stays away when the API disconnects it", async (t) => {
        const { heard, user, client } = await open(t);
        await heard.next("connected");
        await at.api("disconnect", { user });
        const { code, reason } = await heard.next("disconnected");
        assert.deepEqual([code, reason, client.state], [3503, "force disconnect", "disconnected"]);
      });

      it("comes back to a server that was restarted, and is told that its history has gone", async (t) => {
        const first = await listen();
        const client = makeClient(pair, first.origin, { token: await token({ sub: name }) });
        t.after(() => client.disconnect());
        const [heard, subscription] = [heardBy(client), client.newSubscription("restarted", { recoverable: true })];
        const told = heardBy(subscription);
        subscription.subscribe();
        client.connect();
        const before = await told.next("subscribed");
        await first.publish("restarted", 1);
        await told.next("publication");
        assert.equal((await heard.next("connecting")).code, 0);
        await first.server.close();
        const { code, reason } = await heard.next("connecting");
        assert.deepEqual([code, reason], [3001, "shutdown"]);
        const second = await listen({}, first.port);
        t.after(() => second.server.close());
        const { wasRecovering, recovered, streamPosition } = await told.next("subscribed");
        assert.deepEqual([wasRecovering, recovered, streamPosition?.offset], [true, false, 0]);
        assert.notEqual(streamPosition?.epoch, before.streamPosition?.epoch);
        await second.publish("restarted", 2);
        assert.equal((await told.next("publication")).data, 2);
      });
    });
  }
});
