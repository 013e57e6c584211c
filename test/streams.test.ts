import assert from "node:assert/strict";
import { after, before, describe, it, type TestContext } from "node:test";
import { Centrifuge, type PublicationContext, type SubscribedContext, type TransportEndpoint } from "centrifuge";
import { limits } from "../src/index.ts";
import { createPushServer, type PushServer } from "../src/push/index.ts";
import { FetchEventSource } from "./sdk-client.ts";

for (const driver of ["native", "portable"] as const) {
  describe(`streams, ${driver} driver`, () => {
    let server: PushServer;
    let origin = "";
    before(async () => {
      const everything = {
        allowSubscribeForClient: true,
        allowSubscribeForAnonymous: true,
        allowPublishForClient: true,
        allowPublishForAnonymous: true,
        historySize: 10,
        historySeconds: 60,
        forceRecovery: true,
      };
      server = createPushServer({ driver, allowAnonymous: true, channels: { withoutNamespace: everything } });
      const { port } = await server.listen({ host: "127.0.0.1" });
      origin = `http://127.0.0.1:${port}`;
    });
    after(() => server.close());

    function sdk(t: TestContext, transport: "http_stream" | "sse"): Centrifuge {
      const endpoints = [{ transport, endpoint: `${origin}/connection/${transport}` }] as TransportEndpoint[];
      const client = new Centrifuge(endpoints, {
        emulationEndpoint: `${origin}/emulation`,
        eventsource: FetchEventSource,
        fetch,
        readableStream: ReadableStream,
        minReconnectDelay: 5,
        maxReconnectDelay: 10,
      });
      t.after(() => client.disconnect());
      return client;
    }

    for (const transport of ["http_stream", "sse"] as const) {
      it(`the SDK subscribes over ${transport}, publishes, and gets what is published, whatever its characters`, async (t) => {
        const client = sdk(t, transport);
        const channel = `over ${transport}`;
        const subscription = client.newSubscription(channel);
        const subscribed = new Promise<SubscribedContext>((resolve) => subscription.once("subscribed", resolve));
        const got: unknown[] = [];
        let wake = () => {};
        subscription.on("publication", ({ data }: PublicationContext) => {
          got.push(data);
          wake();
        });
        subscription.subscribe();
        client.connect();
        await subscribed;
        const sent = ["plain", "ä€😀 ".repeat(500), { nested: ["\n", "\u2028"] }];
        await server.operations.publish(channel, JSON.stringify(sent[0]), {});
        await server.operations.publish(channel, JSON.stringify(sent[1]), {});
        await client.publish(channel, sent[2]);
        while (got.length < sent.length) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
        assert.deepEqual(got, sent);
        assert.equal(
          (await client.history(channel, { limit: 10 }).catch((error: { code: number }) => error.code)) as number,
          103,
        );
        const connections = await server.operations.connections({ limit: 10 });
        assert.ok(connections.some((one) => one.transport === transport));
      });

      it(`a client over ${transport} that the server disconnects is told the code, and its stream ends`, async (t) => {
        const client = sdk(t, transport);
        const connected = new Promise<{ client: string }>((resolve) => client.once("connected", resolve));
        client.connect();
        const { client: id } = await connected;
        const gone = new Promise<{ code: number }>((resolve) => client.once("disconnected", resolve));
        await server.operations.disconnect({ user: "", client: id }, { code: 3503, reason: "force disconnect" }, []);
        assert.equal((await gone).code, 3503);
      });
    }

    it("a plain EventSource gets the channels that it names, one way", async (t) => {
      const connect = encodeURIComponent(JSON.stringify({ subs: { news: {} } }));
      const source = new FetchEventSource(`${origin}/connection/uni_sse?cf_connect=${connect}`);
      t.after(() => source.close());
      const events: Record<string, unknown>[] = [];
      let wake = () => {};
      source.onmessage = ({ data }) => {
        events.push(JSON.parse(data));
        wake();
      };
      const until = async (count: number) => {
        while (events.length < count) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      };
      await until(2);
      assert.ok("connect" in (events[0] ?? {}));
      assert.ok("subscribe" in (events[1] ?? {}));
      await server.operations.publish("news", '{"text":"hello"}', {});
      await until(3);
      assert.deepEqual(events[2], { channel: "news", pub: { data: { text: "hello" }, offset: 1 } });
    });

    for (const [what, path, init, status] of [
      ["a foreign origin", "/connection/sse", { headers: { Origin: "https://evil.example" } }, 403],
      ["another method", "/connection/sse", { method: "POST" }, 405],
      ["a body of no JSON", "/emulation", { method: "POST", body: "{" }, 400],
      ["a body without a session", "/emulation", { method: "POST", body: "{}" }, 400],
      ["another node", "/emulation", { method: "POST", body: '{"session":"x","node":"y","data":""}' }, 404],
      ["a body that is too long", "/emulation", { method: "POST", body: "x".repeat(limits.commandBytesMax + 1) }, 413],
      ["a preflight", "/connection/http_stream", { method: "OPTIONS" }, 204],
    ] as const) {
      it(`${what} is answered ${status}`, async () => {
        const response = await fetch(origin + path, init);
        assert.equal(response.status, status);
        await response.body?.cancel();
      });
    }

    it("a stream that its client leaves gives everything back", async () => {
      const abort = new AbortController();
      const body = '{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"left"}}';
      const response = await fetch(`${origin}/connection/http_stream`, { method: "POST", body, signal: abort.signal });
      const reader = (response.body as ReadableStream<Uint8Array>).getReader();
      await reader.read();
      assert.equal((await server.operations.channels("left")).get("left"), 1);
      abort.abort();
      while ((await server.operations.channels("left")).size > 0) await new Promise((resolve) => setImmediate(resolve));
    });
  });
}

it("a connect hook sees the headers of the request, and of the client's command only what the request does not have", async (t) => {
  const seen: (string | undefined)[][] = [];
  const server = createPushServer({
    hooks: {
      connect: ({ header }) => {
        seen.push([header("x-real-ip"), header("authorization"), header("cookie")]);
        return { user: "42" };
      },
    },
  });
  const { port } = await server.listen({ host: "127.0.0.1" });
  t.after(() => server.close());
  const headers = { "X-Real-IP": "10.0.0.1", Cookie: "a=1" };
  const body = '{"id":1,"connect":{"headers":{"x-real-ip":"6.6.6.6","Authorization":"Bearer x"}}}';
  const abort = new AbortController();
  const init = { method: "POST", headers, body, signal: abort.signal };
  const response = await fetch(`http://127.0.0.1:${port}/connection/http_stream`, init);
  await (response.body as ReadableStream<Uint8Array>).getReader().read();
  abort.abort();
  assert.deepEqual(seen, [["10.0.0.1", "Bearer x", "a=1"]]);
});
