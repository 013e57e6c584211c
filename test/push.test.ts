import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, it, type TestContext } from "node:test";
import { Centrifuge, type Options, type Subscription } from "centrifuge";
import WebSocket from "ws";
import { type Broker, MemoryBroker } from "../src/bus/index.ts";
import { BelfryError, limits } from "../src/index.ts";
import { createPushServer, type PushOptions, type PushServer, WEBSOCKET_PATH } from "../src/push/index.ts";
import { frame, RawClient, request } from "./raw-client.ts";

const KEY = "a key of the API";

/** One event of one of the SDK's objects. */
function event<Context>(source: object, name: string): Promise<Context> {
  const emitter = source as { once(name: string, listener: (context: Context) => void): void };
  return new Promise((resolve) => emitter.once(name, resolve));
}

for (const driver of ["native", "portable"] as const) {
  describe(`push, over the ${driver} driver`, () => {
    let server: PushServer;
    let broker: Broker;
    let port = 0;

    const options: PushOptions = {
      driver,
      apiKey: KEY,
      allowAnonymous: true,
      allowSubscribe: (channel) => !channel.startsWith("secret:"),
      channelsPerClientMax: 5,
      http: (_ask, answer) => void answer.end("the application's page"),
    };
    before(async () => {
      broker = new MemoryBroker();
      server = createPushServer({ ...options, broker });
      ({ port } = await server.listen({ host: "127.0.0.1" }));
    });
    after(() => server.close());

    function sdk(t: TestContext, more: Partial<Options> = {}): Centrifuge {
      const url = `ws://127.0.0.1:${port}${WEBSOCKET_PATH}`;
      const client = new Centrifuge(url, {
        websocket: WebSocket,
        minReconnectDelay: 20,
        maxReconnectDelay: 50,
        ...more,
      });
      t.after(() => client.disconnect());
      return client;
    }
    async function subscribed(client: Centrifuge, channel: string): Promise<Subscription> {
      const subscription = client.newSubscription(channel);
      const done = event(subscription, "subscribed");
      subscription.subscribe();
      client.connect();
      await done;
      return subscription;
    }
    async function api(
      method: string,
      body: unknown,
      headers: Record<string, string> = { "X-API-Key": KEY },
    ): Promise<[number, unknown]> {
      const text = typeof body === "string" ? body : JSON.stringify(body);
      const answer = await fetch(`http://127.0.0.1:${port}/api/${method}`, { method: "POST", headers, body: text });
      return [answer.status, await answer.json()];
    }
    /** A client that sends frames as they are, connected to the protocol's path. */
    async function raw(t: TestContext, ...frames: string[]): Promise<RawClient> {
      const client = await RawClient.open(port, WEBSOCKET_PATH);
      t.after(() => client.reset());
      for (const text of frames) client.send(frame(1, text));
      return client;
    }
    async function text(client: RawClient): Promise<string> {
      const { opcode, payload } = await client.frame();
      assert.equal(opcode, 1, payload.toString());
      return payload.toString();
    }
    const CONNECT = '{"id":1,"connect":{}}';

    it("the SDK connects, subscribes, and gets what a back end publishes over HTTP", async (t) => {
      const client = sdk(t);
      const connected = event<{ client: string; transport: string }>(client, "connected");
      const subscription = await subscribed(client, "mail:42");
      assert.match((await connected).client, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      const publication = event<{ channel: string; data: unknown }>(subscription, "publication");
      const data = { text: 'grüße \n \u2028 "quoted"', n: [1, 2.5, null, { __proto__: 1 }] };
      assert.deepEqual(await api("publish", { channel: "mail:42", data }), [200, { result: {} }]);
      const got = await publication;
      assert.equal(got.channel, "mail:42");
      assert.deepEqual(got.data, JSON.parse(JSON.stringify(data)));
    });

    it("the Bus reaches the same subscribers", async (t) => {
      const subscription = await subscribed(sdk(t), "bus");
      const publication = event<{ data: unknown }>(subscription, "publication");
      await broker.publish("bus", '{"from":"storage"}');
      assert.deepEqual((await publication).data, { from: "storage" });
    });

    it("a publication goes to the subscribers of its channel and to nobody else", async (t) => {
      const clients = [sdk(t), sdk(t), sdk(t)];
      const [a, b, other] = (await Promise.all(
        clients.map((client, i) => subscribed(client, i < 2 ? "both" : "other")),
      )) as [Subscription, Subscription, Subscription];
      const heard: unknown[] = [];
      other.on("publication", (context) => heard.push(context.data));
      const all = Promise.all([event(a, "publication"), event(b, "publication")]);
      await api("publish", { channel: "both", data: 1 });
      await all;
      const last = event(other, "publication");
      await api("publish", { channel: "other", data: 2 });
      await last;
      assert.deepEqual(heard, [2]);
    });

    it("unsubscribe ends it, and the channel is forgotten with its last subscriber", async (t) => {
      const client = sdk(t);
      const subscription = await subscribed(client, "short");
      const { channels, subscriptions } = server.stats;
      const heard: unknown[] = [];
      subscription.on("publication", (context) => heard.push(context.data));
      subscription.unsubscribe();
      const other = await subscribed(client, "after");
      await api("publish", { channel: "short", data: "lost" });
      const last = event(other, "publication");
      await api("publish", { channel: "after", data: "heard" });
      await last;
      assert.deepEqual(heard, []);
      assert.deepEqual([server.stats.channels, server.stats.subscriptions], [channels, subscriptions]);
    });

    it("publications of one channel arrive in their order, and a client that leaves is forgotten", async (t) => {
      const client = sdk(t);
      const subscription = await subscribed(client, "ordered");
      const got: unknown[] = [];
      const all = new Promise<void>((resolve) => {
        subscription.on("publication", (context) => {
          if (got.push(context.data) === 1000) resolve();
        });
      });
      for (let i = 0; i < 1000; i++) void broker.publish("ordered", String(i));
      await all;
      assert.deepEqual(
        got,
        Array.from({ length: 1000 }, (_, i) => i),
      );
      const before = server.stats.clients;
      client.disconnect();
      while (server.stats.clients === before) await new Promise((resolve) => setImmediate(resolve));
      assert.equal(server.stats.clients, before - 1);
    });

    it("the SDK is told when it may not subscribe, and goes on", async (t) => {
      const client = sdk(t);
      const refused = client.newSubscription("secret:1");
      const error = event<{ code: number }>(refused, "unsubscribed");
      refused.subscribe();
      client.connect();
      assert.equal((await error).code, 103);
      await subscribed(client, "open");
    });

    it("a server that closes tells its clients 3001, and they come back to the next one", async (t) => {
      const first = createPushServer(options);
      const at = await first.listen({ host: "127.0.0.1" });
      const client = new Centrifuge(`ws://127.0.0.1:${at.port}${WEBSOCKET_PATH}`, {
        websocket: WebSocket,
        minReconnectDelay: 20,
        maxReconnectDelay: 50,
      });
      t.after(() => client.disconnect());
      const subscription = await subscribed(client, "again");
      const connecting = event<{ code: number; reason: string }>(client, "connecting");
      await first.close();
      const { code, reason } = await connecting;
      assert.deepEqual([code, reason], [3001, "shutdown"]);
      const again = event(subscription, "subscribed");
      const second = createPushServer({ ...options, broker });
      await second.listen({ host: "127.0.0.1", port: at.port });
      t.after(() => second.close());
      await again;
      const publication = event(subscription, "publication");
      await broker.publish("again", "1");
      await publication;
    });

    const replies: [string, string[], string[]][] = [
      [
        "subscribes that come in one frame with the connect are answered in one frame, in order",
        [`${CONNECT}\n{"id":2,"subscribe":{"channel":"a"}}\n{"id":3,"subscribe":{"channel":"b"}}`],
        ["1 connect", "2 subscribe", "3 subscribe"],
      ],
      [
        "subscribing twice is 105",
        [CONNECT, '{"id":2,"subscribe":{"channel":"a"}}', '{"id":3,"subscribe":{"channel":"a"}}'],
        ["1 connect", "2 subscribe", "3 error 105"],
      ],
      [
        "a sixth channel, with channelsPerClientMax 5, is 106",
        [CONNECT, ...[1, 2, 3, 4, 5, 6].map((n) => `{"id":${n + 1},"subscribe":{"channel":"c${n}"}}`)],
        ["1 connect", "2 subscribe", "3 subscribe", "4 subscribe", "5 subscribe", "6 subscribe", "7 error 106"],
      ],
      [
        "a channel of channelBytesMax is subscribed, one byte more is 107",
        [
          CONNECT,
          `{"id":2,"subscribe":{"channel":"${"ä".repeat(127)}x"}}`,
          `{"id":3,"subscribe":{"channel":"${"ä".repeat(128)}"}}`,
        ],
        ["1 connect", "2 subscribe", "3 error 107"],
      ],
      [
        "a channel that is no string is 107",
        [CONNECT, '{"id":2,"subscribe":{"channel":7}}'],
        ["1 connect", "2 error 107"],
      ],
      [
        "a channel that is not allowed is 103",
        [CONNECT, '{"id":2,"subscribe":{"channel":"secret:x"}}'],
        ["1 connect", "2 error 103"],
      ],
      [
        "channels with the names of prototypes are channels",
        [CONNECT, '{"id":2,"subscribe":{"channel":"__proto__"}}', '{"id":3,"subscribe":{"channel":"constructor"}}'],
        ["1 connect", "2 subscribe", "3 subscribe"],
      ],
      [
        "unsubscribing from what was never subscribed is fine",
        [CONNECT, '{"id":2,"unsubscribe":{"channel":"never"}}'],
        ["1 connect", "2 unsubscribe"],
      ],
      [
        "what is not offered says so",
        [
          CONNECT,
          ...["publish", "presence", "presence_stats", "history", "rpc", "refresh", "sub_refresh"].map(
            (method, i) => `{"id":${i + 2},"${method}":{"channel":"a"}}`,
          ),
        ],
        [
          "1 connect",
          "2 error 103",
          "3 error 108",
          "4 error 108",
          "5 error 108",
          "6 error 104",
          "7 error 108",
          "8 error 108",
        ],
      ],
      [
        "a send has no reply",
        [CONNECT, '{"send":{"data":1}}', '{"id":2,"unsubscribe":{"channel":"a"}}'],
        ["1 connect", "2 unsubscribe"],
      ],
      ["unknown fields are ignored", ['{"id":1,"connect":{"flag":7,"later":{}},"more":1}'], ["1 connect"]],
    ];
    for (const [name, frames, expected] of replies) {
      it(`commands: ${name}`, async (t) => {
        const client = await raw(t, ...frames);
        const got: string[] = [];
        while (got.length < expected.length) {
          for (const line of (await text(client)).split("\n")) {
            const { id, error, ...rest } = JSON.parse(line) as {
              id: number;
              error?: { code: number; message: string };
            };
            got.push(error ? `${id} error ${error.code}` : `${id} ${Object.keys(rest).join()}`);
          }
        }
        assert.deepEqual(got, expected);
      });
    }

    const closes: [string, string[]][] = [
      ["a command before connect", ['{"id":1,"subscribe":{"channel":"a"}}']],
      ["a second connect", [CONNECT, '{"id":2,"connect":{}}']],
      ["no method", [CONNECT, '{"id":2}']],
      ["an unknown method", [CONNECT, '{"id":2,"fly":{}}']],
      ["a method of the prototype", [CONNECT, '{"id":2,"toString":{}}']],
      ["an empty channel", [CONNECT, '{"id":2,"subscribe":{}}']],
      ["a pong without a ping", [CONNECT, "{}"]],
      ["a pong before connect", ["{}"]],
      ["text that is no JSON", ["{"]],
      ["JSON that is no object", [CONNECT, "[1]"]],
      ["JSON that nests deeply", [CONNECT, `${"[".repeat(30_000)}${"]".repeat(30_000)}`]],
      ["an id that is no number", ['{"id":"1","connect":{}}']],
      ["fields that are no object", [CONNECT, '{"id":2,"subscribe":[]}']],
    ];
    for (const [name, frames] of closes) {
      it(`commands: ${name} closes with 3501`, async (t) => {
        const client = await raw(t, ...frames);
        const { code, reason } = await client.closeFrame();
        assert.deepEqual([code, reason], [3501, "bad request"]);
      });
    }

    it("commands: a binary frame closes with 3501, one over commandBytesMax with 1009", async (t) => {
      const binary = await raw(t);
      binary.send(frame(2, CONNECT));
      assert.equal((await binary.closeFrame()).code, 3501);
      const large = await raw(t, `{"id":1,"connect":{"data":"${"x".repeat(limits.commandBytesMax)}"}}`);
      assert.equal((await large.closeFrame()).code, 1009);
    });

    it("upgrade: another path is 404, another origin 403, protobuf 400, the page's own origin and json are accepted", async () => {
      const cases: [Record<string, string>, string, number][] = [
        [{}, "/elsewhere", 404],
        [{ Origin: "https://evil.example" }, WEBSOCKET_PATH, 403],
        [{ Origin: "null" }, WEBSOCKET_PATH, 403],
        [{ Origin: "http://127.0.0.1" }, WEBSOCKET_PATH, 101],
        [{ "Sec-WebSocket-Protocol": "centrifuge-protobuf" }, WEBSOCKET_PATH, 400],
        [{}, `${WEBSOCKET_PATH}?format=protobuf`, 400],
        [{ "Sec-WebSocket-Protocol": "centrifuge-json" }, WEBSOCKET_PATH, 101],
      ];
      for (const [headers, path, status] of cases) {
        const client = await RawClient.connect(port);
        client.send(request(headers, path));
        const answer = await client.head();
        assert.equal(answer.status, status, JSON.stringify([headers, path]));
        if (headers["Sec-WebSocket-Protocol"] === "centrifuge-json") {
          assert.equal(answer.headers.get("Sec-WebSocket-Protocol"), "centrifuge-json");
        }
        client.reset();
      }
    });

    it("api: broadcast reaches each channel", async (t) => {
      const client = sdk(t);
      const subscriptions = await Promise.all(["one", "two"].map((channel) => subscribed(client, channel)));
      const all = Promise.all(
        subscriptions.map((subscription) => event<{ data: unknown }>(subscription, "publication")),
      );
      const answer = await api("broadcast", { channels: ["one", "two"], data: { all: true } });
      assert.deepEqual(answer, [200, { result: { responses: [{ result: {} }, { result: {} }] } }]);
      assert.deepEqual(
        (await all).map(({ data }) => data),
        [{ all: true }, { all: true }],
      );
    });

    it("api: who shows no key, or a wrong one, is not let in; the key may come in three ways", async () => {
      const body = { channel: "a", data: 1 };
      for (const headers of [{}, { "X-API-Key": "wrong" }, { "X-API-Key": "" }, { Authorization: `Bearer ${KEY}` }]) {
        assert.equal((await api("publish", body, headers as Record<string, string>))[0], 401);
      }
      assert.equal((await api("publish", body, { Authorization: `apikey ${KEY}` }))[0], 200);
      assert.equal((await api(`publish?api_key=${encodeURIComponent(KEY)}`, body, {}))[0], 200);
    });

    it("api: what is wrong with a body is said", async () => {
      const cases: [string, unknown, number, RegExp][] = [
        ["publish", "{", 400, /JSON/],
        ["publish", { channel: "" }, 200, /107.*channel/],
        ["fly", {}, 404, /publish/],
        ["publish", { channel: "a", data: "x".repeat(limits.apiBodyBytesMax) }, 413, /apiBodyBytesMax/],
      ];
      for (const [method, body, status, message] of cases) {
        const [got, answer] = await api(method, body);
        assert.equal(got, status, method);
        assert.match(JSON.stringify(answer), message);
      }
    });

    it("api: a Bus that does not take a publication is error 100", async (t) => {
      const broken: Broker = {
        publish: () => Promise.reject(new Error("down")),
        broadcast: async (channels) =>
          channels.map((channel) => (channel === "a" ? new Error("down") : { offset: 0, epoch: "" })),
        history: () => Promise.reject(new Error("down")),
        removeHistory: () => Promise.reject(new Error("down")),
        announce: () => Promise.reject(new Error("down")),
        control: () => Promise.reject(new Error("down")),
        ask: () => Promise.reject(new Error("down")),
        progress: () => Promise.reject(new Error("down")),
        subscribe() {},
        unsubscribe() {},
        listen: () => () => {},
        close: async () => {},
      };
      const other = createPushServer({ ...options, broker: broken });
      const at = await other.listen({ host: "127.0.0.1" });
      t.after(() => other.close());
      const answer = await fetch(`http://127.0.0.1:${at.port}/api/publish`, {
        method: "POST",
        headers: { "X-API-Key": KEY },
        body: '{"channel":"a","data":1}',
      });
      const error = { code: 100, message: "internal server error" };
      assert.deepEqual(await answer.json(), { error });
      const many = await fetch(`http://127.0.0.1:${at.port}/api/broadcast`, {
        method: "POST",
        headers: { "X-API-Key": KEY },
        body: '{"channels":["a","b"],"data":1}',
      });
      assert.deepEqual(await many.json(), { result: { responses: [{ error }, { result: {} }] } });
    });

    it("http: other requests go to the application", async () => {
      assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), "the application's page");
    });

    it("defaults: without options nobody can connect, publish or subscribe", async (t) => {
      const closed = createPushServer({ driver });
      const at = await closed.listen({ host: "127.0.0.1" });
      t.after(() => closed.close());
      const client = new WebSocket(`ws://127.0.0.1:${at.port}${WEBSOCKET_PATH}`);
      await once(client, "open");
      client.send(CONNECT);
      const [code] = await once(client, "close");
      assert.equal(code, 3501);
      const answer = await fetch(`http://127.0.0.1:${at.port}/api/publish`, {
        method: "POST",
        headers: { "X-API-Key": "" },
        body: '{"channel":"a","data":1}',
      });
      assert.equal(answer.status, 401);
      assert.match(await answer.text(), /no API key set/);
      assert.equal((await fetch(`http://127.0.0.1:${at.port}/`)).status, 404);
    });

    it("rehearsal: leaves nothing behind, and nobody else is let in by its path", async (t) => {
      const rehearsing = createPushServer(options);
      const at = await rehearsing.listen({ host: "127.0.0.1" });
      t.after(() => rehearsing.close());
      await rehearsing.rehearse(at);
      assert.deepEqual(rehearsing.stats, { clients: 0, channels: 0, subscriptions: 0 });
      const stranger = await RawClient.connect(at.port);
      stranger.send(request({}, "/rehearsal/0123456789abcdef"));
      assert.equal((await stranger.head()).status, 404);
      stranger.end();
      await assert.rejects(rehearsing.rehearse({ address: "127.0.0.1", port: 1 }), /ECONNREFUSED/);
    });

    it("options: a mistake names the option", () => {
      const wrong = { allowAnonymus: true } as unknown as PushOptions;
      assert.throws(
        () => createPushServer(wrong),
        (error) => error instanceof BelfryError && /option allowAnonymus/.test(error.message),
      );
      assert.throws(() => createPushServer({ apiKey: "" }), /option apiKey/);
    });
  });
}
