import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { SignJWT } from "jose";
import WebSocket from "ws";
import { MemoryBroker } from "../src/bus/index.ts";
import { limits } from "../src/limits.ts";
import { Identities } from "../src/push/identities.ts";
import { createPushServer, type PushOptions, type PushServer, WEBSOCKET_PATH } from "../src/push/index.ts";
import { REVOCATION_PARTS, type RevocationRow, Revocations } from "../src/push/revocations.ts";

const SECRET = "a secret of more than thirty-two bytes, as it should be";
const KEY = "a key of the API";
const now = () => Math.floor(Date.now() / 1000);

interface Claims {
  readonly sub: string;
  readonly jti?: string;
  readonly iat?: number;
}

/** A token that was issued an hour ago, unless something else is said. */
async function tokenOf(claims: Claims): Promise<string> {
  const all = { iat: now() - 3600, exp: now() + 3600, ...claims };
  return await new SignJWT(all).setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(SECRET));
}

interface Served {
  readonly server: PushServer;
  readonly port: number;
}

async function serve(t: TestContext, options: PushOptions = {}): Promise<Served> {
  const server = createPushServer({ apiKey: KEY, tokens: { hmacSecret: SECRET }, ...options });
  const { port } = await server.listen({ host: "127.0.0.1" });
  t.after(() => server.close());
  return { server, port };
}

async function revoke({ port }: Served, body: object): Promise<unknown> {
  const headers = { "X-API-Key": KEY };
  const answer = await fetch(`http://127.0.0.1:${port}/api/revoke`, {
    method: "POST",
    headers,
    body: JSON.stringify(body),
  });
  return await answer.json();
}

/** A client of the protocol: its replies one by one, and how it was closed. */
class Client {
  readonly closed: Promise<string>;
  readonly #socket: WebSocket;
  readonly #replies: ((reply: Record<string, unknown>) => void)[] = [];
  #id = 0;

  constructor(t: TestContext, { port }: Served) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${WEBSOCKET_PATH}`);
    this.#socket = socket;
    t.after(() => socket.terminate());
    this.closed = new Promise((resolve) => {
      socket.on("close", (code, reason) => resolve(`${code} ${reason}`));
    });
    socket.on("message", (frame: Buffer) => {
      for (const line of frame.toString().split("\n")) this.#replies.shift()?.(JSON.parse(line));
    });
  }

  /** The reply, or how the connection was closed instead. */
  async ask(command: object): Promise<Record<string, unknown> | string> {
    if (this.#socket.readyState === WebSocket.CONNECTING) await once(this.#socket, "open");
    const reply = new Promise<Record<string, unknown>>((resolve) => this.#replies.push(resolve));
    this.#socket.send(JSON.stringify({ id: ++this.#id, ...command }));
    return await Promise.race([reply, this.closed]);
  }
}

/** A client that has shown a token, and "connected" or how it was closed. */
async function shows(t: TestContext, served: Served, token: string): Promise<[Client, string]> {
  const client = new Client(t, served);
  const reply = await client.ask({ connect: { token } });
  return [
    client,
    typeof reply === "string" ? reply : Object.keys(reply).at(-1) === "connect" ? "connected" : "refused",
  ];
}

async function connected(t: TestContext, served: Served, claims: Claims): Promise<Client> {
  const [client, state] = await shows(t, served, await tokenOf(claims));
  assert.equal(state, "connected");
  return client;
}

const INVALID = "3500 invalid token";

test("a token id that is revoked ends its connections, and is refused though the token was known", async (t) => {
  const served = await serve(t);
  const [own, other] = await Promise.all([tokenOf({ sub: "42", jti: "a" }), tokenOf({ sub: "42", jti: "b" })]);
  const clients = await Promise.all([own, own, other].map((token) => shows(t, served, token)));
  assert.deepEqual(await revoke(served, { token_id: "a" }), { result: {} });
  for (const [client] of clients.slice(0, 2)) assert.equal(await client.closed, INVALID);
  // Each token was shown before: what it says is known, and not found out anew.
  assert.equal((await shows(t, served, own))[1], INVALID);
  assert.equal((await shows(t, served, other))[1], "connected");
  const [third] = clients[2] ?? [];
  assert.deepEqual(await third?.ask({ rpc: {} }), { id: 2, error: { code: 104, message: "method not found" } });
});

test("a user that is revoked loses all connections, and the tokens that were issued until then", async (t) => {
  const served = await serve(t);
  const claims = [{ sub: "42" }, { sub: "42", jti: "a" }, { sub: "42", iat: now() - 1 }];
  const clients = await Promise.all(claims.map((one) => connected(t, served, one)));
  const other = await connected(t, served, { sub: "43" });
  await revoke(served, { user: "42" });
  for (const client of clients) assert.equal(await client.closed, INVALID);
  for (const one of claims) assert.equal((await shows(t, served, await tokenOf(one)))[1], INVALID);
  const withoutIat = new SignJWT({ sub: "42" }).setProtectedHeader({ alg: "HS256" });
  const undated = await withoutIat.sign(new TextEncoder().encode(SECRET));
  assert.equal((await shows(t, served, undated))[1], INVALID, "nobody knows that it is newer");
  assert.equal((await shows(t, served, await tokenOf({ sub: "42", iat: now() + 2 })))[1], "connected");
  assert.deepEqual(await other.ask({ rpc: {} }), { id: 2, error: { code: 104, message: "method not found" } });
});

test("a refresh with a revoked token closes, and a client lives by the token that it brought last", async (t) => {
  const served = await serve(t);
  const client = await connected(t, served, { sub: "42", jti: "first" });
  const second = await tokenOf({ sub: "42", jti: "second" });
  assert.ok("refresh" in ((await client.ask({ refresh: { token: second } })) as object));
  await revoke(served, { token_id: "first" });
  const third = await client.ask({ refresh: { token: await tokenOf({ sub: "42", jti: "third" }) } });
  assert.ok("refresh" in (third as object), "it lived by its second token");
  assert.equal(await client.ask({ refresh: { token: await tokenOf({ sub: "42", jti: "first" }) } }), INVALID);
  const last = await connected(t, served, { sub: "42", jti: "last" });
  await last.ask({ refresh: { token: await tokenOf({ sub: "42" }) } });
  await revoke(served, { token_id: "last" });
  assert.ok("refresh" in ((await last.ask({ refresh: { token: await tokenOf({ sub: "42" }) } })) as object));
});

test("a client or a session that is revoked is closed, and so are all that showed its token", async (t) => {
  const served = await serve(t);
  const token = await tokenOf({ sub: "42", jti: "a" });
  const [one] = await shows(t, served, token);
  const stream = await fetch(`http://127.0.0.1:${served.port}/connection/http_stream`, {
    method: "POST",
    body: JSON.stringify({ id: 1, connect: { token } }),
  });
  const reader = stream.body?.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  const read = async () => Buffer.from((await reader.read()).value ?? []).toString();
  const { connect } = JSON.parse(await read()) as { connect: { session: string } };
  await revoke(served, { session: connect.session });
  assert.equal(await one.closed, INVALID);
  assert.match(await read(), /"disconnect":\{"code":3500,"reason":"invalid token"\}/);
  assert.equal((await shows(t, served, token))[1], INVALID);

  const plain = new Client(t, served);
  const reply = await plain.ask({ connect: { token: await tokenOf({ sub: "42" }) } });
  const { client } = (reply as Record<string, { client: string }>)["connect"] ?? { client: "" };
  const sibling = await connected(t, served, { sub: "42" });
  await revoke(served, { client });
  assert.equal(await plain.closed, INVALID);
  assert.ok("error" in ((await sibling.ask({ rpc: {} })) as object), "a token without an id is not known again");
  assert.deepEqual(await revoke(served, { client: "nobody" }), { result: {} });
});

test("clients that the application let in end with their user, and may come back if it says so", async (t) => {
  const served = await serve(t, { hooks: { connect: () => ({ user: "42" }) } });
  const client = new Client(t, served);
  await client.ask({ connect: {} });
  await revoke(served, { user: "42" });
  assert.equal(await client.closed, INVALID);
  assert.ok("connect" in ((await new Client(t, served).ask({ connect: {} })) as object));
});

test("all processes on a Bus revoke, and one that is started later asks them, if one of them still runs", async (t) => {
  const broker = new MemoryBroker();
  const [first, second] = [await serve(t, { broker }), await serve(t, { broker })];
  const token = await tokenOf({ sub: "42", jti: "a" });
  const [client] = await shows(t, second, token);
  await revoke(first, { token_id: "a" });
  assert.equal(await client.closed, INVALID);
  for (const served of [first, second]) assert.equal((await shows(t, served, token))[1], INVALID);
  await first.server.close();
  const third = await serve(t, { broker });
  assert.equal((await shows(t, third, token))[1], INVALID);
  await Promise.all([second, third].map(({ server }) => server.close()));
  assert.equal((await shows(t, await serve(t, { broker }), token))[1], "connected");
});

test("a token that is revoked while it is verified does not come in", async (t) => {
  const served = await serve(t);
  const token = await tokenOf({ sub: "42", jti: "a" });
  const verify = crypto.subtle.verify.bind(crypto.subtle);
  t.mock.method(crypto.subtle, "verify", async (...given: Parameters<typeof verify>) => {
    await served.server.operations.revoke({ tokenId: "a" }, now() + 60);
    return await verify(...given);
  });
  assert.equal((await shows(t, served, token))[1], INVALID);
});

test("whoever gets the descriptor of a client that has gone does not get its token", () => {
  const identities = new Identities();
  identities.set(7, "42");
  identities.setToken(7, "a");
  identities.setToken(8, "a");
  assert.deepEqual([identities.descriptorsOfToken("a"), identities.tokenIdOf(7)], [[8, 7], "a"]);
  identities.forget(7);
  identities.set(7, "43");
  assert.deepEqual([identities.descriptorsOfToken("a"), identities.tokenIdOf(7)], [[8], undefined]);
  identities.setToken(8, "b");
  assert.deepEqual([identities.descriptorsOfToken("a"), identities.descriptorsOfToken("b")], [[], [8]]);
});

test("Revocations do what a list of all that was ever said does", () => {
  const names = fc.constantFrom("a", "b", "c");
  const step = fc.oneof(
    fc.record({ token: names, seconds: fc.integer({ min: 1, max: 30 }) }),
    fc.record({ user: names, seconds: fc.integer({ min: 1, max: 30 }) }),
    fc.record({ wait: fc.integer({ min: 1, max: 20 }) }),
  );
  const shown = fc.record(
    { user: names, tokenId: names, issuedAt: fc.integer({ min: 990, max: 1100 }) },
    { requiredKeys: ["user"] },
  );
  fc.assert(
    fc.property(fc.array(step), fc.array(shown, { minLength: 1 }), (steps, tokens) => {
      let clock = 1000;
      const revocations = new Revocations(() => clock);
      const said: { token?: string; user?: string; at: number; until: number }[] = [];
      for (const one of steps) {
        if ("wait" in one) clock += one.wait;
        else said.push({ ...one, at: clock, until: clock + one.seconds });
        if ("token" in one) revocations.revokeToken(one.token, clock + one.seconds);
        if ("user" in one) revocations.revokeUser(one.user, clock, clock + one.seconds);
      }
      for (const token of tokens) {
        const last = (all: typeof said) => all.reduce((at, one) => Math.max(at, one.until), 0) > clock;
        const ofUser = said.filter(({ user }) => user === token.user);
        const isOlder = (token.issuedAt ?? 0) <= Math.max(0, ...ofUser.map(({ at }) => at));
        const ofToken = said.filter((one) => one.token !== undefined && one.token === token.tokenId);
        assert.equal(revocations.refuses(token), last(ofToken) || (isOlder && last(ofUser)));
      }
    }),
  );
});

test("what is revoked makes parts of nearly one size, which together are all of it", () => {
  const all = new Revocations(() => 1000);
  for (let i = 0; i < 16_000; i++) all.revokeToken(`${i}`, 2000);
  const parts = Array.from({ length: REVOCATION_PARTS }, (_, part) => all.rows(part));
  assert.deepEqual(parts.flat().sort(), all.rows().sort());
  for (const { length } of parts) assert.ok(length > 500 && length < 2000, `${length} of 16000`);
});

test("what another knows is learned once, and never shortens what is known", () => {
  const [known, learning] = [new Revocations(() => 1000), new Revocations(() => 1000)];
  known.revokeToken("a", 1010);
  known.revokeToken("over", 1000);
  known.revokeUser("42", 990, 1020);
  learning.revokeToken("a", 1030);
  const rows = JSON.parse(JSON.stringify(known.rows())) as RevocationRow[];
  assert.deepEqual(rows, [
    ["token:a", 1010, null],
    ["user:42", 1020, 990],
  ]);
  assert.deepEqual(learning.learn(rows), { tokenIds: [], users: ["42"] });
  assert.deepEqual(learning.learn(rows), { tokenIds: [], users: [] });
  known.revokeUser("42", 995, 1020);
  assert.deepEqual(learning.learn(known.rows()), { tokenIds: [], users: ["42"] });
  assert.deepEqual(learning.rows(), [
    ["token:a", 1030, null],
    ["user:42", 1020, 995],
  ]);
});

test("Revocations know as many as they may, without those that are over, and then the oldest goes", () => {
  let clock = 1000;
  const revocations = new Revocations(() => clock, 3);
  const refused = () => ["a", "b", "c", "d", "e"].filter((tokenId) => revocations.refuses({ user: "", tokenId }));
  revocations.revokeToken("a", 1010);
  revocations.revokeToken("b", 1020);
  assert.equal(revocations.isFull, false);
  revocations.revokeToken("c", 1020);
  assert.equal(revocations.isFull, true);
  clock = 1010;
  assert.equal(revocations.isFull, false);
  revocations.revokeToken("d", 1020);
  revocations.revokeToken("b", 1030);
  assert.deepEqual([revocations.size, refused()], [3, ["b", "c", "d"]]);
  revocations.revokeToken("e", 1030);
  assert.deepEqual([revocations.size, refused()], [3, ["b", "d", "e"]]);
  clock = 1030;
  assert.deepEqual(refused(), []);
});

test("more than revocationsMax are refused with 106, and the limit's name and value", async (t) => {
  const { server } = await serve(t);
  const end = now() + 60;
  for (let i = 0; i < limits.revocationsMax; i++) await server.operations.revoke({ tokenId: `${i}` }, end);
  await assert.rejects(server.operations.revoke({ user: "42" }, end), {
    code: 106,
    message: `limit exceeded: revocationsMax is ${limits.revocationsMax}; choose a sooner expire_at`,
  });
});
