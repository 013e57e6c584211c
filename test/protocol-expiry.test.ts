import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { HookClient, Hooks, PushOptions, RefreshReply } from "../src/push/index.ts";
import { RecordingLog } from "./mail-fixture.ts";
import { errorOf, inSeconds, named, ProtocolClient, SECRET, serve, tokenOf } from "./protocol-client.ts";

// What expires does so a second or two after the connect, and what should go on is compared with what did not.

const subscribing = { allowSubscribeForClient: true, allowSubscribeForAnonymous: true };
const usual: PushOptions = {
  tokens: { hmacSecret: SECRET },
  expiredCloseSeconds: 0,
  channels: {
    withoutNamespace: subscribing,
    namespaces: { asked: { ...subscribing, subRefreshProxy: true, subscribeProxy: true } },
  },
};
const EXPIRED = { close: [3005, "connection expired"] };
const SUBSCRIPTION_EXPIRED = { close: [3006, "subscription expired"] };
const UNSUBSCRIBED = { code: 2501, reason: "subscription expired" };

const soon = () => inSeconds(1);
const late = () => inSeconds(3600);
const connectionToken = (exp: number, more: object = {}) => tokenOf({ sub: "42", exp, ...more });
const subscriptionToken = (exp: number, more: object = {}) => tokenOf({ sub: "42", channel: "$a", exp, ...more });

/** A connected client that expires soon, and one of the same user that does not, with their server. */
async function expiring(t: TestContext, options: PushOptions = {}) {
  const { server, port } = await serve(t, { ...usual, ...options });
  const connect = async (exp: number) =>
    (await ProtocolClient.connect(t, port, { token: connectionToken(exp) })).client;
  return { server, port, client: await connect(inSeconds(3)), other: await connect(late()) };
}

/** A connected client with a subscription to `$a` that expires soon. */
async function subscribed(t: TestContext, options: PushOptions = {}) {
  const { server, port } = await serve(t, { ...usual, ...options });
  const { client } = await ProtocolClient.connect(t, port, { token: connectionToken(late()) });
  const subscribe = { channel: "$a", token: subscriptionToken(inSeconds(3)) };
  assert.ok("subscribe" in (await client.ask({ id: 2, subscribe })));
  return { server, port, client };
}

/** A client that a connect hook lets in until soon; its refresh hook is given. */
async function hooked(t: TestContext, refresh: Hooks["refresh"], more: PushOptions = {}) {
  const log = new RecordingLog();
  const connect: Hooks["connect"] = ({ data }) => ({
    user: String(data ?? ""),
    expireAt: inSeconds(3),
    meta: { who: data ?? null },
  });
  const hooks = refresh ? { connect, refresh } : { connect };
  const { server, port } = await serve(t, { ...usual, expiredCloseSeconds: 3600, hooks, log, ...more });
  const { client, result, id } = await ProtocolClient.connect(t, port, { data: "42" });
  return { server, port, client, result, id, log };
}

describe("protocol: what expires", { concurrency: true }, () => {
  it("a connection whose token expires is closed with 3005, and others are not", async (t) => {
    const { client, other } = await expiring(t);
    assert.deepEqual(await client.next(), EXPIRED);
    assert.deepEqual(await other.rest(), []);
  });

  it("a connection has expiredCloseSeconds to bring a new token", async (t) => {
    const { client } = await expiring(t, { expiredCloseSeconds: 3600 });
    const gone = await expiring(t);
    assert.deepEqual(await gone.client.next(), EXPIRED);
    assert.deepEqual(named(await client.ask({ id: 2, refresh: { token: connectionToken(late()) } })), {
      refresh: { client: "CLIENT", version: "belfry", expires: true, ttl: 3600 },
    });
  });

  it("a connection that is refreshed in time goes on, and with expire_at 0 for ever", async (t) => {
    const { client, other, port } = await expiring(t);
    const control = (await ProtocolClient.connect(t, port, { token: connectionToken(inSeconds(3)) })).client;
    const later = await client.ask({ id: 2, refresh: { token: connectionToken(late()) } });
    assert.deepEqual(named(later), { refresh: { client: "CLIENT", version: "belfry", expires: true, ttl: 3600 } });
    const never = await other.ask({ id: 2, refresh: { token: connectionToken(late(), { expire_at: 0 }) } });
    assert.deepEqual(named(never), { refresh: { client: "CLIENT", version: "belfry" } });
    assert.deepEqual(await control.next(), EXPIRED);
    assert.deepEqual([await client.rest(), await other.rest()], [[], []]);
  });

  it("a refresh changes what others are told of a client", async (t) => {
    const withoutNamespace = { ...subscribing, allowPublishForClient: true };
    const { other } = await expiring(t, { channels: { withoutNamespace } });
    await other.ask({ id: 2, subscribe: { channel: "a" } });
    await other.ask({ id: 3, refresh: { token: connectionToken(late(), { info: { name: "Ann" } }) } });
    other.send({ id: 4, publish: { channel: "a", data: 1 } });
    const info = { client: "CLIENT", user: "42", conn_info: { name: "Ann" } };
    assert.deepEqual(named(await other.next()), { push: { channel: "a", pub: { data: 1, info } } });
  });

  it("a refresh with a token that has expired closes with 3005, with one of another user, or that is none, with 3500", async (t) => {
    const { client, other } = await expiring(t);
    client.send({ id: 2, refresh: { token: connectionToken(inSeconds(-5)) } });
    assert.deepEqual(await client.next(), EXPIRED);
    other.send({ id: 2, refresh: { token: connectionToken(late(), { expire_at: 1 }) } });
    assert.deepEqual(await other.next(), EXPIRED);
    const more = await expiring(t);
    more.other.send({ id: 3, refresh: { token: tokenOf({ sub: "43" }) } });
    assert.deepEqual(await more.other.next(), { close: [3500, "invalid token"] });
    more.client.send({ id: 3, refresh: { token: "x" } });
    assert.deepEqual(await more.client.next(), { close: [3500, "invalid token"] });
  });

  it("a back end sets when connections expire, or ends them", async (t) => {
    const { server, client, other } = await expiring(t);
    await server.operations.refresh({ user: "42" }, { expireAt: late() });
    const gone = await expiring(t);
    assert.deepEqual(await gone.client.next(), EXPIRED);
    assert.deepEqual([await client.rest(), await other.rest()], [[], []]);
    await server.operations.refresh({ user: "42" }, { expired: true });
    assert.deepEqual([await client.next(), await other.next()], [EXPIRED, EXPIRED]);
  });

  it("a subscription whose token expires ends with 2501, and may be made again", async (t) => {
    const { client } = await subscribed(t);
    assert.deepEqual(await client.next(), { push: { channel: "$a", unsubscribe: UNSUBSCRIBED } });
    const subscribe = { channel: "$a", token: subscriptionToken(late()) };
    assert.deepEqual(named(await client.ask({ id: 3, subscribe })), { subscribe: { expires: true, ttl: 3600 } });
  });

  it("a subscription that is refreshed in time goes on", async (t) => {
    const { client } = await subscribed(t);
    const never = (await subscribed(t)).client;
    const control = await subscribed(t);
    const refresh = (more: object) => ({ channel: "$a", token: subscriptionToken(late(), more) });
    const answer = await client.ask({ id: 3, sub_refresh: refresh({}) });
    assert.deepEqual(named(answer), { sub_refresh: { expires: true, ttl: 3600 } });
    assert.deepEqual(await never.ask({ id: 3, sub_refresh: refresh({ expire_at: 0 }) }), { sub_refresh: {} });
    assert.deepEqual(await control.client.next(), { push: { channel: "$a", unsubscribe: UNSUBSCRIBED } });
    assert.deepEqual([await client.rest(), await never.rest()], [[], []]);
  });

  it("sub_refresh with an expired token is 109, with one of another secret 103, for another channel 3500", async (t) => {
    const { client } = await subscribed(t, { expiredCloseSeconds: 3600 });
    const ask = (token: string) => client.ask({ id: 3, sub_refresh: { channel: "$a", token } });
    assert.deepEqual(await ask(subscriptionToken(inSeconds(-5))), { error: errorOf(109) });
    assert.deepEqual(await ask(subscriptionToken(late(), { expire_at: 1 })), { error: errorOf(109) });
    assert.deepEqual(await ask(tokenOf({ sub: "42", channel: "$a" }, "other")), { error: errorOf(103) });
    client.send({ id: 4, sub_refresh: { channel: "$a", token: subscriptionToken(late(), { channel: "$b" }) } });
    assert.deepEqual(await client.next(), { close: [3500, "invalid token"] });
  });

  it("a subscription of the server's that expires closes with 3006", async (t) => {
    const { port } = await serve(t, usual);
    const token = tokenOf({ sub: "42", subs: { a: {}, b: {} }, exp: late() });
    const stays = (await ProtocolClient.connect(t, port, { token })).client;
    const { server, port: other } = await serve(t, usual);
    const { client } = await ProtocolClient.connect(t, other, { token });
    await server.operations.subscribe({ user: "42" }, "c", { expireAt: soon() });
    assert.deepEqual(await client.next(), { push: { channel: "c", subscribe: {} } });
    assert.deepEqual(await client.next(), SUBSCRIPTION_EXPIRED);
    assert.deepEqual(await stays.rest(), []);
  });

  it("who was let in by a hook is refreshed by a hook, which is told who it is", async (t) => {
    const asked: HookClient[] = [];
    const { client, id, result, port } = await hooked(t, (request) => {
      asked.push(request);
      return { expireAt: late() };
    });
    assert.deepEqual(named(result), { client: "CLIENT", version: "belfry", ping: 25, pong: true });
    const anonymous = await ProtocolClient.connect(t, port);
    while (asked.length < 2) await new Promise((resolve) => setImmediate(resolve));
    const who = { transport: "websocket" };
    assert.deepEqual(asked, [
      { client: id, user: "42", ...who, meta: { who: "42" } },
      { client: anonymous.id, user: "", ...who, meta: { who: null } },
    ]);
    assert.deepEqual([await client.rest(), await anonymous.client.rest()], [[], []]);
  });

  const endings: [string, Hooks["refresh"], object][] = [
    ["without a refresh hook it is closed at once", undefined, EXPIRED],
    ["`expired` closes", () => ({ expired: true }), EXPIRED],
    [
      "a disconnect closes with its code",
      () => ({ disconnect: { code: 4000, reason: "gone" } }),
      { close: [4000, "gone"] },
    ],
  ];
  for (const [name, refresh, expected] of endings) {
    it(`of a client that a hook has let in: ${name}`, async (t) => {
      assert.deepEqual(await (await hooked(t, refresh)).client.next(), expected);
    });
  }

  const failing: [string, () => RefreshReply | Promise<RefreshReply>, RegExp][] = [
    ["throws", () => assert.fail("broken"), /broken/],
    ["rejects", () => Promise.reject(new Error("down")), /down/],
    ["answers nothing", () => undefined as unknown as RefreshReply, /undefined/],
    ["is late", () => new Promise(() => {}), /^$/],
  ];
  for (const [name, refresh, line] of failing) {
    it(`a refresh hook that ${name} is asked until expiredCloseSeconds are over`, async (t) => {
      const { client, log } = await hooked(t, refresh, { expiredCloseSeconds: 1 });
      assert.deepEqual(await client.next(), EXPIRED);
      assert.match(log.lines.find((text) => /hook/.test(text)) ?? "", line);
    });
  }

  const replies: [string, RefreshReply, object[]][] = [
    ["lets it go on", { expireAt: 0 }, []],
    ["ends it with 2501", { expired: true }, [{ push: { channel: "asked:a", unsubscribe: UNSUBSCRIBED } }]],
  ];
  for (const [name, reply, expected] of replies) {
    it(`a subRefresh hook, where subRefreshProxy is on, ${name}`, async (t) => {
      let asked = (_: unknown) => {};
      const request = new Promise((resolve) => {
        asked = resolve;
      });
      const hooks: Hooks = {
        subscribe: () => ({ expireAt: inSeconds(3) }),
        subRefresh: (request) => {
          asked(request);
          return reply;
        },
      };
      const { port } = await serve(t, { ...usual, expiredCloseSeconds: 3600, hooks });
      const { client, id } = await ProtocolClient.connect(t, port);
      await client.ask({ id: 2, subscribe: { channel: "asked:a" } });
      assert.deepEqual(await request, { client: id, user: "", transport: "websocket", channel: "asked:a" });
      assert.deepEqual(await client.rest(), expected);
    });
  }

  it("a subRefresh hook ends a subscription of the server's with 3006", async (t) => {
    const hooks: Hooks = { subRefresh: () => ({ expired: true }) };
    const { server, port } = await serve(t, { ...usual, expiredCloseSeconds: 3600, hooks });
    const { client } = await ProtocolClient.connect(t, port, { token: connectionToken(late()) });
    await server.operations.subscribe({ user: "42" }, "asked:a", { expireAt: soon() });
    assert.deepEqual(await client.take(2), [{ push: { channel: "asked:a", subscribe: {} } }, SUBSCRIPTION_EXPIRED]);
  });
});
