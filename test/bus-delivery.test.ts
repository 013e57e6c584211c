import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { matches } from "../src/bus/subjects.ts";
import { Block } from "../src/daemon/block.ts";
import { Client, type Subscription } from "../src/daemon/client.ts";
import { Delivery } from "../src/daemon/delivery.ts";
import { Routes } from "../src/daemon/routes.ts";
import { limits } from "../src/limits.ts";

const NO_ARGUMENTS = { replyFrom: 0, replyTo: 0, headerBytes: 0 };

/** A message as it lies in a slab. */
function message(subject: string, payload: string) {
  const bytes = Buffer.from(`PUB ${subject} ${payload}`);
  const subjectTo = 4 + Buffer.byteLength(subject);
  return { ...NO_ARGUMENTS, bytes, subjectFrom: 4, subjectTo, payloadFrom: subjectTo + 1, payloadTo: bytes.length };
}

const line = (subject: string, sid: string, payload: string) =>
  `MSG ${subject} ${sid} ${Buffer.byteLength(payload)}\r\n${payload}\r\n`;

test("a block gives each subscription the messages with its own id, of whatever length", () => {
  const sid = fc.stringMatching(/^[0-9a-z]{1,9}$/);
  const said = fc.array(fc.tuple(fc.stringMatching(/^[a-z.]{1,80}$/), fc.string({ maxLength: 200 })), { minLength: 1 });
  fc.assert(
    fc.property(sid, fc.array(sid, { minLength: 1 }), said, (first, sids, said) => {
      const block = new Block();
      for (const round of [1, 2]) {
        block.begin(Buffer.from(first));
        for (const [subject, payload] of said) block.add(message(subject, payload), false);
        assert.equal(block.count, said.length, `round ${round}`);
        for (const own of [first, ...sids]) {
          const bytes = block.bytesFor(Buffer.from(own));
          const out = Buffer.alloc(bytes + 10, "?");
          block.write(Buffer.from(own), out, 5);
          const wanted = said.map(([subject, payload]) => line(subject, own, payload)).join("");
          assert.equal(out.toString("utf8"), `?????${wanted}?????`);
        }
      }
    }),
    { numRuns: 200 },
  );
});

test("a block takes a message that is larger than itself, and says when one more does not fit", () => {
  const block = new Block();
  const large = message("a", "x".repeat(3 * limits.busBlockBytes));
  block.begin(Buffer.from("1"));
  assert.equal(block.fits(large), false);
  block.add(large, false);
  assert.equal(block.fits(message("a", "")), false);
  const out = Buffer.alloc(block.bytesFor(Buffer.from("22")));
  block.write(Buffer.from("22"), out, 0);
  assert.equal(out.toString(), line("a", "22", "x".repeat(3 * limits.busBlockBytes)));
  block.begin(Buffer.from("1"));
  assert.equal(block.fits(message("a", "")), true);
});

for (const { what, length, max } of [
  { what: "busRoutesMax subjects", length: 10, max: limits.busRoutesMax },
  { what: "busRoutesBytesMax of long ones", length: 4096, max: limits.busRoutesBytesMax / 4096 },
]) {
  test(`routes are kept for ${what}; with one more they begin anew, and are as right`, () => {
    const routes = new Routes();
    const own = { pattern: "*", queue: "", client: new Client(1, 1, true), number: 0, max: 0, delivered: 0 };
    routes.add(own);
    const find = (i: number) => {
      const subject = Buffer.from(String(i).padStart(length, "x"));
      return routes.find(subject, 0, subject.length).recipients;
    };
    for (let i = 0; i < max; i++) find(i);
    assert.equal(routes.size, max);
    assert.deepEqual(find(max).plain, [own]);
    assert.equal(routes.size, 0);
    assert.equal(find(0), find(1), "what subjects have in common is there once");
    assert.equal(routes.size, 2);
  });
}

test("each client gets what it subscribed to, once for each subscription, in the order of publication", () => {
  const patterns = ["a", "b", "a.>", "*", ">", "a.b", "a.*"] as const;
  const subjects = ["a", "b", "a.b", "a.c", "a.b.c", "nobody.b"] as const;
  const subscription = fc.record({
    who: fc.nat({ max: 3 }),
    pattern: fc.constantFrom(...patterns),
    sid: fc.constantFrom("1", "2", "10", "999"),
    max: fc.constantFrom(0, 0, 0, 2),
  });
  const publication = fc.record({
    subject: fc.constantFrom(...subjects),
    size: fc.constantFrom(0, 3, 300, limits.busBlockBytes),
    publisher: fc.constantFrom(undefined, 0, 1),
    settles: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(subscription, { maxLength: 8 }),
      fc.array(publication, { maxLength: 20 }),
      (wanted, published) => {
        const clients = [0, 1, 2, 3].map((id) => new Client(id, id, true));
        (clients[1] as Client).options.echo = false;
        const got = clients.map(() => "");
        const slab = Buffer.alloc(1_000_000);
        const outlets = {
          slab,
          room: () => 0,
          commit: ({ id }: Client, bytes: number) => {
            got[id] += slab.toString("latin1", 0, bytes);
          },
          text: () => assert.fail("nothing is wrong here"),
        };
        const routes = new Routes();
        const delivery = new Delivery({ routes, outlets, spent: (own) => routes.remove(own) });
        const subscriptions = wanted.map(({ who, pattern, sid, max }) => {
          const client = clients[who] as Client;
          const own: Subscription = {
            pattern,
            queue: "",
            client,
            sid: Buffer.from(sid),
            number: 0,
            max: 0,
            delivered: 0,
          };
          routes.add(own);
          if (max > 0) routes.limit(own, max);
          return own;
        });
        const oracle = clients.map(() => "");
        const left = wanted.map(({ max }) => (max === 0 ? Number.POSITIVE_INFINITY : max));
        published.forEach(({ subject, size, publisher, settles }, i) => {
          const payload = String(i).padEnd(size, "x");
          const own = message(subject, payload);
          let expected = 0;
          wanted.forEach(({ who, pattern, sid }, k) => {
            if (!matches(pattern, subject) || (left[k] as number) === 0 || (who === 1 && publisher === 1)) return;
            (left[k] as number)--;
            oracle[who] += line(subject, sid, payload);
            expected++;
          });
          const from = publisher === undefined ? undefined : clients[publisher];
          assert.equal(delivery.publish(delivery.routeOf(own), own, from), expected);
          own.bytes.fill("?");
          if (settles) delivery.settle();
        });
        delivery.settle();
        clients.forEach((_, i) => {
          assert.deepEqual(split(got[i] as string), split(oracle[i] as string));
        });
        assert.ok(subscriptions.every((own, k) => own.max === 0 || own.delivered <= (wanted[k]?.max ?? 0)));
      },
    ),
    { numRuns: 500 },
  );
});

test("what is gathered is for nobody more than busBlockBytes, however long the ids of some subscriptions are", () => {
  const sids = ["1", "x".repeat(4000), "22"];
  const slab = Buffer.alloc(2 * limits.busBlockBytes);
  const got = sids.map(() => "");
  const outlets = {
    slab,
    room: (_: Client, bytes: number) => {
      assert.ok(bytes <= limits.busBlockBytes, `${bytes} bytes at once`);
      return 0;
    },
    commit: ({ id }: Client, bytes: number) => {
      got[id] += slab.toString("latin1", 0, bytes);
    },
    text: () => assert.fail("nothing is wrong here"),
  };
  const routes = new Routes();
  const delivery = new Delivery({ routes, outlets, spent: () => assert.fail("none has a limit") });
  const rest = { pattern: "a", queue: "", number: 0, max: 0, delivered: 0 };
  for (const [i, sid] of sids.entries()) {
    routes.add({ ...rest, client: new Client(i, i, true), sid: Buffer.from(sid) });
  }
  const own = message("a", "");
  for (let i = 0; i < 1000; i++) assert.equal(delivery.publish(delivery.routeOf(own), own, undefined), sids.length);
  delivery.settle();
  assert.ok(got.every((text, i) => text === line("a", sids[i] as string, "").repeat(1000)));
});

/** Messages by publication; those of one publication in no order, since a client's subscriptions have none. */
function split(text: string): string[][] {
  const found: string[][] = [];
  let last = "";
  for (const [one = "", payload = ""] of text.matchAll(/MSG [^\r]*\r\n([^\r]*)\r\n/g)) {
    if (payload !== last || found.length === 0) found.push([]);
    last = payload;
    found.at(-1)?.push(one);
  }
  return found.map((group) => group.sort());
}
