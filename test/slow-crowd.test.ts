import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { ChildServer } from "./child-server.ts";
import { CrowdClient } from "./slow-crowd-client.ts";

const MIB = 1024 * 1024;
const READERS = process.env["BELFRY_FAULTS"] === "full" ? 5000 : 1000;
const READERS_OF_A_CHANNEL = 20;
const CHANNELS = READERS / READERS_OF_A_CHANNEL;
const SLOW = 100;
/** Channels that one who does not read shares with those who do. */
const SHARED = CHANNELS / 50;
const PUBLICATIONS = 1500;
const OUTBOUND_BYTES_MAX = 32 * MIB;
const policies = ["disconnect", "drop", "conflate"] as const;
type Policy = (typeof policies)[number];

/** What the server says of itself. */
interface State {
  port: number;
  clients: number;
  outbound: { bytes: number; connections: number; slow: number; shed: number };
  /** The most that waited since it was asked last. */
  most: number;
  rss: number;
  /** Publications a second of a run. */
  perSecond: number;
  published: Record<string, number>;
}

/** One that reads: of each of its channels the number that came last. */
interface Reader {
  readonly last: Map<string, number>;
}

const PUBLICATION = /"channel":"([^"]+)","pub":\{"data":\{"n":(\d+),"t":(\d+)/;

/**
 * How many times as much the one takes as the other. Noise only ever adds, so what something costs is seen in its better
 * rounds: in the best, or, where that was luck for one of the two, at the lower quartile.
 */
function timesAsMuch(ones: readonly number[], others: readonly number[]): number {
  const [one, other] = [ones, others].map((values) => [...values].sort((a, b) => a - b)) as [number[], number[]];
  const at = (i: number) => (one[i] as number) / (other[i] as number);
  return Math.min(at(0), at(one.length >> 2));
}

describe("a crowd in which some do not read", () => {
  let server: ChildServer;
  let port = 0;
  const readers: Reader[] = [];
  /** Microseconds from the publication to the reader, of the phase that runs. */
  let delays: number[] = [];
  let due = 0;
  let all = () => {};
  const problems: string[] = [];

  before(async () => {
    server = await ChildServer.start("crowd-server", { outboundBytesMax: OUTBOUND_BYTES_MAX });
    ({ port } = await server.ask<State>({ verb: "state" }));
    for (let at = 0; at < READERS; at += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, i) => join(at + i)));
    }
  });
  after(() => server.stop());

  async function join(index: number): Promise<void> {
    const reader: Reader = { last: new Map() };
    const channels = policies.map((policy) => `${policy}:${index % CHANNELS}`);
    await CrowdClient.open(port, channels, (text) => {
      const [, channel = "", n, t] = PUBLICATION.exec(text ?? "") ?? [];
      const before = reader.last.get(channel) ?? 0;
      if (Number(n) !== before + 1) problems.push(`reader ${index} had ${before} and got ${text?.slice(0, 80)}`);
      reader.last.set(channel, Number(n));
      delays.push(Number(process.hrtime.bigint() / 1000n) - Number(t));
      if (--due === 0) all();
    });
    readers.push(reader);
  }

  /** Publishes, and waits until every reader has all of it. Returns the 99th percentile of the delays. */
  async function phase(policy: Policy, bulkEach: number): Promise<{ p99: number; state: State }> {
    delays = [];
    due = PUBLICATIONS * READERS_OF_A_CHANNEL;
    const whole = new Promise<void>((resolve) => {
      all = resolve;
    });
    const state = await server.ask<State>({ verb: "run", policy, channels: CHANNELS, count: PUBLICATIONS, bulkEach });
    await whole;
    assert.deepEqual(problems, [], "out of order, or missing");
    delays.sort((one, other) => one - other);
    return { p99: delays[Math.floor(delays.length * 0.99)] as number, state };
  }

  /** Clients that subscribe, and then do not read until the server cannot write to any of them. */
  async function stopReading(
    policy: Policy,
  ): Promise<{ client: CrowdClient; texts: string[]; ended: () => boolean }[]> {
    const shared = Array.from({ length: SHARED }, (_, i) => `${policy}:${i}`);
    const open = async () => {
      const texts: string[] = [];
      let over = false;
      const client = await CrowdClient.open(port, [`${policy}:bulk`, ...shared], (text) => {
        if (text === undefined) over = true;
        else texts.push(text);
      });
      client.socket.pause();
      return { client, texts, ended: () => over };
    };
    const slow = await Promise.all(Array.from({ length: SLOW }, open));
    await server.ask({ verb: "block", policy, connections: SLOW });
    return slow;
  }

  async function until(what: string, condition: () => Promise<boolean> | boolean): Promise<void> {
    const deadline = process.hrtime.bigint() + 30_000_000_000n;
    while (!(await condition())) {
      assert.ok(process.hrtime.bigint() < deadline, `still not: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  for (const policy of policies) {
    it(`policy ${policy}: who reads gets everything, in order, as soon as without the slow; memory is bounded`, async (t) => {
      const alone: number[] = [];
      const beside: number[] = [];
      const rates: number[] = [];
      const ratio = () => timesAsMuch(beside, alone);
      for (let round = 0; round < 3 || (round < 15 && ratio() > 2); round++) {
        const { p99, state } = await phase(policy, 0);
        alone.push(p99);
        const slow = await stopReading(policy);
        const during = await phase(policy, 10);
        beside.push(during.p99);
        rates.push(during.state.perSecond);
        judge(policy, state, during.state);
        await readAgain(policy, slow, during.state);
        for (const { client } of slow) client.socket.destroy();
        await until("only the readers are left", async () => {
          const { clients, outbound } = await server.ask<State>({ verb: "state" });
          return clients === READERS && outbound.bytes === 0 && outbound.connections === 0;
        });
      }
      const said = `p99 in µs alone ${alone.join(" ")}, beside ${SLOW} slow ${beside.join(" ")}`;
      t.diagnostic(`${said}; ${Math.round(Math.min(...rates))} publications/s beside them`);
      assert.ok(ratio() <= 2, said);
    });
  }

  function judge(policy: Policy, before: State, { clients, outbound, most, rss }: State): void {
    const shed = outbound.shed - before.outbound.shed;
    assert.ok(most <= OUTBOUND_BYTES_MAX, `${most} bytes waited`);
    assert.ok(rss - before.rss < 3 * OUTBOUND_BYTES_MAX, `${rss - before.rss} bytes more in memory`);
    assert.equal(outbound.slow, 0);
    if (policy === "disconnect") assert.ok(shed > 0, "nobody was shed: the test shows nothing");
    else assert.equal(shed, 0);
    // Whoever is gone was counted.
    assert.equal(clients, READERS + SLOW - shed);
  }

  /** What those find who read again: by policy, the end, everything, an unsubscribe, or the newest. */
  async function readAgain(policy: Policy, slow: Awaited<ReturnType<typeof stopReading>>, state: State): Promise<void> {
    for (const { client } of slow) client.socket.resume();
    const last = (texts: readonly string[], channel: string) => {
      const own = texts.filter((text) => text.includes(`"channel":"${channel}"`));
      return own.at(-1) ?? "";
    };
    const complete = (texts: readonly string[]) =>
      Array.from({ length: SHARED }, (_, i) => `${policy}:${i}`).every((channel) => {
        const newest = PUBLICATION.exec(last(texts, channel))?.[2] === String(state.published[channel]);
        return newest || (policy === "drop" && last(texts, channel).includes('"unsubscribe":{"code":2500'));
      });
    await until("every slow reader is ended or up to date", () =>
      slow.every(({ texts, ended }) => ended() || complete(texts)),
    );
    const over = slow.filter(({ ended }) => ended()).length;
    if (policy !== "disconnect") assert.equal(over, 0);
    else assert.ok(over > 0 && over < SLOW, `${over} of ${SLOW} were shed`);
  }
});
