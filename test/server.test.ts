import assert from "node:assert/strict";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import WebSocket from "ws";
import {
  BelfryError,
  type Connection,
  createServer,
  limits,
  type Server,
  type ServerOptions,
  SystemError,
} from "../src/index.ts";
import { frame, RawClient, request } from "./raw-client.ts";

/** A promise with its resolve, for an event of a handler. */
function signal<Value = void>(): { promise: Promise<Value>; fire: (value: Value) => void } {
  let fire: (value: Value) => void = () => {};
  const promise = new Promise<Value>((resolve) => {
    fire = resolve;
  });
  return { promise, fire };
}

const errors: string[] = [];
const log = { info() {}, warn() {}, error: (line: string) => void errors.push(line) };

for (const driver of ["native", "portable"] as const) {
  describe(`server, over the ${driver} driver`, () => {
    async function serve(
      t: TestContext,
      options: ServerOptions,
    ): Promise<{ server: Server; port: number; url: string }> {
      const server = createServer({ driver, log, closeSecondsMax: 1, ...options });
      const { port } = await server.listen({ host: "127.0.0.1" });
      t.after(() => server.close());
      return { server, port, url: `ws://127.0.0.1:${port}/` };
    }
    async function connect(t: TestContext, url: string, options: WebSocket.ClientOptions = {}): Promise<WebSocket> {
      const client = new WebSocket(url, options);
      t.after(() => client.terminate());
      await once(client, "open");
      return client;
    }
    async function message(client: WebSocket): Promise<string> {
      const [data] = (await once(client, "message")) as [Buffer];
      return data.toString();
    }

    it("server: echoes text as text and bytes as bytes, of every size from empty to larger than its slabs", async (t) => {
      const messageBytesMax = 4 * 1024 * 1024;
      const { url } = await serve(t, {
        messageBytesMax,
        outboxBytesMax: 8 * 1024 * 1024,
        packet: (c, packet) => void c.send(packet),
      });
      const client = await connect(t, url, { perMessageDeflate: false });
      for (const size of [0, 1, 125, 126, 65_535, 65_536, 1_048_570, 3_000_000]) {
        const bytes = Buffer.alloc(size, "0123456789ä");
        for (const binary of [true, false]) {
          const sent = binary ? bytes : Buffer.from(bytes.toString("utf8").replaceAll("\ufffd", "?"));
          client.send(sent, { binary });
          const [data, isBinary] = (await once(client, "message")) as [Buffer, boolean];
          assert.equal(isBinary, binary);
          assert.ok(data.equals(sent), `${size} bytes, binary ${binary}`);
        }
      }
    });

    it("server: a Buffer may be changed as soon as it is sent, however large it is", async (t) => {
      const { url } = await serve(t, {
        outboxBytesMax: 32 << 20,
        open(connection) {
          const bytes = Buffer.alloc(16 << 20, "a");
          connection.send(bytes);
          bytes.fill("b");
        },
      });
      const client = await connect(t, url, { maxPayload: 32 << 20 });
      const [data] = (await once(client, "message")) as [Buffer];
      assert.ok(data.equals(Buffer.alloc(16 << 20, "a")));
    });

    it("server: with zeroCopy a packet that is read after its handler throws BELFRY_EXPIRED", async (t) => {
      const read = signal<unknown>();
      const { url } = await serve(t, {
        zeroCopy: true,
        packet(connection, packet) {
          connection.send(packet);
          setImmediate(() => {
            try {
              packet.text();
            } catch (error) {
              read.fire(error);
            }
          });
        },
      });
      const client = await connect(t, url);
      client.send("view");
      assert.equal(await message(client), "view");
      const error = await read.promise;
      assert.ok(error instanceof BelfryError && error.code === "BELFRY_EXPIRED");
    });

    it("upgrade: sees path, query, headers, cookies and protocols, and its data is the connection's", async (t) => {
      const { url } = await serve(t, {
        upgrade: (ask) => ({
          protocol: "b",
          headers: { "X-Seen": "yes" },
          data: [ask.path, ask.query.get("q"), ask.header("Cookie"), ask.protocols.join(), ask.remoteAddress],
        }),
        open: (connection) => void connection.send(JSON.stringify(connection.data)),
      });
      const client = new WebSocket(`${url}a/b?q=1`, ["a", "b"], { headers: { cookie: "s=1" } });
      t.after(() => client.terminate());
      const [[upgrade], text] = await Promise.all([once(client, "upgrade"), message(client)]);
      assert.equal(upgrade.headers["x-seen"], "yes");
      assert.equal(client.protocol, "b");
      assert.deepEqual(JSON.parse(text), ["/a/b", "1", "s=1", "a,b", "127.0.0.1"]);
    });

    it("upgrade: may take its time; what the client has sent in the meantime is kept in order", async (t) => {
      const decide = signal();
      const { port } = await serve(t, {
        async upgrade(ask) {
          await decide.promise;
          return { data: ask.header("x-late") };
        },
        packet: (connection, packet) => void connection.send(`${connection.data}:${packet.text()}`),
      });
      const client = await RawClient.connect(port);
      client.send(Buffer.concat([Buffer.from(request({ "X-Late": "still here" })), frame(1, "one")]));
      client.send(frame(1, "two"));
      decide.fire();
      assert.equal((await client.head()).status, 101);
      assert.equal((await client.frame()).payload.toString(), "still here:one");
      assert.equal((await client.frame()).payload.toString(), "still here:two");
      client.reset();
    });

    it("upgrade: that throws, rejects or answers nonsense is a 500 for that client only", async (t) => {
      const { port, url } = await serve(t, {
        upgrade(ask) {
          if (ask.path === "/throw") throw new Error("thrown");
          if (ask.path === "/reject") return Promise.reject(new Error("rejected"));
          if (ask.path === "/status") return { status: 200 };
          if (ask.path === "/header") return { headers: { "X-A": "a\r\nX-B: b" } };
          if (ask.path === "/rejection") return { status: 403, headers: { "X-A": "\u2713" } };
          if (ask.path === "/late") return Promise.resolve({ status: 403, headers: { "X-A": "a\r\nb" } });
          if (ask.path === "/true") return true as unknown as undefined;
          return undefined;
        },
      });
      for (const path of ["/throw", "/reject", "/status", "/header", "/rejection", "/late", "/true"]) {
        const client = await RawClient.connect(port);
        client.send(request({}, path));
        assert.equal((await client.head()).status, 500, path);
        client.end();
      }
      await connect(t, url);
    });

    it("handlers: one that throws or rejects closes its connection with 1011, and no other", async (t) => {
      const { url } = await serve(t, {
        packet(_connection, packet) {
          if (packet.text() === "throw") throw new Error("thrown by a handler");
          return Promise.reject(new Error("rejected by a handler"));
        },
      });
      const bystander = await connect(t, url);
      for (const how of ["throw", "reject"]) {
        const client = await connect(t, url);
        client.send(how);
        const [code] = await once(client, "close");
        assert.equal(code, 1011);
      }
      assert.ok(errors.some((line) => line.includes("thrown by a handler")));
      assert.ok(errors.some((line) => line.includes("rejected by a handler")));
      assert.equal(bystander.readyState, WebSocket.OPEN);
    });

    it("handlers: while one is pending its connection's next packet waits, and others are served", async (t) => {
      const first = signal();
      const seen: string[] = [];
      const { url } = await serve(t, {
        async packet(connection, packet) {
          const text = packet.text();
          seen.push(`begin ${text}`);
          if (text === "first") await first.promise;
          seen.push(`end ${text}`);
          connection.send(text);
        },
      });
      const slow = await connect(t, url);
      const other = await connect(t, url);
      const answers: string[] = [];
      const both = signal();
      slow.on("message", (data) => answers.push(String(data)) === 2 && both.fire());
      slow.send("first");
      slow.send("second");
      other.send("other");
      assert.equal(await message(other), "other");
      assert.deepEqual(seen, ["begin first", "begin other", "end other"]);
      first.fire();
      await both.promise;
      assert.deepEqual(answers, ["first", "second"]);
      assert.deepEqual(seen.slice(3), ["end first", "begin second", "end second"]);
    });

    it("workers: no more handlers are pending at once than workersMax, and everybody is served in the end", async (t) => {
      const workersMax = 3;
      let pending = 0;
      let most = 0;
      const release: (() => void)[] = [];
      const full = signal();
      const { url } = await serve(t, {
        workersMax,
        async packet(connection, packet) {
          most = Math.max(most, ++pending);
          if (pending === workersMax) full.fire();
          await new Promise<void>((resolve) => release.push(resolve));
          pending--;
          connection.send(packet.text());
        },
      });
      const clients = await Promise.all(Array.from({ length: 12 }, () => connect(t, url)));
      const answers = clients.map(message);
      clients.forEach((client, i) => {
        client.send(String(i));
      });
      await full.promise;
      let answered = 0;
      for (const answer of answers) void answer.then(() => answered++);
      while (answered < clients.length) {
        for (const go of release.splice(0)) go();
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.deepEqual(
        (await Promise.all(answers)).map(Number).sort((a, b) => a - b),
        clients.map((_, i) => i),
      );
      assert.ok(most <= workersMax, `${most} were pending at once`);
    });

    it("handles: one kept over the close answers closed, and never reaches the client that got its descriptor", async (t) => {
      const rounds = 30;
      const old: Connection[] = [];
      const works: Promise<void>[] = [];
      const late = signal();
      const descriptors = new Set<number>();
      let reused = 0;
      const { url } = await serve(t, {
        open(connection) {
          if (descriptors.has(connection.descriptor)) reused++;
          descriptors.add(connection.descriptor);
        },
        packet(connection, packet) {
          if (!packet.text().startsWith("keep me")) return connection.send("yours");
          old.push(connection);
          const work = late.promise.then(() => {
            assert.equal(connection.isOpen, false);
            assert.equal(connection.send("a byte for the wrong client"), false);
            connection.close(4001, "the wrong one");
            connection.terminate();
            assert.equal(connection.bufferedBytes, 0);
            assert.equal(connection.remoteAddress, "");
          });
          works.push(work);
          // One that the server waits for, and one that it knows nothing of.
          return packet.text() === "keep me, I am pending" ? work : undefined;
        },
      });
      for (let i = 0; i < rounds; i++) {
        const before = old.length;
        const client = await connect(t, url);
        // Node does not look at a socket that it does not read from: only the native driver sees the reset meanwhile.
        const pending = driver === "native" && i % 2 === 0;
        client.send(pending ? "keep me, I am pending" : "keep me");
        while (old.length === before) await new Promise((resolve) => setImmediate(resolve));
        (client as unknown as { _socket: Socket })._socket.resetAndDestroy();
        while (old[before]?.isOpen) await new Promise((resolve) => setImmediate(resolve));
      }
      const heirs = await Promise.all(Array.from({ length: rounds }, () => connect(t, url)));
      const heard: string[] = [];
      for (const heir of heirs) {
        heir.on("message", (data) => heard.push(data.toString()));
        heir.on("close", () => heard.push("closed"));
      }
      late.fire();
      await Promise.all(works);
      await Promise.all(
        heirs.map(async (heir) => {
          heir.send("hello");
          await once(heir, "message");
        }),
      );
      assert.ok(reused > 0, "no descriptor was used twice: the test proves nothing");
      assert.deepEqual(
        heard,
        heirs.map(() => "yours"),
      );
      assert.equal(new Set(old.map((connection) => connection.id)).size, rounds);
    });

    it("handles: with data set the same object comes back in every handler, and its data is gone with the connection", async (t) => {
      const closed = signal<Connection>();
      let opened: Connection | undefined;
      const { url } = await serve(t, {
        open(connection) {
          opened = connection;
          connection.data = { name: "mine" };
        },
        packet: (connection) => void connection.send(String(connection === opened)),
        close: (connection) => closed.fire(connection),
      });
      const client = await connect(t, url);
      client.send("same?");
      assert.equal(await message(client), "true");
      client.close();
      assert.equal(await closed.promise, opened);
    });

    it("close: the code and reason of whoever begins are told to both sides", async (t) => {
      const closes: unknown[] = [];
      const { url } = await serve(t, {
        packet: (connection) => connection.close(4123, "grüße"),
        close: (_connection, code, reason) => void closes.push([code, reason]),
      });
      const served = await connect(t, url);
      served.send("close me");
      const [code, reason] = await once(served, "close");
      assert.deepEqual([code, String(reason)], [4123, "grüße"]);
      const leaving = await connect(t, url);
      leaving.close(4321, "bye");
      const [echoed] = await once(leaving, "close");
      assert.equal(echoed, 4321);
      assert.deepEqual(closes, [
        [4123, "grüße"],
        [4321, "bye"],
      ]);
    });

    it("close: a code that may not be sent, or a reason that is too long, throws BELFRY_BAD_OPTION and names what is allowed", async (t) => {
      const caught = signal<unknown[]>();
      const { url } = await serve(t, {
        open(connection) {
          const thrown: unknown[] = [];
          for (const [code, reason] of [
            [1005, ""],
            [999, ""],
            [1000, "x".repeat(limits.closeReasonBytesMax + 1)],
          ] as const) {
            try {
              connection.close(code, reason);
            } catch (error) {
              thrown.push(error);
            }
          }
          connection.close(1000, "x".repeat(limits.closeReasonBytesMax));
          caught.fire(thrown);
        },
      });
      const client = new WebSocket(url);
      const [code, reason] = await once(client, "close");
      assert.deepEqual([code, reason.length], [1000, limits.closeReasonBytesMax]);
      const thrown = await caught.promise;
      assert.equal(thrown.length, 3);
      for (const error of thrown) assert.ok(error instanceof BelfryError && error.code === "BELFRY_BAD_OPTION");
    });

    it("close: what was sent before it arrives, and nothing can be sent after it", async (t) => {
      const { url } = await serve(t, {
        open(connection) {
          for (let i = 0; i < 100; i++) connection.send(String(i));
          connection.close();
          assert.equal(connection.send("too late"), false);
        },
      });
      const client = new WebSocket(url);
      const got: string[] = [];
      client.on("message", (data) => got.push(data.toString()));
      await once(client, "close");
      assert.deepEqual(
        got,
        Array.from({ length: 100 }, (_, i) => String(i)),
      );
    });

    it("outbox: a reader that stops is cut with 3008 at outboxBytesMax; one that only pauses gets everything, in order", async (t) => {
      const outboxBytesMax = 2_000_000;
      const slow = signal<[number, string]>();
      const drained = signal();
      const chunk = Buffer.alloc(10_000);
      let stop = false;
      const { port, url } = await serve(t, {
        outboxBytesMax,
        packet(connection, packet) {
          const count = Number(packet.text());
          if (count === 0) {
            // Without an end, until the bound is met.
            const flood = () => {
              for (let i = 0; i < 100 && connection.isOpen; i++) connection.send(chunk);
              if (connection.isOpen && !stop) setImmediate(flood);
            };
            return flood();
          }
          for (let i = 0; i < count; i++) {
            chunk.writeUInt32BE(i);
            connection.send(chunk);
          }
          assert.ok(connection.bufferedBytes > 0);
        },
        drain: () => drained.fire(),
        close: (_connection, code, reason) => code === 3008 && slow.fire([code, reason]),
      });
      const stuck = await RawClient.open(port);
      stuck.socket.pause();
      stuck.send(frame(1, "0"));
      assert.deepEqual(await slow.promise, [3008, "slow: outboxBytesMax"]);
      stop = true;
      stuck.reset();
      const paused = await connect(t, url, { perMessageDeflate: false });
      paused.pause();
      const count = 190;
      paused.send(String(count));
      await new Promise((resolve) => setImmediate(resolve));
      let next = 0;
      const all = signal();
      paused.on("message", (data: Buffer) => {
        assert.equal(data.readUInt32BE(), next++);
        if (next === count) all.fire();
      });
      paused.resume();
      await all.promise;
    });

    it("outbox: what a terminated connection still had to send goes to nobody", async (t) => {
      const secret = Buffer.alloc(12_000_000, "SECRET");
      const { port } = await serve(t, {
        messageBytesMax: 100,
        outboxBytesMax: 64_000_000,
        packet(connection, packet) {
          if (packet.text() !== "leak") return connection.send(packet);
          connection.send("x".repeat(400_000));
          connection.send(secret);
          return connection.terminate();
        },
      });
      for (let round = 0; round < 5; round++) {
        const stuck = await RawClient.open(port);
        stuck.socket.pause();
        stuck.send(frame(1, "leak"));
        stuck.socket.resume();
        await stuck.ended();
        stuck.reset();
        const next = await RawClient.open(port);
        next.send(frame(1, "mine"));
        assert.equal((await next.frame()).payload.toString(), "mine");
        next.reset();
      }
    });

    it("outbox: a reader that is slow but reads is not taken for dead, although its pong stands behind the backlog", async (t) => {
      const total = 60;
      const { port } = await serve(t, {
        heartbeatSeconds: 0.2,
        pongSecondsMax: 0.2,
        outboxBytesMax: 64_000_000,
        packet(connection) {
          for (let i = 0; i < total; i++) connection.send(Buffer.alloc(200_000));
        },
      });
      const client = await RawClient.open(port);
      client.send(frame(1, "go"));
      // It reads in steps for much longer than a silent peer would have.
      client.socket.pause();
      const step = setInterval(() => {
        client.socket.resume();
        setTimeout(() => client.socket.pause(), 5);
      }, 50);
      t.after(() => clearInterval(step));
      let got = 0;
      while (got < total) {
        const { opcode } = await client.frame();
        assert.notEqual(opcode, 8, "it was closed");
        if (opcode === 9) client.send(frame(10, ""));
        else got++;
      }
      client.reset();
    });

    it("outbox: a handler told of a broken connection may write and close, whoever was just written to", async (t) => {
      const members = new Set<Connection>();
      const { port } = await serve(t, {
        outboxBytesMax: 1_000_000,
        open: (connection) => void members.add(connection),
        packet(_connection, packet) {
          for (let i = 0; i < 50; i++)
            for (const member of members) member.send(`${packet.text()}${"n".repeat(10_000)}`);
        },
        close(connection) {
          for (const member of members) {
            if (member.id === connection.id) members.delete(member);
            else if (member.isOpen) {
              member.send("somebody left");
              member.close(4000, "so do I");
            }
          }
        },
      });
      const clients = await Promise.all(Array.from({ length: 3 }, () => RawClient.open(port)));
      (clients[0] as RawClient).socket.pause();
      const readers = clients.slice(1);
      const lasts = readers.map(() => "");
      let open = true;
      while (open) {
        (readers[0] as RawClient).send(frame(1, "to all "));
        for (const [i, reader] of readers.entries()) {
          for (let n = 0; n < 50; n++) {
            const { opcode, payload } = await reader.frame();
            if (opcode === 8) open = false;
            if (opcode === 8) break;
            lasts[i] = payload.toString();
          }
        }
      }
      for (const [i, reader] of readers.entries()) {
        assert.equal(lasts[i], "somebody left");
        reader.send(frame(8, Buffer.from([0x0f, 0xa0])));
        await reader.ended();
        reader.end();
      }
      (clients[0] as RawClient).reset();
    });

    it("handlers: one that terminates its connection and goes on does not hold up, or close, the next one", async (t) => {
      const late = signal();
      const { port } = await serve(t, {
        async packet(connection, packet) {
          if (packet.text() !== "end") return void connection.send(packet.text());
          connection.terminate();
          await late.promise;
          throw new Error("failed after its end");
        },
      });
      for (let i = 0; i < 3; i++) {
        const client = await RawClient.open(port);
        client.send(frame(1, "end"));
        await client.ended();
      }
      const heirs = await Promise.all(Array.from({ length: 4 }, () => RawClient.open(port)));
      const echo = (text: string) =>
        Promise.all(
          heirs.map(async (heir) => {
            heir.send(frame(1, text));
            assert.equal((await heir.frame()).payload.toString(), text);
          }),
        );
      await echo("while it is pending");
      late.fire();
      await new Promise((resolve) => setImmediate(resolve));
      await echo("and after it failed");
      for (const heir of heirs) heir.reset();
    });

    it("handlers: never two at a time for one connection, whichever of them are asynchronous", async (t) => {
      const log: string[] = [];
      const pause = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));
      const { port } = await serve(t, {
        async upgrade() {
          await pause();
        },
        async open() {
          log.push("open");
          await pause();
          log.push("opened");
        },
        async packet(connection, packet) {
          log.push(`${packet.text()} begins`);
          await pause();
          log.push(`${packet.text()} ends`);
          connection.send("done");
        },
      });
      const client = await RawClient.connect(port);
      client.send(Buffer.concat([Buffer.from(request()), frame(1, "1"), frame(1, "2")]));
      await client.head();
      client.send(frame(1, "3"));
      for (let i = 0; i < 3; i++) await client.frame();
      assert.deepEqual(log, ["open", "opened", ...["1", "2", "3"].flatMap((n) => [`${n} begins`, `${n} ends`])]);
      client.reset();
    });

    it("workers: handlers that all wait for their sockets to drain get there, although nothing is harvested", async (t) => {
      const drains = new Map<number, () => void>();
      const { url } = await serve(t, {
        workersMax: 2,
        outboxBytesMax: 64_000_000,
        async packet(connection) {
          connection.send(Buffer.alloc(20_000_000));
          if (connection.bufferedBytes > 0) await new Promise<void>((resolve) => drains.set(connection.id, resolve));
        },
        drain: (connection) => drains.get(connection.id)?.(),
      });
      const clients = await Promise.all([1, 2].map(() => connect(t, url, { perMessageDeflate: false })));
      const all = Promise.all(clients.map((client) => once(client, "message")));
      for (const client of clients) client.send("fill");
      for (const [data] of await all) assert.equal((data as Buffer).length, 20_000_000);
      await connect(t, url);
    });

    it("upgrade: decided after its time, or by a promise of another make, opens nothing that was refused", async (t) => {
      const decide = signal();
      let opened = 0;
      const { port } = await serve(t, {
        headSecondsMax: 0.2,
        upgrade(ask) {
          if (ask.path === "/late") return decide.promise.then(() => undefined);
          const thenable = {
            [["th", "en"].join("")]: (resolve: (decision: object) => void) => resolve({ status: 401 }),
          };
          return thenable as unknown as Promise<undefined>;
        },
        open: () => void opened++,
      });
      const late = await RawClient.connect(port);
      late.send(request({}, "/late"));
      assert.equal((await late.head()).status, 503);
      decide.fire();
      const refused = await RawClient.connect(port);
      refused.send(request());
      assert.equal((await refused.head()).status, 401);
      assert.equal(opened, 0);
      late.end();
      refused.end();
    });

    it("http: other requests on the same port, with a body and with keep-alive, go to the HTTP handler", async (t) => {
      const { port, url } = await serve(t, {
        async http(ask, answer) {
          let bytes = 0;
          for await (const part of ask) bytes += (part as Buffer).length;
          answer.end(`${ask.method} ${ask.url} ${bytes}`);
        },
        packet: (connection, packet) => void connection.send(packet),
      });
      const body = "b".repeat(200_000);
      const posted = await fetch(`http://127.0.0.1:${port}/post`, { method: "POST", body });
      assert.equal(await posted.text(), `POST /post ${body.length}`);
      assert.equal(await (await fetch(`http://127.0.0.1:${port}/again`)).text(), "GET /again 0");
      const cut = httpRequest({ port, host: "127.0.0.1", path: "/cut" });
      cut.end();
      const [answer] = await once(cut, "response");
      assert.equal(answer.statusCode, 200);
      answer.destroy();
      const client = await connect(t, url);
      client.send("both");
      assert.equal(await message(client), "both");
    });

    it("listen: on a Unix socket, on IPv6, on several addresses; a port in use is EADDRINUSE", async (t) => {
      const { server, port } = await serve(t, { packet: (connection, packet) => void connection.send(packet) });
      await assert.rejects(
        server.listen({ host: "127.0.0.1", port }),
        (error) => error instanceof SystemError && error.errno === "EADDRINUSE",
      );
      const path = join(tmpdir(), `belfry-${process.pid}-${driver}.sock`);
      const first = createServer({ driver });
      await first.listen({ path });
      await first.close();
      await server.listen({ path });
      const six = await server.listen({ host: "::1" });
      for (const url of [`ws+unix:${path}:/`, `ws://[::1]:${six.port}/`]) {
        const client = await connect(t, url);
        client.send(url);
        assert.equal(await message(client), url);
      }
    });

    it("options: a mistake is an error that names the option and what is allowed", async (t) => {
      const { server } = await serve(t, {});
      const cases: [() => unknown, RegExp][] = [
        [() => createServer({ messageBytesMax: 0 }), /option messageBytesMax: .*>=1/],
        [() => createServer({ driver: "fast" as "auto" }), /option driver: .*"auto" \| "native" \| "portable"/],
        [() => createServer({ mesageBytesMax: 5 } as ServerOptions), /option mesageBytesMax/],
        [() => createServer({ packet: 5 as unknown as () => void }), /option packet/],
        [() => server.listen({ port: 65_536 }), /option port: .*<=65535/],
        [() => server.listen({ host: "localhost" }), /option host: .*numeric/],
      ];
      for (const [call, message] of cases) {
        const isRight = (error: unknown) =>
          error instanceof BelfryError && error.code === "BELFRY_BAD_OPTION" && message.test(error.message);
        await assert.rejects(async () => call(), isRight);
      }
    });

    it("close: ends a server with open, half-open and idle connections within its bound, and tells the clients 1001", async (t) => {
      const { server, port, url } = await serve(t, {
        closeSecondsMax: 0.3,
        http: (_ask, answer) => void answer.end("ok"),
      });
      const client = await connect(t, url);
      const head = await RawClient.connect(port);
      head.send("GET / HTTP/1.1\r\n");
      const rude = await RawClient.open(port);
      await (await fetch(`http://127.0.0.1:${port}/`)).text();
      const [[code]] = await Promise.all([once(client, "close"), server.close(), server.close()]);
      assert.equal(code, 1001);
      assert.equal(server.connections, 0);
      await Promise.all([head.ended(), rude.ended()]);
    });
  });
}
