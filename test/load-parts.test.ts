import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer as createTcpServer, type Socket } from "node:net";
import { describe, it, type TestContext, test } from "node:test";
import fc from "fast-check";
import { createServer, limits } from "../src/index.ts";
import { nowUs } from "../src/load/clock.ts";
import { Latencies } from "../src/load/latencies.ts";
import { limitedBy } from "../src/load/limited-by.ts";
import { Pace } from "../src/load/pace.ts";
import { type Plan, shares } from "../src/load/plan.ts";
import { processesFor } from "../src/load/processes.ts";
import { Publisher } from "../src/load/publisher.ts";
import { readSources } from "../src/load/sources.ts";
import { eachStamp, stamped } from "../src/load/stamp.ts";
import { Swarm } from "../src/load/swarm.ts";
import { findTarget } from "../src/load/target.ts";
import { compileText } from "../src/ws/index.ts";

test("source addresses are read one by one, as ranges, and with commas between", () => {
  const rows: [string, string[]][] = [
    ["127.0.0.2", ["127.0.0.2"]],
    ["127.0.0.2-127.0.0.4", ["127.0.0.2", "127.0.0.3", "127.0.0.4"]],
    ["10.0.0.255-10.0.1.0", ["10.0.0.255", "10.0.1.0"]],
    ["10.0.0.7, 127.0.0.2-127.0.0.2", ["10.0.0.7", "127.0.0.2"]],
  ];
  for (const [text, expected] of rows) assert.deepEqual(readSources(text), expected);
});

test("source addresses that are none, turned round or far too many are refused with what is allowed", () => {
  const rows: [string, RegExp][] = [
    ["", /"" is no address/],
    ["localhost", /"localhost" is no address/],
    ["127.0.0.2-", /is no address/],
    ["127.0.0.2-3", /is no address/],
    ["1.2.3.4-1.2.3.5-1.2.3.6", /is no address/],
    ["127.0.0.9-127.0.0.2", /ends before it begins/],
    ["10.0.0.0-10.1.0.0", /more than 65536 addresses.*allowed is 127\.0\.0\.2-127\.0\.0\.60/],
    ["10.0.0.0-10.0.255.255,10.1.0.0", /65537 addresses are more/],
  ];
  for (const [text, message] of rows) assert.throws(() => readSources(text), message, text);
  assert.equal(readSources("10.0.0.0-10.0.255.255").length, 65_536);
});

const plan: Plan = {
  target: { address: "127.0.0.1", port: 1, key: "", request: new Uint8Array(0) },
  ...{ connections: 10, scenario: "idle", rate: 0, busy: 10, arrivals: 0, opening: 1, bytes: 1 },
  ...{ channels: [], token: "", sources: [], driver: "auto" },
};

test("a plan is cut into shares that lack nothing and have nothing twice", () => {
  const sources = ["1.0.0.1", "1.0.0.2", "1.0.0.3", "1.0.0.4", "1.0.0.5"];
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100_000 }), fc.integer({ min: 1, max: 40 }), (connections, processes) => {
      const all = shares(
        { ...plan, connections, busy: connections >> 1, rate: 1000, arrivals: 50, sources },
        processes,
      );
      const sum = (name: "connections" | "busy" | "rate" | "arrivals") =>
        all.reduce((total, share) => total + share[name], 0);
      assert.equal(sum("connections"), connections);
      assert.equal(sum("busy"), connections >> 1);
      assert.ok(Math.abs(sum("rate") - 1000) < 1e-6 && Math.abs(sum("arrivals") - 50) < 1e-6);
      let next = 0;
      for (const share of all) {
        assert.equal(share.first, next);
        next += share.connections;
        assert.ok(share.sources.length > 0);
      }
      if (processes <= sources.length) assert.deepEqual(all.flatMap((share) => share.sources).sort(), sources);
    }),
  );
});

test("as many processes are taken as the descriptors of each ask for", () => {
  const rows: [connections: number, descriptors: number, processes: number][] = [
    [1, 1024, 1],
    [924, 1024, 1],
    [925, 1024, 2],
    [1_000_000, 20_000, 51],
    [10, 50, 10],
  ];
  for (const [connections, descriptors, processes] of rows) {
    assert.equal(processesFor(connections, descriptors), processes);
  }
  assert.equal(processesFor(1), 1);
});

test("a stamped message has its size and its time, and all stamps of a frame are found", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(2 ** 48), fc.integer({ min: 1, max: 500 })), { maxLength: 5 }), (messages) => {
      const texts = messages.map(([us, bytes]) => stamped(us, bytes));
      for (const [i, text] of texts.entries()) {
        const [us, bytes] = messages[i] as [number, number];
        assert.equal((JSON.parse(text) as { belfryUs: number }).belfryUs, us);
        assert.ok(text.length === bytes || text.length <= `{"belfryUs":${us},"x":""}`.length);
      }
      const frame = Buffer.from(`{"belfryUs":7}${texts.join("\n")}{"belfryUs":9}`);
      const found: number[] = [];
      assert.equal(
        eachStamp(frame, 14, frame.length - 14, (us) => found.push(us)),
        texts.length,
      );
      assert.deepEqual(
        found,
        messages.map(([us]) => us),
      );
    }),
  );
});

test("latencies of several processes together are those of one that saw all", () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.integer({ min: 1, max: 90_000_000 }))), (processes) => {
      const all = new Latencies();
      const together = new Latencies();
      for (const own of processes) {
        const one = new Latencies();
        for (const us of own) {
          one.record(us);
          all.record(us);
        }
        together.add(one.take());
        assert.equal(one.take(), "");
      }
      assert.equal(together.count, processes.flat().length);
      assert.deepEqual(together.percentiles(), all.percentiles());
    }),
    { numRuns: 30 },
  );
});

test("what is due goes on being due while nobody takes it, and counts from its own time but for a timer's lateness", () => {
  const begin = nowUs();
  const pace = new Pace(1000);
  while (nowUs() - begin < 20_000);
  const took: number[] = [];
  while (pace.isDue()) took.push(pace.take());
  assert.ok(took.length >= 20, `${took.length} were due after 20 ms`);
  // The first was due at once: all but 2 ms of its lateness counts.
  assert.ok((took[0] as number) - begin < 10_000);
  const steps = took.slice(1, 15).map((us, i) => Math.round(us - (took[i] as number)));
  assert.deepEqual(new Set(steps), new Set([1000]));
});

test("a publisher publishes what is due in few calls, and nothing more once it is stopped", async () => {
  const calls: number[] = [];
  let answer = () => {};
  const publisher = new Publisher({
    ...{ perSecond: 10_000, channel: "own:%d", connections: 10, bytes: 64 },
    failed: (error) => assert.fail(String(error)),
    publish: (all) => {
      for (const { channel, json } of all) {
        assert.match(channel, /^own:\d$/);
        assert.equal(json.length, 64);
      }
      calls.push(all.length);
      return new Promise((resolve) => {
        answer = () => resolve(all.length);
      });
    },
  });
  while (calls.length < limits.loadPublishingMax) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.equal(calls.length, limits.loadPublishingMax);
  answer();
  while (calls.length === limits.loadPublishingMax) await new Promise((resolve) => setTimeout(resolve, 1));
  publisher.stop();
  const before = calls.length;
  answer();
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(calls.length, before);
  assert.ok(publisher.published > 0);
});

test("the clock of the load is the machine's, so that processes may compare their times", () => {
  const machine = () => Number(process.hrtime.bigint() / 1000n);
  const before = machine();
  const now = nowUs();
  assert.ok(now >= before - 50 && now <= machine() + 50, `${now} is not after ${before}`);
});

test("what limited a load is told by its errors first, and then by its CPU", () => {
  const rows: [Record<string, number>, number, RegExp][] = [
    [{ EMFILE: 1, ECONNREFUSED: 7 }, 1, /^descriptors of the load/],
    [{ EADDRNOTAVAIL: 1 }, 0.1, /--from/],
    [{ ECONNREFUSED: 1 }, 0.99, /refused/],
    [{ "answered 503": 3 }, 0.9, /^CPU of the load/],
    [{}, 0.89, /^the server, or what was asked for/],
  ];
  for (const [errors, busiest, text] of rows) assert.match(limitedBy(errors, busiest), text);
});

for (const driver of ["native", "portable"] as const) {
  describe(`a swarm over the ${driver} driver`, () => {
    /** A swarm on a server of few bytes; resolves what it tells, in order. */
    async function swarmOn(t: TestContext, port: number, expected: number) {
      const told: string[] = [];
      const swarm = new Swarm({
        target: await findTarget(`ws://127.0.0.1:${port}/path`),
        ...{ sources: driver === "native" ? ["127.0.0.3"] : [], driver },
        opened: (fd) => {
          tell(`opened ${fd === fds[0]}`);
        },
        message: (_, bytes, from, to) => tell(`message ${bytes.toString("latin1", from, to)}`),
        closed: (_, why) => tell(why),
        failed: (_, why) => tell(`failed: ${why}`),
      });
      let done = () => {};
      const over = new Promise<void>((resolve) => {
        done = resolve;
      });
      function tell(text: string): void {
        told.push(text);
        if (told.length === expected) done();
      }
      t.after(() => swarm.destroy());
      const fds = [swarm.connect()];
      await over;
      return { told, swarm, fd: fds[0] as number };
    }

    /** Answers the upgrade in pieces of so many bytes, and says these bytes. */
    async function answering(
      t: TestContext,
      answer: string,
      then: (socket: Socket) => void = () => {},
    ): Promise<number> {
      const server = createTcpServer((socket) => {
        socket.on("error", () => {});
        socket.once("data", async (request) => {
          const key = /sec-websocket-key: (.*)\r/i.exec(request.toString())?.[1];
          const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
          for (const piece of answer.replace("ACCEPT", accept).match(/[\s\S]{1,40}/g) ?? []) {
            await new Promise((resolve) => socket.write(piece, "latin1", resolve));
          }
          then(socket);
        });
      });
      await once(server.listen(0, "127.0.0.1"), "listening");
      t.after(() => server.close());
      return (server.address() as { port: number }).port;
    }
    const SWITCHING =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ACCEPT\r\n\r\n";

    it("opens, echoes, and is closed with the server's code and reason", async (t) => {
      const server = createServer({
        packet: (connection, packet) => {
          connection.send(packet.text());
          if (packet.text() === "bye") connection.close(4321, "enough");
        },
      });
      const { port } = await server.listen({ host: "127.0.0.1" });
      t.after(() => server.close());
      const told: string[] = [];
      await new Promise<void>((resolve, reject) => {
        void findTarget(`http://localhost:${port}/`).then((target) => {
          const swarm: Swarm = new Swarm({
            ...{ target: { ...target, address: "127.0.0.1" }, sources: [], driver },
            opened: (fd) => {
              assert.ok(swarm.isOpen(fd));
              swarm.send(fd, compileText("hello", { key: 7 }));
            },
            message: (fd, bytes, from, to) => {
              told.push(bytes.toString("latin1", from, to));
              if (told.length === 1) swarm.send(fd, compileText("x".repeat(100_000), { key: 9 }));
              if (told.length === 2) swarm.send(fd, compileText("bye", { key: 9 }));
            },
            closed: (_, why) => {
              told.push(why);
              swarm.destroy();
              resolve();
            },
            failed: (_, why) => reject(new Error(why)),
          });
          swarm.connect();
        }, reject);
      });
      assert.deepEqual(told, ["hello", "x".repeat(100_000), "bye", "closed with 4321 enough"]);
    });

    it("takes an answer and frames in pieces, and answers a ping", async (t) => {
      let pong = (_: Buffer) => {};
      const ponged = new Promise<Buffer>((resolve) => {
        pong = resolve;
      });
      const port = await answering(t, `${SWITCHING}\x89\x02hi\x81\x7e\x00\x80${"y".repeat(128)}`, (socket) =>
        socket.once("data", pong),
      );
      const { told } = await swarmOn(t, port, 2);
      assert.deepEqual(told, ["opened true", `message ${"y".repeat(128)}`]);
      assert.deepEqual([...(await ponged).subarray(0, 2)], [0x8a, 0x82]);
    });

    const failures: [string, string, string][] = [
      ["refuses", "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", "failed: answered 503"],
      ["has the wrong key", SWITCHING.replace("ACCEPT", "AAAA"), "failed: answered 502"],
      ["speaks no HTTP", "SSH-2.0-OpenSSH\r\n", "failed: answered 502"],
    ];
    for (const [name, answer, told] of failures) {
      it(`tells of a server that ${name}`, async (t) => {
        assert.deepEqual((await swarmOn(t, await answering(t, answer), 1)).told, [told]);
      });
    }

    it("tells of a connection that ends without a word, and of one that breaks the protocol", async (t) => {
      const ends = await answering(t, SWITCHING, (socket) => socket.end());
      assert.deepEqual((await swarmOn(t, ends, 2)).told, ["opened true", "ended without a close frame"]);
      const breaks = await answering(t, `${SWITCHING}\x81\x7e\x00\x01y`);
      const { told } = await swarmOn(t, breaks, 2);
      assert.deepEqual(told, ["opened true", "the length 1 is not encoded minimally"]);
    });

    it("tells of a port on which nobody listens", async (t) => {
      const server = createTcpServer();
      await once(server.listen(0, "127.0.0.1"), "listening");
      const { port } = server.address() as { port: number };
      await new Promise((resolve) => server.close(resolve));
      assert.deepEqual((await swarmOn(t, port, 1)).told, ["failed: ECONNREFUSED"]);
    });
  });
}

test("a URL that the load cannot speak to is refused", async () => {
  await assert.rejects(findTarget("wss://127.0.0.1/"), /wss: is not spoken here/);
  await assert.rejects(findTarget("ftp://127.0.0.1/"), /allowed are ws:/);
  await assert.rejects(findTarget("127.0.0.1:80"), /ws:\/\//);
  assert.equal((await findTarget("ws://[::1]:99/")).address, "::1");
  assert.equal((await findTarget("ws://127.0.0.1/")).port, 80);
});
