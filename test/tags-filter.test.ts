import assert from "node:assert/strict";
import { once } from "node:events";
import { mock, type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { Centrifuge } from "centrifuge";
import fc from "fast-check";
import WebSocket from "ws";
import { type History, type HistoryQuery, MemoryBroker } from "../src/bus/index.ts";
import { limits } from "../src/limits.ts";
import { Fanout } from "../src/push/fanout.ts";
import { Filters } from "../src/push/filters.ts";
import { Hub } from "../src/push/hub.ts";
import { createPushServer, type PushOptions, type PushServer, WEBSOCKET_PATH } from "../src/push/index.ts";
import { ReplyError } from "../src/push/protocol.ts";
import { type Recovered, Recovery } from "../src/push/recovery.ts";
import { readTagsFilter, type Tags } from "../src/push/tags-filter.ts";

interface FilterNode {
  op?: string;
  key?: string;
  cmp?: string;
  val?: string;
  vals?: string[];
  nodes?: FilterNode[];
}

// ---- What a filter lets through -----------------------------------------------------------------------------------------

const eq = (key: string, val: string): FilterNode => ({ key, cmp: "eq", val });

for (const [filter, wanted, unwanted] of [
  [eq("a", "1"), [{ a: "1" }, { a: "1", b: "2" }], [{ a: "2" }, { b: "1" }, {}, undefined]],
  [{ op: "", key: "a", cmp: "neq", val: "1" }, [{ a: "2" }, {}, undefined], [{ a: "1" }]],
  [{ key: "a", cmp: "in", vals: ["1", "2"] }, [{ a: "1" }, { a: "2" }], [{ a: "3" }, {}, undefined]],
  [{ key: "a", cmp: "nin", vals: ["1", "2"] }, [{ a: "3" }, {}, undefined], [{ a: "1" }, { a: "2" }]],
  [{ key: "a", cmp: "in", vals: [""] }, [{}, { a: "" }], [{ a: "1" }]],
  [{ key: "a", cmp: "ex" }, [{ a: "" }], [{ b: "" }, undefined]],
  [{ key: "a", cmp: "nex" }, [{ b: "" }, undefined], [{ a: "" }]],
  [{ key: "a", cmp: "sw", val: "xy" }, [{ a: "xyz" }], [{ a: "zxy" }, {}]],
  [{ key: "a", cmp: "ew", val: "xy" }, [{ a: "zxy" }], [{ a: "xyz" }, {}]],
  [{ key: "a", cmp: "ct", val: "xy" }, [{ a: "zxyz" }, { a: "xy" }], [{ a: "xzy" }, {}]],
  [{ key: "a", cmp: "lt", val: "10" }, [{ a: "9" }, { a: "-11" }, { a: "9.99" }], [{ a: "10" }, { a: "x" }, {}]],
  [{ key: "a", cmp: "lte", val: "10.0" }, [{ a: "10" }, { a: "+10" }], [{ a: "10.0000000000000000001" }, { a: "" }]],
  [{ key: "a", cmp: "gt", val: "-0.5" }, [{ a: "-0.4" }, { a: "0" }], [{ a: "-0.50" }, { a: "1e9" }, { a: " 1" }]],
  [{ key: "a", cmp: "gte", val: "9007199254740993" }, [{ a: "9007199254740993" }], [{ a: "9007199254740992" }]],
  [{ key: "a", cmp: "gt", val: "many" }, [], [{ a: "1" }, { a: "many" }, { a: "zoo" }]],
  [{ op: "and", nodes: [eq("a", "1"), eq("b", "2")] }, [{ a: "1", b: "2" }], [{ a: "1" }, { b: "2" }, {}]],
  [{ op: "or", nodes: [eq("a", "1"), eq("b", "2")] }, [{ a: "1" }, { b: "2" }], [{ a: "2", b: "1" }, {}]],
  [{ op: "not", nodes: [eq("a", "1")] }, [{ a: "2" }, {}], [{ a: "1" }]],
  [eq("constructor", "1"), [{ constructor: "1" }], [{}, undefined]],
  [{ key: "__proto__", cmp: "ex" }, [JSON.parse('{"__proto__":"1"}')], [{}, { a: "1" }]],
] as readonly [FilterNode, (Tags | undefined)[], (Tags | undefined)[]][]) {
  test(`a filter lets through what it says: ${JSON.stringify(filter)}`, () => {
    const { matches } = readTagsFilter(filter);
    for (const tags of wanted) assert.equal(matches(tags), true, JSON.stringify(tags));
    for (const tags of unwanted) assert.equal(matches(tags), false, JSON.stringify(tags));
  });
}

/** The same as the filter's definition says it, straight from the node. */
function naive(node: FilterNode, tags: Tags): boolean {
  const { op = "", key = "", cmp = "", val = "", vals = [], nodes = [] } = node;
  if (op === "and") return !nodes.some((inner) => !naive(inner, tags));
  if (op === "or") return nodes.filter((inner) => naive(inner, tags)).length > 0;
  if (op === "not") return !naive(nodes[0] as FilterNode, tags);
  const has = Object.keys(tags).includes(key);
  const tag = has ? (tags[key] as string) : "";
  if (["lt", "lte", "gt", "gte"].includes(cmp)) {
    const isNumber = (text: string) => text !== "" && !Number.isNaN(Number(text));
    if (!has || !isNumber(tag) || !isNumber(val)) return false;
    const difference = Number(tag) - Number(val);
    return (cmp.startsWith("l") ? difference < 0 : difference > 0) || (cmp.endsWith("e") && difference === 0);
  }
  const answers: Record<string, boolean> = {
    eq: has && tag === val,
    neq: !has || tag !== val,
    in: vals.includes(tag),
    nin: !vals.includes(tag),
    ex: has,
    nex: !has,
    sw: has && tag.slice(0, val.length) === val,
    ew: has && tag.slice(Math.max(0, tag.length - val.length)) === val,
    ct: has && tag.split(val).length > 1,
  };
  return answers[cmp] as boolean;
}

const keys = fc.constantFrom("a", "b", "toString");
const texts = fc.constantFrom("1", "2", "-1", "1.5", "10", "01", "x", "xy", "1x");
const leaf: fc.Arbitrary<FilterNode> = fc.oneof(
  fc.record({
    key: keys,
    cmp: fc.constantFrom("eq", "neq", "sw", "ew", "ct", "lt", "lte", "gt", "gte"),
    val: texts,
  }),
  fc.record({
    key: keys,
    cmp: fc.constantFrom("in", "nin"),
    vals: fc.array(fc.oneof(texts, fc.constant("")), { minLength: 1, maxLength: 3 }),
  }),
  fc.record({ key: keys, cmp: fc.constantFrom("ex", "nex") }),
);
const { filter } = fc.letrec<{ filter: FilterNode }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc.record({
      op: fc.constantFrom("and", "or"),
      nodes: fc.array(tie("filter"), { minLength: 1, maxLength: 3 }),
    }),
    fc.record({ op: fc.constant("not"), nodes: tie("filter").map((node) => [node]) }),
  ),
}));
const tagsOf = fc.dictionary(keys, texts, { maxKeys: 3, noNullPrototype: true });

test("a compiled filter answers as its node does, and its text is a filter that answers the same", () => {
  fc.assert(
    fc.property(filter, fc.array(tagsOf, { minLength: 1, maxLength: 10 }), (node, all) => {
      const { text, matches } = readTagsFilter(node);
      const again = readTagsFilter(JSON.parse(text));
      assert.equal(again.text, text);
      for (const tags of all) {
        assert.equal(matches(tags), naive(node, tags), JSON.stringify(tags));
        assert.equal(again.matches(tags), matches(tags));
      }
    }),
    { numRuns: 500 },
  );
});

test("what says nothing in a node makes no other filter of it", () => {
  const { text } = readTagsFilter(eq("a", "1"));
  for (const same of [
    { op: "", key: "a", cmp: "eq", val: "1", vals: [], nodes: [] },
    { val: "1", vals: null, key: "a", nodes: null, cmp: "eq", op: null },
    { ...eq("a", "1"), comment: [[[[]]]] },
  ]) {
    assert.equal(readTagsFilter(same).text, text);
  }
});

for (const [malformed, message] of [
  ["a", /a node is an object/],
  [[], /a node is an object/],
  [{}, /cmp is one of eq, neq, in, nin, ex, nex, sw, ew, ct, lt, lte, gt, gte/],
  [{ key: "a", cmp: "toString", val: "1" }, /cmp is one of/],
  [{ key: "a", cmp: 1, val: "1" }, /cmp is one of/],
  [{ cmp: "eq", val: "1" }, /"eq" needs a key/],
  [{ key: "a", cmp: "eq" }, /"eq" needs a val/],
  [{ key: "a", cmp: "eq", val: 1 }, /key, val and vals are texts/],
  [{ key: 1, cmp: "ex" }, /key, val and vals are texts/],
  [{ key: "a", cmp: "in", vals: ["1", 2] }, /key, val and vals are texts/],
  [{ key: "a", cmp: "in", vals: "12" }, /key, val and vals are texts/],
  [{ key: "a", cmp: "in" }, /"in" needs vals/],
  [{ key: "a", cmp: "in", vals: ["1"], val: "1" }, /"in" has no val/],
  [{ key: "a", cmp: "eq", vals: ["1"], val: "1" }, /"eq" has no vals/],
  [{ key: "a", cmp: "ex", val: "1" }, /"ex" has no val/],
  [{ op: "xor", nodes: [eq("a", "1")] }, /op is "", "and", "or" or "not"/],
  [{ op: "and" }, /"and" needs nodes/],
  [{ op: "or", nodes: [] }, /"or" needs nodes/],
  [{ op: "or", nodes: {} }, /"or" needs nodes/],
  [{ op: "or", nodes: [null] }, /a node is an object/],
  [{ op: "not", nodes: [eq("a", "1"), eq("a", "1")] }, /"not" has one node/],
] as const) {
  test(`what is no filter is refused with 107: ${JSON.stringify(malformed)}`, () => {
    assert.throws(
      () => readTagsFilter(malformed),
      (error) => error instanceof ReplyError && error.code === 107 && message.test(error.message),
    );
  });
}

/** The text of a node without a value. */
const EMPTY_BYTES = readTagsFilter(eq("a", "x")).text.length - 1;

for (const [limit, of] of [
  ["tagsFilterDepthMax", (size) => Array.from({ length: size - 1 }).reduce(inNot, eq("a", "1"))],
  ["tagsFilterNodesMax", (size) => ({ op: "or", nodes: Array.from({ length: size - 1 }, () => eq("a", "1")) })],
  ["tagsFilterBytesMax", (size) => eq("a", `é${"x".repeat(size - EMPTY_BYTES - 2)}`)],
] as readonly ["tagsFilterDepthMax" | "tagsFilterNodesMax" | "tagsFilterBytesMax", (size: number) => FilterNode][]) {
  test(`a filter of ${limit} is taken, and one more refused with the limit's name and value`, () => {
    readTagsFilter(of(limits[limit]));
    assert.throws(() => readTagsFilter(of(limits[limit] + 1)), new RegExp(`${limit}, ${limits[limit]}`));
  });
}

function inNot(node: unknown): FilterNode {
  return { op: "not", nodes: [node as FilterNode] };
}

test("a filter that nests as deep as a frame has room for is refused, and nothing worse", () => {
  const depth = 5000;
  const deep = JSON.parse(`${'{"op":"not","nodes":['.repeat(depth)}{}${"]}".repeat(depth)}`);
  assert.throws(() => readTagsFilter(deep), /tagsFilterDepthMax/);
  const aside = JSON.parse(`{"key":"a","cmp":"ex","aside":${"[".repeat(depth)}${"]".repeat(depth)}}`);
  assert.equal(readTagsFilter(aside).matches({ a: "" }), true);
});

// ---- The fan-out --------------------------------------------------------------------------------------------------------

/** A filter that counts how often it is asked. */
function counting(text: string, matches: (tags: Tags | undefined) => boolean) {
  const filter = {
    text,
    asked: 0,
    matches: (tags: Tags | undefined) => {
      filter.asked++;
      return matches(tags);
    },
  };
  return filter;
}

function fanoutBench() {
  const filters = new Filters();
  const got: number[] = [];
  const fanout = new Fanout({
    isBlocked: () => false,
    text: (fd) => void got.push(fd),
    multicast: (_message, fds, count) => void got.push(...fds.subarray(0, count)),
  });
  const hub: Hub = new Hub(
    (channel, cursor) => {
      fanout.moveOn(hub, channel, cursor);
      filters.forget(cursor, channel);
    },
    () => {},
  );
  const subscribe = (fd: number, name: string, filter?: Parameters<Filters["set"]>[2]) => {
    hub.subscribe(fd, name);
    if (filter) filters.set(hub.find(fd, name), hub.channel(name), filter);
  };
  const publish = async (name: string, tags?: Tags) => {
    got.length = 0;
    const channel = hub.channel(name);
    fanout.publish(hub, channel, "text", undefined, filters.wanted(channel, tags));
    while (fanout.waiting > 0) await turn();
    return [...got].sort((a, b) => a - b);
  };
  return { filters, hub, subscribe, publish };
}

for (const subscribers of [1, 4, 5, 2 * limits.fanoutSliceSends + 1]) {
  test(`of ${subscribers} subscribers those whose filter rejects a publication are skipped`, async () => {
    const { subscribe, publish, filters, hub } = fanoutBench();
    const odd = counting("odd", (tags) => tags?.["n"] === "odd");
    const all = Array.from({ length: subscribers }, (_, fd) => fd);
    const isFiltered = (fd: number) => fd % 3 === 0;
    for (const fd of all) subscribe(fd, "a", isFiltered(fd) ? { ...odd } : undefined);
    subscribe(0, "b");
    assert.equal(filters.wanted(hub.channel("b"), undefined), undefined, "a channel without filters asks nobody");
    assert.deepEqual(await publish("a", { n: "odd" }), all);
    const unfiltered = all.filter((fd) => !isFiltered(fd));
    assert.deepEqual(await publish("a", { n: "even" }), unfiltered);
    assert.deepEqual(await publish("a"), unfiltered);
    for (const fd of all) hub.unsubscribe(fd, "a");
    for (const fd of all) subscribe(fd, "a");
    assert.equal(filters.wanted(hub.channel("a"), undefined), undefined, "their filters went with the subscriptions");
    assert.deepEqual(await publish("a"), all);
  });
}

test("equal filters of a channel are asked once for a publication, those of different text each", async () => {
  const { subscribe, publish } = fanoutBench();
  const made = Array.from({ length: 100 }, (_, fd) => counting(`${fd % 2}`, () => fd % 2 === 0));
  for (const [fd, filter] of made.entries()) subscribe(fd, "a", filter);
  assert.equal((await publish("a")).length, 50);
  assert.deepEqual(
    made.map(({ asked }) => asked),
    made.map((_, fd) => (fd < 2 ? 1 : 0)),
  );
});

// ---- Over the protocol --------------------------------------------------------------------------------------------------

const SIZE = 20;
const open = { allowSubscribeForClient: true, allowSubscribeForAnonymous: true, allowTagsFilter: true };
const kept = { ...open, historySize: SIZE, historySeconds: 60, forceRecovery: true };

async function serve(t: TestContext, options: PushOptions): Promise<{ server: PushServer; url: string }> {
  const server = createPushServer({ allowAnonymous: true, ...options });
  const { port } = await server.listen({ host: "127.0.0.1" });
  t.after(() => server.close());
  return { server, url: `ws://127.0.0.1:${port}${WEBSOCKET_PATH}` };
}

test("the SDK with a tags filter gets what it wants, and one without gets everything", async (t) => {
  const { server, url } = await serve(t, { channels: { withoutNamespace: open } });
  const heard = new Map<string, unknown[]>();
  const ends: Promise<void>[] = [];
  for (const ticker of ["BTC", "ETH", ""]) {
    const client = new Centrifuge(url, { websocket: WebSocket });
    t.after(() => client.disconnect());
    const tagsFilter = ticker === "" ? null : ({ key: "ticker", cmp: "eq", val: ticker } as const);
    const subscription = client.newSubscription("prices", { tagsFilter });
    const got: unknown[] = [];
    heard.set(ticker, got);
    ends.push(
      new Promise((resolve) => {
        subscription.on("publication", ({ data }) => {
          if (data === "end") resolve();
          else got.push(data);
        });
      }),
    );
    const subscribed = new Promise((resolve) => subscription.once("subscribed", resolve));
    subscription.subscribe();
    client.connect();
    await subscribed;
  }
  for (const [data, ticker] of [
    ["1", "BTC"],
    ["2", "ETH"],
    ["3", "SOL"],
    ["4", "BTC"],
  ] as const) {
    await server.operations.publish("prices", data, { tags: { ticker } });
  }
  for (const ticker of ["BTC", "ETH"]) await server.operations.publish("prices", '"end"', { tags: { ticker } });
  await Promise.all(ends);
  assert.deepEqual([...heard.values()], [[1, 4], [2], [1, 2, 3, 4]]);
});

interface SubscribeResult {
  readonly offset?: number;
  readonly epoch?: string;
  readonly recovered?: boolean;
  readonly publications?: readonly { readonly offset: number }[];
}

/** A client of the protocol in a few lines, that keeps its position as the SDK does. */
class Follower {
  readonly socket: WebSocket;
  position = { offset: 0, epoch: "" };
  seen: number[] = [];
  readonly #replies: ((reply: Record<string, unknown>) => void)[] = [];

  constructor(url: string) {
    this.socket = new WebSocket(url);
    this.socket.on("message", (frame: Buffer) => {
      for (const line of frame.toString().split("\n")) this.#take(JSON.parse(line));
    });
  }

  #take(message: { id?: number; push?: { pub?: { offset: number } }; [key: string]: unknown }): void {
    if (message.id !== undefined) this.#replies.shift()?.(message);
    else if (message.push?.pub) this.#see(message.push.pub.offset);
  }

  #see(offset: number): void {
    this.seen.push(offset);
    this.position = { ...this.position, offset };
  }

  ask(command: object): Promise<Record<string, unknown>> {
    this.socket.send(JSON.stringify(command));
    return new Promise((resolve) => this.#replies.push(resolve));
  }

  async connect(): Promise<void> {
    await once(this.socket, "open");
    await this.ask({ id: 1, connect: {} });
  }

  /** Subscribes, from a position if there is one; gives the result. */
  async join(channel: string, tf: unknown, from?: { offset: number; epoch: string }): Promise<SubscribeResult> {
    const reply = await this.ask({ id: 2, subscribe: { channel, tf, ...(from && { recover: true, ...from }) } });
    const result = reply["subscribe"] as SubscribeResult;
    this.position = { offset: result.offset ?? 0, epoch: result.epoch ?? "" };
    for (const { offset } of result.publications ?? []) this.#see(offset);
    return result;
  }
}

async function follower(t: TestContext, url: string): Promise<Follower> {
  const one = new Follower(url);
  t.after(() => one.socket.terminate());
  await one.connect();
  return one;
}

test("a filter is 108 where the namespace does not allow it, 107 when it is none, and null is none", async (t) => {
  const namespaces = { filtered: open, plain: { ...open, allowTagsFilter: false } };
  const { url } = await serve(t, { channels: { namespaces } });
  const one = await follower(t, url);
  const subscribe = async (channel: string, tf: unknown) => await one.ask({ id: 2, subscribe: { channel, tf } });
  const refused = (await subscribe("plain:1", eq("a", "1")))["error"];
  assert.deepEqual(refused, { code: 108, message: "not available" });
  const malformed = (await subscribe("filtered:1", { key: "a" }))["error"] as { code: number; message: string };
  assert.equal(malformed.code, 107);
  assert.match(malformed.message, /^bad request: tf: cmp is one of/);
  for (const channel of ["plain:1", "filtered:1"]) assert.ok((await subscribe(channel, null))["subscribe"], channel);
});

test("whoever comes back gets what its filter lets through, and is told where the list begins", async (t) => {
  const { server, url } = await serve(t, { channels: { withoutNamespace: kept } });
  const publish = async (...tags: string[]) => {
    for (const a of tags) await server.operations.publish("news", "1", { tags: { a } });
  };
  const first = await follower(t, url);
  await publish("1", "2");
  const { epoch = "", offset } = await first.join("news", eq("a", "1"));
  assert.equal(offset, 2);
  await publish("2", "2", "1", "2", "1", "2");
  for (const [from, tf, begins, publications] of [
    [2, eq("a", "1"), 4, [5, 7]],
    [2, eq("a", "2"), 2, [3, 4, 6, 8]],
    [2, eq("a", "3"), 8, []],
    [7, eq("a", "1"), 8, []],
    [8, eq("a", "1"), 8, []],
    [2, undefined, 2, [3, 4, 5, 6, 7, 8]],
  ] as const) {
    const { recovered, ...back } = await (await follower(t, url)).join("news", tf, { offset: from, epoch });
    const offsets = (back.publications ?? []).map(({ offset }) => offset);
    assert.deepEqual([recovered, back.offset, offsets], [true, begins, publications], JSON.stringify(tf));
  }
});

test("in cache mode whoever comes back gets the newest that its filter lets through", async (t) => {
  const { server, url } = await serve(t, { channels: { withoutNamespace: { ...kept, recoveryMode: "cache" } } });
  for (const a of ["1", "2", "1", "3"]) await server.operations.publish("state", "1", { tags: { a } });
  for (const [tf, recovered, publications] of [
    [eq("a", "1"), true, [3]],
    [eq("a", "2"), true, [2]],
    [eq("a", "4"), undefined, []],
    [undefined, true, [4]],
  ] as const) {
    const back = await (await follower(t, url)).join("state", tf, { offset: 1, epoch: "" });
    const offsets = (back.publications ?? []).map(({ offset }) => offset);
    assert.deepEqual([back.recovered, back.offset, offsets], [recovered, 4, publications], JSON.stringify(tf));
  }
});

test("what was filtered makes no gap: whoever's position is in the history gets exactly what it missed and wants", async (t) => {
  const { server, url } = await serve(t, { channels: { withoutNamespace: kept } });
  let channels = 0;
  const client = fc.nat(3);
  const tags = fc.array(fc.constantFrom("1", "2", "3"), { minLength: 1, maxLength: SIZE + 5 });
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ publish: tags }) },
    { weight: 2, arbitrary: fc.record({ leave: client }) },
    { weight: 3, arbitrary: fc.record({ join: client }) },
  );
  /** Each client wants the tags of its number and above. */
  const wants = (one: number) => ({ key: "a", cmp: "gte", val: `${one}` });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      const channel = `channel ${++channels}`;
      const published: string[] = [];
      const here = new Map<number, Follower>();
      const left = new Map<number, { offset: number; epoch: string }>();
      const due = new Map<number, number[]>();
      for (const one of steps) {
        if ("publish" in one) {
          for (const a of one.publish) {
            published.push(a);
            await server.operations.publish(channel, "1", { tags: { a } });
            for (const number of here.keys()) if (Number(a) >= number) due.get(number)?.push(published.length);
          }
        } else if ("join" in one && !here.has(one.join)) {
          const joining = new Follower(url);
          await joining.connect();
          const before = left.get(one.join);
          const { recovered = false } = await joining.join(channel, wants(one.join), before);
          const offset = before?.offset ?? 0;
          assert.equal(recovered, before !== undefined && published.length - offset <= SIZE);
          const missed = published.flatMap((a, i) => (i >= offset && Number(a) >= one.join ? [i + 1] : []));
          assert.deepEqual(joining.seen, recovered ? missed : []);
          due.set(one.join, [...joining.seen]);
          here.set(one.join, joining);
        } else if ("leave" in one) {
          const leaving = here.get(one.leave);
          if (!leaving) continue;
          // All that was sent before its answer has come then.
          await leaving.ask({ id: 3, unsubscribe: { channel } });
          assert.deepEqual(leaving.seen, due.get(one.leave));
          here.delete(one.leave);
          left.set(one.leave, leaving.position);
          leaving.socket.terminate();
        }
      }
      for (const one of here.values()) one.socket.terminate();
    }),
    { numRuns: 30 },
  );
});

test("a filter goes with its subscription: the next one without a filter gets everything", async (t) => {
  const { server, url } = await serve(t, { channels: { withoutNamespace: kept } });
  const one = await follower(t, url);
  await one.join("news", eq("a", "1"));
  await one.ask({ id: 3, unsubscribe: { channel: "news" } });
  await one.join("news", undefined);
  for (const a of ["1", "2"]) await server.operations.publish("news", "1", { tags: { a } });
  await one.ask({ id: 4, unsubscribe: { channel: "news" } });
  assert.deepEqual(one.seen, [1, 2]);
});

test("those who come back at once to the same place share a read, and each gets what its own filter lets through", async () => {
  const broker = new MemoryBroker();
  for (const a of ["1", "2", "1"]) {
    await broker.publish("news", "1", { history: { size: SIZE, seconds: 60 }, tags: { a } });
  }
  const reads = mock.method(broker, "history");
  const recovery = new Recovery(broker);
  const filters = ["1", "2", "1", "3"].map((a) => readTagsFilter(eq("a", a)));
  const lists = [...filters, undefined].map((filter) => {
    const { publications } = recovery.stream("news", 0, "", filter) as Recovered;
    return (JSON.parse(`[${publications}]`) as { offset: number }[]).map(({ offset }) => offset);
  });
  assert.deepEqual(lists, [[1, 3], [2], [1, 3], [], [1, 2, 3]]);
  assert.equal(reads.mock.callCount(), 1);
  await broker.close();
});

/** A Bus whose histories take their time. */
class SlowBroker extends MemoryBroker {
  readonly reading: (() => void)[] = [];
  // @ts-expect-error A Bus beyond the process answers later, which the one in the process never does.
  override history(channel: string, query: HistoryQuery): Promise<History> {
    const history = super.history(channel, query);
    return new Promise((resolve) => this.reading.push(() => resolve(history)));
  }
}

test("what is published while the history is read is filtered too", async (t) => {
  const broker = new SlowBroker();
  const { server, url } = await serve(t, { broker, channels: { withoutNamespace: kept } });
  const one = await follower(t, url);
  const joined = one.join("news", eq("a", "1"));
  while (broker.reading.length === 0) await turn();
  for (const a of ["2", "1", "2"]) await server.operations.publish("news", "1", { tags: { a } });
  broker.reading.shift()?.();
  assert.equal((await joined).offset, undefined);
  await one.ask({ id: 3, unsubscribe: { channel: "news" } });
  assert.deepEqual(one.seen, [2]);
});
