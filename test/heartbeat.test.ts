import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Columns, phases } from "../src/connection/columns.ts";
import { Heartbeat, type HeartbeatOptions } from "../src/connection/heartbeat.ts";
import { limits } from "../src/limits.ts";
import { Clients } from "../src/push/clients.ts";
import { disconnects } from "../src/push/protocol.ts";

const DEFAULTS: HeartbeatOptions = {
  headSecondsMax: limits.headSecondsMax,
  heartbeatSeconds: limits.heartbeatSeconds,
  pongSecondsMax: limits.pongSecondsMax,
  closeSecondsMax: limits.closeSecondsMax,
};

interface Visit {
  readonly fd: number;
  readonly phase: number;
  readonly age: number;
}

/** A heartbeat that is ticked by hand. */
class Bench {
  readonly columns = new Columns();
  readonly heartbeat: Heartbeat;
  readonly visits: Visit[] = [];
  served = true;

  constructor(options: Partial<HeartbeatOptions> = {}) {
    this.heartbeat = new Heartbeat(
      this.columns,
      { ...DEFAULTS, ...options },
      () => this.served,
      (fd, phase, age) => this.visits.push({ fd, phase, age }),
    );
  }
  open(fd: number, phase: number = phases.OPEN): void {
    this.columns.reserve(fd);
    this.columns.enter(fd, phase);
  }
  /** Ticks until descriptor 0 was visited: one sweep. Returns what was visited. */
  sweep(): Visit[] {
    this.visits.length = 0;
    for (let ticks = 0; !this.visits.some(({ fd }) => fd === 0); ticks++) {
      assert.ok(ticks < 1000, "descriptor 0 is not visited");
      this.heartbeat.tick();
    }
    return [...this.visits];
  }
}

// ---- Heartbeat ----------------------------------------------------------------------------------------------------------------

for (const high of [1, 2, 63, 64, 65, 128, 2047, 2048, 2049, 2112, 4096, 4097, 10_000]) {
  test(`Heartbeat visits each of ${high} connections exactly once in a sweep`, () => {
    const bench = new Bench();
    for (let fd = 0; fd < high; fd++) bench.open(fd);
    bench.sweep();
    for (let n = 0; n < 3; n++) {
      const fds = bench
        .sweep()
        .map(({ fd }) => fd)
        .sort((a, b) => a - b);
      assert.deepEqual(
        fds,
        Array.from({ length: high }, (_, fd) => fd),
      );
    }
  });
}

test("Heartbeat visits a connection once for each sweepMs of its ticks", (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const bench = new Bench();
  for (const fd of [0, 64, 5000]) bench.open(fd);
  bench.heartbeat.start();
  bench.heartbeat.start();
  for (let sweep = 1; sweep <= 3; sweep++) {
    t.mock.timers.tick(bench.heartbeat.sweepMs);
    for (const fd of [0, 64, 5000]) assert.equal(bench.visits.filter((visit) => visit.fd === fd).length, sweep);
  }
  bench.heartbeat.stop();
  t.mock.timers.tick(60_000);
  assert.equal(bench.visits.length, 9);
});

test("Heartbeat does not visit descriptors that are free, and does not make them older", () => {
  const bench = new Bench();
  bench.open(0);
  bench.open(70);
  bench.open(130);
  bench.columns.free(70);
  assert.deepEqual(
    bench
      .sweep()
      .map(({ fd }) => fd)
      .filter((fd) => fd !== 0 && fd !== 130),
    [],
  );
  assert.equal(bench.columns.age[70], 0);
});

test("Heartbeat tells the phase and an age that grows by one with each sweep, up to 255", () => {
  const bench = new Bench();
  bench.open(0, phases.HEAD);
  for (let sweep = 1; sweep <= 300; sweep++) {
    assert.deepEqual(bench.sweep(), [{ fd: 0, phase: phases.HEAD, age: Math.min(sweep, 255) }]);
  }
});

test("Heartbeat passes the ping's age once, and the dead one's after that, when nothing comes", () => {
  const bench = new Bench();
  const { ages } = bench.heartbeat;
  bench.open(0);
  const seen: number[] = [];
  for (let sweep = 0; sweep <= ages.dead; sweep++) seen.push(...bench.sweep().map(({ age }) => age));
  assert.equal(seen.filter((age) => age === ages.ping).length, 1);
  assert.ok(seen.indexOf(ages.ping) < seen.indexOf(ages.dead));
});

test("Heartbeat never comes to the dead one's age when a byte comes in time, at whatever age", () => {
  const { ages } = new Bench().heartbeat;
  for (let renewedAt = 1; renewedAt < ages.dead; renewedAt++) {
    const bench = new Bench();
    bench.open(0);
    let oldest = 0;
    for (let sweep = 0; sweep < 4 * ages.dead; sweep++) {
      for (const { age } of bench.sweep()) {
        oldest = Math.max(oldest, age);
        if (age === renewedAt) bench.columns.age[0] = 0;
      }
    }
    assert.equal(oldest, renewedAt);
  }
});

test("Heartbeat makes nobody older while time is not served, and then goes on where it was", () => {
  const bench = new Bench();
  for (let fd = 0; fd < 5000; fd++) bench.open(fd);
  const even = new Bench();
  for (let fd = 0; fd < 5000; fd++) even.open(fd);
  for (let tick = 0; tick < 100; tick++) {
    bench.served = false;
    const had = bench.visits.length;
    for (let stalled = 0; stalled < tick; stalled++) bench.heartbeat.tick();
    assert.equal(bench.visits.length, had);
    bench.served = true;
    bench.heartbeat.tick();
    even.heartbeat.tick();
  }
  assert.deepEqual(bench.visits, even.visits);
  assert.deepEqual(bench.columns.age, even.columns.age);
});

test("Heartbeat visits a descriptor that came after a sweep had begun, and those of columns that have grown", () => {
  const bench = new Bench();
  bench.open(0);
  bench.sweep();
  bench.open(5000);
  assert.ok([...bench.sweep(), ...bench.sweep()].some(({ fd, age }) => fd === 5000 && age === 1));
});

/** Times of the options, up to so many seconds. */
function times(max: number) {
  const seconds = fc.oneof(fc.double({ min: 0.05, max, noNaN: true }), fc.integer({ min: 1, max: Math.floor(max) }));
  return fc.record({
    headSecondsMax: seconds,
    heartbeatSeconds: seconds,
    pongSecondsMax: seconds,
    closeSecondsMax: seconds,
  });
}

/** A rounding error of sweeps that are no whole milliseconds. */
const SLACK_MS = 1e-6;

test("Heartbeat pings within heartbeatSeconds, and lets at least pongSeconds pass before a connection is dead", () => {
  fc.assert(
    fc.property(times(60), (options) => {
      const { ages, sweepMs } = new Bench(options).heartbeat;
      assert.ok(ages.ping >= 1 && ages.dead <= 255, "an age that is never reached");
      // An age of n is reached n sweeps after the last byte at the latest.
      if (sweepMs <= options.heartbeatSeconds * 1000)
        assert.ok(ages.ping * sweepMs <= options.heartbeatSeconds * 1000 + SLACK_MS);
      const pongMs = (ages.dead - ages.ping) * sweepMs;
      assert.ok(pongMs >= options.pongSecondsMax * 1000 - SLACK_MS);
      assert.ok(pongMs <= options.pongSecondsMax * 1000 + 2 * sweepMs + SLACK_MS);
    }),
    { numRuns: 1000 },
  );
});

test("Heartbeat cuts neither a head nor a close before its time, and both at most two sweeps after", () => {
  fc.assert(
    fc.property(times(60), (options) => {
      const { ages, sweepMs } = new Bench(options).heartbeat;
      for (const [age, seconds] of [
        [ages.head, options.headSecondsMax],
        [ages.close, options.closeSecondsMax],
      ] as const) {
        // An age of n is reached after more than n - 1 sweeps.
        assert.ok((age - 1) * sweepMs >= seconds * 1000 - SLACK_MS);
        assert.ok((age - 1) * sweepMs <= seconds * 1000 + sweepMs + SLACK_MS);
      }
    }),
    { numRuns: 1000 },
  );
});

test("Heartbeat comes to the age of every deadline, whatever the options", () => {
  fc.assert(
    fc.property(times(86_400), (options) => {
      const { ages } = new Bench(options).heartbeat;
      for (const [deadline, age] of Object.entries(ages))
        assert.ok(age <= 255, `${deadline} is due at an age of ${age}`);
    }),
  );
});

// ---- Clients ------------------------------------------------------------------------------------------------------------------

const PING = limits.protocolPingSeconds;
const PONG = limits.protocolPongSeconds;
const STALE = limits.staleSecondsMax;

/** Clients that are ticked by hand; what they were told, with the tick. */
class ClientsBench {
  readonly clients: Clients;
  readonly pings: [tick: number, fd: number][] = [];
  readonly ends: [tick: number, fd: number, code: number][] = [];
  now = 0;

  constructor() {
    this.clients = new Clients({
      text: (fd, text) => {
        assert.equal(text, "{}");
        this.pings.push([this.now, fd]);
      },
      disconnect: (fd, { code }) => {
        this.ends.push([this.now, fd, code]);
        this.clients.close(fd);
      },
    });
  }
  connect(fd: number): string {
    this.clients.open(fd);
    return this.clients.connect(fd);
  }
  ticks(count: number): void {
    for (let i = 0; i < count; i++) {
      this.now++;
      this.clients.tick();
    }
  }
  /** Ticks, and answers each ping at once. */
  answering(count: number): void {
    for (let i = 0; i < count; i++) {
      const had = this.pings.length;
      this.ticks(1);
      for (const [, fd] of this.pings.slice(had)) assert.equal(this.clients.takePong(fd), true);
    }
  }
}

const DESCRIPTORS = [0, 1, 63, 64, 65, 127, 128, 64 * PING - 1, 64 * PING, 64 * PING + 1, 5000];

test("Clients pings each client once within protocolPingSeconds ticks, and then each time after as many", () => {
  for (let begun = 0; begun < PING; begun++) {
    const bench = new ClientsBench();
    bench.ticks(begun);
    for (const fd of DESCRIPTORS) bench.connect(fd);
    bench.answering(3 * PING);
    for (const fd of DESCRIPTORS) {
      const ticks = bench.pings.filter(([, other]) => other === fd).map(([tick]) => tick);
      const first = ticks[0] as number;
      assert.deepEqual(ticks, [first, first + PING, first + 2 * PING], `descriptor ${fd}`);
      assert.ok(first <= begun + PING);
    }
    assert.deepEqual(bench.ends, []);
  }
});

test("Clients does not ping in one tick whose descriptors lie in different blocks", () => {
  const bench = new ClientsBench();
  for (let fd = 0; fd < 64 * PING; fd += 64) bench.connect(fd);
  bench.answering(PING);
  assert.equal(new Set(bench.pings.map(([tick]) => tick)).size, PING);
});

test("Clients pings many in turns of the event loop, and before the next tick all that are left", async () => {
  const many = 64 * PING * 4;
  const bench = new ClientsBench();
  for (let fd = 0; fd < many; fd++) bench.connect(fd);
  const slice = many / PING;
  bench.ticks(1);
  assert.equal(bench.pings.length, limits.fanoutSliceSends);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(bench.pings.length, slice);
  bench.ticks(2);
  assert.equal(bench.pings.length, 2 * slice + limits.fanoutSliceSends);
  assert.equal(new Set(bench.pings.map(([, fd]) => fd)).size, bench.pings.length);
});

test("Clients pings none that is not connected: new, failed or gone", () => {
  const bench = new ClientsBench();
  bench.clients.open(1);
  bench.clients.open(2);
  bench.clients.fail(2);
  bench.connect(3);
  bench.clients.close(3);
  bench.ticks(2 * PING);
  assert.deepEqual(bench.pings, []);
});

test("Clients disconnects with NO_PONG at the tick protocolPongSeconds after the ping, if no pong has come", () => {
  const bench = new ClientsBench();
  for (const fd of DESCRIPTORS) bench.connect(fd);
  bench.ticks(PING + PONG);
  const due = bench.pings
    .filter(([tick]) => tick <= PING)
    .map(([tick, fd]) => [tick + PONG, fd, disconnects.NO_PONG.code]);
  assert.equal(due.length, DESCRIPTORS.length);
  assert.deepEqual(bench.ends, due);
});

test("Clients lets a client go on whose pong comes just before that tick", () => {
  const bench = new ClientsBench();
  bench.connect(70);
  while (bench.pings.length === 0) bench.ticks(1);
  bench.ticks(PONG - 1);
  assert.equal(bench.clients.takePong(70), true);
  bench.ticks(PING - PONG);
  assert.deepEqual(bench.ends, []);
});

test("Clients.takePong says false of a pong that is not due: before a ping, twice, after the end", () => {
  const bench = new ClientsBench();
  const { clients } = bench;
  bench.connect(5);
  assert.equal(clients.takePong(5), false);
  while (bench.pings.length === 0) bench.ticks(1);
  assert.equal(clients.takePong(5), true);
  assert.equal(clients.takePong(5), false);
  bench.ticks(PING);
  clients.close(5);
  assert.equal(clients.takePong(5), false);
  assert.equal(clients.takePong(100_000), false);
});

test("Clients does not hold a ping of the descriptor's last client against its next", () => {
  const bench = new ClientsBench();
  bench.connect(5);
  while (bench.pings.length === 0) bench.ticks(1);
  bench.clients.close(5);
  bench.connect(5);
  bench.ticks(PONG + 1);
  assert.deepEqual(bench.ends, []);
});

test("Clients disconnects with STALE who has not connected staleSecondsMax ticks after it opened, and only those", () => {
  const bench = new ClientsBench();
  bench.ticks(3);
  bench.clients.open(1);
  bench.clients.open(2);
  bench.clients.open(3);
  bench.clients.open(4);
  bench.ticks(2);
  bench.clients.open(5);
  bench.clients.connect(2);
  bench.clients.close(3);
  bench.clients.fail(4);
  bench.answering(STALE - 2);
  assert.deepEqual(bench.ends, [], "not before the time has passed in full");
  bench.answering(1);
  assert.deepEqual(bench.ends, [
    [bench.now, 1, disconnects.STALE.code],
    [bench.now, 4, disconnects.STALE.code],
  ]);
  bench.answering(2);
  assert.deepEqual(bench.ends.slice(2), [[bench.now, 5, disconnects.STALE.code]]);
  bench.answering(100);
  assert.equal(bench.ends.length, 3);
});

test("Clients lets a client connect once, and knows and counts who is connected", () => {
  const { clients } = new ClientsBench();
  assert.deepEqual([clients.begin(5), clients.isConnected(5), clients.isConnected(100_000)], [false, false, false]);
  clients.open(5);
  assert.deepEqual(
    [clients.begin(5), clients.begin(5), clients.isConnected(5), clients.connected],
    [true, false, false, 0],
  );
  clients.connect(5);
  assert.deepEqual([clients.begin(5), clients.isConnected(5), clients.connected], [false, true, 1]);
  const id = clients.idOf(5);
  assert.equal(clients.find(id), 5);
  const generation = clients.generationOf(5);
  clients.close(5);
  clients.close(5);
  assert.deepEqual([clients.begin(5), clients.isConnected(5), clients.connected], [false, false, 0]);
  assert.equal(clients.find(id), -1);
  assert.notEqual(clients.generationOf(5), generation);
  clients.open(5000);
  clients.fail(5000);
  assert.deepEqual([clients.begin(5000), clients.isConnected(5000), clients.connected], [false, false, 0]);
  for (const nobody of ["", "x", "00000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"])
    assert.equal(clients.find(nobody), -1);
});

test("Clients.connect gives ids that look like a UUID and never come twice, over descriptors, generations and nodes", () => {
  const ids = new Set<string>();
  for (let node = 0; node < 3; node++) {
    const bench = new ClientsBench();
    for (let generation = 0; generation < 3; generation++) {
      for (const fd of [0, 1, 1023, 1024, 70_000]) {
        const id = bench.connect(fd);
        assert.match(id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
        ids.add(id);
        bench.clients.close(fd);
      }
    }
  }
  assert.equal(ids.size, 45);
});

test("Clients agrees with a model of each client's seconds, over random openings, connects, pongs, ends and ticks", () => {
  const fds = [0, 63, 64, 64 * PING, 3000];
  const verb = fc.constantFrom("open", "open", "connect", "connect", "fail", "pong", "close", "tick", "tick", "tick");
  const step = fc.tuple(verb, fc.nat(fds.length - 1), fc.integer({ min: 1, max: 12 }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const bench = new ClientsBench();
      const { clients } = bench;
      /** When a client opened, whether it is connected, since when its ping is out. */
      const model = new Map<
        number,
        { opened: number; state: "new" | "connected" | "failed"; connectedAt: number; pinged: number }
      >();
      for (const [verb, which, count] of steps) {
        const fd = fds[which] as number;
        const client = model.get(fd);
        if (verb === "open" && !client) {
          clients.open(fd);
          model.set(fd, { opened: bench.now, state: "new", connectedAt: 0, pinged: 0 });
        } else if (verb === "connect" && client?.state === "new") {
          clients.connect(fd);
          Object.assign(client, { state: "connected", connectedAt: bench.now });
        } else if (verb === "fail" && client?.state === "new") {
          clients.fail(fd);
          client.state = "failed";
        } else if (verb === "close" && client) {
          clients.close(fd);
          model.delete(fd);
        } else if (verb === "pong") {
          assert.equal(clients.takePong(fd), client !== undefined && client.pinged > 0);
          if (client) client.pinged = 0;
        } else if (verb === "tick") {
          for (let i = 0; i < count; i++) checkTick(bench, model);
        }
        const connected = [...model.values()].filter(({ state }) => state === "connected").length;
        assert.equal(clients.connected, connected);
      }
    }),
    { numRuns: 300 },
  );
});

/** One tick, and whether it did to each client of the model what its seconds ask for. */
function checkTick(
  bench: ClientsBench,
  model: Map<number, { opened: number; state: "new" | "connected" | "failed"; connectedAt: number; pinged: number }>,
): void {
  const pings = bench.pings.length;
  const ends = bench.ends.length;
  bench.ticks(1);
  const { now } = bench;
  const ended: string[] = [];
  for (const [fd, client] of model) {
    if (client.pinged > 0 && now - client.pinged === PONG) ended.push(`${fd} ${disconnects.NO_PONG.code}`);
    else if (client.state !== "connected" && now - client.opened > STALE) ended.push(`${fd} ${disconnects.STALE.code}`);
  }
  assert.deepEqual(
    bench.ends
      .slice(ends)
      .map(([, fd, code]) => `${fd} ${code}`)
      .sort(),
    ended.sort(),
  );
  for (const [, fd] of bench.ends.slice(ends)) model.delete(fd);
  for (const [, fd] of bench.pings.slice(pings)) {
    const client = model.get(fd);
    assert.equal(client?.state, "connected", `${fd} is pinged`);
    if (client) Object.assign(client, { pinged: now, connectedAt: now });
  }
  // None waits for its ping longer than protocolPingSeconds.
  for (const [fd, { state, connectedAt }] of model) {
    if (state === "connected") assert.ok(now - connectedAt < PING, `${fd} is not pinged`);
  }
}
