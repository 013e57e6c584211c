import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { PushOptions } from "../src/push/index.ts";
import { named, ProtocolClient, SECRET, serve, tokenOf } from "./protocol-client.ts";

const open = { allowSubscribeForClient: true, allowPresenceForClient: true, presence: true };
const history = { historySize: 3, historySeconds: 60 };
const usual: PushOptions = {
  apiKey: "key",
  tokens: { hmacSecret: SECRET },
  channels: {
    withoutNamespace: open,
    namespaces: {
      asked: { ...open, joinLeave: true },
      told: { ...open, joinLeave: true, forcePushJoinLeave: true },
      stream: { ...open, ...history, forceRecovery: true },
      cache: { ...open, ...history, forceRecovery: true, recoveryMode: "cache" },
    },
  },
};

/** A server, and what makes connected clients of users: a token's claims beside `sub` may be given. */
async function start(t: TestContext) {
  const { server, port } = await serve(t, usual);
  const user = (sub: string, claims: object = {}, fields: object = {}) =>
    ProtocolClient.connect(t, port, { token: tokenOf({ sub, ...claims }), ...fields });
  const api = async (method: string, body: object) => {
    const init = { method: "POST", headers: { "X-API-Key": "key" }, body: JSON.stringify(body) };
    const answer = await fetch(`http://127.0.0.1:${port}/api/${method}`, init);
    return (await answer.json()) as object;
  };
  return { server, user, api };
}

const subscribe = (channel: string, more: object = {}) => ({ id: 2, subscribe: { channel, ...more } });
const unsubscribe = (channel: string) => ({ id: 3, unsubscribe: { channel } });
const event = (type: "join" | "leave", channel: string, info: object) => ({ push: { channel, [type]: { info } } });
const pub = (channel: string, offset: number) => ({ push: { channel, pub: { data: offset, offset } } });

describe("protocol: join and leave", () => {
  it("who asked for it is told who comes and goes, itself first; who did not is not", async (t) => {
    const { user } = await start(t);
    const [ann, bob, eve] = [await user("ann", { info: { name: "Ann" } }), await user("bob"), await user("eve")];
    const infoOfAnn = { client: ann.id, user: "ann", conn_info: { name: "Ann" } };
    const infoOfBob = { client: bob.id, user: "bob" };
    await ann.client.ask(subscribe("asked:a", { join_leave: true }));
    assert.deepEqual(await ann.client.next(), event("join", "asked:a", infoOfAnn));
    await bob.client.ask(subscribe("asked:a"));
    assert.deepEqual(await ann.client.next(), event("join", "asked:a", infoOfBob));
    await bob.client.ask(unsubscribe("asked:a"));
    assert.deepEqual(await ann.client.next(), event("leave", "asked:a", infoOfBob));
    await eve.client.ask(subscribe("asked:b", { join_leave: true }));
    assert.deepEqual([await ann.client.rest(), await bob.client.rest()], [[], []]);
  });

  it("forcePushJoinLeave tells everybody; without joinLeave nobody is told, whoever asks", async (t) => {
    const { user } = await start(t);
    const [ann, bob] = [await user("ann"), await user("bob")];
    for (const { client } of [ann, bob]) await client.ask(subscribe("a", { join_leave: true }));
    await ann.client.ask(subscribe("told:a"));
    await bob.client.ask(subscribe("told:a"));
    const pushes = [ann, bob].map(({ id }, i) => event("join", "told:a", { client: id, user: ["ann", "bob"][i] }));
    assert.deepEqual(await ann.client.take(2), pushes);
    assert.deepEqual([await ann.client.rest(), await bob.client.rest()], [[], pushes.slice(1)]);
  });

  it("a client that is cut leaves, and one that is disconnected, and one whose subscription the server ends", async (t) => {
    const { user, api } = await start(t);
    const ann = await user("ann");
    await ann.client.ask(subscribe("told:a"));
    await ann.client.next();
    const ways: ((client: ProtocolClient) => unknown)[] = [
      (client) => client.raw.reset(),
      (client) => client.send("this is no JSON"),
      () => api("disconnect", { user: "bob" }),
      () => api("unsubscribe", { user: "bob", channel: "told:a" }),
    ];
    for (const go of ways) {
      const bob = await user("bob");
      await bob.client.ask(subscribe("told:a"));
      const info = { client: bob.id, user: "bob" };
      assert.deepEqual(await ann.client.next(), event("join", "told:a", info));
      await go(bob.client);
      assert.deepEqual(await ann.client.next(), event("leave", "told:a", info));
    }
    const left = await ann.client.ask({ id: 5, presence: { channel: "told:a" } });
    assert.deepEqual(named(left), { presence: { presence: { CLIENT: { client: "CLIENT", user: "ann" } } } });
  });

  it("a client that comes and goes in one frame has come before it goes", async (t) => {
    const { user } = await start(t);
    const [ann, bob] = [await user("ann"), await user("bob")];
    await ann.client.ask(subscribe("told:a"));
    await ann.client.next();
    bob.client.send([subscribe("told:a"), unsubscribe("told:a")]);
    await bob.client.take(2);
    const info = { client: bob.id, user: "bob" };
    assert.deepEqual(await ann.client.take(2), [event("join", "told:a", info), event("leave", "told:a", info)]);
    assert.deepEqual(await bob.client.rest(), []);
  });
});

describe("protocol: presence", () => {
  it("tells each connection with what its tokens say of it; users are counted once", async (t) => {
    const { user, api } = await start(t);
    const [first, second, third] = [await user("ann", { info: [1] }), await user("ann"), await user("bob")];
    const token = tokenOf({ sub: "ann", channel: "a", info: { seat: 7 } });
    await first.client.ask(subscribe("a", { token }));
    for (const { client } of [second, third]) await client.ask(subscribe("a"));
    const presence = {
      [first.id]: { client: first.id, user: "ann", conn_info: [1], chan_info: { seat: 7 } },
      [second.id]: { client: second.id, user: "ann" },
      [third.id]: { client: third.id, user: "bob" },
    };
    assert.deepEqual(await third.client.ask({ id: 3, presence: { channel: "a" } }), { presence: { presence } });
    assert.deepEqual(await api("presence", { channel: "a" }), { result: { presence } });
    const stats = { num_clients: 3, num_users: 2 };
    assert.deepEqual(await third.client.ask({ id: 4, presence_stats: { channel: "a" } }), { presence_stats: stats });
    assert.deepEqual(await api("presence_stats", { channel: "a" }), { result: stats });
    await api("refresh", { user: "bob", info: { name: "Bob" } });
    await first.client.ask(unsubscribe("a"));
    second.client.raw.reset();
    const alone = { [third.id]: { client: third.id, user: "bob", conn_info: { name: "Bob" } } };
    const ask = () => third.client.ask({ id: 5, presence: { channel: "a" } });
    let left = await ask();
    while (second.id in (left as { presence: { presence: object } }).presence.presence) left = await ask();
    assert.deepEqual(left, { presence: { presence: alone } });
  });

  it("an override hides one client, or announces it where the channel does not", async (t) => {
    const { user, api } = await start(t);
    const [ann, bob] = [await user("ann"), await user("bob")];
    const override = (flags: object) => ({
      override: Object.fromEntries(Object.entries(flags).map(([k, value]) => [k, { value }])),
    });
    const hidden = { channel: "told:a", ...override({ presence: false, join_leave: false }) };
    await ann.client.ask(subscribe("told:a"));
    await ann.client.next();
    await bob.client.ask(subscribe("told:a", { token: tokenOf({ sub: "bob", ...hidden }) }));
    const there = { [ann.id]: { client: ann.id, user: "ann" } };
    assert.deepEqual(await bob.client.ask({ id: 3, presence: { channel: "told:a" } }), {
      presence: { presence: there },
    });
    assert.deepEqual(await ann.client.rest(), []);
    await api("subscribe", {
      user: "ann",
      channel: "a",
      ...override({ join_leave: true, force_push_join_leave: true }),
    });
    const info = { client: ann.id, user: "ann" };
    assert.deepEqual(await ann.client.take(2), [{ push: { channel: "a", subscribe: {} } }, event("join", "a", info)]);
  });
});

describe("protocol: subscriptions of the server's", () => {
  it("come with the connect, and what was missed with it, from where the client stood", async (t) => {
    const { user, server } = await start(t);
    const claims = { channels: ["stream:a"], subs: { "cache:a": { data: { x: 1 } } } };
    const channels = ["stream:a", "cache:a"];
    for (const channel of channels) await server.operations.publish(channel, "1", {});
    const first = await user("ann", claims);
    const { subs } = first.result as unknown as { subs: Record<string, { epoch: string }> };
    const at = { recoverable: true, positioned: true, epoch: "EPOCH", offset: 1 };
    assert.deepEqual(named(subs), { "stream:a": at, "cache:a": { ...at, data: { x: 1 } } });
    first.client.raw.reset();
    for (const data of ["2", "3"]) for (const channel of channels) await server.operations.publish(channel, data, {});
    const epoch = subs["stream:a"]?.epoch;
    const position = { recover: true, offset: 1, epoch };
    const back = await user("ann", claims, { subs: { "stream:a": position, "cache:a": position, other: position } });
    const recovered = { ...at, was_recovering: true, recovered: true };
    const pubs = [2, 3].map((offset) => ({ data: offset, offset }));
    assert.deepEqual(named((back.result as unknown as { subs: object }).subs), {
      "stream:a": { ...recovered, publications: pubs },
      "cache:a": { ...recovered, offset: 3, publications: pubs.slice(1), data: { x: 1 } },
    });
    await server.operations.publish("stream:a", "4", {});
    assert.deepEqual(await back.client.next(), pub("stream:a", 4));
  });

  it("come by a push, with publications behind it, and end by a push; the client may end them as well", async (t) => {
    const { user, api } = await start(t);
    const [ann, bob] = [await user("ann"), await user("bob")];
    const publish = (data: number) => api("publish", { channel: "stream:a", data });
    await publish(1);
    assert.deepEqual(await api("subscribe", { user: "ann", channel: "stream:a", data: { x: 1 } }), { result: {} });
    await publish(2);
    const at = { recoverable: true, positioned: true, epoch: "EPOCH", offset: 1 };
    assert.deepEqual(named(await ann.client.take(2)), [
      { push: { channel: "stream:a", subscribe: { ...at, data: { x: 1 } } } },
      pub("stream:a", 2),
    ]);
    await api("subscribe", { user: "ann", channel: "stream:a" });
    assert.deepEqual(await api("unsubscribe", { user: "ann", channel: "stream:a" }), { result: {} });
    const ended = { code: 2000, reason: "server unsubscribe" };
    assert.deepEqual(await ann.client.next(), { push: { channel: "stream:a", unsubscribe: ended } });
    await publish(3);
    await api("subscribe", { user: "ann", channel: "a" });
    assert.deepEqual(await ann.client.next(), { push: { channel: "a", subscribe: {} } });
    assert.deepEqual(await ann.client.ask(unsubscribe("a")), { unsubscribe: {} });
    assert.deepEqual([await ann.client.rest(), await bob.client.rest()], [[], []]);
  });

  it("recover_since gives what was published since, as publications behind the push", async (t) => {
    const { user, api } = await start(t);
    const { client } = await user("ann");
    const { result } = (await api("publish", { channel: "stream:a", data: 1 })) as { result: { epoch: string } };
    for (const data of [2, 3]) await api("publish", { channel: "stream:a", data });
    await api("subscribe", { user: "ann", channel: "stream:a", recover_since: { offset: 1, epoch: result.epoch } });
    const state = { recoverable: true, positioned: true, epoch: "EPOCH", was_recovering: true };
    assert.deepEqual(named(await client.take(3)), [
      { push: { channel: "stream:a", subscribe: { ...state, offset: 1, recovered: true } } },
      pub("stream:a", 2),
      pub("stream:a", 3),
    ]);
    const other = await user("bob");
    await api("subscribe", { user: "bob", channel: "stream:a", recover_since: { offset: 1, epoch: "x" } });
    const failed = { push: { channel: "stream:a", subscribe: { ...state, offset: 3 } } };
    assert.deepEqual(named(await other.client.rest()), [failed]);
  });

  it("are for one connection of a user's where its id is given", async (t) => {
    const { user, api } = await start(t);
    const [first, second] = [await user("ann"), await user("ann")];
    for (const method of ["subscribe", "unsubscribe"])
      await api(method, { user: "ann", client: first.id, channel: "a" });
    await api("subscribe", { user: "bob", client: second.id, channel: "a" });
    const ended = { code: 2000, reason: "server unsubscribe" };
    assert.deepEqual(await first.client.rest(), [
      { push: { channel: "a", subscribe: {} } },
      { push: { channel: "a", unsubscribe: ended } },
    ]);
    assert.deepEqual(await second.client.rest(), []);
  });
});
