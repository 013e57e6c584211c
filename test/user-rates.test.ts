import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import WebSocket from "ws";
import { makeGates } from "../src/push/gates/gates.ts";
import { Identities } from "../src/push/identities.ts";
import { createPushServer, type PushServer, WEBSOCKET_PATH } from "../src/push/index.ts";

// ---- The numbers of users -----------------------------------------------------------------------------------------------

test("users have numbers of their own while they are here, and each that goes is told once", () => {
  const step = fc.record({ fd: fc.nat(5), user: fc.constantFrom("", "a", "b", "c") });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const gone: number[] = [];
      const identities = new Identities((user) => gone.push(user));
      const here = new Map<number, string>();
      for (const { fd, user } of steps) {
        const before = here.get(fd);
        gone.length = 0;
        if (before !== undefined) {
          const number = identities.userNumberOf(fd);
          identities.forget(fd);
          here.delete(fd);
          const isLast = before !== "" && ![...here.values()].includes(before);
          assert.deepEqual(gone, isLast ? [number] : []);
        } else {
          identities.set(fd, user);
          here.set(fd, user);
          assert.deepEqual(gone, []);
        }
        const numbers = new Map([...here].map(([fd, user]) => [user, identities.userNumberOf(fd)]));
        for (const [fd, user] of here) assert.equal(identities.userNumberOf(fd), numbers.get(user));
        const named = [...numbers].filter(([user]) => user !== "").map(([, number]) => number);
        assert.equal(new Set(named).size, named.length);
        assert.equal(numbers.get("") ?? -1, -1);
      }
    }),
  );
});

test("without commandsPerUserPerSecondMax, or with 0, there is no gate for users", () => {
  assert.equal(makeGates({}).userRates, undefined);
  assert.equal(makeGates({ commandsPerUserPerSecondMax: 0 }).userRates, undefined);
  assert.ok(makeGates({ commandsPerUserPerSecondMax: 1 }).userRates);
  for (const commandsPerUserPerSecondMax of [-1, 0.5]) {
    assert.throws(() => createPushServer({ commandsPerUserPerSecondMax }), /option commandsPerUserPerSecondMax/);
  }
});

// ---- Over the protocol --------------------------------------------------------------------------------------------------

/** What a user may send at once: twice as much as in a second. */
const BURST = 2;

async function serve(t: TestContext): Promise<{ server: PushServer; url: string }> {
  const server = createPushServer({
    commandsPerUserPerSecondMax: 1,
    hooks: { connect: ({ data }) => ({ user: String(data) }), rpc: () => ({ data: "done" }) },
  });
  const { port } = await server.listen({ host: "127.0.0.1" });
  t.after(() => server.close());
  // However slow a test is, no time passes in it.
  const now = performance.now();
  t.mock.method(performance, "now", () => now);
  return { server, url: `ws://127.0.0.1:${port}${WEBSOCKET_PATH}` };
}

class Client {
  readonly socket: WebSocket;
  readonly #replies: ((reply: Record<string, unknown>) => void)[] = [];
  #id = 0;

  constructor(t: TestContext, url: string) {
    this.socket = new WebSocket(url);
    t.after(() => this.socket.terminate());
    this.socket.on("message", (frame: Buffer) => {
      for (const line of frame.toString().split("\n")) this.#replies.shift()?.(JSON.parse(line));
    });
  }

  async ask(command: object): Promise<Record<string, unknown>> {
    if (this.socket.readyState === WebSocket.CONNECTING) await once(this.socket, "open");
    this.socket.send(JSON.stringify({ id: ++this.#id, ...command }));
    return await new Promise((resolve) => this.#replies.push(resolve));
  }

  /** Calls a method: whether it was carried out; otherwise the answer is 111. */
  async may(): Promise<boolean> {
    const { rpc, error } = await this.ask({ rpc: { method: "m" } });
    if (rpc === undefined) assert.deepEqual(error, { code: 111, message: "too many requests", temporary: true });
    return rpc !== undefined;
  }
}

async function connected(t: TestContext, url: string, user: string): Promise<Client> {
  const client = new Client(t, url);
  assert.ok("connect" in (await client.ask({ connect: { data: user } })));
  return client;
}

test("the commands of a user's connections are counted together, and those of others by themselves", async (t) => {
  const { url } = await serve(t);
  const [one, two, other] = [
    await connected(t, url, "42"),
    await connected(t, url, "42"),
    await connected(t, url, "43"),
  ];
  assert.deepEqual([await one.may(), await two.may(), await one.may(), await two.may()], [true, true, false, false]);
  for (let i = 0; i < BURST; i++) assert.equal(await other.may(), true);
  assert.equal(await other.may(), false);
  // Connecting is no command of a user yet.
  assert.equal(await (await connected(t, url, "42")).may(), false);
});

test("anonymous clients are not one user", async (t) => {
  const { url } = await serve(t);
  const clients = [await connected(t, url, ""), await connected(t, url, "")];
  for (const client of clients) for (let i = 0; i < BURST + 1; i++) assert.equal(await client.may(), true);
});

test("a user that gets the number of one who has gone begins anew", async (t) => {
  const { server, url } = await serve(t);
  const gone = await connected(t, url, "42");
  for (let i = 0; i < BURST; i++) await gone.may();
  assert.equal(await gone.may(), false);
  gone.socket.close();
  while (server.stats.clients > 0) await turn();
  assert.equal(await (await connected(t, url, "43")).may(), true);
});
