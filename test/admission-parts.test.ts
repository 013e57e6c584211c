import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { AcceptBucket } from "../src/connection/accept-bucket.ts";
import { AddressCounts } from "../src/connection/address-counts.ts";
import { Gate } from "../src/connection/gate.ts";
import { Load } from "../src/connection/load.ts";
import { limits } from "../src/index.ts";

describe("gate", () => {
  it("shuts at its mark and opens at the lower one, both exactly", () => {
    const rows: [max: number, percent: number, values: number[], shut: boolean[]][] = [
      [100, 75, [99, 100, 76, 75, 99, 1000, 75], [false, true, true, false, false, true, false]],
      [1, 95, [0, 1, 1, 0], [false, true, true, false]],
      [2, 95, [1, 2, 1], [false, true, false]],
      [10_000, 95, [9_999, 10_000, 9_501, 9_500], [false, true, true, false]],
      [0, 95, [0, 1, Number.MAX_SAFE_INTEGER], [false, false, false]],
    ];
    for (const [max, percent, values, shut] of rows) {
      const gate = new Gate(max, percent);
      const seen = values.map((value) => {
        gate.update(value);
        return gate.isShut;
      });
      assert.deepEqual(seen, shut, `max ${max}`);
    }
  });

  it("does not flap: a value that wavers around a mark moves it once, and it moves only across both marks", () => {
    const gate = new Gate(1000, 75);
    let moves = 0;
    for (let i = 0; i < 10_000; i++) if (gate.update(1000 + (i % 2 === 0 ? -30 : 30))) moves++;
    assert.equal(moves, 1);
    for (let i = 0; i < 10_000; i++) if (gate.update(gate.reopenAt + (i % 2 === 0 ? 30 : -30))) moves++;
    assert.equal(moves, 2);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.array(fc.integer({ min: 0, max: 60 })), (max, values) => {
        const wavering = new Gate(max, 75);
        let crossings = 0;
        let isAbove = false;
        let moved = 0;
        for (const value of values) {
          if (value >= max && !isAbove) isAbove = ++crossings > 0;
          else if (value <= wavering.reopenAt && isAbove) isAbove = ++crossings < 0;
          if (wavering.update(value)) moved++;
        }
        assert.equal(moved, crossings);
        assert.equal(wavering.isShut, isAbove);
      }),
    );
  });
});

describe("accept bucket", () => {
  const steady = { perSecond: 10, burst: 5, rampSeconds: 0 };

  it("refills at its rate and not at one a second: burst 5 and 10 a second let 105 in within 10 seconds", () => {
    let now = 0;
    const bucket = new AcceptBucket(steady, () => now);
    let accepted = 0;
    for (now = 0; now <= 10_000; now++) {
      while (bucket.available() > 0) {
        bucket.take();
        accepted++;
      }
    }
    assert.equal(accepted, 105);
  });

  it("makes up for what was taken too early, and waits for as much as acceptRestMs brings, at least one", () => {
    let now = 0;
    const bucket = new AcceptBucket(steady, () => now);
    for (let i = 0; i < 8; i++) bucket.take();
    assert.equal(bucket.available(), 0);
    // Three are owed, and one is wanted.
    assert.equal(bucket.waitMs(), 400);
    now = 399;
    assert.equal(bucket.available(), 0);
    now = 400;
    assert.equal(bucket.available(), 1);
    const fast = new AcceptBucket({ perSecond: 100_000, burst: 10_000, rampSeconds: 0 }, () => now);
    for (let i = 0; i < 10_000; i++) fast.take();
    assert.equal(fast.waitMs(), limits.acceptRestMs);
  });

  it("ramps: a start gets a tenth of the rate and of the burst, and each moment more, up to all of it", () => {
    let now = 1000;
    const bucket = new AcceptBucket({ perSecond: 1000, burst: 100, rampSeconds: 10 }, () => now);
    assert.equal(bucket.available(), 10);
    const perSecond: number[] = [];
    for (let second = 0; second < 12; second++) {
      let accepted = 0;
      for (let ms = 0; ms < 1000; ms++, now++) {
        for (; bucket.available() > 0; accepted++) bucket.take();
      }
      perSecond.push(accepted);
    }
    const expected = [145, 235, 325, 415, 505, 595, 685, 775, 865, 955, 1000, 1000];
    for (const [second, accepted] of perSecond.entries())
      assert.ok(Math.abs(accepted - (expected[second] as number)) <= 11, `second ${second}: ${accepted}`);
  });

  it("agrees with a naive bucket that is filled in small steps", () => {
    const rate = fc.record({
      perSecond: fc.integer({ min: 1, max: 2000 }),
      burst: fc.integer({ min: 1, max: 500 }),
      rampSeconds: fc.constantFrom(0, 1, 3),
    });
    fc.assert(
      fc.property(
        rate,
        fc.array(fc.tuple(fc.integer({ min: 0, max: 40 }), fc.nat(20)), { maxLength: 60 }),
        (how, steps) => {
          let now = 0;
          const bucket = new AcceptBucket(how, () => now);
          const part = (ms: number) =>
            how.rampSeconds === 0 ? 1 : Math.min(1, 0.1 + (0.9 * ms) / (how.rampSeconds * 1000));
          let tokens = Math.max(1, how.burst * part(0));
          for (const [ms, takes] of steps) {
            for (let i = 0; i < ms * 8; i++) {
              const at = now + i / 8;
              tokens = Math.min(
                Math.max(1, how.burst * part(at + 1 / 8)),
                tokens + (how.perSecond / 8000) * part(at + 1 / 16),
              );
            }
            now += ms;
            assert.ok(
              Math.abs(bucket.available() - Math.max(0, tokens)) < 1.01 + how.burst * 0.02,
              `${tokens} at ${now}`,
            );
            for (let i = 0; i < takes; i++) {
              bucket.take();
              tokens--;
            }
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("address counts", () => {
  it("counts each IPv4 address, and each IPv6 network of 64 bits, and keeps nothing of those that have left", () => {
    const counts = new AddressCounts(2);
    const rows: [fd: number, address: string, enters: boolean][] = [
      [1, "10.0.0.1", true],
      [2, "::ffff:10.0.0.1", true],
      [3, "10.0.0.1", false],
      [4, "2001:db8:0:1::1", true],
      [5, "2001:db8:0:1:ffff::9", true],
      [6, "2001:DB8:0:1::3", false],
      [7, "2001:db8:0:2::1", true],
      [5000, "10.0.0.2", true],
      [8, "", true],
      [9, "", true],
      [10, "", true],
    ];
    for (const [fd, address, enters] of rows) assert.equal(counts.enter(fd, address), enters, address);
    counts.leave(3);
    assert.equal(counts.enter(3, "10.0.0.1"), false);
    counts.leave(1);
    assert.equal(counts.enter(3, "10.0.0.1"), true);
    for (const fd of [2, 3, 4, 5, 6, 7, 8, 9, 10, 5000, 60_000]) counts.leave(fd);
    assert.equal(counts.size, 0);
  });

  it("agrees with a naive count, whoever comes and goes", () => {
    const step = fc.tuple(fc.nat(20), fc.nat(4));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 200 }), (max, steps) => {
        const counts = new AddressCounts(max);
        const naive = new Map<number, number>();
        for (const [fd, host] of steps) {
          if (naive.delete(fd)) counts.leave(fd);
          else {
            const enters = [...naive.values()].filter((other) => other === host).length < max;
            assert.equal(counts.enter(fd, `10.0.0.${host}`), enters);
            if (enters) naive.set(fd, host);
          }
          assert.equal(counts.size, new Set(naive.values()).size);
        }
      }),
    );
  });
});

describe("load", () => {
  it("the lag is the middle one of three: one long stop does not count, two late samples do, two good ones end it", () => {
    let now = 0;
    const lags: number[] = [];
    const load = new Load({
      residentBytes: () => 1,
      outboundBytes: () => 2,
      now: () => now,
      sampled: (lagMs, ...others) => {
        lags.push(lagMs);
        assert.deepEqual(others, [1, 2]);
      },
    });
    load.start();
    for (const lateMs of [0, 3_600_000, 0, 0, 500, 400, 300, 0, 0]) {
      now += limits.loadSampleMs + lateMs;
      load.sample();
      load.stop();
    }
    assert.deepEqual(lags, [0, 0, 0, 0, 0, 400, 400, 300, 0]);
  });

  it("goes on with the last value where the resident memory cannot be read, as without a descriptor", () => {
    const seen: number[] = [];
    const read = [() => 7, () => assert.fail("EMFILE"), () => 8];
    const load = new Load({
      residentBytes: () => (read.shift() as () => number)(),
      outboundBytes: () => 0,
      now: () => 0,
      sampled: (_, residentBytes) => void seen.push(residentBytes),
    });
    for (let i = 0; i < 3; i++) load.sample();
    load.stop();
    assert.deepEqual(seen, [7, 7, 8]);
  });
});
