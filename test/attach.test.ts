import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, connect, type Socket } from "node:net";
import { after, test } from "node:test";
import { serve as serveHono } from "@hono/node-server";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { WebSocket } from "ws";
import { createServer, type Server, type ServerOptions } from "../src/index.ts";
import { FIN, opcodes } from "../src/ws/index.ts";
import { frame, request } from "./raw-client.ts";

const ends: (() => unknown)[] = [];
after(async () => {
  for (const end of ends) await end();
});

/** An echo server that listens nowhere. */
function echoServer(options: ServerOptions = {}): Server {
  const server = createServer({
    packet: (connection, packet) => {
      connection.send(packet);
    },
    ...options,
  });
  ends.push(() => server.close());
  return server;
}

async function listen(server: HttpServer): Promise<number> {
  if (!server.listening) await once(server.listen(0, "127.0.0.1"), "listening");
  ends.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function echo(port: number, path = "/", message = "hello"): Promise<string> {
  const client = new WebSocket(`ws://127.0.0.1:${port}${path}`);
  await once(client, "open");
  client.send(message);
  const [answer] = (await once(client, "message")) as [Buffer];
  client.close();
  await once(client, "close");
  return answer.toString();
}

const get = async (port: number, path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).text();

const frameworks: Readonly<Record<string, () => Promise<HttpServer>>> = {
  "node:http": async () => createHttpServer((_, response) => response.end("its own route")),
  Express: async () => {
    const app = express();
    app.get("/route", (_, response) => {
      response.send("its own route");
    });
    return app.listen(0, "127.0.0.1") as HttpServer;
  },
  Fastify: async () => {
    const app = fastify();
    app.get("/route", () => "its own route");
    await app.listen({ port: 0, host: "127.0.0.1" });
    return app.server;
  },
  Hono: async () => {
    const app = new Hono().get("/route", (context) => context.text("its own route"));
    const listening = new Promise<HttpServer>((resolve) => {
      const server = serveHono({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, () =>
        resolve(server as HttpServer),
      );
    });
    return await listening;
  },
};

for (const driver of ["native", "portable"] as const) {
  for (const [name, make] of Object.entries(frameworks)) {
    test(`attach: WebSockets of ${name} are served, and its routes as before, ${driver} driver`, async () => {
      const http = await make();
      const server = echoServer({ driver });
      server.attach(http);
      const port = await listen(http);
      assert.equal(await get(port, "/route"), "its own route");
      assert.equal(await echo(port), "hello");
      assert.equal(await echo(port, "/any?a=b", "x".repeat(100_000)), "x".repeat(100_000));
      assert.equal(await get(port, "/route"), "its own route");
    });
  }

  test(`attach: frames that came with the request are not lost, ${driver} driver`, async () => {
    const http = createHttpServer();
    echoServer({ driver }).attach(http);
    const socket = connect(await listen(http), "127.0.0.1");
    const half = frame(FIN | opcodes.TEXT, "and the last");
    socket.write(Buffer.concat([Buffer.from(request()), frame(opcodes.TEXT, "at once"), half.subarray(0, 5)]));
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
    });
    while (!text.includes("at once")) await once(socket, "data");
    socket.write(half.subarray(5));
    while (!text.includes("and the last")) await once(socket, "data");
    socket.destroy();
  });

  test(`attach: the upgrade handler sees the request as it came, and may refuse it, ${driver} driver`, async () => {
    const http = createHttpServer();
    const server = echoServer({
      driver,
      upgrade: (asked) => {
        assert.equal(asked.url, "/chat?room=1");
        assert.equal(asked.header("cookie"), "a=1; b=2");
        assert.equal(asked.remoteAddress, "127.0.0.1");
        return { status: 403, reason: "not today" };
      },
    });
    server.attach(http);
    const client = new WebSocket(`ws://127.0.0.1:${await listen(http)}/chat?room=1`, {
      headers: { cookie: "a=1; b=2" },
    });
    const [, response] = (await once(client, "unexpected-response")) as [unknown, { statusCode: number }];
    assert.equal(response.statusCode, 403);
    client.on("error", () => {});
    client.terminate();
  });
}

test("attach: with a path, other paths are left to the other listeners, or answered 404", async () => {
  const http = createHttpServer();
  echoServer().attach(http, { path: "/ws" });
  const port = await listen(http);
  assert.equal(await echo(port, "/ws?x=1"), "hello");
  const refused = new WebSocket(`ws://127.0.0.1:${port}/wss`);
  const [error] = (await once(refused, "error")) as [Error];
  assert.match(error.message, /404/);
  const seen = new Promise<string | undefined>((resolve) => {
    http.on("upgrade", (asked, socket) => {
      if (asked.url === "/other") {
        socket.destroy();
        resolve(asked.url);
      }
    });
  });
  const other = new WebSocket(`ws://127.0.0.1:${port}/other`);
  other.on("error", () => {});
  assert.equal(await seen, "/other");
});

test("attach: two servers share an HTTP server by their paths, and answer 404 to others", async () => {
  const http = createHttpServer();
  echoServer().attach(http, { path: "/a" });
  echoServer({ packet: (connection) => connection.send("b") }).attach(http, { path: "/b" });
  const port = await listen(http);
  assert.equal(await echo(port, "/a"), "hello");
  assert.equal(await echo(port, "/b"), "b");
  const refused = new WebSocket(`ws://127.0.0.1:${port}/c`);
  assert.match(((await once(refused, "error")) as [Error])[0].message, /404/);
});

test("attach: a client that was answered 404 and does not end is closed, and one that is reset ends nothing else", async () => {
  const http = createHttpServer();
  echoServer().attach(http, { path: "/ws" });
  const port = await listen(http);
  for (const isReset of [true, false]) {
    const client = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    const [socket] = (await once(http, "connection")) as [Socket];
    const closed = once(socket, "close");
    client.write(request({}, "/other"));
    const [answer] = (await once(client, "data")) as [Buffer];
    assert.match(answer.toString(), /^HTTP\/1\.1 404 /);
    if (isReset) client.resetAndDestroy();
    await closed;
    client.destroy();
  }
});

test("upgradeHTTP: takes one upgrade that the application gives it", async () => {
  const http = createHttpServer();
  const server = echoServer();
  http.on("upgrade", (asked, socket, head) => {
    if (asked.headers["x-let-me-in"]) server.upgradeHTTP(asked, socket, head);
    else socket.end("HTTP/1.1 401 Unauthorized\r\n\r\n");
  });
  const port = await listen(http);
  const refused = new WebSocket(`ws://127.0.0.1:${port}/`);
  assert.match(((await once(refused, "error")) as [Error])[0].message, /401/);
  const client = new WebSocket(`ws://127.0.0.1:${port}/`, { headers: { "x-let-me-in": "please" } });
  await once(client, "open");
  client.terminate();
});

test("attach: an upgrade to something else than a WebSocket is answered 426", async () => {
  const http = createHttpServer();
  echoServer().attach(http);
  const socket = connect(await listen(http), "127.0.0.1");
  socket.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
  const [chunk] = (await once(socket, "data")) as [Buffer];
  assert.match(chunk.toString(), /^HTTP\/1\.1 426 /);
  socket.destroy();
});

test("attach: after close the HTTP server goes on, without WebSockets", async () => {
  const http = createHttpServer((_, response) => response.end("its own route"));
  const server = echoServer();
  server.attach(http);
  const port = await listen(http);
  const client = new WebSocket(`ws://127.0.0.1:${port}/`);
  await once(client, "open");
  const closed = once(client, "close");
  await server.close();
  assert.equal((await closed)[0], 1001);
  assert.equal(http.listenerCount("upgrade"), 0);
  assert.equal(await get(port, "/"), "its own route");
  assert.throws(() => server.attach(http), { code: "BELFRY_BAD_STATE" });
});

test("attach: mistakes are told: a TLS server with the native driver, the same server twice, a path without its slash", () => {
  const server = echoServer({ driver: "native" });
  const https = createHttpsServer();
  assert.throws(() => server.attach(https), { code: "BELFRY_BAD_OPTION", message: /portable/ });
  const http = createHttpServer();
  server.attach(http);
  assert.throws(() => server.attach(http), { code: "BELFRY_BAD_STATE" });
  assert.throws(() => server.attach(createHttpServer(), { path: "ws" }), {
    code: "BELFRY_BAD_OPTION",
    message: /path/,
  });
});
