import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { type AdmissionOptions, createServer, limits, type Server, type ServerOptions } from "../src/index.ts";
import { frame, RawClient, request } from "./raw-client.ts";
import { until } from "./until.ts";

for (const driver of ["native", "portable"] as const) {
  describe(`admission, over the ${driver} driver`, () => {
    const clients: RawClient[] = [];
    const lines: string[] = [];
    const log = {
      info: (line: string) => void lines.push(`info: ${line}`),
      warn: (line: string) => void lines.push(`warn: ${line}`),
      error: (line: string) => void lines.push(`error: ${line}`),
    };

    async function serve(
      t: TestContext,
      admission: AdmissionOptions,
      options: ServerOptions = {},
    ): Promise<{ server: Server; port: number }> {
      lines.length = 0;
      const echo = { packet: (c, packet) => void c.send(packet) } satisfies ServerOptions;
      const server = createServer({ driver, log, closeSecondsMax: 1, ...echo, ...options, admission });
      const { port } = await server.listen({ host: "127.0.0.1" });
      t.after(async () => {
        for (const client of clients.splice(0)) client.reset();
        await server.close();
      });
      return { server, port };
    }

    /** A server of one worker, with a client whose message occupies it until `release`. */
    async function saturated(t: TestContext, admission: AdmissionOptions) {
      let release = () => {};
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });
      const { server, port } = await serve(t, admission, {
        workersMax: 1,
        packet: (connection, packet) => {
          if (packet.text() !== "hold") return void connection.send(packet);
          return released;
        },
      });
      const holder = await open(port);
      t.after(release);
      holder.send(frame(1, "hold"));
      await until(() => !server.admission.isOpen);
      return { server, port, holder, release };
    }

    async function arrive(port: number): Promise<RawClient> {
      const client = await RawClient.connect(port);
      clients.push(client);
      client.socket.on("error", () => {});
      return client;
    }
    async function open(port: number): Promise<RawClient> {
      const client = await arrive(port);
      client.send(request());
      assert.equal((await client.head()).status, 101);
      return client;
    }
    /** The code with which a connect fails, or nothing. */
    async function refusal(port: number): Promise<string | undefined> {
      const socket = connect({ port, host: "127.0.0.1" });
      const code = await new Promise<string | undefined>((resolve) => {
        socket
          .once("connect", () => resolve(undefined))
          .once("error", ({ code }: Error & { code?: string }) => resolve(code));
      });
      socket.on("error", () => {}).resetAndDestroy();
      return code;
    }

    it("connectionsMax: a herd gets in up to the bound exactly, the others wait, and come in as some leave", async (t) => {
      const { server, port } = await serve(t, { connectionsMax: 10 });
      const inside: RawClient[] = [];
      const herd = Array.from({ length: 30 }, async () => {
        const client = await open(port);
        inside.push(client);
      });
      for (let left = 0; left < 30; left++) {
        await until(() => inside.length > 0);
        assert.ok(server.connections <= 10, `${server.connections} connections`);
        if (left === 0) {
          await until(() => !server.admission.isOpen);
          assert.deepEqual(server.admission.causes, ["connections"]);
          assert.match(
            server.admission.reasons.join(),
            /^10 connections; option admission.connectionsMax is 10, .* at 9$/,
          );
          assert.equal(server.connections, 10);
        }
        (inside.shift() as RawClient).reset();
      }
      await Promise.all(herd);
      await until(() => server.connections === 0);
      assert.deepEqual([server.admission.isOpen, server.admission.reasons, server.admission.accepted], [true, [], 30]);
    });

    it("connectionsMax: does not flap when clients come and go between its marks: it shuts once", async (t) => {
      const { server, port } = await serve(t, { connectionsMax: 100 });
      const clients = await Promise.all(Array.from({ length: 100 }, () => open(port)));
      const waiting = Array.from({ length: 60 }, () => open(port));
      await until(() => !server.admission.isOpen);
      // Down to just above the lower mark, one by one, with others in the backlog all the time.
      for (let count = 99; count > 95; count--) {
        (clients.shift() as RawClient).reset();
        await until(() => server.connections === count);
        assert.equal(server.admission.isOpen, false);
      }
      assert.equal(server.admission.shuts, 1);
      (clients.shift() as RawClient).reset();
      await until(() => server.admission.shuts === 2 && server.connections === 100);
      let left = waiting.length;
      for (const each of waiting)
        void each.then((client) => {
          left--;
          client.reset();
        });
      await until(() => left === 0);
      // Each time it opens at least five come in before it shuts again.
      assert.ok(server.admission.shuts <= 1 + Math.ceil(60 / 5), `${server.admission.shuts}`);
    });

    it("handshakesMax: clients that stand still shut it, and one that goes on opens it", async (t) => {
      const { server, port } = await serve(t, { handshakesMax: 4 });
      const silent = await Promise.all(Array.from({ length: 4 }, () => arrive(port)));
      await until(() => !server.admission.isOpen);
      assert.deepEqual([server.admission.causes, server.admission.handshakes], [["handshakes"], 4]);
      const waiting = open(port);
      const [first, second] = silent as [RawClient, RawClient];
      first.send(request());
      assert.equal((await first.head()).status, 101);
      await waiting;
      second.send(request({}, "/", "GET", "HTTP/1.0"));
      assert.equal((await second.head()).status, 505);
      assert.equal(server.admission.handshakes, 2);
      for (const client of silent) client.reset();
      await until(() => server.admission.handshakes === 0);
    });

    it("acceptsPerSecondMax: a herd comes in at the rate, no faster, and all of it", async (t) => {
      const begin = performance.now();
      const { server, port } = await serve(t, { acceptsPerSecondMax: 100, acceptsBurstMax: 10, rampSeconds: 0 });
      await Promise.all(Array.from({ length: 60 }, () => open(port)));
      const ms = performance.now() - begin;
      assert.ok(ms >= ((60 - 10) / 100) * 1000 - 1, `60 clients within ${ms} ms`);
      assert.deepEqual([server.admission.accepted, server.admission.isOpen, server.admission.shuts], [60, true, 0]);
    });

    it("acceptsPerSecondMax: a start gets less, and with overload refuse who comes too fast still only waits", async (t) => {
      const begin = performance.now();
      const { server, port } = await serve(t, {
        acceptsPerSecondMax: 20,
        acceptsBurstMax: 1,
        rampSeconds: 60,
        overload: "refuse",
        refuseAfterSeconds: 0,
      });
      await Promise.all(Array.from({ length: 4 }, () => open(port)));
      // At two a second; without the ramp it were a seventh of a second.
      assert.ok(performance.now() - begin > 1400);
      assert.equal(server.admission.portsClosed, 0);
    });

    it("lagMsMax: a loop that is late again and again shuts it, and it opens by itself when that is over", async (t) => {
      const { server, port } = await serve(t, { lagMsMax: 60 });
      await open(port);
      const block = (ms: number) => {
        for (const end = performance.now() + ms; performance.now() < end; );
      };
      let seen = "";
      while (server.admission.isOpen) {
        block(200);
        await new Promise((resolve) => setTimeout(resolve, 0));
        seen = server.admission.reasons.join();
      }
      assert.match(seen, /\d+ milliseconds that the event loop is late; option admission.lagMsMax is 60/);
      await until(() => server.admission.isOpen);
      await open(port);
    });

    it("residentBytesMax: memory that is taken shuts it, and given back opens it", async (t) => {
      const bytes = 256 * 1024 * 1024;
      const { server, port } = await serve(t, { residentBytesMax: process.memoryUsage.rss() + bytes / 2 });
      await open(port);
      const taken: ArrayBuffer & { resize(bytes: number): void } = Reflect.construct(ArrayBuffer, [
        bytes,
        { maxByteLength: bytes },
      ]);
      new Uint8Array(taken).fill(1);
      await until(() => !server.admission.isOpen);
      assert.deepEqual(server.admission.causes, ["residentBytes"]);
      taken.resize(0);
      await until(() => server.admission.isOpen);
      await open(port);
    });

    it("waitingBytesMax: what waits for one that does not read shuts it, and opens it when it is read", async (t) => {
      const { server, port } = await serve(
        t,
        { waitingBytesMax: 1024 * 1024 },
        {
          outboxBytesMax: 64 * 1024 * 1024,
          open: (connection) => void connection.send(Buffer.alloc(32 * 1024 * 1024)),
        },
      );
      const slow = await arrive(port);
      slow.socket.pause();
      slow.send(request());
      await until(() => !server.admission.isOpen);
      assert.deepEqual(server.admission.causes, ["outboundBytes"]);
      slow.socket.removeAllListeners("data").resume();
      await until(() => server.admission.isOpen);
    });

    it("connectionsPerAddressMax: further ones are answered 429 with Retry-After, others' addresses are let in", async (t) => {
      const { server, port } = await serve(t, { connectionsPerAddressMax: 2 });
      const clients = [await open(port), await open(port)];
      const third = await arrive(port);
      const { status, headers, body } = await third.head();
      assert.equal(status, 429);
      assert.match(headers.get("Retry-After") ?? "", /^[1-5]$/);
      assert.match(body, /connectionsPerAddressMax/);
      await third.ended();
      const elsewhere = connect({ port, host: "127.0.0.1", localAddress: "127.0.0.2" });
      t.after(() => elsewhere.destroy());
      elsewhere.write(request());
      const [first] = (await once(elsewhere, "data")) as [Buffer];
      assert.match(first.toString(), /^HTTP\/1.1 101 /);
      (clients.pop() as RawClient).reset();
      await until(() => server.connections <= 3);
      await open(port);
      assert.deepEqual([server.admission.refusedAddress, server.admission.isOpen], [1, true]);
    });

    it("connectionsPerAddressMax: refusalsInFlightMax are told so at a time, further ones are cut", async (t) => {
      const { server, port } = await serve(t, { connectionsPerAddressMax: 1 }, { closeSecondsMax: 30 });
      await open(port);
      const count = limits.refusalsInFlightMax + 10;
      const told = await Promise.all(
        Array.from({ length: count }, async () => {
          const client = await arrive(port);
          return await client.head().then(
            ({ status }) => status,
            () => "cut",
          );
        }),
      );
      assert.equal(told.filter((status) => status === 429).length, limits.refusalsInFlightMax);
      assert.equal(told.filter((status) => status === "cut").length, 10);
      assert.equal(server.admission.refusedAddress, count);
    });

    it("overload rest: while all workers are busy clients wait, and are served when one is free", async (t) => {
      const { server, port, release } = await saturated(t, {});
      assert.deepEqual(
        [server.admission.causes, server.admission.reasons],
        [["workers"], ["all workers are busy (option workersMax)"]],
      );
      const waiting = open(port);
      assert.equal(await refusal(port), undefined);
      release();
      await waiting;
      assert.equal(server.admission.isOpen, true);
    });

    it("overload refuse: the port is closed after a while of rest, who waited is cut, and it listens there again", async (t) => {
      const { server, port, holder, release } = await saturated(t, { overload: "refuse", refuseAfterSeconds: 0.1 });
      const waiting = await arrive(port).catch(() => undefined);
      await until(async () => (await refusal(port)) === "ECONNREFUSED");
      await waiting?.ended();
      assert.equal(server.admission.portsClosed, 1);
      release();
      await until(async () => (await refusal(port)) === undefined);
      await open(port);
      holder.send(frame(1, "still here"));
      assert.equal((await holder.frame()).payload.toString(), "still here");
      assert.deepEqual(
        lines.filter((line) => line.startsWith("error")),
        [],
      );
    });

    it("overload refuse: listens on a Unix socket again too", async (t) => {
      const path = join(tmpdir(), `belfry-admission-${process.pid}-${driver}.sock`);
      const { server } = await serve(t, { connectionsMax: 1, overload: "refuse", refuseAfterSeconds: 0 });
      await server.listen({ path });
      const reach = async (): Promise<Socket | undefined> => {
        const socket = connect({ path }).on("error", () => {});
        t.after(() => socket.destroy());
        return await once(socket, "connect").then(
          () => socket,
          () => undefined,
        );
      };
      const first = await reach();
      await until(async () => (await reach()) === undefined);
      first?.destroy();
      await until(async () => (await reach()) !== undefined);
    });

    it("overload refuse: a port that somebody else has taken meanwhile is asked for again, and that is told", async (t) => {
      const { server, port, release } = await saturated(t, { overload: "refuse", refuseAfterSeconds: 0 });
      await until(() => server.admission.portsClosed === 1);
      const thief = createServer({ driver });
      await until(
        async () =>
          await thief.listen({ host: "127.0.0.1", port }).then(
            () => true,
            () => false,
          ),
      );
      release();
      await until(() =>
        lines.some((line) => line.startsWith(`error: listen again on 127.0.0.1 port ${port}: EADDRINUSE`)),
      );
      await thief.close();
      await until(async () => (await refusal(port)) === undefined);
      await open(port);
    });

    it("overload 503: each is answered 503 with Retry-After, however its head comes, until it is over", async (t) => {
      const { server, port, holder, release } = await saturated(t, { overload: "503", refuseAfterSeconds: 0 });
      const seen = new Set<string>();
      for (const cut of [1, 7, 10_000]) {
        const client = await arrive(port);
        const head = request({ Cookie: "x".repeat(200) });
        for (let i = 0; i < head.length; i += cut) client.send(head.slice(i, i + cut));
        const { status, headers, body } = await client.head();
        assert.equal(status, 503);
        assert.match(headers.get("Retry-After") ?? "", /^[1-5]$/);
        assert.equal(headers.get("Connection"), "close");
        seen.add(body);
        await client.ended();
      }
      assert.deepEqual([...seen], ["all workers are busy (option workersMax)\n"]);
      assert.equal(server.admission.refusedOverload, 3);
      const late = await arrive(port);
      release();
      await until(() => server.admission.isOpen);
      await open(port);
      late.send(request());
      // Whoever the doorman had, or the backlog: it is answered.
      assert.ok([101, 503].includes((await late.head()).status));
      holder.send(frame(1, "still here"));
      assert.equal((await holder.frame()).payload.toString(), "still here");
    });

    it("overload 503: refusalsInFlightMax clients that send nothing keep the others in the backlog, until some leave", async (t) => {
      const { server, port } = await saturated(t, { overload: "503", refuseAfterSeconds: 0 });
      const silent: RawClient[] = [];
      for (let i = 0; i < limits.refusalsInFlightMax; i++) silent.push(await arrive(port));
      const next = await arrive(port);
      next.send(request());
      let isAnswered = false;
      const answer = next.head().then(({ status }) => {
        isAnswered = true;
        return status;
      });
      const [talker] = silent as [RawClient];
      talker.send(request());
      assert.equal((await talker.head()).status, 503);
      assert.deepEqual([isAnswered, server.admission.refusedOverload], [false, 1]);
      for (const client of silent.slice(0, limits.refusalsInFlightMax / 2)) client.reset();
      assert.equal(await answer, 503);
    });

    for (const overload of ["rest", "refuse", "503"] as const)
      it(`overload ${overload}: a server that closes meanwhile leaves its port free`, async (t) => {
        const { server, port } = await saturated(t, { overload, refuseAfterSeconds: 0 });
        if (overload === "refuse") await until(() => server.admission.portsClosed === 1);
        if (overload === "503") {
          const client = await arrive(port);
          client.send(request());
          assert.equal((await client.head()).status, 503);
        }
        await server.close();
        assert.equal(await refusal(port), "ECONNREFUSED");
      });

    it("tells once that it is shut, with the reason, and once that it is open; what is short is not told", async (t) => {
      const { server, port } = await serve(t, { connectionsMax: 1 });
      for (let i = 0; i < 20; i++) {
        (await open(port)).reset();
        await until(() => server.admission.isOpen);
      }
      assert.equal(server.admission.shuts, 20);
      const told = () => lines.filter((line) => line.includes("admission"));
      assert.ok(told().length <= 2, told().join("\n"));
      lines.length = 0;
      const client = await open(port);
      await until(() => told().length > 0);
      client.reset();
      await until(() => told().length > 1);
      const [shut, again] = told();
      assert.match(
        shut ?? "",
        /^warn: admission: nobody is let in: 1 connections; option admission.connectionsMax is 1,/,
      );
      assert.match(again ?? "", /^info: admission: open again after \d+\.\d s$/);
    });
  });
}

describe("admission: options", () => {
  const good: AdmissionOptions[] = [
    {},
    { lagMsMax: 0, connectionsMax: 100_000_000, rampSeconds: 0, refuseAfterSeconds: 3600, overload: "503" },
    { lagMsMax: 60_000, acceptsPerSecondMax: 1_000_000, acceptsBurstMax: 0, overload: "refuse" },
  ];
  const bad: [object, RegExp][] = [
    [{ lagMsMax: -1 }, /option admission.lagMsMax: .*>=0/],
    [{ lagMsMax: 60_001 }, /option admission.lagMsMax: .*<=60000/],
    [{ connectionsMax: 1.5 }, /option admission.connectionsMax: .*integer/],
    [{ rampSeconds: 3601 }, /option admission.rampSeconds: .*<=3600/],
    [{ overload: "drop" }, /option admission.overload: .*"rest" \| "refuse" \| "503"/],
    [{ connectionMax: 5 }, /option admission.connectionMax/],
  ];
  for (const options of good)
    it(`${JSON.stringify(options)} are allowed`, async () => {
      await createServer({ admission: options }).close();
    });
  for (const [options, message] of bad)
    it(`${JSON.stringify(options)} are not: the message names the option and what is allowed`, () => {
      assert.throws(() => createServer({ admission: options }), message);
    });
});
