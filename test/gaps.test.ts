import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { Centrifuge, type PublicationContext, type SubscribedContext } from "centrifuge";
import WebSocket from "ws";
import { type BrokerListener, connectNats, MemoryBroker, type Publication } from "../src/bus/index.ts";
import { createDaemon } from "../src/daemon/index.ts";
import { createPushServer, type PushOptions, type PushServer, WEBSOCKET_PATH } from "../src/push/index.ts";

const KEPT = {
  historySize: 20,
  historySeconds: 60,
  forceRecovery: true,
  forcePositioning: true,
  allowSubscribeForClient: true,
  allowSubscribeForAnonymous: true,
};
const PLAIN = { ...KEPT, forceRecovery: false, forcePositioning: false };
const CHANNELS = { withoutNamespace: KEPT, namespaces: { plain: PLAIN } };

/** A Bus that loses what it is told to, and says it twice. */
class LossyBroker extends MemoryBroker {
  readonly lost = new Set<string>();
  readonly twice = new Set<string>();
  #listener: BrokerListener | undefined;

  override listen(listener: BrokerListener): () => void {
    this.#listener = listener;
    return super.listen({
      publication: (publication: Publication) => {
        if (this.lost.has(publication.data)) return;
        listener.publication(publication);
        if (this.twice.has(publication.data)) listener.publication(publication);
      },
      event: (event) => listener.event(event),
      control: (message) => listener.control(message),
      missed: () => listener.missed(),
    });
  }

  missed(): void {
    this.#listener?.missed();
  }
}

async function serve(
  t: TestContext,
  options: PushOptions,
): Promise<{ server: PushServer; url: string; origin: string }> {
  const server = createPushServer({ allowAnonymous: true, channels: CHANNELS, ...options });
  const { port } = await server.listen({ host: "127.0.0.1" });
  t.after(() => server.close());
  return { server, url: `ws://127.0.0.1:${port}${WEBSOCKET_PATH}`, origin: `http://127.0.0.1:${port}` };
}

type Line = Record<string, unknown>;

/** Says a client's commands, and remembers what the server says. */
class Teller {
  readonly socket: WebSocket;
  readonly lines: Line[] = [];
  closed: number | undefined;
  #wake = () => {};

  constructor(t: TestContext, url: string) {
    this.socket = new WebSocket(url);
    this.socket.on("message", (frame: Buffer) => {
      for (const line of frame.toString().split("\n")) this.lines.push(JSON.parse(line));
      this.#wake();
    });
    this.socket.on("close", (code) => {
      this.closed = code;
      this.#wake();
    });
    t.after(() => this.socket.terminate());
  }

  async say(...commands: object[]): Promise<void> {
    if (this.socket.readyState === WebSocket.CONNECTING) await once(this.socket, "open");
    const count = this.#replies.length + commands.length;
    this.socket.send(commands.map((command) => JSON.stringify(command)).join("\n"));
    await this.until(() => this.#replies.length >= count);
  }

  get #replies(): Line[] {
    return this.lines.filter(({ id }) => id !== undefined);
  }

  /** The data that came, and the codes of unsubscriptions, in their order. */
  get told(): unknown[] {
    return this.lines.flatMap(({ push }) => {
      const { pub, unsubscribe } = (push ?? {}) as { pub?: { data: unknown }; unsubscribe?: { code: number } };
      return pub ? [pub.data] : unsubscribe ? [{ code: unsubscribe.code }] : [];
    });
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

test("gaps: a subscriber with a position is told 2500 where one is missing, and the others get what came", async (t) => {
  const broker = new LossyBroker();
  const { server, url } = await serve(t, { broker });
  const counting = new Teller(t, url);
  await counting.say(
    { id: 1, connect: {} },
    { id: 2, subscribe: { channel: "a" } },
    { id: 3, subscribe: { channel: "b" } },
  );
  broker.lost.add("2");
  for (const data of ["1", "2", "3"]) await server.operations.publish("a", data, {});
  await server.operations.publish("b", "4", {});
  await counting.until(() => counting.told.includes(4));
  assert.deepEqual(counting.told, [1, { code: 2500 }, 4]);
  assert.deepEqual([...(await server.operations.channels(""))], [["b", 1]]);
});

test("gaps: who does not count on its position gets what came, without what was lost", async (t) => {
  const broker = new LossyBroker();
  const { server, url } = await serve(t, { broker });
  const careless = new Teller(t, url);
  await careless.say({ id: 1, connect: {} }, { id: 2, subscribe: { channel: "plain:a" } });
  broker.lost.add("2");
  for (const data of ["1", "2", "3"]) await server.operations.publish("plain:a", data, {});
  broker.missed();
  await server.operations.publish("plain:a", "4", {});
  await careless.until(() => careless.told.includes(4));
  assert.deepEqual(careless.told, [1, 3, 4]);
});

test("gaps: a client that the server subscribed is closed with 3010", async (t) => {
  const broker = new LossyBroker();
  const hooks = { connect: () => ({ user: "42", subs: { a: {} } }) };
  const { server, url } = await serve(t, { broker, hooks });
  const client = new Teller(t, url);
  await client.say({ id: 1, connect: {} });
  assert.deepEqual([...(await server.operations.channels(""))], [["a", 1]]);
  broker.lost.add("2");
  for (const data of ["1", "2", "3"]) await server.operations.publish("a", data, {});
  await client.until(() => client.closed !== undefined);
  assert.equal(client.closed, 3010);
  assert.deepEqual(client.told, [1]);
});

test("gaps: what comes twice is delivered once", async (t) => {
  const broker = new LossyBroker();
  const { server, url } = await serve(t, { broker });
  const client = new Teller(t, url);
  await client.say({ id: 1, connect: {} }, { id: 2, subscribe: { channel: "a" } });
  broker.twice.add("1").add("3");
  for (const data of ["1", "2", "3", "4"]) await server.operations.publish("a", data, {});
  await client.until(() => client.told.includes(4));
  assert.deepEqual(client.told, [1, 2, 3, 4]);
});

test("gaps: when it is not known what was missed, every subscription with a position ends with 2500", async (t) => {
  const broker = new LossyBroker();
  const { server, url } = await serve(t, { broker });
  const clients = [new Teller(t, url), new Teller(t, url)];
  for (const client of clients) {
    const channels = ["a", "b", "plain:c"].map((channel, i) => ({ id: i + 2, subscribe: { channel } }));
    await client.say({ id: 1, connect: {} }, ...channels);
  }
  broker.missed();
  for (const client of clients) {
    await client.until(() => client.told.length === 2);
    assert.deepEqual(client.told, [{ code: 2500 }, { code: 2500 }]);
  }
  assert.deepEqual([...(await server.operations.channels(""))], [["plain:c", 2]]);
});

/** An SDK whose sockets can be cut. */
function sdk(t: TestContext, url: string): { client: Centrifuge; sockets: WebSocket[] } {
  const sockets: WebSocket[] = [];
  class Noted extends WebSocket {
    constructor(address: string) {
      super(address);
      sockets.push(this);
    }
  }
  const client = new Centrifuge(url, { websocket: Noted, minReconnectDelay: 1, maxReconnectDelay: 2 });
  t.after(() => client.disconnect());
  return { client, sockets };
}

/** What a subscription of the SDK hears. */
function follow(client: Centrifuge, channel: string) {
  const subscription = client.newSubscription(channel, { minResubscribeDelay: 1, maxResubscribeDelay: 2 });
  const heard: unknown[] = [];
  const subscribed: SubscribedContext[] = [];
  let wake = () => {};
  subscription.on("publication", ({ data }: PublicationContext) => {
    heard.push(data);
    wake();
  });
  subscription.on("subscribed", (context) => {
    subscribed.push(context);
    wake();
  });
  subscription.subscribe();
  const until = async (condition: () => boolean) => {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { heard, subscribed, until };
}

test("gaps: the SDK that is told of a gap comes back for what was lost, and misses nothing", async (t) => {
  const broker = new LossyBroker();
  const { server, url } = await serve(t, { broker });
  const { client } = sdk(t, url);
  const { heard, subscribed, until } = follow(client, "a");
  client.connect();
  await until(() => subscribed.length === 1);
  broker.lost.add("2").add("3");
  for (const data of ["1", "2", "3", "4"]) await server.operations.publish("a", data, {});
  await until(() => heard.length === 4);
  assert.deepEqual(heard, [1, 2, 3, 4]);
  assert.deepEqual([subscribed[1]?.wasRecovering, subscribed[1]?.recovered], [true, true]);
});

test("two servers on one Bus: what one is told to publish reaches the clients of the other, over cuts too", async (t) => {
  const daemon = createDaemon();
  t.after(() => daemon.close());
  const { port } = await daemon.listen({ host: "127.0.0.1", port: 0 });
  const end = async () => {
    const broker = await connectNats({ url: `nats://127.0.0.1:${port}`, historyStorage: "memory" });
    t.after(() => broker.close());
    return await serve(t, { broker, apiKey: "key" });
  };
  const [near, far] = [await end(), await end()];
  const publish = async (data: number) => {
    const response = await fetch(`${far.origin}/api/publish`, {
      method: "POST",
      headers: { "X-API-Key": "key" },
      body: JSON.stringify({ channel: "a", data }),
    });
    assert.deepEqual(Object.keys((await response.json()) as object), ["result"]);
  };
  const { client, sockets } = sdk(t, near.url);
  const { heard, subscribed, until } = follow(client, "a");
  client.connect();
  await until(() => subscribed.length === 1);
  let count = 0;
  for (let cut = 1; cut <= 20; cut++) {
    for (let i = 0; i < cut % 3; i++) await publish(++count);
    sockets.at(-1)?.terminate();
    for (let i = 0; i < 1 + (cut % 7); i++) await publish(++count);
    await until(() => subscribed.length > cut);
    assert.deepEqual([cut, subscribed[cut]?.recovered], [cut, true]);
  }
  await until(() => heard.length === count);
  assert.deepEqual(
    heard,
    Array.from({ length: count }, (_, i) => i + 1),
  );
});
