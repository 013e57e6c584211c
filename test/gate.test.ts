import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { limits } from "../src/limits.ts";
import { networkOf } from "../src/network.ts";
import { FailureGate } from "../src/push/gates/failure-gate.ts";
import { RateGate } from "../src/push/gates/rate-gate.ts";

/** A clock that stands still until it is moved. */
class Clock {
  ms: number;
  constructor(ms = 1_000_000) {
    this.ms = ms;
  }
  readonly now = () => this.ms;
}

/** What happens one after the other, each so many milliseconds after the one before. */
function steps<Step>(step: fc.Arbitrary<Step>, waits: fc.Arbitrary<number>) {
  return fc.array(fc.record({ step, wait: waits }), { maxLength: 200 });
}

// ---- RateGate -------------------------------------------------------------------------------------------------------------

test("RateGate lets a burst through, then one for each token that has come", () => {
  const clock = new Clock();
  const gate = new RateGate({ perSecond: 10, burst: 3 }, clock.now);
  assert.deepEqual(
    [1, 2, 3, 4].map(() => gate.take(7)),
    [true, true, true, false],
  );
  clock.ms += 99;
  assert.equal(gate.take(7), false, "a token comes after 100 ms");
  clock.ms += 1;
  assert.deepEqual([gate.take(7), gate.take(7)], [true, false]);
  clock.ms += 100_000;
  assert.deepEqual(
    [1, 2, 3, 4].map(() => gate.take(7)),
    [true, true, true, false],
    "a bucket does not overflow",
  );
});

test("RateGate keeps clients apart, and one that got the number of another begins anew", () => {
  const clock = new Clock();
  const gate = new RateGate({ perSecond: 1, burst: 1 }, clock.now);
  assert.deepEqual([gate.take(1), gate.take(2), gate.take(1)], [true, true, false]);
  gate.forget(1);
  assert.deepEqual([gate.take(1), gate.take(2)], [true, false]);
});

test("RateGate keeps up with any number of clients", () => {
  const gate = new RateGate({ perSecond: 20, burst: 1 }, new Clock().now);
  gate.forget(99_999);
  for (let client = 0; client < 100_000; client++) assert.ok(gate.take(client));
  for (let client = 0; client < 100_000; client++) assert.ok(!gate.take(client));
});

test("RateGate does what a bucket does that is filled drop by drop", () => {
  // Whole milliseconds for each token, so that the naive one can count in whole numbers.
  const rate = fc.record({ perSecond: fc.constantFrom(1, 2, 10, 50, 1000), burst: fc.integer({ min: 1, max: 8 }) });
  const waits = fc.oneof(fc.nat(5), fc.nat(1000), fc.nat(20_000));
  fc.assert(
    fc.property(rate, fc.nat(100_000), steps(fc.nat(3), waits), (rate, start, list) => {
      const clock = new Clock(start);
      const gate = new RateGate(rate, clock.now);
      const tokenMs = 1000 / rate.perSecond;
      const buckets = new Map<number, { level: number; at: number }>();
      for (const { step: client, wait } of list) {
        clock.ms += wait;
        const bucket = buckets.get(client) ?? { level: rate.burst * tokenMs, at: 0 };
        bucket.level = Math.min(rate.burst * tokenMs, bucket.level + clock.ms - bucket.at);
        bucket.at = clock.ms;
        const allowed = bucket.level >= tokenMs;
        if (allowed) bucket.level -= tokenMs;
        buckets.set(client, bucket);
        assert.equal(gate.take(client), allowed);
      }
    }),
  );
});

test("RateGate gives a client that keeps to a rate of fractions all it asks for", () => {
  const clock = new Clock(0.1);
  const gate = new RateGate({ perSecond: 30, burst: 1 }, clock.now);
  for (let i = 1; i <= 10_000; i++) {
    clock.ms = 0.1 + (i * 1000) / 30;
    assert.ok(gate.take(1), `the ${i}th`);
  }
});

// ---- FailureGate ----------------------------------------------------------------------------------------------------------

test("FailureGate answers the first failures at once, then each twice as late, up to a bound", () => {
  const gate = new FailureGate({ free: 3, delayMs: 100, delayMsMax: 1000 }, new Clock().now);
  const delays = Array.from({ length: 9 }, () => gate.failed("192.0.2.1"));
  assert.deepEqual(delays, [0, 0, 0, 100, 200, 400, 800, 1000, 1000]);
  assert.equal(gate.failed("192.0.2.2"), 0, "another address has its own");
});

test("FailureGate has the defaults of limits.ts", () => {
  const { failureGateFree, failureGateDelayMs, failureGateDelayMsMax } = limits;
  const gate = new FailureGate({}, new Clock().now);
  for (let i = 0; i < failureGateFree; i++) assert.equal(gate.failed("::1"), 0);
  assert.equal(gate.failed("::1"), failureGateDelayMs);
  for (let i = 0; i < 2000; i++) gate.failed("::1");
  assert.equal(gate.failed("::1"), failureGateDelayMsMax);
});

test("FailureGate forgets an address that was quiet for two windows", () => {
  const clock = new Clock(0);
  const gate = new FailureGate({ free: 0, seconds: 10, delayMs: 1, delayMsMax: 1000 }, clock.now);
  assert.deepEqual([gate.failed("a"), gate.failed("a")], [1, 2]);
  clock.ms = 19_999;
  assert.equal(gate.failed("a"), 4, "those of the window before still count");
  clock.ms = 40_000;
  assert.equal(gate.failed("a"), 1);
});

test("FailureGate keeps a bounded number of addresses, and still counts who fails most", () => {
  const addressesMax = 100;
  const gate = new FailureGate({ free: 0, delayMs: 1, delayMsMax: 1_000_000, addressesMax }, new Clock().now);
  let last = 0;
  for (let i = 0; i < 10_000; i++) {
    gate.failed(`10.0.${i >> 8}.${i & 255}`);
    if (i % 10 === 0) last = gate.failed("192.0.2.1");
    assert.ok(gate.size <= 2 * addressesMax);
  }
  assert.ok(last >= 2 ** 9, `the last delay is ${last}`);
});

test("FailureGate takes ten thousand failing connects a second of as many addresses", () => {
  const clock = new Clock();
  const gate = new FailureGate({}, clock.now);
  for (let second = 0; second < 20; second++, clock.ms += 1000) {
    for (let i = 0; i < 10_000; i++) gate.failed(`10.${second}.${i >> 8}.${i & 255}`);
  }
  assert.ok(gate.size <= 2 * limits.failureGateAddressesMax);
});

test("FailureGate counts the failures of this window and the one before, as a list of all of them says", () => {
  const address = fc.constantFrom("a", "b", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1");
  const waits = fc.oneof(fc.nat(10), fc.nat(3000));
  fc.assert(
    fc.property(fc.nat(10_000), fc.nat(3), steps(address, waits), (start, free, list) => {
      const clock = new Clock(start);
      const gate = new FailureGate({ free, seconds: 1, delayMs: 1, delayMsMax: 2 ** 300 }, clock.now);
      const failures: { network: string; window: number }[] = [];
      for (const { step: address, wait } of list) {
        clock.ms += wait;
        const network = address.replace(/^(2001:db8::).*/, "$1");
        const window = Math.floor(clock.ms / 1000);
        failures.push({ network, window });
        const count = failures.filter((one) => one.network === network && one.window >= window - 1).length;
        assert.equal(gate.failed(address), count > free ? 2 ** (count - free - 1) : 0);
      }
    }),
  );
});

// ---- networkOf ------------------------------------------------------------------------------------------------------------

const networks: readonly [address: string, network: string][] = [
  ["192.0.2.1", "192.0.2.1"],
  ["::ffff:192.0.2.1", "192.0.2.1"],
  ["::FFFF:192.0.2.1", "192.0.2.1"],
  ["", ""],
  ["unix", "unix"],
  ["::", "0:0:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
  ["1::", "1:0:0:0::/64"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["2001:0DB8:0000:0000:0000:0000:0000:0001", "2001:db8:0:0::/64"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:db8:1:2::", "2001:db8:1:2::/64"],
  ["2001:db8:1:2:3::6", "2001:db8:1:2::/64"],
  ["::2:3:4:5:6:7:8", "0:2:3:4::/64"],
  ["::3:4:5:6:192.0.2.1", "0:0:3:4::/64"],
  ["64:ff9b::192.0.2.1", "64:ff9b:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
];
for (const [address, network] of networks) {
  test(`networkOf ${JSON.stringify(address)} is ${JSON.stringify(network)}`, () => {
    assert.equal(networkOf(address), network);
  });
}

test("networkOf is the same for all ways to write an address, and another for another network", () => {
  const groups = fc.array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(groups, groups, (one, other) => {
      const long = (list: number[]) => list.map((group) => group.toString(16).padStart(4, "0")).join(":");
      const short = (list: number[]) => new URL(`http://[${long(list)}]/`).hostname.slice(1, -1);
      assert.equal(networkOf(long(one)), networkOf(short(one)));
      const same = one.slice(0, 4).join() === other.slice(0, 4).join();
      assert.equal(networkOf(short(one)) === networkOf(short(other)), same);
    }),
  );
});
