import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { describe, it, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { WebSocketServer } from "ws";
import { createServer } from "../src/index.ts";
import type { LoadEvent, Summary } from "../src/load/index.ts";
import { createPushServer } from "../src/push/index.ts";
import { ProtocolClient, SECRET, serve, tokenOf } from "./protocol-client.ts";

const program = fileURLToPath(new URL("../../bin/belfry.js", import.meta.url));

/** Runs `belfry load`; `then` sees its lines as they come, and may end it. */
function load(args: readonly string[], then: (line: string, interrupt: () => void) => void = () => {}) {
  return new Promise<{ code: number; out: string; err: string }>((resolve) => {
    const child = execFile(process.execPath, [program, "load", ...args], (error, out, err) => {
      resolve({ code: error ? Number(error.code) : 0, out, err });
    });
    child.stdout?.on("data", (chunk) => then(String(chunk), () => child.kill("SIGINT")));
  });
}

/** The events of a run with --json. */
async function events(args: readonly string[], then?: (line: string, interrupt: () => void) => void) {
  const { code, out, err } = await load([...args, "--json"], then);
  assert.equal(err, "");
  const all = out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as LoadEvent);
  return { code, all, summary: all.at(-1) as Summary };
}

/** An echo server of ws, which is none of ours; resolves its URL. */
async function echo(t: TestContext): Promise<string> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  server.on("connection", (socket) =>
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary })),
  );
  await once(server, "listening");
  t.after(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** A notification API that lets everybody in; its URL for clients and for back ends. */
async function api(t: TestContext) {
  const server = createPushServer({
    allowAnonymous: true,
    allowSubscribe: true,
    apiKeys: [{ key: "k".repeat(16), scopes: ["*"] }],
  });
  const { port } = await server.listen({ host: "127.0.0.1" });
  t.after(() => server.close());
  return {
    url: `ws://127.0.0.1:${port}/connection/websocket`,
    publish: ["--publish-to", `http://127.0.0.1:${port}/api`, "--api-key", "k".repeat(16)],
  };
}

describe("belfry load", () => {
  it("holds idle connections until it is interrupted, and sums up", async (t) => {
    const { code, all, summary } = await events(
      [await echo(t), "--connections", "50", "--processes", "2", "--seconds", "0"],
      (line, interrupt) => line.includes('"open"') && interrupt(),
    );
    assert.equal(code, 0);
    const open = all.find(({ event }) => event === "open");
    assert.ok(open && open.event === "open" && open.connections === 50 && open.failed === 0);
    assert.ok(open.openingMs && open.openingMs.p50 <= open.openingMs.max);
    const { connections, opened, failed, lost, processes, messages, errors } = summary;
    assert.deepEqual(
      { connections, opened, failed, lost, processes, messages, errors },
      { connections: 50, opened: 50, failed: 0, lost: 0, processes: 2, messages: 0, errors: {} },
    );
  });

  it("echoes as fast as it can over a few of many, and at a rate", async (t) => {
    const url = await echo(t);
    const fast = await events([
      url,
      "--scenario",
      "echo",
      "--connections",
      "40",
      "--busy",
      "5",
      "--seconds",
      "1",
      "--size",
      "300",
    ]);
    assert.ok(fast.summary.messages > 100, `${fast.summary.messages}`);
    assert.ok((fast.summary.latencyMs?.p50 ?? 0) > 0);
    const paced = await events([url, "--scenario", "echo", "--connections", "40", "--rate", "100", "--seconds", "2"]);
    const { messages } = paced.summary;
    assert.ok(messages > 100 && messages <= 201, `${messages}`);
    assert.ok(paced.all.some(({ event }) => event === "progress"));
  });

  it("subscribes each to its own channel, and measures what the HTTP API publishes to them", async (t) => {
    const { url, publish } = await api(t);
    const args = [url, "--scenario", "publish", "--connections", "30", "--rate", "100", "--seconds", "1", ...publish];
    const { summary } = await events(args);
    assert.deepEqual([summary.connections, summary.errors], [30, {}]);
    // Each channel has one subscriber; what was under way at the end may be missing.
    assert.ok(summary.messages > 0 && summary.messages <= summary.published + 4, JSON.stringify(summary));
    assert.ok((summary.latencyMs?.p50 ?? 0) > 0);
  });

  it("has all of a shared channel's subscribers get everything, but those that stop reading", async (t) => {
    const { url, publish } = await api(t);
    const args = [
      url,
      "--connections",
      "20",
      "--channel",
      "all",
      "--rate",
      "50",
      "--seconds",
      "1",
      "--busy",
      "5",
      ...publish,
    ];
    const all = await events([...args, "--scenario", "slow"]);
    const { messages, published } = all.summary;
    assert.ok(
      published > 0 && messages >= 15 * (published - 4) && messages <= 15 * (published + 4),
      `${messages} of ${published}`,
    );
  });

  it("lets connections go and opens others", async (t) => {
    const { summary } = await events([
      await echo(t),
      "--scenario",
      "churn",
      "--connections",
      "20",
      "--rate",
      "50",
      "--seconds",
      "1",
    ]);
    assert.ok(summary.opened > 20 && summary.opened <= 20 + 51, `${summary.opened}`);
    assert.deepEqual([summary.lost, summary.failed], [0, 0]);
    assert.ok((summary.latencyMs?.p50 ?? 0) > 0);
  });

  it("tells errors by their kind, and what limited it; exits with 1 when nothing could be opened", async (t) => {
    const server = createServer({ packet: () => {}, upgrade: () => ({ status: 403 }) });
    const { port } = await server.listen({ host: "127.0.0.1" });
    t.after(() => server.close());
    const url = `ws://127.0.0.1:${port}/`;
    const { code, summary } = await events([url, "--connections", "10", "--seconds", "1"]);
    assert.deepEqual([code, summary.failed, summary.errors], [1, 10, { "answered 403": 10 }]);
    await server.close();
    const gone = await events([url, "--connections", "10", "--seconds", "1"]);
    assert.deepEqual(gone.summary.errors, { ECONNREFUSED: 10 });
    assert.match(gone.summary.limitedBy, /^the server: it refused/);
  });

  it("connects with a token and headers, and tells of one that is refused", async (t) => {
    const { port } = await serve(t, { tokens: { hmacSecret: SECRET }, allowSubscribe: true });
    const url = `ws://127.0.0.1:${port}/connection/websocket`;
    const args = ["--scenario", "subscribe", "--connections", "12", "--seconds", "1", "--header", "X-Test: yes"];
    const good = await events([url, ...args, "--token", tokenOf({ sub: "42" })]);
    assert.deepEqual([good.summary.connections, good.summary.errors], [12, {}]);
    const bad = await events([url, ...args, "--token", "none"]);
    assert.deepEqual(bad.summary.errors, { "closed with 3500 invalid token": 12 });
  });

  it("shows a person what happens, and at the end what it came to", async (t) => {
    const { code, out, err } = await load([
      await echo(t),
      "--scenario",
      "echo",
      "--connections",
      "5",
      "--seconds",
      "2",
    ]);
    assert.deepEqual([code, out], [0, ""]);
    assert.match(err, /^5 open, in [\d.]+ s: /);
    assert.match(err, /1 s: 5 connections, [\d,]+ messages\/s, p50 /);
    assert.match(err, /messages received +[\d,]+, [\d,]+ a second/);
    assert.match(err, /limited by +\S/);
  });

  const mistakes: [string, string[], RegExp][] = [
    ["no URL", [], /missing required argument 'url'/],
    ["an unknown scenario", ["ws://h/", "--scenario", "sleep"], /Allowed choices are idle, echo/],
    ["no connections", ["ws://h/", "--connections", "0"], /whole numbers from 1 to 10000000/],
    ["publish to nowhere", ["ws://h/", "--scenario", "publish", "--rate", "1"], /needs --publish-to/],
    ["publish without a rate", ["ws://h/", "--scenario", "publish", "--publish-to", "http://h"], /needs a --rate/],
    ["publishing in another scenario", ["ws://h/", "--publish-to", "http://h"], /is of --scenario publish and slow/],
    ["a way to publish that is none", ["ws://h/", "--publish-to", "ftp://h"], /Allowed are URLs such as http:/],
    ["a range that is none", ["ws://h/", "--from", "a-b"], /"a-b" is no address/],
    ["a header without a name", ["ws://h/", "--header", "x"], /Allowed is "Name: value"/],
    ["TLS", ["wss://h/"], /wss: is not spoken here/],
    ["a header of the handshake", ["ws://127.0.0.1:1/", "--header", "Upgrade: x"], /Upgrade is the handshake's own/],
  ];
  for (const [name, args, message] of mistakes) {
    it(`names the mistake: ${name}`, async () => {
      const { code, err } = await load(args);
      assert.equal(code, 1);
      assert.match(err, message);
    });
  }
});

test("a client whose connect is refused later, after too many failures, is told why whatever stands behind it", async (t) => {
  const { port } = await serve(t, { tokens: { hmacSecret: SECRET }, allowSubscribe: true });
  for (let i = 0; i < 12; i++) {
    const client = await ProtocolClient.open(t, port);
    client.send([
      { id: 1, connect: { token: "none" } },
      { id: 2, subscribe: { channel: "a" } },
    ]);
    assert.deepEqual(await client.next(), { close: [3500, "invalid token"] });
  }
});
