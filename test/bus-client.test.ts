import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import {
  connect,
  createInbox,
  headers,
  type Msg,
  type NatsConnection,
  type NodeConnectionOptions,
  NoRespondersError,
  type Subscription,
} from "@nats-io/transport-node";
import { busKinds } from "./bus-servers.ts";

/** What the official client does, against nats-server and against both drivers of `belfry bus`. */
for (const kind of busKinds) {
  describe(kind.name, { skip: kind.skip, timeout: 60_000 }, () => {
    it("answers requests, many at once, to whom they came from", async (t) => {
      const { port } = await kind.start(t);
      const service = await open(t, port);
      const one = await open(t, port);
      const other = await open(t, port);
      service.subscribe("double", {
        callback: (_, message) => void message.respond(`${Number(message.string()) * 2}`),
      });
      await service.flush();
      const numbers = Array.from({ length: 500 }, (_, i) => i);
      const asked = numbers.map(async (n) => {
        const reply = await (n % 2 ? one : other).request("double", `${n}`);
        return Number(reply.string());
      });
      assert.deepEqual(
        await Promise.all(asked),
        numbers.map((n) => n * 2),
      );
      // The old way: an inbox and an UNSUB with 1 for each request.
      const reply = await one.request("double", "21", { noMux: true, timeout: 5000 });
      assert.equal(reply.string(), "42");
    });

    it("carries many replies to one request", async (t) => {
      const { port } = await kind.start(t);
      const client = await open(t, port);
      for (const who of ["a", "b", "c"]) {
        const service = await open(t, port);
        service.subscribe("who", { callback: (_, message) => void message.respond(who) });
        await service.flush();
      }
      const replies: string[] = [];
      for await (const reply of await client.requestMany("who", "", {
        strategy: "count",
        maxMessages: 3,
        maxWait: 5000,
      })) {
        replies.push(reply.string());
      }
      assert.deepEqual(replies.sort(), ["a", "b", "c"]);
    });

    it("says that a request has no responders", async (t) => {
      const { port } = await kind.start(t);
      const client = await open(t, port);
      for (const noMux of [false, true]) {
        await assert.rejects(client.request("nobody.there", "", { noMux, timeout: 5000 }), isNoResponders);
      }
      const other = await open(t, port, { noEcho: true });
      other.subscribe("own", { callback: (_, message) => void message.respond() });
      await assert.rejects(other.request("own", "", { timeout: 5000 }), isNoResponders);
    });

    it("carries headers, and payloads of any bytes", async (t) => {
      const { port } = await kind.start(t);
      const client = await open(t, port);
      const publisher = await open(t, port);
      const messages = collect(client.subscribe("a.*"), 3);
      await client.flush();
      const some = headers();
      some.append("Nats-Msg-Id", "1");
      some.append("X-Many", "one");
      some.append("X-Many", "two: three");
      const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => i % 256);
      publisher.publish("a.1", bytes, { headers: some, reply: "r" });
      publisher.publish("a.2", "", { headers: some });
      publisher.publish("a.3");
      const [first, second, third] = (await messages) as [Msg, Msg, Msg];
      assert.deepEqual(new Uint8Array(first.data), bytes);
      assert.equal(first.reply, "r");
      assert.deepEqual(first.headers?.values("X-Many"), ["one", "two: three"]);
      assert.equal(first.headers?.get("Nats-Msg-Id"), "1");
      assert.equal(second.data.length, 0);
      assert.equal(second.headers?.get("Nats-Msg-Id"), "1");
      assert.equal(third.headers, undefined);
    });

    it("spreads the messages over a queue group", async (t) => {
      const { port } = await kind.start(t);
      const members = await Promise.all([1, 2, 3].map(() => open(t, port)));
      const takers: NatsConnection[] = [];
      for (const member of members) {
        member.subscribe("work.>", { queue: "workers", callback: () => void takers.push(member) });
        await member.flush();
      }
      const publisher = await open(t, port);
      for (let i = 0; i < 300; i++) publisher.publish(`work.${i}`);
      await publisher.flush();
      for (const member of members) await member.flush();
      assert.equal(takers.length, 300);
      for (const member of members) assert.ok(takers.includes(member), "one got nothing");
    });

    it("ends a subscription after so many messages, those before included", async (t) => {
      const { port } = await kind.start(t);
      const client = await open(t, port);
      const three = collect(client.subscribe("a", { max: 3 }));
      const later = client.subscribe("a");
      const five = collect(later);
      client.publish("a", "1");
      client.publish("a", "2");
      await client.flush();
      later.unsubscribe(5);
      for (const n of ["3", "4", "5", "6", "7"]) client.publish("a", n);
      await client.flush();
      const texts = (messages: readonly Msg[]) => messages.map((message) => message.string()).join("");
      assert.equal(texts(await three), "123");
      assert.equal(texts(await five), "12345");
    });

    it("drains a subscription, and a connection, without losing a message", async (t) => {
      const { port } = await kind.start(t);
      const client = await open(t, port);
      const publisher = await open(t, port);
      const [one, other] = [client.subscribe("a"), client.subscribe("b")];
      const [a, b] = [collect(one), collect(other)];
      await client.flush();
      const send = async (subject: string) => {
        for (let i = 0; i < 1000; i++) publisher.publish(subject, `${i}`);
        await publisher.flush();
      };
      await send("a");
      await one.drain();
      await send("a");
      assert.equal((await a).length, 1000);
      await send("b");
      await client.drain();
      assert.equal((await b).length, 1000);
      assert.ok(client.isClosed());
    });

    it("comes back to a server that was started again, with its subscriptions", async (t) => {
      const server = await kind.start(t);
      const client = await open(t, server.port, { reconnectTimeWait: 50, maxReconnectAttempts: -1 });
      const publisher = await open(t, server.port, { reconnectTimeWait: 50, maxReconnectAttempts: -1 });
      const messages = collect(client.subscribe("a.>"), 3);
      const group = collect(client.subscribe("a.*", { queue: "q" }), 3);
      await client.flush();
      publisher.publish("a.1");
      await publisher.flush();
      const back = Promise.all([client, publisher].map((connection) => event(connection, "reconnect")));
      const gone = Promise.all([client, publisher].map((connection) => event(connection, "disconnect")));
      await server.stop();
      await gone;
      await kind.start(t, { port: server.port });
      await back;
      await client.flush();
      publisher.publish("a.2");
      publisher.publish("a.3");
      for (const received of [messages, group]) {
        assert.deepEqual(
          (await received).map(({ subject }) => subject),
          ["a.1", "a.2", "a.3"],
        );
      }
    });

    it("lets in who shows the user and the password, or the token", async (t) => {
      const withUser = await kind.start(t, { user: "anna", password: "s3cret" });
      const client = await open(t, withUser.port, { user: "anna", pass: "s3cret" });
      await client.flush();
      for (const wrong of [{}, { user: "anna", pass: "x" }, { user: "anna" }, { token: "s3cret" }]) {
        await assert.rejects(open(t, withUser.port, wrong), { name: "AuthorizationError" });
      }
      const withToken = await kind.start(t, { token: "t0ken" });
      await (await open(t, withToken.port, { token: "t0ken" })).flush();
      for (const wrong of [{}, { token: "x" }, { user: "t0ken" }]) {
        await assert.rejects(open(t, withToken.port, wrong), { name: "AuthorizationError" });
      }
    });

    it("tells the client its largest payload, and carries it", async (t) => {
      const { port } = await kind.start(t, { payloadBytesMax: 2_000_000 });
      const client = await open(t, port);
      assert.equal(client.info?.max_payload, 2_000_000);
      const messages = collect(client.subscribe("a"), 1);
      assert.throws(() => client.publish("a", new Uint8Array(2_000_001)));
      client.publish("a", new Uint8Array(2_000_000).fill(7));
      const [message] = await messages;
      assert.equal(message?.data.length, 2_000_000);
      assert.ok(message.data.every((byte) => byte === 7));
    });

    it("serves ten thousand subjects of one client", async (t) => {
      const { port } = await kind.start(t);
      const client = await open(t, port);
      const publisher = await open(t, port);
      const count = 10_000;
      const got: string[] = [];
      const subscriptions: Subscription[] = [];
      for (let i = 0; i < count; i++) {
        const callback = (_: Error | null, message: Msg) => void got.push(`${i} ${message.subject}`);
        subscriptions.push(client.subscribe(`user.${i}.mail`, { callback }));
      }
      await client.flush();
      for (let i = 0; i < count; i++) publisher.publish(`user.${i}.mail`);
      await publisher.flush();
      await client.flush();
      assert.deepEqual(
        got,
        Array.from({ length: count }, (_, i) => `${i} user.${i}.mail`),
      );
      for (const subscription of subscriptions) subscription.unsubscribe();
      await client.flush();
      publisher.publish("user.7.mail");
      await publisher.flush();
      await client.flush();
      assert.equal(got.length, count);
    });

    it("measures the way to the server and back, and is no error for a client that only listens", async (t) => {
      const { port } = await kind.start(t);
      const client = await open(t, port, { noEcho: true, verbose: true, pedantic: true });
      assert.ok((await client.rtt()) >= 0);
      const inbox = createInbox();
      const messages = collect(client.subscribe(inbox), 1);
      await client.flush();
      const publisher = await open(t, port);
      publisher.publish(inbox, "hi");
      assert.equal((await messages)[0]?.string(), "hi");
      await client.close();
      assert.equal(await client.closed(), undefined);
    });
  });
}

/** Connects; the test's end closes it. */
async function open(t: TestContext, port: number, options: NodeConnectionOptions = {}): Promise<NatsConnection> {
  const connection = await connect({
    servers: `127.0.0.1:${port}`,
    reconnect: options.reconnectTimeWait !== undefined,
    ...options,
  });
  t.after(() => connection.close());
  return connection;
}

/** The messages of a subscription: so many, or all until it ends. */
async function collect(subscription: Subscription, count = Number.POSITIVE_INFINITY): Promise<Msg[]> {
  const messages: Msg[] = [];
  for await (const message of subscription) if (messages.push(message) === count) break;
  return messages;
}

/** Waits until the client says that this has happened to its connection. */
async function event(connection: NatsConnection, type: string): Promise<void> {
  for await (const status of connection.status()) if (status.type === type) return;
}

function isNoResponders(error: unknown): boolean {
  assert.ok(error instanceof Error);
  // A request of the old way gives it as it is, the other one as the cause of its error.
  assert.ok((error.cause ?? error) instanceof NoRespondersError, error.message);
  return true;
}
