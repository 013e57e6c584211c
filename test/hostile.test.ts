import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { ChildServer } from "./child-server.ts";
import { type Attack, attacks } from "./hostile-peers.ts";
import { frame, RawClient, request } from "./raw-client.ts";

const MIB = 1024 * 1024;
const FULL = process.env["BELFRY_FAULTS"] === "full";
/** How many peers make each attack in a round, at the same time. */
const PEERS = FULL ? 100 : 20;
const WARM_UP = 3;
const ROUNDS = 6;
const ECHOERS = FULL ? 1000 : 200;
const ECHOES = FULL ? 20_000 : 5000;
const DRIPPERS = FULL ? 5000 : 100;
/** Between two bytes of one; fewer drip faster, so that there are several thousand bytes a second. */
const DRIP_MS = FULL ? 1000 : 15;
const TEXT = 1;

/** What the server says of itself. */
interface State {
  port: number;
  connections: number;
  outbound: { bytes: number; connections: number };
  closes: Record<string, number>;
  rss: number;
  heapUsed: number;
  external: number;
  arrayBuffers: number;
}

const PIECES_BYTES = 262_144;

for (const driver of ["native", "portable"] as const) {
  describe(`hostile peers, over the ${driver} driver`, () => {
    let server: ChildServer;
    let port = 0;

    before(async () => {
      server = await ChildServer.start("hostile-server", {
        driver,
        deflate: true,
        headSecondsMax: 1,
        heartbeatSeconds: 0.6,
        pongSecondsMax: 0.4,
        closeSecondsMax: 0.4,
        messageBytesMax: 65_536,
        fragmentsMax: 1000,
      });
      ({ port } = await server.ask<State>({ verb: "state" }));
    });
    after(() => server.stop());

    const descriptors = () => readdirSync(`/proc/${server.process.pid}/fd`).length;
    const peakBytes = () =>
      Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${server.process.pid}/status`, "utf8"))?.[1]) * 1024;

    /** Waits until nobody is connected any more, and everything that can be collected is. */
    async function quiet(): Promise<State> {
      for (;;) {
        const { connections } = await server.ask<State>({ verb: "state" });
        if (connections === 0) return await server.ask<State>({ verb: "collect" });
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }

    const together = (attack: Attack, count: number) => Promise.all(Array.from({ length: count }, () => attack(port)));

    it("nothing is left of them: no descriptor, no buffer, no memory", async () => {
      await quiet();
      const base = descriptors();
      const states: State[] = [];
      for (let round = 0; round < WARM_UP + ROUNDS; round++) {
        await Promise.all(Object.values(attacks).map((attack) => together(attack, PEERS)));
        const state = await quiet();
        assert.equal(descriptors(), base, `descriptors after round ${round}`);
        assert.deepEqual([state.outbound.bytes, state.outbound.connections], [0, 0]);
        if (round >= WARM_UP) states.push(state);
      }
      for (const what of ["arrayBuffers", "heapUsed", "rss"] as const) {
        const values = states.map((state) => state[what]);
        // What leaks grows in each round: then the least of the last ones is above all of the first ones.
        const before = Math.max(...values.slice(0, ROUNDS / 2));
        const behind = Math.min(...values.slice(ROUNDS / 2));
        // A pool may take another of its pieces; what each of the peers left behind would be more.
        assert.ok(behind <= before * 1.02 + PIECES_BYTES, `${what} grows: ${values.join(" ")}`);
      }
    });

    it("a message that inflates to 50 MB takes no more memory than messageBytesMax allows", async () => {
      const { closes: had } = await quiet();
      const before = peakBytes();
      await together(attacks["sends a zip bomb"] as Attack, 10);
      await together(attacks["sends a zip bomb in fragments"] as Attack, 10);
      assert.ok(peakBytes() - before < 24 * MIB, `${peakBytes() - before} bytes more`);
      const { closes } = await quiet();
      assert.equal((closes[1009] ?? 0) - (had[1009] ?? 0), 20, JSON.stringify(closes));
    });

    it("while many drip heads and frames a byte at a time, all others are answered, and about as soon", async (t) => {
      // With its usual deadlines, so that nobody is late because the machine is.
      const patient = await ChildServer.start("hostile-server", { driver });
      t.after(() => patient.stop());
      const { port } = await patient.ask<State>({ verb: "state" });
      const clients = await Promise.all(Array.from({ length: ECHOERS }, () => RawClient.open(port)));
      const alone: number[] = [];
      const beside: number[] = [];
      const ratio = () => Math.min(...beside) / Math.min(...alone);
      // Noise only ever adds: the best of several rounds is what it costs.
      for (let round = 0; round < 3 || (round < 9 && ratio() > 2); round++) {
        alone.push(await echoes(clients));
        const stop = await drip(port);
        beside.push(await echoes(clients));
        await stop();
      }
      for (const client of clients) client.reset();
      assert.ok(ratio() <= 2, `p99 in µs alone ${alone.join(" ")}, beside the slow ${beside.join(" ")}`);
    });
  });
}

/** Each client asks and waits for its answer, again and again. Returns the 99th percentile of the times. */
async function echoes(clients: readonly RawClient[]): Promise<number> {
  const times: number[] = [];
  let asked = 0;
  const run = async (client: RawClient) => {
    while (asked++ < ECHOES) {
      const text = `echo ${asked}`;
      const begun = process.hrtime.bigint();
      client.send(frame(TEXT, text));
      let answer = await client.frame();
      // A ping of the server's: any byte is an answer to it.
      while (answer.opcode !== TEXT) answer = await client.frame();
      assert.equal(answer.payload.toString(), text);
      times.push(Number(process.hrtime.bigint() - begun) / 1000);
    }
  };
  await Promise.all(clients.map(run));
  times.sort((one, other) => one - other);
  return Math.round(times[Math.floor(times.length * 0.99)] as number);
}

/** Half of them drip heads, and begin anew with each; half of them frames. Stops when it is told to. */
async function drip(port: number): Promise<() => Promise<void>> {
  let going = true;
  const slowly = async (client: RawClient, bytes: Uint8Array) => {
    for (const byte of bytes) {
      if (!going || client.socket.destroyed) return;
      client.send(Buffer.of(byte));
      await new Promise((resolve) => setTimeout(resolve, DRIP_MS));
    }
  };
  const heads = async () => {
    while (going) {
      const client = await RawClient.connect(port);
      await slowly(client, Buffer.from(request()));
      client.reset();
    }
  };
  const frames = async (client: RawClient) => {
    while (going) await slowly(client, frame(TEXT, "x".repeat(100)));
    client.reset();
  };
  const opened = await Promise.all(Array.from({ length: DRIPPERS / 2 }, () => RawClient.open(port)));
  const all = Promise.all([...Array.from({ length: DRIPPERS / 2 }, heads), ...opened.map(frames)]);
  return async () => {
    going = false;
    await all;
  };
}
