import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { Hooks, PushOptions } from "../src/push/index.ts";
import { RecordingLog } from "./mail-fixture.ts";
import { errorOf, named, ProtocolClient, refused, serve } from "./protocol-client.ts";
import { CONNECTED, RESULT } from "./protocol-row.ts";

const open = {
  allowSubscribeForClient: true,
  allowSubscribeForAnonymous: true,
  historySize: 9,
  historySeconds: 60,
  allowHistoryForClient: true,
  allowHistoryForAnonymous: true,
  presence: true,
  allowPresenceForClient: true,
  allowPresenceForAnonymous: true,
};
const channels: NonNullable<PushOptions["channels"]> = {
  withoutNamespace: open,
  namespaces: { asked: { ...open, subscribeProxy: true, publishProxy: true } },
};

/** A server with hooks, and a client that has sent a connect command. */
async function hooked(t: TestContext, hooks: Hooks, connect: object = {}, more: PushOptions = {}) {
  const log = new RecordingLog();
  const { server, port } = await serve(t, { channels, hooks, log, ...more });
  const client = await ProtocolClient.open(t, port, { id: 1, connect });
  return { server, port, client, log };
}

/** A promise, and what settles it. */
function later<Value>() {
  let resolve = (_: Value) => {};
  const promise = new Promise<Value>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** A command that asks each hook, and a server's answer to it where nothing is wrong. */
const commands = {
  subscribe: { id: 2, subscribe: { channel: "asked:a" } },
  publish: { id: 2, publish: { channel: "asked:a", data: 1 } },
  rpc: { id: 2, rpc: { method: "m" } },
};
type Asked = keyof typeof commands;

describe("protocol: hooks", () => {
  it("connect is told what the client said and where it came from, and gives all that is told", async (t) => {
    const asked = later<object>();
    const connect: Hooks["connect"] = ({ header, ...request }) => {
      asked.resolve({ ...request, headers: [header("Host"), header("x-own"), header("none")] });
      return { user: "42", data: { x: 1 }, info: { name: "Ann" }, subs: { a: { data: 7 } }, channels: ["b"] };
    };
    const said = { name: "js", version: "5", data: { y: 2 }, headers: { "X-Own": "mine", host: "6.6.6.6" } };
    const { client } = await hooked(t, { connect }, said);
    const subs = { b: {}, a: { data: 7 } };
    assert.deepEqual(named(await client.next()), { id: 1, connect: { ...RESULT, data: { x: 1 }, subs } });
    assert.deepEqual(named(await asked.promise), {
      client: "CLIENT",
      transport: "websocket",
      name: "js",
      version: "5",
      data: { y: 2 },
      remoteAddress: "127.0.0.1",
      headers: ["127.0.0.1", "mine", null],
    });
    const info = { client: "CLIENT", user: "42", conn_info: { name: "Ann" } };
    const presence = named(await client.ask({ id: 2, presence: { channel: "a" } }));
    assert.deepEqual(presence, { presence: { presence: { CLIENT: info } } });
  });

  it("a token goes before the connect hook", async (t) => {
    const { client } = await hooked(t, { connect: () => ({ user: "42" }) }, { token: "x" });
    assert.deepEqual(await client.next(), { close: [3500, "invalid token"] });
  });

  it("credentials of the connect hook that are over already are 110", async (t) => {
    const { client } = await hooked(t, { connect: () => ({ user: "42", expireAt: 1 }) });
    assert.deepEqual(await client.next(), refused(1, 110));
  });

  it("the other hooks are told who asks, with the meta of the connect hook, and for what", async (t) => {
    const requests: object[] = [];
    const note = (request: object) => {
      requests.push(request);
      return {};
    };
    const meta = { role: "x" };
    const hooks: Hooks = { connect: () => ({ user: "42", meta }), subscribe: note, publish: note, rpc: note };
    const { client } = await hooked(t, hooks);
    await client.next();
    await client.ask({ id: 2, publish: { channel: "asked:a", data: { x: 1 } } });
    await client.ask({ id: 3, subscribe: { channel: "asked:a", data: [2] } });
    await client.ask({ id: 4, rpc: { method: "m", data: null } });
    await client.ask({ id: 5, rpc: {} });
    const who = { client: "CLIENT", user: "42", transport: "websocket", meta };
    assert.deepEqual(named(requests), [
      { ...who, channel: "asked:a", data: { x: 1 } },
      { ...who, channel: "asked:a", token: "", data: [2] },
      { ...who, method: "m", data: null },
      { ...who, method: "" },
    ]);
  });

  it("only channels with subscribeProxy and publishProxy are asked for, and no token is needed there", async (t) => {
    const { client } = await hooked(t, { subscribe: () => assert.fail(), publish: () => assert.fail() });
    await client.next();
    assert.deepEqual(await client.ask({ id: 2, subscribe: { channel: "a" } }), { subscribe: {} });
    assert.deepEqual(await client.ask({ id: 3, publish: { channel: "a", data: 1 } }), { error: errorOf(103) });
  });

  it("subscribe may give info, data, an expiry and other options", async (t) => {
    const grant = { info: { x: 1 }, data: { y: 2 }, expireAt: Date.now() / 1000 + 3600 };
    const override = { presence: true, forceRecovery: true };
    const { client } = await hooked(t, { subscribe: () => ({ ...grant, override }) });
    await client.next();
    const position = { recoverable: true, positioned: true, epoch: "EPOCH" };
    assert.deepEqual(named(await client.ask(commands.subscribe)), {
      subscribe: { expires: true, ttl: 3600, ...position, data: { y: 2 } },
    });
    const info = { client: "CLIENT", chan_info: { x: 1 } };
    const presence = named(await client.ask({ id: 3, presence: { channel: "asked:a" } }));
    assert.deepEqual(presence, { presence: { presence: { CLIENT: info } } });
  });

  it("subscribe that gives a time that is over is 110", async (t) => {
    const { client } = await hooked(t, { subscribe: () => ({ expireAt: 1 }) });
    await client.next();
    assert.deepEqual(await client.ask(commands.subscribe), { error: errorOf(110) });
  });

  it("publish may change the data, and keep it out of the history", async (t) => {
    const publish: Hooks["publish"] = ({ data }) => (data === 1 ? { data: { was: 1 } } : { skipHistory: true });
    const { client } = await hooked(t, { publish, subscribe: () => ({}) });
    client.send(commands.subscribe, commands.publish, { id: 3, publish: { channel: "asked:a", data: 2 } });
    const info = { client: "CLIENT" };
    assert.deepEqual(named(await client.take(6)), [
      CONNECTED,
      { id: 2, subscribe: {} },
      { push: { channel: "asked:a", pub: { data: { was: 1 }, offset: 1, info } } },
      { id: 2, publish: {} },
      { push: { channel: "asked:a", pub: { data: 2, info } } },
      { id: 3, publish: {} },
    ]);
    const history = await client.ask({ id: 4, history: { channel: "asked:a", limit: 9 } });
    const publications = [{ data: { was: 1 }, offset: 1, info }];
    assert.deepEqual(named(history), { history: { publications, epoch: "EPOCH", offset: 1 } });
  });

  it("rpc answers with data, with null, or without", async (t) => {
    const { client } = await hooked(t, { rpc: ({ method, data }) => (method === "none" ? {} : { data }) });
    await client.next();
    assert.deepEqual(await client.ask({ id: 2, rpc: { method: "m", data: [1] } }), { rpc: { data: [1] } });
    assert.deepEqual(await client.ask({ id: 3, rpc: { method: "m", data: null } }), { rpc: { data: null } });
    assert.deepEqual(await client.ask({ id: 4, rpc: { method: "none", data: 1 } }), { rpc: {} });
  });

  for (let code = 100; code <= 113; code++) {
    it(`the error ${code} goes out with the protocol's message, and is temporary where the protocol says so`, async (t) => {
      const { message = "" } = errorOf(code) as { message?: string };
      const { client } = await hooked(t, { rpc: () => ({ error: { code, message } }) });
      await client.next();
      assert.deepEqual(await client.ask(commands.rpc), { error: errorOf(code) });
    });
  }

  for (const name of ["connect", "subscribe", "publish", "rpc"] as const) {
    /** Asks a hook that answers, or fails, in this way; gives what the client is told. */
    const ask = async (t: TestContext, hook: () => unknown) => {
      const { client, log } = await hooked(t, { [name]: hook } as Hooks);
      if (name === "connect") return { told: await client.next(), client, log };
      await client.next();
      client.send(commands[name as Asked]);
      return { told: await client.next(), client, log };
    };
    const id = name === "connect" ? 1 : 2;

    it(`${name} may answer an error of the application's, temporary or not`, async (t) => {
      for (const error of [
        { code: 400, message: "no" },
        { code: 1999, message: "later", temporary: true },
      ]) {
        assert.deepEqual((await ask(t, () => ({ error }))).told, { id, error });
      }
    });

    it(`${name} may close the connection`, async (t) => {
      const { told } = await ask(t, async () => ({ disconnect: { code: 4999, reason: "ä" } }));
      assert.deepEqual(told, { close: [4999, "ä"] });
    });

    const faults: [string, () => unknown][] = [
      ["throws", () => assert.fail("it is broken")],
      ["rejects", () => Promise.reject(new Error("it is broken"))],
      ["answers nothing", () => undefined],
      ["answers false, later", async () => false],
    ];
    for (const [what, hook] of faults) {
      it(`${name} that ${what} is the temporary error 100, and a line in the log that says what it was`, async (t) => {
        const { told, client, log } = await ask(t, hook);
        assert.deepEqual(told, refused(id, 100));
        assert.match(log.lines.join("\n"), /it is broken|a hook answered (undefined|false)/);
        if (name !== "connect") return assert.deepEqual(await client.rest(), []);
        client.send("{}");
        assert.deepEqual(await client.next(), { close: [3501, "bad request"] });
      });
    }
  }

  it("while a hook takes its time the client's next commands wait, in their order, and pushes come", async (t) => {
    const answer = later<object>();
    const asked = later<void>();
    const order: string[] = [];
    const rpc: Hooks["rpc"] = ({ method }) => {
      order.push(method);
      if (method !== "slow") return {};
      asked.resolve();
      return answer.promise;
    };
    const { client, server } = await hooked(t, { rpc });
    const frame = [
      { id: 3, rpc: { method: "slow" } },
      { id: 4, rpc: { method: "fast" } },
    ];
    client.send({ id: 2, subscribe: { channel: "a" } }, frame, { id: 5, rpc: { method: "last" } });
    assert.deepEqual(named(await client.take(2)), [CONNECTED, { id: 2, subscribe: {} }]);
    await asked.promise;
    await server.operations.publish("a", "1", {});
    assert.deepEqual(await client.next(), { push: { channel: "a", pub: { data: 1, offset: 1 } } });
    assert.deepEqual(order, ["slow"]);
    answer.resolve({});
    assert.deepEqual(
      await client.take(3),
      [3, 4, 5].map((id) => ({ id, rpc: {} })),
    );
    assert.deepEqual(order, ["slow", "fast", "last"]);
  });

  for (const name of ["subscribe", "publish", "rpc"] as const) {
    it(`a client that is disconnected while ${name} takes its time hears nothing of it, and leaves nothing behind`, async (t) => {
      const answer = later<object>();
      const asked = later<void>();
      const hook = () => {
        asked.resolve();
        return answer.promise;
      };
      const { client, server, port } = await hooked(t, { [name]: hook } as Hooks, {});
      await client.next();
      client.send(commands[name]);
      await asked.promise;
      const [one] = await server.operations.connections({ limit: 9 });
      const { client: watch } = await ProtocolClient.connect(t, port);
      await server.operations.subscribe(
        {
          user: "",
          client: (await server.operations.connections({ limit: 9 })).find(({ client }) => client !== one?.client)
            ?.client,
        },
        "asked:a",
        {},
      );
      assert.deepEqual(named(await watch.next()), { push: { channel: "asked:a", subscribe: {} } });
      await server.operations.disconnect({ user: "", client: one?.client }, { code: 4000, reason: "" }, []);
      assert.deepEqual(await client.next(), { close: [4000, ""] });
      answer.resolve({});
      assert.deepEqual(await watch.rest(), []);
      assert.deepEqual(server.stats, { clients: 1, channels: 1, subscriptions: 1 });
    });
  }

  it("channelState is told of the first subscriber and of the last, and may fail", async (t) => {
    const states: string[] = [];
    const channelState: Hooks["channelState"] = (channel, occupied) => {
      states.push(`${channel} ${occupied}`);
      if (occupied) throw new Error("it is broken");
      return Promise.reject(new Error("it is down")) as never;
    };
    const { client, port, log } = await hooked(t, { channelState });
    const { client: other } = await ProtocolClient.connect(t, port);
    client.send({ id: 2, subscribe: { channel: "a" } });
    assert.deepEqual(named(await client.take(2)), [CONNECTED, { id: 2, subscribe: {} }]);
    await other.ask({ id: 2, subscribe: { channel: "a" } });
    await other.ask({ id: 3, subscribe: { channel: "b" } });
    await client.ask({ id: 3, unsubscribe: { channel: "a" } });
    assert.deepEqual(states, ["a true", "b true"]);
    other.raw.reset();
    while (states.length < 4) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(states.slice(2).sort(), ["a false", "b false"]);
    assert.match(log.lines.join("\n"), /channelState hook failed: Error: it is broken.*it is down/s);
    assert.deepEqual(await client.rest(), []);
  });
});
