import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer as createHttpServer, get, request } from "node:http";
import { type AddressInfo, connect, createServer, type NetConnectOpts, type Socket } from "node:net";
import { devNull, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, it, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import {
  type Binding,
  ENTRY,
  errnoName,
  events,
  interest,
  listenFlags,
  loadBinding,
  type Netpoll,
  openDriver,
  type Poll,
  Poller,
  RECORD,
} from "../src/netpoll/index.ts";
import { quietListener } from "./quiet-listener.ts";

/** What a record said, with a copy of its bytes. */
interface Seen {
  readonly fd: number;
  readonly event: number;
  readonly value: number;
  readonly bytes: Buffer;
}

/** Whether the kernel runs a keepalive timer for the connection that was accepted on a port of 127.0.0.1. */
function hasKeepAlive(port: number): boolean {
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const rows = readFileSync("/proc/net/tcp", "utf8")
    .split("\n")
    .map((line) => line.trim().split(/\s+/));
  const established = rows.filter(([, address, , state]) => address?.endsWith(local) && state === "01");
  assert.equal(established.length, 1);
  return established[0]?.[5]?.startsWith("02:") ?? false;
}

/** A driver whose records are kept until a test asks for them. */
interface Bench {
  readonly driver: Netpoll;
  readonly seen: Seen[];
  /** Takes the first record of this event (and descriptor) out of `seen`, now or when it comes. */
  next(event: number, fd?: number): Promise<Seen>;
  /** Takes DATA records of a descriptor until they hold so many bytes. */
  bytes(fd: number, count: number): Promise<Buffer>;
  listen(address?: string, flags?: number): Promise<{ listener: number; port: number }>;
  /** A client of node:net, connected and accepted: both ends. */
  pair(options?: Partial<NetConnectOpts>): Promise<{ client: Socket; fd: number; listener: number; port: number }>;
}

const INPUT_BYTES = 131_072;
const OUTPUT_BYTES = 1_048_576;
const nativeSkip = process.platform === "win32" ? "the addon is not built on Windows" : false;

for (const choice of ["native", "portable"] as const) {
  describe(`the ${choice} driver`, { skip: choice === "native" && nativeSkip, timeout: 60_000 }, () => {
    it("says which driver runs", (t) => {
      const lines: string[] = [];
      const driver = openDriver({
        choice,
        inputBytes: 4096,
        outputBytes: 0,
        ready: () => {},
        says: (l) => lines.push(l),
      });
      t.after(() => driver.destroy());
      assert.equal(driver.driver, choice);
      assert.equal(lines.length, 1);
      assert.match(lines[0] ?? "", new RegExp(`the ${choice} driver`));
    });

    it("accepts and receives many connections in a batch", async (t) => {
      const { next, listen } = bench(t, choice);
      const { listener, port } = await listen();
      const clients = Array.from({ length: 20 }, () => client(t, { port }));
      const fds = new Set<number>();
      for (const _ of clients) {
        const { fd, value } = await next(events.ACCEPTED);
        assert.equal(value, listener);
        fds.add(fd);
      }
      assert.equal(fds.size, clients.length);
      for (const [i, socket] of clients.entries()) socket.write(`client ${i}`);
      const said = new Set<string>();
      for (const fd of fds) said.add(String((await next(events.DATA, fd)).bytes));
      assert.deepEqual([...said].sort(), clients.map((_, i) => `client ${i}`).sort());
    });

    it("takes a listener that the process was started with, and refuses what is none", async (t) => {
      const { driver, next } = bench(t, choice);
      const { fd, port } = quietListener();
      const early = client(t, { port });
      const listener = await driver.listen(`fd:${fd}`, 0, 16, 0);
      assert.ok(listener >= 0, errnoName(listener));
      assert.equal(driver.local(listener), `127.0.0.1 ${port}`);
      assert.equal((await next(events.ACCEPTED)).value, listener);
      assert.equal(driver.close(listener), 0);
      early.destroy();
      const file = openSync(devNull, "r");
      assert.ok((await driver.listen(`fd:${file}`, 0, 16, 0)) < 0);
      closeSync(file);
      assert.ok((await driver.listen("fd:1000000", 0, 16, 0)) < 0);
    });

    it("receives large data in parts that fit in the slab, from several at once", async (t) => {
      const { bytes, pair, seen } = bench(t, choice);
      const sent = [pattern(1_500_000, 3), pattern(1_500_000, 7), pattern(1_500_000, 11)];
      const pairs = [await pair(), await pair(), await pair()];
      for (const [i, { client: socket }] of pairs.entries()) socket.write(sent[i] as Buffer);
      for (const [i, { fd }] of pairs.entries()) {
        assert.ok((await bytes(fd, 1_500_000)).equals(sent[i] as Buffer), `connection ${i}`);
      }
      assert.ok(seen.every(({ event }) => event !== events.END));
    });

    it("tells the end of a stream once, after the last byte", async (t) => {
      const { driver, next, pair } = bench(t, choice);
      const { client: socket, fd } = await pair();
      socket.end("last words");
      assert.equal(String((await next(events.DATA, fd)).bytes), "last words");
      assert.equal((await next(events.END, fd)).value, 0);
      assert.equal(driver.close(fd), 0);
      assert.equal(errnoName(driver.arm(fd, interest.READ)), "EBADF");
    });

    it("tells a reset as END with -ECONNRESET", async (t) => {
      const { next, pair } = bench(t, choice);
      const { client: socket, fd } = await pair();
      socket.resetAndDestroy();
      assert.equal(errnoName((await next(events.END, fd)).value), "ECONNRESET");
    });

    it("tells a reset although reading is off", async (t) => {
      const { driver, next, pair } = bench(t, choice);
      const { client: socket, fd } = await pair();
      assert.equal(driver.arm(fd, interest.NONE), 0);
      socket.resetAndDestroy();
      const { value } = await next(events.END, fd);
      assert.ok(["ECONNRESET", "EPIPE"].includes(errnoName(value)), errnoName(value));
      assert.equal(driver.close(fd), 0);
    });

    it("leaves in a flush list what the peer does not read, and tells when it does", async (t) => {
      const { driver, next, pair } = bench(t, choice);
      const { client: socket, fd } = await pair();
      socket.pause();
      const message = pattern(OUTPUT_BYTES, 5);
      message.copy(driver.slab, INPUT_BYTES);
      const list = new Int32Array([fd, INPUT_BYTES, OUTPUT_BYTES]);
      let whole = 0;
      while (driver.flush(list, 1) === 0) {
        whole++;
        list.set([fd, INPUT_BYTES, OUTPUT_BYTES]);
        assert.ok(whole < 64, "a peer that does not read takes everything");
      }
      const [, offset = 0, left = 0] = list;
      assert.ok(left > 0 && left <= OUTPUT_BYTES, String(left));
      assert.equal(offset + left, INPUT_BYTES + OUTPUT_BYTES, "what is left is the tail");
      const received = collect(socket);
      socket.resume();
      do {
        assert.equal(driver.arm(fd, interest.READ | interest.WRITE), 0);
        await next(events.WRITABLE, fd);
        assert.equal(driver.arm(fd, interest.READ), 0);
      } while (driver.flush(list, 1) > 0);
      assert.equal(driver.shutdown(fd), 0);
      const all = await received;
      assert.equal(all.length, (whole + 1) * OUTPUT_BYTES);
      for (let i = 0; i <= whole; i++) {
        assert.ok(all.subarray(i * OUTPUT_BYTES, (i + 1) * OUTPUT_BYTES).equals(message), `message ${i}`);
      }
    });

    it("flushes to several at once, and marks the entry of a broken one", async (t) => {
      const { driver, next, pair } = bench(t, choice);
      const [a, b] = [await pair(), await pair()];
      b.client.resetAndDestroy();
      await next(events.END, b.fd);
      driver.slab.write("hello there", INPUT_BYTES);
      const [from, outside] = [INPUT_BYTES, INPUT_BYTES + OUTPUT_BYTES];
      const list = new Int32Array([-1, from, 1, b.fd, from, 11, a.fd, from, 11, b.fd, from, 6, a.fd, outside - 5, 6]);
      assert.equal(driver.flush(list, list.length / ENTRY), 4);
      assert.equal(errnoName(list[2] ?? 0), "EBADF");
      assert.ok(["ECONNRESET", "EPIPE"].includes(errnoName(list[5] ?? 0)));
      assert.deepEqual([...list.subarray(6, 12)], [a.fd, from, 0, b.fd, from, 6], "the second of a broken one stays");
      assert.equal(errnoName(list[14] ?? 0), "EFAULT");
      assert.equal(String((await once(a.client, "data"))[0]), "hello there");
    });

    it("keeps the order of entries when the first does not go as a whole", async (t) => {
      const { driver, pair } = bench(t, choice);
      const [full, free] = [await pair(), await pair()];
      full.client.pause();
      while (driver.send(full.fd, driver.slab, INPUT_BYTES, OUTPUT_BYTES) > 0);
      driver.slab.write("hello", INPUT_BYTES);
      const list = new Int32Array([
        full.fd,
        INPUT_BYTES,
        OUTPUT_BYTES,
        free.fd,
        INPUT_BYTES,
        5,
        full.fd,
        INPUT_BYTES,
        4,
      ]);
      assert.equal(driver.flush(list, 3), 2);
      assert.ok((list[2] as number) > 0);
      assert.deepEqual([...list.subarray(3)], [free.fd, INPUT_BYTES, 0, full.fd, INPUT_BYTES, 4]);
      assert.equal(list[0], full.fd);
      assert.equal(String((await once(free.client, "data"))[0]), "hello");
    });

    it("tells what was received before a reset, and then the reset", async (t) => {
      const { driver, next, pair, seen } = bench(t, choice);
      const { client: socket, fd } = await pair();
      const other = await pair();
      driver.watching(false);
      socket.write("before");
      await new Promise((resolve) => other.client.write("x", resolve));
      socket.resetAndDestroy();
      await once(socket, "close");
      driver.watching(true);
      const { value } = await next(events.END, fd);
      // libuv takes a reset that comes with the last bytes for an end of stream.
      if (choice === "native" || value !== 0) assert.equal(errnoName(value), "ECONNRESET");
      await next(events.DATA, other.fd);
      const data = seen.filter((record) => record.fd === fd && record.event === events.DATA);
      assert.ok(data.length === 0 || String(data[0]?.bytes) === "before");
    });

    it("multicasts to all, with a result for each", async (t) => {
      const { driver, next, pair } = bench(t, choice);
      const pairs = [await pair(), await pair(), await pair()];
      pairs[1]?.client.resetAndDestroy();
      await next(events.END, pairs[1]?.fd);
      const fds = new Int32Array([...pairs.map(({ fd }) => fd), 1_000_000]);
      const results = new Int32Array(4);
      const bytes = Buffer.from("to all of you");
      assert.equal(driver.multicast(bytes, 6, fds, 4, results), 2);
      bytes.fill(0);
      assert.equal(results[0], 6);
      assert.ok(["ECONNRESET", "EPIPE"].includes(errnoName(results[1] ?? 0)));
      assert.equal(results[2], 6);
      assert.equal(errnoName(results[3] ?? 0), "EBADF");
      for (const i of [0, 2]) assert.equal(String((await once(pairs[i]?.client as Socket, "data"))[0]), "to all");
      assert.equal(errnoName(driver.multicast(bytes, 14, fds, 1, results)), "EFAULT");
      assert.equal(errnoName(driver.multicast(bytes, 1, fds, 5, results)), "EFAULT");
    });

    it("holds back what comes while it is not armed for reading", async (t) => {
      const { bytes, driver, next, pair, seen } = bench(t, choice);
      const [held, other] = [await pair(), await pair()];
      assert.equal(driver.arm(held.fd, interest.NONE), 0);
      held.client.write("held");
      held.client.end(" back");
      await once(held.client, "finish");
      for (let i = 0; i < 10; i++) {
        other.client.write("x");
        await next(events.DATA, other.fd);
      }
      assert.ok(!seen.some(({ fd }) => fd === held.fd));
      assert.equal(driver.arm(held.fd, interest.READ), 0);
      assert.equal(String(await bytes(held.fd, 9)), "held back");
      assert.equal((await next(events.END, held.fd)).value, 0);
    });

    it("stops the sender when nobody reads, and goes on where it stopped", async (t) => {
      const { bytes, driver, pair } = bench(t, choice);
      const { client: socket, fd } = await pair();
      driver.arm(fd, interest.NONE);
      const sent = pattern(16_000_000, 13);
      socket.write(sent);
      assert.ok(socket.writableNeedDrain);
      driver.arm(fd, interest.READ);
      assert.ok((await bytes(fd, sent.length)).equals(sent));
    });

    it("gives an errno when it cannot listen", async (t) => {
      const { driver, listen } = bench(t, choice);
      const { port } = await listen();
      const fails = async (address: string, at: number) => errnoName(await driver.listen(address, at, 16, 0));
      assert.equal(await fails("127.0.0.1", port), "EADDRINUSE");
      assert.equal(await fails("localhost", 0), "EINVAL");
      assert.equal(await fails("", 0), "EINVAL");
      assert.equal(await fails("127.0.0.1", 65_536), "EINVAL");
      assert.equal(await fails("127.0.0.1", -1), "EINVAL");
      assert.equal(await fails("203.0.113.1", 0), "EADDRNOTAVAIL");
    });

    it("has the kernel look after peers, of a listener that was told so, and of no other", async (t) => {
      const { driver, next, listen } = bench(t, choice);
      for (const seconds of [0, 60]) {
        const { listener, port } = await listen();
        if (seconds > 0) assert.equal(driver.keepAlive(listener, seconds), 0);
        client(t, { port });
        await next(events.ACCEPTED);
        if (process.platform === "linux") assert.equal(hasKeepAlive(port), seconds > 0);
      }
      assert.ok(driver.keepAlive(1_000_000, 60) < 0);
    });

    it("shares a port with REUSE_PORT, or says that it cannot", async (t) => {
      const { driver, listen } = bench(t, choice);
      const first = await driver.listen("127.0.0.1", 0, 16, listenFlags.REUSE_PORT);
      if (first < 0) return assert.equal(errnoName(first), "ENOTSUP");
      t.after(() => driver.close(first));
      const port = Number(String(driver.local(first)).split(" ")[1]);
      const second = await driver.listen("127.0.0.1", port, 16, listenFlags.REUSE_PORT);
      assert.ok(second >= 0, errnoName(second));
      driver.close(second);
      assert.ok((await listen()).listener >= 0);
    });

    it("listens on IPv6, and names IPv4 clients by their IPv4 address", async (t) => {
      const { driver, listen, next } = bench(t, choice);
      const six = await listen("::1");
      if (six.listener < 0) return t.skip("no IPv6 here");
      client(t, { port: six.port, host: "::1" });
      const accepted = await next(events.ACCEPTED);
      assert.match(String(driver.peer(accepted.fd)), /^::1 \d+$/);
      assert.equal(driver.local(accepted.fd), `::1 ${six.port}`);

      const both = await listen("::");
      const socket = client(t, { port: both.port });
      const mapped = await next(events.ACCEPTED);
      assert.equal(driver.peer(mapped.fd), `127.0.0.1 ${(socket.address() as AddressInfo).port}`);
      assert.equal(driver.local(both.listener), `:: ${both.port}`);

      const only = await listen("::", listenFlags.V6_ONLY);
      const [error] = await once(connect({ port: only.port, host: "127.0.0.1" }), "error");
      assert.equal((error as NodeJS.ErrnoException).code, "ECONNREFUSED");
    });

    it("listens on a Unix socket and connects to it", { skip: process.platform === "win32" }, async (t) => {
      const { driver, next } = bench(t, choice);
      const folder = mkdtempSync(join(tmpdir(), "belfry-"));
      t.after(() => rmSync(folder, { recursive: true }));
      const path = join(folder, "socket");
      const listener = await driver.listen(path, 0, 16, 0);
      t.after(() => driver.close(listener));
      assert.equal(driver.local(listener), `${path} 0`);
      const mine = driver.connect(path, 0, "");
      assert.equal((await next(events.CONNECTED, mine)).value, 0);
      const { fd } = await next(events.ACCEPTED);
      assert.equal(driver.local(fd), `${path} 0`);
      assert.equal(driver.peer(fd), " 0");
      assert.equal(driver.peer(mine), `${path} 0`);
      driver.send(mine, Buffer.from("by path"), 3, 4);
      assert.equal(String((await next(events.DATA, fd)).bytes), "path");
      driver.close(mine);
      assert.equal((await next(events.END, fd)).value, 0);
      driver.close(fd);
    });

    it("connects from the address it is given", { skip: process.platform !== "linux" }, async (t) => {
      const { driver, next } = bench(t, choice);
      const server = createServer((socket) => socket.end(`hello ${socket.remoteAddress}`)).listen(0, "127.0.0.1");
      t.after(() => server.close());
      await once(server, "listening");
      const fd = driver.connect("127.0.0.1", (server.address() as AddressInfo).port, "127.0.0.5");
      assert.equal((await next(events.CONNECTED, fd)).value, 0);
      assert.match(String(driver.local(fd)), /^127\.0\.0\.5 \d+$/);
      assert.equal(String((await next(events.DATA, fd)).bytes), "hello 127.0.0.5");
      assert.equal((await next(events.END, fd)).value, 0);
      assert.equal(driver.close(fd), 0);
    });

    it("tells a refused connect as CONNECTED with -ECONNREFUSED", async (t) => {
      const { driver, listen, next } = bench(t, choice);
      const { listener, port } = await listen();
      driver.close(listener);
      const fd = driver.connect("127.0.0.1", port, "");
      assert.equal(errnoName((await next(events.CONNECTED, fd)).value), "ECONNREFUSED");
      assert.equal(driver.close(fd), 0);
      assert.equal(errnoName(driver.connect("localhost", port, "")), "EINVAL");
      assert.equal(errnoName(driver.connect("127.0.0.1", port, "localhost")), "EINVAL");
    });

    it("adopts a connection that node:http upgraded", async (t) => {
      const { bytes, driver } = bench(t, choice);
      const server = createHttpServer().listen(0, "127.0.0.1");
      t.after(() => server.close());
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      const asked = request({ port, host: "127.0.0.1", headers: { connection: "upgrade", upgrade: "test" } }).end();
      const [, socket] = (await once(server, "upgrade")) as [unknown, Socket];
      const fd = driver.adopt(socket);
      assert.ok(fd >= 0, errnoName(fd));
      assert.equal(socket.destroyed, choice === "native");
      const answer = Buffer.from("HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n");
      assert.equal(driver.send(fd, answer, 0, answer.length), answer.length);
      const [, theirs] = (await once(asked, "upgrade")) as [unknown, Socket];
      t.after(() => theirs.destroy());
      theirs.write("over the line");
      assert.equal(String(await bytes(fd, 13)), "over the line");
      driver.send(fd, Buffer.from("and back"), 0, 8);
      assert.equal(String((await once(theirs, "data"))[0]), "and back");
      assert.equal(driver.close(fd), 0);
      await once(theirs.resume(), "end");
      assert.equal(errnoName(driver.adopt(theirs.destroy())), "EBADF");
    });

    it("detaches a connection to node:http, with the bytes already read", async (t) => {
      const { driver, listen, next } = bench(t, choice);
      const server = createHttpServer((asked, answer) => answer.end(`you asked for ${asked.url}`));
      const { port } = await listen();
      const agentless = { port, host: "127.0.0.1", agent: false as const };
      const asked = get({ ...agentless, path: "/by/hand" });
      const { fd } = await next(events.ACCEPTED);
      const { bytes } = await next(events.DATA, fd);
      const socket = driver.detach(fd);
      t.after(() => socket.destroy());
      socket.unshift(bytes);
      server.emit("connection", socket);
      const [answer] = await once(asked, "response");
      assert.equal(String(await collect(answer)), "you asked for /by/hand");
      assert.throws(() => driver.detach(1_000_000));
    });

    it("names both sides as address and port", async (t) => {
      const { driver, pair } = bench(t, choice);
      const { client: socket, fd, listener, port } = await pair();
      assert.equal(driver.peer(fd), `127.0.0.1 ${socket.localPort}`);
      assert.equal(driver.local(fd), `127.0.0.1 ${port}`);
      assert.equal(driver.local(listener), `127.0.0.1 ${port}`);
      assert.equal(errnoName(driver.peer(listener) as number), "ENOTCONN");
      assert.equal(errnoName(driver.peer(1_000_000) as number), "EBADF");
      assert.equal(errnoName(driver.local(1_000_000) as number), "EBADF");
    });

    it("shuts its half of a connection and still receives", async (t) => {
      const { driver, next, pair } = bench(t, choice);
      const { client: socket, fd } = await pair({ allowHalfOpen: true });
      driver.send(fd, Buffer.from("that is all"), 0, 11);
      assert.equal(driver.shutdown(fd), 0);
      assert.equal(String(await collect(socket)), "that is all");
      assert.equal(errnoName(driver.send(fd, Buffer.from("more"), 0, 4)), "EPIPE");
      socket.end("but I go on");
      assert.equal(String((await next(events.DATA, fd)).bytes), "but I go on");
      assert.equal((await next(events.END, fd)).value, 0);
      assert.equal(driver.close(fd), 0);
      assert.equal(errnoName(driver.shutdown(1_000_000)), "EBADF");
    });

    it("sends after the peer has ended its half", async (t) => {
      const { driver, next, pair } = bench(t, choice);
      const { client: socket, fd } = await pair();
      const answer = collect(socket.end("question"));
      await next(events.END, fd);
      driver.send(fd, Buffer.from("answer"), 0, 6);
      driver.close(fd);
      assert.equal(String(await answer), "answer");
    });

    it("delivers what was sent before a close, and tells nothing after it", async (t) => {
      const { driver, pair, seen } = bench(t, choice);
      const { client: socket, fd } = await pair();
      const received = collect(socket);
      const sent = driver.send(fd, pattern(200_000, 17), 0, 200_000);
      assert.ok(sent > 0);
      assert.equal(driver.close(fd), 0);
      assert.ok((await received).equals(pattern(200_000, 17).subarray(0, sent)));
      assert.ok(!seen.some((record) => record.fd === fd));
    });

    it("leaves connections waiting while a listener rests", async (t) => {
      const { driver, listen, next, seen } = bench(t, choice);
      const [resting, other] = [await listen(), await listen()];
      driver.rest(resting.listener);
      const socket = client(t, { port: resting.port });
      socket.write("patience");
      await once(socket, "connect");
      for (let i = 0; i < 5; i++) {
        client(t, { port: other.port });
        assert.equal((await next(events.ACCEPTED)).value, other.listener);
      }
      assert.deepEqual(seen, []);
      driver.resume(resting.listener);
      const { fd, value } = await next(events.ACCEPTED);
      assert.equal(value, resting.listener);
      assert.equal(String((await next(events.DATA, fd)).bytes), "patience");
    });

    it("passes a listener, with who waits in its backlog, to another poll and back", async (t) => {
      const { driver, listen, next, seen } = bench(t, choice);
      const other = bench(t, choice);
      const { listener, port } = await listen();
      driver.rest(listener);
      client(t, { port }).write("one");
      const there = driver.pass(listener, other.driver);
      assert.ok(there >= 0);
      const { fd, value } = await other.next(events.ACCEPTED);
      assert.equal(value, there);
      assert.equal(String((await other.next(events.DATA, fd)).bytes), "one");
      assert.ok(driver.pass(listener, other.driver) < 0, "it is not here any more");
      const back = other.driver.pass(there, driver);
      client(t, { port }).write("two");
      assert.equal((await next(events.ACCEPTED)).value, back);
      assert.ok(!seen.some((record) => record.fd === fd));
    });

    it("accepts no more in one wait than it is told, from all listeners together", async (t) => {
      const accepted: number[] = [];
      const driver = openDriver({ choice, inputBytes: 65_536, outputBytes: 0, ready: () => look(), says: () => {} });
      t.after(() => driver.destroy());
      let told = () => {};
      const look = () => {
        const count = driver.wait();
        let accepts = 0;
        for (let i = 0; i < count; i++) if (driver.records[i * RECORD + 1] === events.ACCEPTED) accepts++;
        if (accepts > 0) accepted.push(accepts);
        told();
      };
      const ports = await Promise.all(
        [1, 2].map(async () => {
          const listener = await driver.listen("127.0.0.1", 0, 64, 0);
          driver.rest(listener);
          return { listener, port: Number(String(driver.local(listener)).split(" ")[1]) };
        }),
      );
      const sockets = ports.flatMap(({ port }) => Array.from({ length: 5 }, () => client(t, { port })));
      await Promise.all(sockets.map((socket) => once(socket, "connect")));
      driver.accepts(3);
      for (const { listener } of ports) driver.resume(listener);
      while (accepted.reduce((sum, each) => sum + each, 0) < 10)
        await new Promise<void>((resolve) => {
          told = resolve;
        });
      assert.ok(Math.max(...accepted) <= 3, accepted.join());
    });

    it("is silent while the poll is not watched", async (t) => {
      const { driver, next, pair, seen } = bench(t, choice);
      const { client: socket, fd } = await pair();
      driver.watching(false);
      const echo = createServer((theirs) => theirs.pipe(theirs)).listen(0, "127.0.0.1");
      t.after(() => echo.close());
      await once(echo, "listening");
      socket.write("quiet");
      const probe = client(t, { port: (echo.address() as AddressInfo).port });
      for (let i = 0; i < 5; i++) {
        probe.write("x");
        await once(probe, "data");
      }
      assert.deepEqual(seen, []);
      driver.watching(true);
      assert.equal(String((await next(events.DATA, fd)).bytes), "quiet");
    });

    it("is of no use after destroy", async () => {
      const driver = openDriver({ choice, inputBytes: 4096, outputBytes: 0, ready: () => {}, says: () => {} });
      driver.destroy();
      driver.destroy();
      assert.equal(errnoName(driver.wait()), "EBADF");
      assert.equal(errnoName(driver.connect("127.0.0.1", 1, "")), "EBADF");
      assert.equal(errnoName(await driver.listen("127.0.0.1", 0, 1, 0)), "EBADF");
    });
  });
}

describe("the addon", { skip: nativeSkip, timeout: 60_000 }, () => {
  it("throws a TypeError for arguments of a wrong type", (t) => {
    const binding = loadBinding();
    const poll = openPoll(t, binding);
    const verbs = binding as unknown as Record<string, (...args: unknown[]) => unknown>;
    for (const [name, verb] of Object.entries(verbs)) {
      assert.throws(() => verb(), TypeError, name);
      assert.throws(() => verb("text", null, {}, Symbol("s"), [], 1n), TypeError, name);
      assert.throws(() => verb(new Uint8Array(8), "a", new Float64Array(2), "b", () => {}, poll), TypeError, name);
    }
    assert.throws(() => verbs.open?.(new Uint8Array(8), new Int32Array(8), 8, "no function"), TypeError);
    assert.throws(() => verbs.open?.(new Int32Array(8), new Int32Array(8), 8, () => {}), TypeError);
    assert.throws(() => verbs.listen?.(poll, 127, 0, 0, 0), TypeError);
    assert.throws(() => verbs.flush?.(new Uint8Array(8), new Uint32Array(3), 1), TypeError);
  });

  it("answers what lies outside an array with -EFAULT", (t) => {
    const binding = loadBinding();
    openPoll(t, binding);
    const [bytes, list, fds] = [new Uint8Array(8), new Int32Array([-1, 4, 5]), new Int32Array(2)];
    const { MAX, MIN } = { MAX: 2_147_483_647, MIN: -2_147_483_648 };
    const fault = (result: unknown) => assert.equal(errnoName(result as number), "EFAULT");
    for (const [offset, length] of [
      [4, 5],
      [-1, 1],
      [9, 0],
      [0, -1],
      [MAX, MAX],
      [MIN, MIN],
      [MAX, 1],
    ] as const) {
      fault(binding.send(-1, bytes, offset, length));
      list.set([-1, offset, length]);
      assert.equal(binding.flush(bytes, list, 1), 1);
      fault(list[2]);
    }
    for (const count of [2, -1, MAX, MIN]) fault(binding.flush(bytes, list, count));
    for (const count of [3, -1, MAX, MIN]) fault(binding.multicast(bytes, 8, fds, count, fds));
    for (const length of [9, -1, MAX, MIN]) fault(binding.multicast(bytes, length, fds, 1, fds));
    fault(binding.multicast(bytes, 8, fds, 2, new Int32Array(1)));
    for (const count of [9, -1, MAX]) fault(binding.open(bytes, new Int32Array(8), count, () => {}));
    assert.equal(errnoName(binding.open(bytes, new Int32Array(7), 8, () => {}) as number), "EINVAL");
    assert.equal(binding.send(-1, new Uint8Array(0), 0, 0), -9);
  });

  it("survives arguments at random", (t) => {
    const binding = loadBinding();
    const poll = openPoll(t, binding);
    const gone = binding.open(new Uint8Array(4096), new Int32Array(8), 4096, () => {}) as Poll;
    binding.destroy(gone);
    const numbers = [-1, -2_147_483_648, 2_147_483_647, 999_999, 1e300, Number.NaN, -0.5];
    const others = [
      poll,
      gone,
      "127.0.0.1",
      "::",
      "/",
      "x".repeat(300),
      "a\0b",
      new Uint8Array(16),
      new Int32Array(16),
    ];
    const things = [
      ...others,
      new Uint8Array(0),
      new Int32Array(0),
      () => {},
      null,
      undefined,
      {},
      Object.create(null),
    ];
    const random = numbersFrom(12_345);
    // These take numbers for descriptors, and NaN is 0: only numbers that are no descriptor.
    const choose = (from: unknown[]) => from[random() % from.length];
    const verbs = Object.entries(binding as unknown as Record<string, (...args: unknown[]) => unknown>);
    for (let i = 0; i < 20_000; i++) {
      const [name, verb] = verbs[random() % verbs.length] as (typeof verbs)[number];
      if (name === "destroy") continue;
      const fds = numbers.slice(0, 4);
      const args = Array.from({ length: random() % 8 }, () => choose(random() % 2 ? things : fds));
      try {
        const result = verb(...args);
        if (name === "open" && typeof result === "object") binding.destroy(result as Poll);
        if (name === "listen" && (result as number) >= 0) binding.close(result as number);
        if (name === "connect" && (result as number) >= 0) binding.close(result as number);
      } catch (error) {
        assert.ok(error instanceof TypeError, `${name}: ${error}`);
      }
    }
  });

  it("receives into a slab smaller than its usual part, and gives each event its record", async (t) => {
    const binding = loadBinding();
    const records = new Int32Array(2 * RECORD);
    const slab = Buffer.alloc(10);
    let harvest = () => {};
    const poll = binding.open(slab, records, 10, () => harvest()) as Poll;
    binding.watching(poll, 1);
    t.after(() => binding.destroy(poll));
    const listener = binding.listen(poll, "127.0.0.1", 0, 16, 0);
    t.after(() => binding.close(listener));
    const port = Number(String(binding.local(listener)).split(" ")[1]);
    const clients = Array.from({ length: 5 }, () => client(t, { port }));
    for (const socket of clients) socket.write("twenty bytes of data");
    const received = new Map<number, string>();
    await new Promise<void>((resolve) => {
      harvest = () => {
        const count = binding.wait(poll);
        for (let i = 0; i < count * RECORD; i += RECORD) {
          const [fd = 0, event, value = 0, offset = 0] = records.subarray(i, i + RECORD);
          if (event === events.ACCEPTED) received.set(fd, "");
          if (event === events.DATA)
            received.set(fd, received.get(fd) + slab.toString("latin1", offset, offset + value));
        }
        if (received.size === 5 && [...received.values()].every((text) => text.length === 20)) resolve();
      };
    });
    for (const [fd, text] of received) {
      assert.equal(text, "twenty bytes of data");
      binding.close(fd);
    }
  });

  it("rests its listener once when descriptors run out, and accepts the others later", async (t) => {
    const clientsMax = 100;
    const fixture = fileURLToPath(new URL("fixtures/emfile.js", import.meta.url));
    const script = 'ulimit -n 64; exec "$0" "$@"';
    const child = spawn("sh", ["-c", script, process.execPath, fixture, String(clientsMax)], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const exited = once(child, "exit");
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const told = async () =>
      JSON.parse((await lines.next()).value ?? "{}") as Record<string, number | string | boolean>;

    const { at, said } = await told();
    assert.equal(said, "listening");
    const port = Number(String(at).split(" ")[1]);
    for (let i = 0; i < clientsMax; i++) client(t, { port });

    let report = await told();
    assert.equal(report.said, "rested");
    assert.equal(report.same, true);
    assert.equal(errnoName(report.value as number), "EMFILE");
    const before = report;
    child.stdin.write("turns\n");
    report = await told();
    assert.equal(report.said, "turned");
    assert.equal(report.accepted, before.accepted);
    assert.equal(report.rested, 1);
    assert.ok((report.ready as number) - (before.ready as number) <= 1, "the resting listener calls nobody");

    let frees = 0;
    while (report.said !== "all") {
      frees++;
      child.stdin.write("free\n");
      report = await told();
      assert.ok((report.rested as number) <= frees + 1);
    }
    assert.equal(report.accepted, clientsMax);
    child.stdin.end();
    assert.deepEqual(await exited, [0, null]);
  });

  it("can be loaded in worker threads that are terminated", async () => {
    const code = `
      const { parentPort, workerData } = require("node:worker_threads");
      import(workerData.url).then(async ({ openDriver, Poller }) => {
        const open = () => openDriver({ choice: "native", inputBytes: 65536, outputBytes: 0, ready() {}, says() {} });
        const [driver, other] = [open(), open()];
        if (workerData.destroy) other.destroy();
        new Poller();
        const listener = await driver.listen("127.0.0.1", 0, 16, 0);
        const fd = driver.connect("127.0.0.1", Number(driver.local(listener).split(" ")[1]), "");
        parentPort.postMessage({ listener, fd });
      });`;
    const url = new URL("../src/netpoll/index.js", import.meta.url).href;
    for (let i = 0; i < 6; i++) {
      const worker = new Worker(code, { eval: true, workerData: { url, destroy: i % 2 === 0 } });
      const [{ listener, fd }] = await once(worker, "message");
      assert.ok(listener >= 0 && fd >= 0);
      assert.equal(await worker.terminate(), 1);
      assert.equal(loadBinding().close(listener), 0);
      assert.equal(loadBinding().close(fd), 0);
    }
  });
});

const deafSkip = process.platform === "linux" ? false : "the addon can do so on Linux alone";

describe("deafen", { skip: deafSkip, timeout: 60_000 }, () => {
  it("begins no connection, and leaves those that have begun; who asks again finds the next listener", async (t) => {
    const { driver, next, pair } = bench(t, "native");
    const { client: socket, fd, listener, port } = await pair();
    assert.equal(driver.deafen(listener), 0);
    socket.write("still here");
    assert.equal(String((await next(events.DATA, fd)).bytes), "still here");
    let isConnected = false;
    const late = connect({ port, host: "127.0.0.1" });
    t.after(() => late.destroy());
    late.once("connect", () => {
      isConnected = true;
    });
    // A round trip on this machine, and many more.
    for (let i = 0; i < 20; i++) {
      socket.write(".");
      await next(events.DATA, fd);
    }
    assert.ok(!isConnected);
    driver.close(listener);
    const other = createServer().listen(port, "127.0.0.1");
    t.after(() => other.close());
    await once(other, "connection");
  });

  it("is -ENOTSUP for the portable driver, and -EBADF for what is no descriptor", (t) => {
    assert.equal(errnoName(bench(t, "portable").driver.deafen(0)), "ENOTSUP");
    assert.equal(errnoName(bench(t, "native").driver.deafen(1_000_000)), "EBADF");
  });
});

describe("Poller", { skip: nativeSkip, timeout: 60_000 }, () => {
  it("watches a descriptor, once at a time when it is asked to", async (t) => {
    const { driver, pair } = bench(t, "native");
    const [watched, other] = [await pair(), await pair()];
    for (const { fd } of [watched, other]) driver.arm(fd, interest.NONE);
    const poller = new Poller();
    t.after(() => poller.close());
    const buffer = new Uint8Array(64);
    let calls = 0;
    let called = () => {};
    const callback = () => new Promise<void>((resolve) => (called = resolve));
    let heard = () => {};
    const hear = () => new Promise<void>((resolve) => (heard = resolve));

    let first = callback();
    poller.start(watched.fd, { readable: true, once: true }, ({ readable, writable }) => {
      assert.deepEqual([readable, writable], [true, false]);
      calls++;
      called();
    });
    poller.start(other.fd, { readable: true }, () => {
      poller.read(other.fd, buffer);
      heard();
    });
    assert.equal(poller.read(watched.fd, buffer), undefined);
    watched.client.write("one");
    await first;
    watched.client.write("two");
    for (let i = 0; i < 5; i++) {
      const again = hear();
      other.client.write("x");
      await again;
    }
    assert.equal(calls, 1, "the watch rests after an event");
    first = callback();
    poller.resume(watched.fd);
    await first;
    assert.equal(calls, 2);
    assert.equal(Buffer.from(poller.read(watched.fd, buffer) ?? []).toString(), "onetwo");
    assert.equal(poller.write(watched.fd, Buffer.from("back")), 4);
    assert.equal(String((await once(watched.client, "data"))[0]), "back");

    first = callback();
    poller.resume(watched.fd);
    watched.client.end();
    await first;
    assert.equal(poller.read(watched.fd, buffer)?.length, 0);
    poller.stop(watched.fd);
    poller.stop(watched.fd);
    poller.stop(other.fd);
  });

  it("tells when a descriptor can be written, and changes a watch that is started again", async (t) => {
    const { driver, pair } = bench(t, "native");
    const { client: socket, fd } = await pair();
    driver.arm(fd, interest.NONE);
    const poller = new Poller();
    t.after(() => poller.close());
    await new Promise<void>((resolve) => poller.start(fd, { writable: true, once: true }, () => resolve()));
    const readable = new Promise<void>((resolve) => poller.start(fd, { readable: true, once: true }, () => resolve()));
    socket.write("x");
    await readable;
    assert.throws(() => poller.start(1_000_000, { readable: true }, () => {}), {
      code: "BELFRY_SYSTEM",
      errno: "EBADF",
    });
    assert.throws(() => poller.read(1_000_000, new Uint8Array(1)), { errno: "EBADF" });
    assert.throws(() => poller.write(1_000_000, new Uint8Array(1)), { errno: "EBADF" });
  });
});

function bench(t: TestContext, choice: "native" | "portable"): Bench {
  const seen: Seen[] = [];
  const open = new Set<number>();
  const ended = new Set<number>();
  let arrived = () => {};
  const driver = openDriver({
    choice,
    inputBytes: INPUT_BYTES,
    outputBytes: OUTPUT_BYTES,
    says: () => {},
    ready: () => {
      const count = driver.wait();
      for (let i = 0; i < count * RECORD; i += RECORD) {
        const [fd = 0, event = 0, value = 0, offset = 0] = driver.records.subarray(i, i + RECORD);
        const data = event === events.DATA;
        if (data) assert.ok(value > 0 && value <= 65_536 && offset >= 0 && offset + value <= INPUT_BYTES);
        if (event === events.ACCEPTED) {
          open.add(fd);
          ended.delete(fd);
        }
        if (event === events.END) {
          if (ended.has(fd)) {
            assert.equal(choice, "native", "the portable driver tells an end once");
            continue;
          }
          ended.add(fd);
          if (value === 0) driver.arm(fd, interest.NONE);
        }
        seen.push({ fd, event, value, bytes: Buffer.from(data ? driver.slab.subarray(offset, offset + value) : []) });
      }
      arrived();
    },
  });
  t.after(() => {
    // Under the native driver they are the kernel's: whatever a test has closed may be somebody else's by now.
    if (choice === "portable") for (const fd of open) driver.close(fd);
    driver.destroy();
  });
  const next: Bench["next"] = async (event, fd) => {
    for (;;) {
      const at = seen.findIndex((record) => record.event === event && (fd === undefined || record.fd === fd));
      if (at >= 0) return seen.splice(at, 1)[0] as Seen;
      await new Promise<void>((resolve) => (arrived = resolve));
    }
  };
  const listen: Bench["listen"] = async (address = "127.0.0.1", flags = 0) => {
    const listener = await driver.listen(address, 0, 512, flags);
    if (listener >= 0 && choice === "portable") t.after(() => driver.close(listener));
    return { listener, port: Number(String(driver.local(listener)).split(" ")[1]) };
  };
  return {
    driver,
    seen,
    next,
    listen,
    bytes: async (fd, count) => {
      const parts: Buffer[] = [];
      for (let left = count; left > 0; left -= parts.at(-1)?.length ?? 0)
        parts.push((await next(events.DATA, fd)).bytes);
      return Buffer.concat(parts);
    },
    pair: async (options = {}) => {
      const { listener, port } = await listen();
      const socket = client(t, { port, ...options });
      const [{ fd }] = await Promise.all([next(events.ACCEPTED), once(socket, "connect")]);
      return { client: socket, fd, listener, port };
    },
  };
}

function client(t: TestContext, options: Partial<NetConnectOpts>): Socket {
  const socket = connect({ host: "127.0.0.1", ...options } as NetConnectOpts);
  socket.on("error", () => {});
  t.after(() => socket.destroy());
  return socket;
}

/** What comes until the end of the stream, which stays open for writing. */
async function collect(from: NodeJS.ReadableStream): Promise<Buffer> {
  const parts: Buffer[] = [];
  from.on("data", (part: Buffer) => parts.push(part));
  await once(from, "end");
  return Buffer.concat(parts);
}

function pattern(length: number, step: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, i) => (i * step) >> 3));
}

function numbersFrom(seed: number): () => number {
  return () => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return seed >>> 8;
  };
}

function openPoll(t: TestContext, binding: Binding): Poll {
  const poll = binding.open(new Uint8Array(4096), new Int32Array(64), 4096, () => {}) as Poll;
  t.after(() => binding.destroy(poll));
  return poll;
}
