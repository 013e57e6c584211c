import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import { Centrifuge } from "centrifuge";
import { SignJWT } from "jose";
import WebSocket from "ws";
import { limits } from "../src/index.ts";
import { createPushServer, type PushServer, WEBSOCKET_PATH } from "../src/push/index.ts";
import { frame, RawClient, request } from "./raw-client.ts";

const SECRET = "a secret of more than thirty-two bytes, as it should be";
const AUDIENCE = "belfry";

function sign(claims: Record<string, unknown>, { secret = SECRET, audience = AUDIENCE, expire = "1h" } = {}) {
  const token = new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).setAudience(audience);
  return token.setExpirationTime(expire).sign(new TextEncoder().encode(secret));
}

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

// What somebody tries who has no right to; each is refused, and nobody else notices.
describe("attacks", () => {
  let server: PushServer;
  let port = 0;
  let victim: Centrifuge;
  const got: unknown[] = [];

  before(async () => {
    server = createPushServer({
      apiKey: "the key",
      commandsPerSecondMax: 100_000,
      failedConnectDelayMsMax: 0,
      tokens: { hmacSecret: SECRET, audience: AUDIENCE },
      channels: {
        withoutNamespace: { allowSubscribeForClient: true, allowUserLimitedChannels: true },
        namespaces: { chat: {} },
      },
    });
    ({ port } = await server.listen({ host: "127.0.0.1" }));
    victim = new Centrifuge(`ws://127.0.0.1:${port}${WEBSOCKET_PATH}`, {
      websocket: WebSocket,
      token: await sign({ sub: "victim" }),
    });
    const subscription = victim.newSubscription("of all");
    subscription.on("publication", ({ data }) => got.push(data));
    const subscribed = new Promise((resolve) => subscription.once("subscribed", resolve));
    subscription.subscribe();
    victim.connect();
    await subscribed;
  });
  after(async () => {
    // Whatever was tried: the victim is still there, and gets what is published.
    const next = new Promise((resolve) => victim.getSubscription("of all")?.once("publication", resolve));
    await server.operations.publish("of all", '"still here"', {});
    await next;
    assert.deepEqual(got, ["still here"]);
    victim.disconnect();
    await server.close();
  });

  /** What a connection that sends these frames is told: the last reply, or the code of the close frame. */
  async function attempt(
    ...frames: (string | Uint8Array)[]
  ): Promise<{ error?: number; close?: number; text: string }> {
    const client = await RawClient.open(port, WEBSOCKET_PATH);
    for (const one of frames) client.send(typeof one === "string" ? frame(1, one) : one);
    let last = "";
    let replies = 0;
    const commands = frames.filter((one) => typeof one === "string" && one.includes('"id"')).length;
    while (replies < commands || commands === 0) {
      const { opcode, payload } = await client.frame();
      if (opcode === 8) {
        client.reset();
        return { close: payload.readUInt16BE(0), text: payload.toString("latin1", 2) };
      }
      for (const line of payload.toString().split("\n")) {
        last = line;
        replies++;
      }
    }
    client.reset();
    const { error } = JSON.parse(last) as { error?: { code: number } };
    return error ? { error: error.code, text: last } : { text: last };
  }
  const connect = (token: string) => JSON.stringify({ id: 1, connect: { token } });
  const subscribe = (channel: string, token = "") => JSON.stringify({ id: 2, subscribe: { channel, token } });

  it("no token is 3501", async () => assert.equal((await attempt('{"id":1,"connect":{}}')).close, 3501));
  it("an expired token is error 109", async () => {
    assert.equal((await attempt(connect(await sign({ sub: "42" }, { expire: "-1s" })))).error, 109);
  });
  for (const [what, token] of [
    ["alg none", async () => `${encode({ alg: "none" })}.${encode({ sub: "42", aud: AUDIENCE })}.`],
    ["another key", () => sign({ sub: "42" }, { secret: "some other secret, of the same length or so" })],
    ["another audience", () => sign({ sub: "42" }, { audience: "elsewhere" })],
    ["a subscription's token", () => sign({ sub: "42", channel: "a" })],
    ["garbage", async () => "garbage"],
  ] as const) {
    it(`a token with ${what} is 3500`, async () => assert.equal((await attempt(connect(await token()))).close, 3500));
  }

  it("somebody else's private channel is 103 without a token, 3500 with somebody else's", async () => {
    const own = connect(await sign({ sub: "42" }));
    assert.equal((await attempt(own, subscribe("$private"))).error, 103);
    assert.equal(
      (await attempt(own, subscribe("$private", await sign({ sub: "43", channel: "$private" })))).close,
      3500,
    );
    assert.equal((await attempt(own, subscribe("$private", await sign({ sub: "42", channel: "$other" })))).close, 3500);
    const { error } = await attempt(own, subscribe("$private", await sign({ sub: "42", channel: "$private" })));
    assert.equal(error, undefined);
  });

  it("a channel limited to other users is 103, an unknown namespace 102, one that allows nothing 103", async () => {
    const own = connect(await sign({ sub: "42" }));
    assert.equal((await attempt(own, subscribe("dialog#1,2"))).error, 103);
    assert.equal((await attempt(own, subscribe("dialog#1,42"))).error, undefined);
    assert.equal((await attempt(own, subscribe("nowhere:1"))).error, 102);
    assert.equal((await attempt(own, subscribe("__proto__:1"))).error, 102);
    assert.equal((await attempt(own, subscribe("chat:1"))).error, 103);
  });

  it("publishing, history and presence are refused where nothing allows them", async () => {
    const own = connect(await sign({ sub: "42" }));
    for (const [method, code] of [
      ["publish", 103],
      ["history", 108],
      ["presence", 108],
      ["presence_stats", 108],
    ] as const) {
      const { error } = await attempt(own, JSON.stringify({ id: 2, [method]: { channel: "a", data: 1 } }));
      assert.equal(error, code, method);
    }
  });

  it("a page of a foreign origin is refused, whatever cookies it brings", async () => {
    const client = await RawClient.connect(port);
    client.send(request({ Origin: "https://evil.example", Cookie: "session=of-the-victim" }, WEBSOCKET_PATH));
    assert.equal((await client.head()).status, 403);
  });

  it("oversized JSON closes with 1009, deep JSON with 3501", async () => {
    const large = JSON.stringify({ id: 1, connect: { data: "x".repeat(limits.commandBytesMax) } });
    assert.equal((await attempt(large)).close, 1009);
    const deep = `{"id":1,"connect":{"data":${"[".repeat(30_000)}`;
    assert.equal((await attempt(deep)).close, 3501);
  });

  it("10,000 subscriptions end at channelsPerClientMax with 106", async () => {
    const client = await RawClient.open(port, WEBSOCKET_PATH);
    client.send(frame(1, connect(await sign({ sub: "greedy" }))));
    await client.frame();
    let refused = 0;
    for (let i = 0; i < 10_000; i += 500) {
      const lines = Array.from({ length: 500 }, (_, j) => `{"id":${i + j + 2},"subscribe":{"channel":"c${i + j}"}}`);
      client.send(frame(1, lines.join("\n")));
      for (let seen = 0; seen < 500; ) {
        const { payload } = await client.frame();
        const replies = payload.toString().split("\n");
        seen += replies.length;
        refused += replies.filter((reply) => reply.includes('"code":106')).length;
      }
    }
    client.reset();
    assert.equal(refused, 10_000 - limits.channelsPerClientMax);
  });

  it("prototype keys are no methods, no fields and pollute nothing", async () => {
    const own = connect(await sign({ sub: "42" }));
    assert.equal((await attempt(own, '{"id":2,"__proto__":{"channel":"a"}}')).close, 3501);
    assert.equal((await attempt(own, '{"id":2,"subscribe":{"__proto__":{"channel":"a"}}}')).close, 3501);
    assert.equal(({} as { channel?: string }).channel, undefined);
  });

  it("a channel's name that is no UTF-8 closes with 1007, half a surrogate pair is 107", async () => {
    const own = connect(await sign({ sub: "42" }));
    const broken = Buffer.concat([
      Buffer.from('{"id":2,"subscribe":{"channel":"'),
      Buffer.from([0xff]),
      Buffer.from('"}}'),
    ]);
    const client = await RawClient.open(port, WEBSOCKET_PATH);
    client.send(frame(1, broken));
    assert.equal((await client.closeFrame()).code, 1007);
    assert.equal((await attempt(own, '{"id":2,"subscribe":{"channel":"\\ud800"}}')).error, 107);
  });

  it("the API lets nobody in without the key", async () => {
    for (const key of ["", "the ke", "the keyy", "THE KEY"]) {
      const headers = { "X-API-Key": key };
      const init = { method: "POST", headers, body: '{"channel":"of all","data":"forged"}' };
      const answer = await fetch(`http://127.0.0.1:${port}/api/publish`, init);
      assert.equal(answer.status, 401, key);
    }
  });

  it("who fails to connect again and again hears of it later, and does not delay the others", async () => {
    const slow = createPushServer({
      tokens: { hmacSecret: SECRET },
      failedConnectsFree: 1,
      failedConnectDelayMsMax: 1000,
    });
    const at = await slow.listen({ host: "127.0.0.1", port: 0 });
    const answers: string[] = [];
    const wrong = Array.from({ length: 6 }, async () => {
      const client = await RawClient.open(at.port, WEBSOCKET_PATH);
      client.send(frame(1, connect("garbage")));
      assert.equal((await client.closeFrame()).code, 3500);
      answers.push("refused");
    });
    await Promise.any(wrong);
    const client = await RawClient.open(at.port, WEBSOCKET_PATH);
    client.send(frame(1, connect(await sign({ sub: "42" }))));
    await client.frame();
    answers.push("let in");
    await Promise.all(wrong);
    client.reset();
    await slow.close();
    assert.deepEqual(answers.at(-1), "refused", "the last one waited 1000 ms");
  });

  it("thousands of failing connects leave nothing behind, and the others are served", async () => {
    const before = server.stats;
    const wrong = connect("garbage");
    for (let round = 0; round < 20; round++) {
      await Promise.all(Array.from({ length: 100 }, async () => assert.equal((await attempt(wrong)).close, 3500)));
    }
    assert.deepEqual(server.stats, before);
  });

  it("a disconnect by the API reaches every connection of the user, and no other", async () => {
    const clients = await Promise.all(
      ["revoked", "revoked", "other"].map(async (sub) => {
        const socket = new WebSocket(`ws://127.0.0.1:${port}${WEBSOCKET_PATH}`);
        await once(socket, "open");
        socket.send(connect(await sign({ sub })));
        await once(socket, "message");
        return socket;
      }),
    );
    const [first, second, other] = clients as [WebSocket, WebSocket, WebSocket];
    const closes = [once(first, "close"), once(second, "close")];
    await server.operations.disconnect({ user: "revoked" }, { code: 3503, reason: "force disconnect" }, []);
    for (const close of closes) assert.equal((await close)[0], 3503);
    other.send('{"id":2,"subscribe":{"channel":"a"}}');
    const [reply] = (await once(other, "message")) as [Buffer];
    assert.deepEqual(JSON.parse(reply.toString()), { id: 2, subscribe: {} });
    other.terminate();
  });
});
