import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { getEventListeners, once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer as createHttpServer, request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, before, describe, it, type TestContext, test } from "node:test";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import fc from "fast-check";
import { WebSocketServer } from "ws";
import { ChunkQueue } from "../src/dial/chunk-queue.ts";
import {
  type Connect,
  ConnectionError,
  connectNet,
  type Dialed,
  type DialOptions,
  dial,
  NetpollDialer,
  SocketTransport,
  type Target,
  type Transport,
} from "../src/dial/index.ts";
import { BelfryError, HandshakeError } from "../src/errors.ts";
import { createServer, limits, type ServerOptions } from "../src/index.ts";
import { FrameHeader, opcodes, readHeader } from "../src/ws/index.ts";
import { frame } from "./raw-client.ts";

const nativeSkip = process.platform === "win32" ? "the addon is not built on Windows" : false;

// ---- Servers --------------------------------------------------------------------------------------------------------------

/** A server of TCP whose connections are given to `talk`, and which ends with its test. */
async function tcpServer(
  t: TestContext,
  talk: (socket: Socket) => void,
  where: object = { host: "127.0.0.1", port: 0 },
) {
  const sockets: Socket[] = [];
  const server = createTcpServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    talk(socket);
  });
  await once(server.listen(where), "listening");
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const { port } = server.address() as AddressInfo;
  return { port, url: `ws://127.0.0.1:${port}/`, sockets, server };
}

/** Waits until the other side of a server's connection has ended or cut it. */
async function gone(socket: Socket | undefined): Promise<void> {
  assert.ok(socket);
  if (socket.readableEnded || socket.destroyed) return;
  await new Promise<void>((resolve) =>
    socket
      .on("end", resolve)
      .on("close", () => resolve())
      .resume(),
  );
}

/** The text of a request's head, once it is there; of a connection that breaks before there is none. */
function requestHead(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    socket.on("data", function read(chunk) {
      text += String(chunk);
      if (!text.includes("\r\n\r\n")) return;
      socket.off("data", read);
      resolve(text);
    });
  });
}

/** The answer that agrees to a request, with `lines` added, each with its CRLF. */
function agreement(request: string, lines = ""): string {
  const key = /^Sec-WebSocket-Key: (.*)\r$/m.exec(request)?.[1];
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  return (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    `Sec-WebSocket-Accept: ${accept}\r\n${lines}\r\n`
  );
}

/** A server that reads the head of each request and answers as `answer` does. */
function answering(t: TestContext, answer: (socket: Socket, request: string) => void) {
  return tcpServer(t, async (socket) => answer(socket, await requestHead(socket)));
}

async function belfry(t: TestContext, options: ServerOptions = {}): Promise<{ url: string; port: number }> {
  const server = createServer({ packet: (connection, packet) => void connection.send(packet), ...options });
  const { port } = await server.listen({ host: "127.0.0.1" });
  t.after(() => server.close());
  return { port, url: `ws://127.0.0.1:${port}/` };
}

// ---- Clients --------------------------------------------------------------------------------------------------------------

/** The frames of a server, one after the other. */
async function* frames(source: AsyncIterable<Uint8Array>): AsyncGenerator<{ opcode: number; text: string }> {
  let bytes = Buffer.alloc(0);
  const header = new FrameHeader();
  for await (const chunk of source) {
    bytes = Buffer.concat([bytes, chunk]);
    for (;;) {
      const size = readHeader(bytes, 0, bytes.length, header);
      if (size === 0 || bytes.length < size + header.length) break;
      yield { opcode: header.opcode, text: bytes.toString("utf8", size, size + header.length) };
      bytes = bytes.subarray(size + header.length);
    }
  }
}

async function echoes(socket: Dialed, text: string): Promise<void> {
  const all = frames(socket.source);
  await socket.write(frame(opcodes.TEXT, text));
  assert.deepEqual((await all.next()).value, { opcode: opcodes.TEXT, text });
  await socket.write(frame(opcodes.CLOSE, Buffer.from([3, 232])));
  assert.equal((await all.next()).value?.opcode, opcodes.CLOSE);
  assert.equal((await all.next()).done, true, "the server ends after its close frame");
}

/** Everything that comes until the end; a socket stays open for writing. */
async function all(source: AsyncIterable<Uint8Array> | Readable): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  const iterable = source instanceof Readable ? source.iterator({ destroyOnReturn: false }) : source;
  for await (const chunk of iterable) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

function timers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
}

/** Asserts that a dial rejects with an error of Belfry's that says where to, and that it leaves nothing behind. */
async function fails(url: string, options: DialOptions, judge: (error: BelfryError) => void): Promise<void> {
  const { signal } = new AbortController();
  const before = timers();
  await assert.rejects(dial(url, { signal, ...options }), (error) => {
    assert.ok(error instanceof ConnectionError || error instanceof HandshakeError, String(error));
    assert.ok(error.message.startsWith(`dial ${url.split("?")[0]}`), error.message);
    judge(error);
    return true;
  });
  assert.equal(getEventListeners(options.signal ?? signal, "abort").length, 0);
  assert.equal(timers(), before);
}

function pattern(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 7) >> 3;
  return bytes;
}

/** Descriptors that this process holds. */
function descriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

// ---- Over every kind of connection ----------------------------------------------------------------------------------------

/** What connects in a test, and how many connections it still holds when that can be told. */
interface Bench {
  readonly connect: Connect;
  readonly held?: () => number;
}

const kinds: Readonly<Record<string, (t: TestContext, options?: { dialQueueBytesMax?: number }) => Bench>> = {
  "node:net": (_, options) => ({ connect: connectNet(options) }),
  "netpoll, native": (t, options) => netpoll(t, "native", options),
  "netpoll, portable": (t, options) => netpoll(t, "portable", options),
};

function netpoll(t: TestContext, driver: "native" | "portable", options: { dialQueueBytesMax?: number } = {}): Bench {
  const dialer = new NetpollDialer({ driver, ...options });
  t.after(() => dialer.close());
  assert.equal(dialer.driver, driver);
  return { connect: dialer.connect, held: () => dialer.connections };
}

for (const [kind, open] of Object.entries(kinds)) {
  describe(`dial over ${kind}`, { skip: kind.endsWith("native") && nativeSkip, timeout: 60_000 }, () => {
    it("opens a WebSocket to a Belfry server, and closes it", async (t) => {
      const { connect, held } = open(t);
      const { url } = await belfry(t);
      const socket = await dial(url, { connect });
      assert.deepEqual([socket.protocol, socket.extensions], [undefined, ""]);
      await echoes(socket, "hällo");
      assert.equal(held?.() ?? 0, 0, "a connection that both have ended closes by itself");
    });

    it("tells a Belfry server protocols, headers, path and user, and learns its choice", async (t) => {
      const { connect } = open(t);
      const seen: unknown[] = [];
      const { port } = await belfry(t, {
        upgrade: (request) => {
          const { url, protocols } = request;
          seen.push(url, protocols, request.header("authorization"), request.header("x-y"), request.header("host"));
          return { protocol: "b" };
        },
      });
      const url = `http://user:secret@127.0.0.1:${port}/chat?room=1`;
      const socket = await dial(url, { connect, protocols: ["a", "b"], headers: { "X-Y": "z" } });
      assert.equal(socket.protocol, "b");
      const basic = `Basic ${Buffer.from("user:secret").toString("base64")}`;
      assert.deepEqual(seen, ["/chat?room=1", ["a", "b"], basic, "z", `127.0.0.1:${port}`]);
      await echoes(socket, "x".repeat(100_000));
    });

    it("opens a WebSocket to a server of the package ws, which accepts an extension", async (t) => {
      const { connect } = open(t);
      const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: true });
      await once(server, "listening");
      t.after(() => server.close());
      server.on("connection", (peer) => peer.on("message", (data, isBinary) => peer.send(data, { binary: isBinary })));
      const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      const offers = "permessage-deflate; client_max_window_bits";
      const socket = await dial(url, { connect, protocols: ["chat"], extensions: offers });
      assert.equal(socket.protocol, "chat");
      assert.match(socket.extensions, /^permessage-deflate/);
      socket.destroy();
      await echoes(await dial(url, { connect }), "plain");
    });

    it("gives frames that come right behind the answer, and those after them", async (t) => {
      const { connect } = open(t);
      const { url } = await answering(t, (socket, request) => {
        socket.write(Buffer.concat([Buffer.from(agreement(request)), frame(1, "one", { masked: false })]));
        socket.once("data", () => socket.end(frame(1, "two", { masked: false })));
      });
      const socket = await dial(url, { connect });
      const came = frames(socket.source);
      assert.equal((await came.next()).value?.text, "one");
      socket.write(frame(1, "go on"));
      assert.equal((await came.next()).value?.text, "two");
      assert.equal((await came.next()).done, true);
    });

    it("reads an answer that comes byte by byte, behind interim ones", async (t) => {
      const { connect } = open(t);
      const { url } = await answering(t, async (socket, request) => {
        const early = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 \r\n\r\n";
        for (const byte of Buffer.concat([Buffer.from(early + agreement(request)), frame(1, "x", { masked: false })])) {
          await new Promise((resolve) => socket.write(Uint8Array.of(byte), resolve));
        }
      });
      const socket = await dial(url, { connect });
      assert.equal((await frames(socket.source).next()).value?.text, "x");
      socket.destroy();
    });

    for (const [what, answer, status, message] of [
      [
        "a redirect",
        "HTTP/1.1 302 Found\r\nLocation: ws://b/\r\n\r\n",
        302,
        /to ws:\/\/b\/; redirects are not followed/,
      ],
      ["401", "HTTP/1.1 401 Who are you?\r\nWWW-Authenticate: Basic\r\n\r\nbody", 401, /answered 401 Who are you\?/],
      ["another Accept", "HTTP/1.1 101 \r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 502, /Accept/],
      ["another protocol than HTTP", "SSH-2.0-OpenSSH_9.6\r\n", 502, /not one of HTTP/],
      ["an answer that is malformed further on", "HTTP/1.1 101 \r\nUpgrade : websocket\r\n\r\n", 502, /white space/],
    ] as const) {
      it(`refuses ${what} with ${status}, and leaves nothing open`, async (t) => {
        const { connect, held } = open(t);
        // In two pieces, the second of which may find the connection closed.
        const { url, sockets } = await answering(t, (socket) => {
          socket.write(answer.slice(0, 5));
          setImmediate(() => socket.write(answer.slice(5)));
        });
        await fails(url, { connect }, (error) => {
          assert.ok(error instanceof HandshakeError);
          assert.equal(error.status, status);
          assert.match(error.message, message);
          if (status === 401) assert.equal(error.headers["www-authenticate"], "Basic");
        });
        await gone(sockets[0]);
        assert.equal(held?.() ?? 0, 0);
      });
    }

    it("refuses a protocol and an extension that it did not offer", async (t) => {
      const { connect } = open(t);
      for (const line of ["Sec-WebSocket-Protocol: mqtt\r\n", "Sec-WebSocket-Extensions: x-y\r\n"]) {
        const { url } = await answering(t, (socket, request) => void socket.write(agreement(request, line)));
        await fails(url, { connect, protocols: ["chat"], extensions: "permessage-deflate" }, (error) => {
          assert.ok(error instanceof HandshakeError && error.status === 502);
          assert.match(error.message, /was not offered/);
        });
      }
    });

    for (const [what, before, message] of [
      ["without an answer", "", /ended without an answer/],
      ["within the head", "HTTP/1.1 101 Switching Protocols\r\n", /ended within the answer's head, after 34 bytes/],
    ] as const) {
      it(`tells of a connection that ends ${what}`, async (t) => {
        const { connect } = open(t);
        const { url } = await answering(t, (socket) => void socket.end(before));
        await fails(url, { connect }, (error) => {
          assert.ok(error instanceof HandshakeError && error.status === 502);
          assert.match(error.message, message);
        });
      });
    }

    it("tells of a connection that is reset instead of an answer", async (t) => {
      const { connect } = open(t);
      const { url } = await answering(t, (socket) => void socket.resetAndDestroy());
      await fails(url, { connect }, (error) => {
        assert.ok(error instanceof ConnectionError && error.code === "BELFRY_SYSTEM");
        assert.equal(error.errno, "ECONNRESET");
        assert.match(error.message, /ECONNRESET.*check that it speaks/);
      });
    });

    it("takes a head of headBytesMax bytes and refuses a longer one, interim answers counted", async (t) => {
      const { connect } = open(t);
      const early = "HTTP/1.1 103 Early Hints\r\n\r\n";
      const size = early.length + agreement("", "X: \r\n").length;
      const { url } = await answering(t, (socket, request) => {
        socket.write(early + agreement(request, `X: ${"x".repeat(1000 - size)}\r\n`) + "behind the head".repeat(100));
      });
      (await dial(url, { connect, headBytesMax: 1000 })).destroy();
      await fails(url, { connect, headBytesMax: 999 }, (error) => {
        assert.equal(error.code, "BELFRY_LIMIT");
        assert.match(error.message, /headBytesMax is 999 \(option headBytesMax\)/);
      });
    });

    it("refuses an answer that does not end at headBytesMax bytes", async (t) => {
      const { connect, held } = open(t);
      const { url } = await answering(t, (socket) => {
        socket.write("HTTP/1.1 101 Switching Protocols\r\nX: ");
        const more = () => {
          while (socket.writable && socket.write("x".repeat(1000)));
        };
        more();
        socket.on("drain", more);
      });
      await fails(url, { connect }, (error) => {
        assert.equal(error.code, "BELFRY_LIMIT");
        assert.match(error.message, new RegExp(`headBytesMax is ${limits.headBytesMax} `));
      });
      assert.equal(held?.() ?? 0, 0);
    });

    it("gives up when dialSecondsMax are over, and closes the connection", async (t) => {
      const { connect, held } = open(t);
      const { url, sockets } = await tcpServer(t, (socket) => socket.write("HTTP/1.1 101 "));
      await fails(url, { connect, dialSecondsMax: 0.2 }, (error) => {
        assert.equal(error.code, "BELFRY_LIMIT");
        assert.match(
          error.message,
          /waited for the whole answer in vain: dialSecondsMax is 0.2 \(option dialSecondsMax/,
        );
      });
      assert.equal(held?.() ?? 0, 0);
      await gone(sockets[0]);
    });

    it("gives up when its signal is aborted, before, while it connects, and while it waits for the answer", async (t) => {
      const { connect, held } = open(t);
      let asked = () => {};
      const { url, sockets } = await answering(t, () => asked());
      const aborted = (error: BelfryError) => {
        assert.equal(error.code, "BELFRY_ABORTED");
        assert.equal(error.cause, "enough");
      };
      await fails(url, { connect, signal: AbortSignal.abort("enough") }, aborted);
      assert.equal(sockets.length, 0, "nothing is done for a signal that is aborted already");

      const second = new AbortController();
      const failing = fails(url, { connect, signal: second.signal }, aborted);
      second.abort("enough");
      await failing;

      const third = new AbortController();
      asked = () => third.abort("enough");
      await fails(url, { connect, signal: third.signal }, aborted);
      assert.equal(held?.() ?? 0, 0);
    });

    it("means nothing to its signal any more once it is open", async (t) => {
      const { connect } = open(t);
      const { url } = await belfry(t);
      const controller = new AbortController();
      const socket = await dial(url, { connect, signal: controller.signal });
      controller.abort();
      await echoes(socket, "still there");
    });

    it("says what to do when nothing listens there", async (t) => {
      const { connect, held } = open(t);
      const { port, server } = await tcpServer(t, () => {});
      server.close();
      await once(server, "close");
      for (const host of ["127.0.0.1", "localhost"]) {
        await fails(`ws://${host}:${port}/path?token=secret`, { connect }, (error) => {
          assert.ok(error instanceof ConnectionError && error.code === "BELFRY_SYSTEM");
          assert.equal(error.errno, "ECONNREFUSED");
          assert.match(error.message, /ECONNREFUSED.*; nothing listens there/);
          assert.doesNotMatch(error.message, /secret/);
        });
      }
      assert.equal(held?.() ?? 0, 0);
    });

    it("says what to do about a name that does not exist", async (t) => {
      const { connect } = open(t);
      await fails("ws://name.invalid/", { connect }, (error) => {
        assert.ok(error instanceof ConnectionError);
        // A machine without a name service says the second.
        assert.ok(["ENOTFOUND", "EAI_AGAIN"].includes(error.errno), error.errno);
        assert.match(error.message, /; (there is no such host|the name service)/);
      });
    });

    it("resolves names", async (t) => {
      const { connect } = open(t);
      const { port } = await belfry(t);
      await echoes(await dial(`ws://localhost:${port}/`, { connect }), "by name");
    });

    it("lets a writer wait until a peer that does not read has read", async (t) => {
      const { connect } = open(t);
      const { url, sockets } = await answering(t, (socket, request) => void socket.pause().write(agreement(request)));
      const socket = await dial(url, { connect });
      const sent: Buffer[] = [];
      let waiting: Promise<void> | undefined;
      for (let i = 0; !waiting; i++) {
        assert.ok(i < 1000, "a peer that does not read takes everything");
        sent.push(pattern(100_000 + i));
        waiting = socket.write(sent.at(-1) as Buffer) ?? undefined;
      }
      sent.push(Buffer.from("the last"));
      const last = socket.write(sent.at(-1) as Buffer);
      const received = all(sockets[0] as Socket);
      await Promise.all([waiting, last]);
      socket.end();
      assert.ok((await received).equals(Buffer.concat(sent)));
      sockets[0]?.end("goodbye");
      assert.equal(String(await all(socket.source)), "goodbye");
    });

    it("cuts the connection of a writer who does not wait, at dialQueueBytesMax", async (t) => {
      const { connect, held } = open(t, { dialQueueBytesMax: 200_000 });
      const { url } = await answering(t, (socket, request) => void socket.pause().write(agreement(request)));
      const socket = await dial(url, { connect });
      const reading = assert.rejects(all(socket.source), (error) => {
        assert.ok(error instanceof ConnectionError && error.code === "BELFRY_LIMIT");
        assert.match(error.message, /dialQueueBytesMax is 200000 \(option dialQueueBytesMax\)/);
        return true;
      });
      while (!socket.write(pattern(1_000_000)));
      // Something waits now; what comes to it is taken, however large, as long as that is not over the limit.
      const waiting = socket.write(pattern(1_000_000));
      socket.write(pattern(1));
      await waiting;
      await reading;
      assert.equal(socket.write(pattern(1)), undefined, "what is written to a connection that was cut is dropped");
      assert.equal(held?.() ?? 0, 0);
    });

    it("stops the peer when nobody reads, and gives everything in the end", async (t) => {
      const { connect } = open(t);
      const sent = pattern(24_000_000);
      const { url, sockets } = await answering(t, (socket, request) => {
        socket.write(agreement(request));
        socket.end(sent);
      });
      const socket = await dial(url, { connect });
      // Who took what comes, one read in a turn, would have it all by then.
      for (let i = 0; i < 1000; i++) await new Promise(setImmediate);
      assert.ok((sockets[0] as Socket).writableLength > 0, "everything is taken though nobody reads");
      assert.ok((await all(socket.source)).equals(sent));
    });

    it("gives everything that comes after it has ended its own side, however late it is read", async (t) => {
      const { connect, held } = open(t);
      const sent = pattern(150_000);
      const { url, sockets } = await answering(t, (socket, request) => void socket.write(agreement(request)));
      const socket = await dial(url, { connect });
      const [peer] = sockets as [Socket];
      socket.end();
      socket.write(Buffer.from("dropped"));
      assert.equal(String(await all(peer)), "");
      peer.end(sent);
      await once(peer, "finish");
      // What is said and answered on another connection, the poll has seen on this one too.
      const { url: other } = await belfry(t);
      for (let i = 0; i < 5; i++) await echoes(await dial(other, { connect }), "in between");
      assert.ok((await all(socket.source)).equals(sent));
      assert.equal(held?.() ?? 0, 0);
    });

    it("closes by itself when the peer has ended, after what was written has gone", async (t) => {
      const { connect, held } = open(t);
      const sent = pattern(4_000_000);
      const { url, sockets } = await answering(t, (socket, request) => void socket.pause().end(agreement(request)));
      const socket = await dial(url, { connect, dialSecondsMax: 5 });
      const written = socket.write(sent);
      assert.equal((await all(socket.source)).length, 0);
      assert.ok((await all(sockets[0] as Socket)).equals(sent));
      await written;
      assert.equal(held?.() ?? 0, 0);
    });

    it("lets nobody wait for a peer that ended, did not read, and was reset then", async (t) => {
      const { connect, held } = open(t);
      const { url, sockets } = await answering(t, (socket, request) => void socket.pause().end(agreement(request)));
      const socket = await dial(url, { connect });
      let waiting: Promise<void> | undefined;
      while (!waiting) waiting = socket.write(pattern(1_000_000)) ?? undefined;
      assert.equal((await all(socket.source)).length, 0);
      assert.equal(held?.() ?? 1, 1, "what waits holds it open");
      sockets[0]?.resetAndDestroy();
      await waiting;
      assert.equal(held?.() ?? 0, 0);
    });

    it("tells who reads that the connection was reset, behind what came before", async (t) => {
      const { connect, held } = open(t);
      const { url, sockets } = await answering(
        t,
        (socket, request) => void socket.write(`${agreement(request)}before`),
      );
      const socket = await dial(url, { connect });
      const chunks = socket.source[Symbol.asyncIterator]();
      assert.equal(String(Buffer.from((await chunks.next()).value as Uint8Array)), "before");
      sockets[0]?.resetAndDestroy();
      await assert.rejects(chunks.next(), (error) => {
        assert.ok(error instanceof ConnectionError && error.code === "BELFRY_SYSTEM");
        assert.equal(error.errno, "ECONNRESET");
        return true;
      });
      assert.equal((await chunks.next()).done, true);
      assert.equal(held?.() ?? 0, 0);
    });

    it("ends quietly for its reader when it is destroyed, and when its reader leaves", async (t) => {
      const { connect, held } = open(t);
      const { url, sockets } = await answering(t, (socket, request) => void socket.write(`${agreement(request)}more`));
      const socket = await dial(url, { connect });
      const reading = all(socket.source);
      socket.destroy();
      socket.destroy();
      socket.end();
      assert.equal(socket.write(pattern(1)), undefined);
      assert.ok((await reading).length <= 4);
      await gone(sockets[0]);

      const left = await dial(url, { connect });
      for await (const chunk of left.source) {
        assert.equal(String(Buffer.from(chunk)), "more");
        break;
      }
      await gone(sockets[1]);

      const target = { host: "127.0.0.1", port: Number(new URL(url).port), tls: false, servername: "" };
      const { signal } = new AbortController();
      const transport = await connect(target, signal);
      assert.equal(getEventListeners(signal, "abort").length, 0);
      transport.write(Buffer.from("GET / HTTP/1.1\r\n\r\n"));
      for await (const chunk of transport.source) {
        assert.ok(chunk.length > 0);
        break;
      }
      await gone(sockets[2]);
      // What its reader left lingers until the server's end has come.
      while ((held?.() ?? 0) > 0) await new Promise((resolve) => setImmediate(resolve));
    });

    it("gives every descriptor back", { skip: process.platform !== "linux" }, async (t) => {
      const { connect, held } = open(t);
      const { port, server } = await tcpServer(t, () => {});
      const { url } = await tcpServer(t, async (socket) => {
        socket.on("end", () => socket.end());
        const request = await requestHead(socket);
        socket.write(request.includes("/refuse") ? "HTTP/1.1 403 Forbidden\r\n\r\n" : agreement(request));
        socket.resume();
      });
      (await dial(url, { connect })).destroy();
      server.close();
      const before = descriptors();
      for (let i = 0; i < 10; i++) {
        const controller = new AbortController();
        const dials = [
          dial(`ws://127.0.0.1:${port}/`, { connect }),
          dial(`${url}refuse`, { connect }),
          dial(url, { connect, signal: controller.signal }),
        ];
        controller.abort();
        for (const { status } of await Promise.allSettled(dials)) assert.equal(status, "rejected");
        (await dial(url, { connect })).destroy();
        (await dial(url, { connect })).end();
      }
      // What was cut is closed in one of the next turns, at both ends.
      while (descriptors() > before || (held?.() ?? 0) > 0) await new Promise(setImmediate);
    });

    it("holds many connections at once", async (t) => {
      const { connect, held } = open(t);
      const { url } = await belfry(t);
      const sockets = await Promise.all(Array.from({ length: 200 }, () => dial(url, { connect })));
      assert.equal(held?.() ?? 200, 200);
      await Promise.all(sockets.map((socket, i) => echoes(socket, `connection ${i}`)));
      assert.equal(held?.() ?? 0, 0);
    });
  });
}

// ---- What only some can -----------------------------------------------------------------------------------------------------

test("ChunkQueue gives what an array gives, in any order of calls", () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.nat(3000).map((count) => ({ push: count })) },
    { weight: 3, arbitrary: fc.nat(3000).map((count) => ({ shift: count })) },
    { weight: 1, arbitrary: fc.nat(3).map((cut) => ({ cut })) },
    { weight: 1, arbitrary: fc.constant({ clear: true }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const queue = new ChunkQueue();
      let naive: Uint8Array[] = [];
      for (const step of steps) {
        if ("push" in step) {
          for (let i = 0; i < step.push; i++) {
            const chunk = new Uint8Array(i % 4);
            queue.push(chunk);
            naive.push(chunk);
          }
        } else if ("shift" in step) {
          for (let i = 0; i < step.shift; i++) assert.equal(queue.shift(), naive.shift());
        } else if ("cut" in step) {
          const rest = naive[0]?.subarray(step.cut);
          if (rest) queue.cutFirst(rest);
          if (rest) naive[0] = rest;
        } else {
          queue.clear();
          naive = [];
        }
        assert.equal(queue.first, naive[0]);
        assert.equal(
          queue.bytes,
          naive.reduce((sum, { length }) => sum + length, 0),
        );
      }
    }),
  );
});

describe("dial", { timeout: 60_000 }, () => {
  it("refuses options that are not allowed before it does anything", async () => {
    const connect: Connect = () => assert.fail("it connects");
    for (const [url, options, message] of [
      ["nowhere", {}, /the url is none/],
      ["ws://a/#b", {}, /fragment/],
      ["ws://a/", { protocols: ["a b"] }, /protocol/],
      ["ws://a/", { headers: { Host: "b" } }, /Host/],
      ["ws://a/", { dialSecondsMax: 0 }, /dialSecondsMax is 0/],
      ["ws://a/", { dialSecondsMax: 86_401 }, /dialSecondsMax is 86401/],
      ["ws://a/", { dialSecondsMax: Number.NaN }, /dialSecondsMax is NaN/],
      ["ws://a/", { headBytesMax: -1 }, /headBytesMax is -1/],
    ] as const) {
      await assert.rejects(dial(url, { connect, ...options }), (error) => {
        assert.ok(error instanceof BelfryError && error.code === "BELFRY_BAD_OPTION", String(error));
        assert.match(error.message, message);
        return true;
      });
    }
  });

  it("tells a connect of one's own where to, by the URL", async () => {
    const targets: Target[] = [];
    const connect: Connect = async (target) => {
      targets.push(target);
      throw new Error("no way");
    };
    for (const url of ["ws://a", "wss://a.example:8443/b", "http://127.0.0.1:81", "https://[::1]/"]) {
      await assert.rejects(dial(url, { connect }), /^ConnectionError: dial .*: no way$/);
    }
    assert.deepEqual(targets, [
      { host: "a", port: 80, tls: false, servername: "a" },
      { host: "a.example", port: 8443, tls: true, servername: "a.example" },
      { host: "127.0.0.1", port: 81, tls: false, servername: "" },
      { host: "::1", port: 443, tls: true, servername: "" },
    ]);
  });

  it("destroys what a connect of one's own gives too late", async () => {
    let connected: (transport: Transport) => void = () => {};
    const connect: Connect = () => new Promise((resolve) => (connected = resolve));
    const controller = new AbortController();
    const dialing = dial("ws://a/", { connect, signal: controller.signal });
    controller.abort();
    await assert.rejects(dialing, { code: "BELFRY_ABORTED" });
    await new Promise<void>((destroy) =>
      connected({ source: (async function* () {})(), write: () => {}, end: () => {}, destroy }),
    );
  });

  it("goes over a Unix socket", { skip: process.platform === "win32" }, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "belfry-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "socket");
    const server = createServer({ packet: (connection, packet) => void connection.send(packet) });
    t.after(() => server.close());
    await server.listen({ path });
    await echoes(await dial("ws://localhost/", { connect: connectNet({ path }) }), "over node:net");
    for (const driver of ["native", "portable"] as const) {
      const dialer = new NetpollDialer({ driver });
      t.after(() => dialer.close());
      const connect: Connect = (_, signal) => dialer.connectTo(path, 0, signal);
      await echoes(await dial("ws://localhost/", { connect }), `over netpoll, ${driver}`);
    }
    await fails("ws://localhost/", { connect: connectNet({ path: `${path}.not` }) }, (error) => {
      assert.match(error.message, /ENOENT.*; there is no such socket/);
    });
  });

  it("goes through a proxy by a connect of one's own", async (t) => {
    const { port } = await belfry(t);
    const asked: IncomingHttpHeaders[] = [];
    const proxy = createHttpServer().on("connect", (request, client: Socket) => {
      asked.push(request.headers);
      const [host, port] = (request.url as string).split(":");
      const upstream = connectTcp(Number(port), host, () => {
        client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
        upstream.pipe(client).pipe(upstream);
      });
      for (const socket of [client, upstream]) socket.on("error", () => {});
    });
    await once(proxy.listen(0, "127.0.0.1"), "listening");
    t.after(() => proxy.close());
    const throughProxy: Connect = (target, signal) =>
      new Promise((resolve, reject) => {
        const path = `${target.host}:${target.port}`;
        const { port } = proxy.address() as AddressInfo;
        httpRequest({ port, host: "127.0.0.1", method: "CONNECT", path, signal, headers: { Host: path } })
          .on("connect", (_, socket, head) => {
            socket.unshift(head);
            resolve(new SocketTransport(socket));
          })
          .on("error", reject)
          .end();
      });
    await echoes(await dial(`ws://127.0.0.1:${port}/`, { connect: throughProxy }), "through a proxy");
    assert.equal(asked[0]?.host, `127.0.0.1:${port}`);
  });

  for (const driver of ["native", "portable"] as const) {
    it(`refuses wss: over netpoll, ${driver}, and everything after its close`, async (t) => {
      const { url, sockets } = await answering(t, (socket, request) => void socket.write(agreement(request)));
      const dialer = new NetpollDialer({ driver });
      const { connect } = dialer;
      await fails("wss://127.0.0.1/", { connect }, (error) => {
        assert.equal(error.code, "BELFRY_BAD_OPTION");
        assert.match(error.message, /use connectNet for wss:/);
      });
      const socket = await dial(url, { connect });
      const reading = all(socket.source);
      const dialing = fails(url, { connect }, (error) => {
        assert.ok(error instanceof ConnectionError && error.errno === "ECANCELED", error.message);
      });
      assert.equal(dialer.connections, 2);
      dialer.close();
      dialer.close();
      assert.equal((await reading).length, 0);
      await dialing;
      await fails(url, { connect }, (error) => assert.equal(error.code, "BELFRY_BAD_STATE"));
      assert.equal(dialer.connections, 0);
      await gone(sockets[0]);
    });
  }

  for (const how of [
    "connectNet()",
    'new NetpollDialer({ driver: "native" }).connect',
    'new NetpollDialer({ driver: "portable" }).connect',
  ]) {
    it(`keeps no process alive after its end: ${how}`, async (t) => {
      const { url } = await belfry(t);
      const code = `
        import { connectNet, dial, NetpollDialer } from ${JSON.stringify(new URL("../src/dial/index.js", import.meta.url).href)};
        const socket = await dial(process.argv[1], { connect: ${how} });
        socket.write(Uint8Array.of(0x88, 0x80, 0, 0, 0, 0));
        for await (const chunk of socket.source) console.log(chunk.length);`;
      const child = spawn(process.execPath, ["--input-type=module", "-e", code, url], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      t.after(() => child.kill());
      const printed = all(child.stdout);
      assert.deepEqual(await once(child, "exit"), [0, null]);
      assert.match(String(await printed), /^\d+\n/);
    });
  }
});

describe("dial over netpoll, native", { skip: nativeSkip }, () => {
  it("reads what the peer said before it cut the connection, though a write was first to find out", async (t) => {
    const { connect, held } = netpoll(t, "native");
    const { url, sockets } = await answering(t, (socket, request) => void socket.write(agreement(request)));
    const socket = await dial(url, { connect });
    const [peer] = sockets as [Socket];
    // All of this happens before the poll is asked again.
    peer.write("last words");
    peer.resetAndDestroy();
    assert.equal(socket.write(Buffer.from("x")), undefined);
    assert.equal(socket.write(Buffer.from("dropped")), undefined);
    assert.equal(String(await all(socket.source)), "last words");
    assert.equal(held?.(), 0);
  });
});

describe("dial over TLS", { timeout: 60_000 }, () => {
  let folder = "";
  let cert: Buffer;
  let key: Buffer;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "belfry-tls-"));
    const [certificate, secret] = [join(folder, "cert.pem"), join(folder, "key.pem")];
    const request = [
      "req",
      "-x509",
      "-nodes",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-days",
      "2",
    ];
    const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    execFileSync("openssl", [...request, ...names, "-keyout", secret, "-out", certificate], { stdio: "ignore" });
    [cert, key] = [readFileSync(certificate), readFileSync(secret)];
  });
  after(() => rmSync(folder, { recursive: true }));

  /** A server of TLS before a Belfry server. */
  async function terminator(t: TestContext) {
    const { port } = await belfry(t);
    const names: unknown[] = [];
    const server = createTlsServer({ cert, key }, (socket) => {
      names.push(socket.servername);
      const upstream = connectTcp(port, "127.0.0.1");
      for (const end of [socket, upstream]) end.on("error", () => {});
      socket.pipe(upstream).pipe(socket);
    });
    server.on("tlsClientError", () => {});
    await once(server.listen(0, "127.0.0.1"), "listening");
    t.after(() => server.close());
    return { port: (server.address() as AddressInfo).port, names };
  }

  it("speaks to a server whose certificate it is told to trust, and names it", async (t) => {
    const { port, names } = await terminator(t);
    const connect = connectNet({ tls: { ca: cert } });
    await echoes(await dial(`wss://localhost:${port}/`, { connect }), "over TLS");
    await echoes(await dial(`https://localhost:${port}/`, { connect }), "x".repeat(200_000));
    assert.deepEqual(names, ["localhost", "localhost"]);
  });

  it("says what is wrong with a certificate", async (t) => {
    const { port } = await terminator(t);
    for (const [url, tls, errno, advice] of [
      [`wss://localhost:${port}/`, {}, "DEPTH_ZERO_SELF_SIGNED_CERT", /give it as tls.ca/],
      [`wss://127.0.0.1:${port}/`, { ca: cert }, "ERR_TLS_CERT_ALTNAME_INVALID", /the certificate is for another name/],
    ] as const) {
      await fails(url, { connect: connectNet({ tls }) }, (error) => {
        assert.ok(error instanceof ConnectionError && error.code === "BELFRY_SYSTEM");
        assert.equal(error.errno, errno);
        assert.match(error.message, advice);
      });
    }
    const trusting = connectNet({ tls: { rejectUnauthorized: false } });
    await echoes(await dial(`wss://127.0.0.1:${port}/`, { connect: trusting }), "trusted");
  });

  it("says that a server without TLS has none, and gives up on one that does not answer", async (t) => {
    const { port } = await belfry(t);
    await fails(`wss://127.0.0.1:${port}/`, {}, (error) => {
      assert.ok(error instanceof ConnectionError && error.code === "BELFRY_SYSTEM");
      assert.match(error.message, /speaks no TLS/);
    });
    const { port: silent, sockets } = await tcpServer(t, (socket) => void socket.resume());
    await fails(`wss://127.0.0.1:${silent}/`, { dialSecondsMax: 0.2 }, (error) => {
      assert.equal(error.code, "BELFRY_LIMIT");
      assert.match(error.message, /waited for the connection in vain/);
    });
    await gone(sockets[0]);
  });

  it("says that a server of TLS wants it, when it is dialed without", async (t) => {
    const { port } = await terminator(t);
    await fails(`ws://127.0.0.1:${port}/`, {}, (error) =>
      assert.match(error.message, /HTTP\/1|without an answer|ECONNRESET/),
    );
  });

  it("goes through a connect of one's own that brings its TLS socket", async (t) => {
    const { port } = await terminator(t);
    const connect: Connect = async ({ servername }) => {
      const socket = connectTls({ socket: connectTcp(port, "127.0.0.1"), servername, ca: cert });
      await once(socket, "secureConnect");
      return new SocketTransport(socket);
    };
    await echoes(await dial("wss://localhost/", { connect }), "by hand");
  });
});
