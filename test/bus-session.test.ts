import assert from "node:assert/strict";
import { describe, it, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { Client } from "../src/daemon/client.ts";
import { Delivery } from "../src/daemon/delivery.ts";
import { createDaemon } from "../src/daemon/index.ts";
import { Routes } from "../src/daemon/routes.ts";
import { Session } from "../src/daemon/session.ts";
import { BusClient, belfryKinds, picture } from "./bus-servers.ts";
import { cut, cutPoints } from "./ws-bits.ts";

/** A session of one client without a socket; what it is told is a picture in which `|` is CR LF. */
function makeSession() {
  let told = "";
  const slab = Buffer.alloc(65_536);
  const outlets = {
    slab,
    room: () => 0,
    commit: (_: Client, bytes: number) => {
      told += slab.toString("latin1", 0, bytes);
    },
    text: (_: Client, text: string) => {
      told += text;
    },
  };
  const routes = new Routes();
  const delivery: Delivery = new Delivery({ routes, outlets, spent: (own) => session.unsubscribe(own) });
  const client = new Client(3, 1, true);
  const session = new Session({
    limits: { controlLineBytesMax: 100, payloadBytesMax: 1000, subscriptionsMax: 3 },
    routes,
    delivery,
    outlets,
    admits: () => true,
    refuse: (client, error) => {
      told += `-ERR '${error}'\r\n`;
      client.isClosed = true;
      session.leave(client);
    },
  });
  /** Hands it pieces as the poll does: each somewhere in a slab that the next one writes over. */
  const hear = (pieces: readonly Uint8Array[]) => {
    const input = Buffer.alloc(65_536);
    for (const piece of pieces) {
      if (client.isClosed) break;
      input.set(piece, 100);
      session.received(client, input, 100, 100 + piece.length);
      input.fill("?", 100, 100 + piece.length);
    }
    return picture(told);
  };
  return { hear, client };
}

const operations = fc.constantFrom(
  'CONNECT {"verbose":false,"headers":true,"no_responders":true}|',
  "SUB a.* 1|",
  "SUB a.b q 2|",
  "SUB > 3|",
  "SUB r 4|",
  "SUB a..b 5|",
  "UNSUB 1|",
  "UNSUB 3 4|",
  "PING|",
  "PONG|",
  "PUB a.b 2|hi|",
  "PUB a.c r 12|line\r\nPING\r\n|",
  "PUB nobody r 0||",
  "HPUB a.b r 12 14|NATS/1.0||hi|",
  `PUB a.b 900|${"x".repeat(900)}|`,
);
// Not often, since it is the last that is heard.
const bad = fc.constantFrom("FOO|", "PUB a 1001|", `SUB ${"x".repeat(120)} 1|`, "PUB a 1|xxx", "SUB a|");

test("a session answers the same, however its bytes are cut, and keeps nothing of what is whole", () => {
  const said = fc.array(fc.oneof({ weight: 30, arbitrary: operations }, { weight: 1, arbitrary: bad }), {
    maxLength: 15,
  });
  fc.assert(
    fc.property(said, cutPoints, (said, points) => {
      const bytes = Buffer.from(said.join("").replaceAll("|", "\r\n"));
      const whole = makeSession().hear(cut(bytes, []));
      const { hear, client } = makeSession();
      assert.equal(hear(cut(bytes, points)), whole);
      assert.equal(client.held, undefined);
      assert.equal(client.heldBytes, 0);
      const each = makeSession();
      assert.equal(each.hear(Array.from(bytes, (byte) => Uint8Array.of(byte))), whole);
    }),
    { numRuns: 300 },
  );
});

test("of one who is not let in a session keeps what may become a CONNECT, and nothing else", () => {
  for (const [text, isKept] of [
    ["CONN", true],
    ["c", true],
    ["P", false],
    ["PUB a 1000\r\n", false],
  ] as const) {
    const { hear, client } = makeSession();
    client.isIn = false;
    assert.equal(hear([Buffer.from(text)]), isKept ? "" : "-ERR 'Authorization Violation'|");
    assert.equal(client.heldBytes, isKept ? text.length : 0);
  }
});

const PLAIN = 'CONNECT {"verbose":false,"pedantic":false}|';
const LARGE = "x".repeat(1_000_000);

for (const kind of belfryKinds) {
  describe(kind.name, { skip: kind.skip, timeout: 30_000 }, () => {
    const driver = kind.name.includes("native") ? "native" : "portable";
    /** A Bus and a client for whom twenty megabytes wait, more than sockets take. */
    const stuck = async (t: Parameters<typeof BusClient.open>[0]) => {
      const daemon = createDaemon({ driver });
      t.after(() => daemon.close());
      const { port } = await daemon.listen({ host: "127.0.0.1", port: 0 });
      const client = await BusClient.open(t, port);
      await client.answer(`${PLAIN}SUB a 1|`);
      client.socket.pause();
      const publisher = await BusClient.open(t, port);
      await publisher.answer(PLAIN);
      for (let i = 0; i < 20; i++) await publisher.answer(`PUB a 1000000|${LARGE}|`);
      return { daemon, client };
    };
    const all = `MSG a 1 1000000|${LARGE}|`.repeat(20);

    it("sends all that waits for a client before it closes", async (t) => {
      const { daemon, client } = await stuck(t);
      const closed = daemon.close();
      client.socket.resume();
      assert.ok((await client.ended()) === all, "not all of it came");
      await closed;
      assert.deepEqual(daemon.stats, { clients: 0, subscriptions: 0 });
    });

    it("tells a client for whom much waits what it did wrong, behind all of that", async (t) => {
      const { daemon, client } = await stuck(t);
      client.send("FOO|");
      while (daemon.stats.subscriptions > 0) await turn();
      client.socket.resume();
      assert.ok((await client.ended()) === `${all}-ERR 'Unknown Protocol Operation'|`, "not all of it came");
    });

    it("closes within closeSecondsMax although a client reads nothing", async (t) => {
      const { daemon } = await stuck(t);
      await daemon.close();
    });

    it("delivers the longest message that its limits allow", async (t) => {
      const options = { driver, controlLineBytesMax: 1_000_000, payloadBytesMax: 4_100_000 } as const;
      const daemon = createDaemon(options);
      t.after(() => daemon.close());
      const { port } = await daemon.listen({ host: "127.0.0.1", port: 0 });
      const client = await BusClient.open(t, port);
      const subject = "s".repeat(900_000);
      const sid = "i".repeat(900_000);
      const payload = "x".repeat(4_100_000);
      await client.answer(`${PLAIN}SUB > ${sid}|`);
      assert.ok(
        (await client.answer(`PUB ${subject} 4100000|${payload}|`)) === `MSG ${subject} ${sid} 4100000|${payload}|`,
      );
    });
  });
}
