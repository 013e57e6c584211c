import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { describe, it, type TestContext, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import WebSocket from "ws";
import { ServedSeconds } from "../src/push/served-seconds.ts";
import { ChildServer } from "./child-server.ts";

const CLIENTS = 50;
/** Beyond all deadlines that these servers have. */
const STALL_MS = 2500;
const DAY_MS = 86_400_000;
/** Pings that each healthy client gets and answers after the stall: by then it would have been cut for it. */
const PINGS = 2;
const SECRET = "a secret of more than thirty-two bytes, as it should be";

/** What is done to the server. It is served again when the promise resolves. */
const stalls: Readonly<Record<string, (server: ChildServer) => Promise<unknown>>> = {
  "its event loop is blocked": (server) => server.ask({ verb: "block", ms: STALL_MS }),
  "its process is stopped": (server) => stopFor(server, STALL_MS),
  "its clock jumps a day ahead": (server) => server.ask({ verb: "clock", ms: DAY_MS }),
  "its clock jumps a day back": (server) => server.ask({ verb: "clock", ms: -DAY_MS }),
};

async function stopFor(server: ChildServer, ms: number): Promise<void> {
  server.process.kill("SIGSTOP");
  await wait(ms);
  server.process.kill("SIGCONT");
}

/** A client that answers every ping at once; how it ended, and what counts its pings. */
interface Healthy {
  readonly socket: WebSocket;
  pings: number;
  ended: string | undefined;
}

/** Connects many; `begin` is said first, and `pings` says which event is a ping and answers it. */
async function crowd(t: TestContext, url: string, begin: (one: Healthy) => Promise<void> | void): Promise<Healthy[]> {
  const open = async () => {
    const socket = new WebSocket(url);
    const one: Healthy = { socket, pings: 0, ended: undefined };
    socket.on("close", (code, reason) => {
      one.ended = `${code} ${reason}`;
    });
    await once(socket, "open");
    await begin(one);
    t.after(() => socket.terminate());
    return one;
  };
  return Promise.all(Array.from({ length: CLIENTS }, open));
}

/** Nobody is cut, by what is done, nor when the deadlines come again. */
async function nobodyIsCut(server: ChildServer, clients: readonly Healthy[], stall: (server: ChildServer) => unknown) {
  await stall(server);
  for (const client of clients) client.pings = 0;
  while (clients.some(({ ended, pings }) => ended === undefined && pings < PINGS)) await wait(20);
  assert.deepEqual(
    clients.flatMap(({ ended }) => ended ?? []),
    [],
  );
}

// They wait, mostly: at the same time.
describe("served time", { concurrency: true }, () => {
  for (const driver of ["native", "portable"] as const) {
    it(`over the ${driver} driver: nobody is late with a pong for time that the server did not run`, async (t) => {
      const server = await ChildServer.start("hostile-server", { driver, heartbeatSeconds: 0.6, pongSecondsMax: 1 });
      t.after(() => server.stop());
      const { port } = await server.ask<{ port: number }>({});
      const clients = await crowd(t, `ws://127.0.0.1:${port}/`, (one) => {
        one.socket.on("ping", () => one.pings++);
      });
      for (const [what, stall] of Object.entries(stalls)) {
        await t.test(what, () => nobodyIsCut(server, clients, stall));
      }
    });
  }

  it("nobody is late with a pong of the protocol for time that the server did not run", async (t) => {
    const server = await ChildServer.start("served-server", { pingSeconds: 2, pongSeconds: 1 });
    t.after(() => server.stop());
    const { port } = await server.ask<{ port: number }>({});
    const clients = await crowd(t, `ws://127.0.0.1:${port}/connection/websocket`, async (one) => {
      one.socket.send('{"id":1,"connect":{}}');
      await once(one.socket, "message");
      one.socket.on("message", (data) => {
        if (String(data) !== "{}") return;
        one.pings++;
        one.socket.send("{}");
      });
    });
    for (const [what, stall] of Object.entries(stalls)) {
      await t.test(what, async () => {
        // Just when a ping has gone out, so that its pong is there and nobody has read it.
        await Promise.race(clients.map(({ socket }) => once(socket, "message")));
        await nobodyIsCut(server, clients, stall);
      });
    }
  });

  it("a new token that was sent in time counts, although the server ran again only when its time was over", async (t) => {
    const server = await ChildServer.start("served-server", { tokens: { hmacSecret: SECRET }, expiredCloseSeconds: 1 });
    t.after(() => server.stop());
    const { port } = await server.ask<{ port: number }>({});
    const clients = await crowd(t, `ws://127.0.0.1:${port}/connection/websocket`, async (one) => {
      one.socket.send(`{"id":1,"connect":{"token":"${token(3)}"}}`);
      const [data] = (await once(one.socket, "message")) as [Buffer];
      assert.match(data.toString(), /"expires":true/);
      one.socket.on("message", (reply) => {
        if (/^\{"id":2,"refresh":\{"client"/.test(String(reply))) one.pings += PINGS;
      });
    });
    server.process.kill("SIGSTOP");
    for (const { socket } of clients) socket.send(`{"id":2,"refresh":{"token":"${token(60)}"}}`);
    await wait(5000);
    server.process.kill("SIGCONT");
    while (clients.some(({ ended, pings }) => ended === undefined && pings < PINGS)) await wait(20);
    assert.deepEqual(
      clients.flatMap(({ ended }) => ended ?? []),
      [],
    );
  });
});

/** A token that is good for so many seconds. */
function token(seconds: number): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { sub: "somebody", exp: Math.floor(Date.now() / 1000) + seconds };
  const signed = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
  return `${signed}.${createHmac("sha256", SECRET).update(signed).digest("base64url")}`;
}

test("ServedSeconds leaves out a tick that is late by either clock, but never two in a row", (t) => {
  let monotonic = 0;
  let wall = 0;
  t.mock.method(performance, "now", () => monotonic);
  t.mock.method(Date, "now", () => wall);
  const ticks: number[] = [];
  const seconds = new ServedSeconds(() => ticks.push(monotonic));
  seconds.start();
  t.after(() => seconds.stop());
  for (const [ms, wallMs] of [
    [1000, 1000],
    [1500, 1500],
    [1501, 1501],
    [1000, 1000],
    [9000, 9000],
    [9000, 9000],
    [9000, 9000],
    [1000, 1000],
    [1000, DAY_MS],
    [1000, 1000],
    [1000, -DAY_MS],
  ] as const) {
    monotonic += ms;
    wall += wallMs;
    seconds.second();
  }
  assert.deepEqual(ticks, [1000, 2500, 5001, 23_001, 33_001, 35_001, 36_001]);
});
