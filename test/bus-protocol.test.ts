import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { BusClient, busKinds } from "./bus-servers.ts";

/**
 * What is said to a server, and what it answers, as pictures in which `|` is CR LF; END is the end of its stream. The
 * same is asked of nats-server; where `belfry bus` answers another way it says why.
 */
interface Row {
  readonly name: string;
  /** What CONNECT says; PLAIN unless told. "" sends no CONNECT. */
  readonly connect?: string;
  readonly say: string;
  readonly hear: string;
  /** Where nothing says in which order: the other one. */
  readonly or?: string;
  readonly belfry?: { readonly hear: string; readonly why: string };
}

const PLAIN = '{"verbose":false,"pedantic":false}';
const HEADERS = '{"verbose":false,"pedantic":false,"headers":true,"no_responders":true}';
const VERBOSE = '{"verbose":true,"pedantic":false}';
const PEDANTIC = '{"verbose":false,"pedantic":true}';
const NONE = "";

const UNKNOWN = "-ERR 'Unknown Protocol Operation'|END";
const LINE = "-ERR 'maximum control line exceeded'|END";
const PAYLOAD = "-ERR 'Maximum Payload Violation'|END";
const BAD_SUBJECT = "-ERR 'Invalid Subject'|";
const BAD_PUBLISH_SUBJECT = "-ERR 'Invalid Publish Subject'|";
const HEAD = "NATS/1.0||";
const x = (count: number) => "x".repeat(count);

const SAYS_WHY = "it tells the client why, where nats-server just closes";
const parserError = (what: string) => ({ hear: `-ERR 'Parser Error: ${what}'|END`, why: SAYS_WHY });
const malformed = (what: string) => parserError(`malformed ${what}`);
const STRICT = "an operation's name ends with its word, and what only a server says is no operation of a client";
const strict = { hear: UNKNOWN, why: STRICT };
const NO_OBJECT = parserError("CONNECT is not followed by a JSON object");

const rows: readonly Row[] = [
  // Operations
  { name: "PING", say: "PING|PING|", hear: "PONG|PONG|" },
  { name: "PING before CONNECT", connect: NONE, say: "PING|", hear: "PONG|" },
  { name: "any case", say: "sub a 1|Pub a 2|hi|", hear: "MSG a 1 2|hi|" },
  { name: "tabs and many blanks", say: "SUB\ta  1 |PUB \t a 2\t|hi|", hear: "MSG a 1 2|hi|" },
  { name: "line feeds alone", say: "SUB a 1\nPUB a 2\nhi|", hear: "MSG a 1 2|hi|" },
  { name: "PONG that nobody asked for", say: "PONG|PONG |", hear: "" },
  { name: "an unknown operation", say: "FOO a|", hear: UNKNOWN },
  { name: "a request of HTTP", connect: NONE, say: "GET / HTTP/1.1|Host: a||", hear: UNKNOWN },
  { name: "an empty line", say: "|", hear: UNKNOWN },
  { name: "a blank before the operation", say: " PING|", hear: UNKNOWN },
  { name: "a MSG of a client", say: "MSG a 1 0||", hear: UNKNOWN },
  { name: "+OK of a client", say: "+OK|", hear: "", belfry: strict },
  { name: "INFO of a client", say: "INFO {}|", hear: "", belfry: strict },
  { name: "more behind the name", say: "PINGPONG|", hear: "PONG|", belfry: strict },

  // CONNECT
  { name: "CONNECT is verbose unless told", connect: NONE, say: "CONNECT {}|", hear: "+OK|" },
  { name: "CONNECT with null", connect: NONE, say: 'CONNECT {"verbose":null}|', hear: "+OK|" },
  { name: "CONNECT twice", say: `CONNECT ${VERBOSE}|CONNECT ${PLAIN}|SUB a 1|`, hear: "+OK|" },
  { name: "CONNECT with unknown fields", say: 'CONNECT {"verbose":false,"foo":1,"lang":"x"}|', hear: "" },
  { name: "CONNECT without anything", connect: NONE, say: "CONNECT|", hear: "END", belfry: NO_OBJECT },
  { name: "CONNECT with no JSON", connect: NONE, say: "CONNECT x|", hear: "END", belfry: NO_OBJECT },
  { name: "CONNECT with an array", connect: NONE, say: "CONNECT []|", hear: "END", belfry: NO_OBJECT },
  {
    name: "CONNECT with a field of another type",
    connect: NONE,
    say: 'CONNECT {"verbose":1}|',
    hear: "END",
    belfry: parserError("verbose of CONNECT is a number and no boolean"),
  },
  { name: "a protocol that is not there", say: 'CONNECT {"protocol":2}|', hear: "-ERR 'invalid client protocol'|END" },
  { name: "protocol 1", say: 'CONNECT {"verbose":false,"protocol":1}|', hear: "" },
  {
    name: "no_responders without headers",
    say: 'CONNECT {"verbose":false,"no_responders":true}|',
    hear: "-ERR 'no responders requires headers support'|END",
  },
  {
    name: "verbose",
    connect: VERBOSE,
    say: "SUB a 1|PUB a 0||UNSUB 1|UNSUB 7|",
    hear: "+OK|+OK|MSG a 1 0||+OK|+OK|",
  },
  {
    name: "verbose, with a subject that is none",
    connect: VERBOSE,
    say: "SUB a..b 1|PUB a..b 0||",
    hear: `${BAD_SUBJECT}+OK|`,
  },
  {
    name: "echo: false",
    connect: '{"verbose":false,"echo":false,"protocol":1}',
    say: "SUB a 1|PUB a 0||",
    hear: "",
  },

  // SUB and PUB
  { name: "a message", say: "SUB a.b sid|PUB a.b 2|hi|", hear: "MSG a.b sid 2|hi|" },
  { name: "an empty message", say: "SUB a 1|PUB a 0||", hear: "MSG a 1 0||" },
  { name: "a message with a reply subject", say: "SUB a 1|PUB a r.s 2|hi|", hear: "MSG a 1 r.s 2|hi|" },
  { name: "a payload that looks like an operation", say: "SUB a 1|PUB a 11|PUB a 1|||", hear: "MSG a 1 11|PUB a 1|||" },
  {
    name: "zeros before a size",
    say: "SUB a 1|PUB a 00002|hi|",
    hear: "MSG a 1 00002|hi|",
    belfry: { hear: "MSG a 1 2|hi|", why: "a size is a number, not what it was written as" },
  },
  { name: "a group of one", say: "SUB a q 1|PUB a r 2|hi|", hear: "MSG a 1 r 2|hi|" },
  {
    name: "two ids for one subject",
    say: "SUB a 1|SUB a 2|PUB b 0||PUB a 0||UNSUB 1|PUB a 0||",
    hear: "MSG a 1 0||MSG a 2 0||MSG a 2 0||",
    or: "MSG a 2 0||MSG a 1 0||MSG a 2 0||",
  },
  { name: "an id that is taken", say: "SUB a 1|SUB b 1|PUB b 0||PUB a 0||", hear: "MSG a 1 0||" },
  { name: "* for one token", say: "SUB *.b 1|PUB a 0||PUB a.b 0||PUB a.b.c 0||", hear: "MSG a.b 1 0||" },
  {
    name: "> for one token and more",
    say: "SUB a.> 1|PUB a 0||PUB a.b 0||PUB a.b.c 0||",
    hear: "MSG a.b 1 0||MSG a.b.c 1 0||",
  },
  { name: "wildcards within a token", say: "SUB a* 1|PUB ab 0||PUB a* 0||", hear: "MSG a* 1 0||" },
  { name: "characters beyond ASCII", say: "SUB \xc3\xa9 1|PUB \xc3\xa9 0||", hear: "MSG \xc3\xa9 1 0||" },
  {
    name: "a group that came by two patterns gets one message",
    say: "SUB a q 1|SUB a q 1|SUB b q 2|UNSUB 2|PUB a 0||",
    hear: "MSG a 1 0||",
  },
  ...["a.", ".a", "a..b", ">.a"].map((subject) => ({
    name: `SUB ${subject}`,
    say: `SUB ${subject} 1|`,
    hear: BAD_SUBJECT,
  })),
  ...["a.", ".a", "a..b"].flatMap((subject) => [
    { name: `PUB ${subject}`, say: `SUB > 1|PUB ${subject} 0||`, hear: "" },
    {
      name: `PUB ${subject}, pedantic`,
      connect: PEDANTIC,
      say: `SUB > 1|PUB ${subject} 0||`,
      hear: BAD_PUBLISH_SUBJECT,
    },
  ]),
  {
    name: "PUB with a wildcard",
    say: "SUB a.> 1|PUB a.* 0||",
    hear: "MSG a.* 1 0||",
    belfry: { hear: "", why: "a subscriber may rely on it that a subject has no wildcards" },
  },
  {
    name: "PUB with a wildcard, pedantic",
    connect: PEDANTIC,
    say: "SUB a.> 1|PUB a.* 0||",
    hear: `${BAD_PUBLISH_SUBJECT}MSG a.* 1 0||`,
    belfry: { hear: BAD_PUBLISH_SUBJECT, why: "a subscriber may rely on it that a subject has no wildcards" },
  },
  {
    name: "a NUL in a subject",
    say: "SUB a\0b 1|",
    hear: "",
    belfry: { hear: BAD_SUBJECT, why: "the description of the protocol allows no NUL" },
  },
  { name: "SUB without arguments", say: "SUB|", hear: UNKNOWN },
  { name: "SUB with one argument", say: "SUB a|", hear: "END", belfry: malformed("SUB") },
  { name: "SUB with four", say: "SUB a b c d|", hear: "END", belfry: malformed("SUB") },
  { name: "PUB without arguments", say: "PUB|", hear: UNKNOWN },
  { name: "PUB with one argument", say: "PUB a|", hear: "END", belfry: malformed("PUB") },
  { name: "PUB with four", say: "PUB a b c 0||", hear: "END", belfry: malformed("PUB") },
  { name: "PUB with a size that is none", say: "PUB a x|", hear: "END", belfry: malformed("number") },
  { name: "PUB with a negative size", say: "PUB a -1|", hear: "END", belfry: malformed("number") },
  { name: "PUB with a size of ten digits", say: "PUB a 0000000001|x|", hear: "END", belfry: malformed("number") },
  { name: "a payload longer than said", say: "PUB a 2|hixx|", hear: UNKNOWN },
  { name: "a payload with half a line end", say: "PUB a 2|hi\nPING|", hear: UNKNOWN },

  // UNSUB
  { name: "UNSUB", say: "SUB a 1|PUB a 0||UNSUB 1|PUB a 0||", hear: "MSG a 1 0||" },
  { name: "UNSUB with 0", say: "SUB a 1|UNSUB 1 0|PUB a 0||", hear: "" },
  {
    name: "UNSUB after two",
    say: "SUB a 1|UNSUB 1 2|PUB a 1|1|PUB a 1|2|PUB a 1|3|",
    hear: "MSG a 1 1|1|MSG a 1 1|2|",
  },
  {
    name: "UNSUB counts the messages before it",
    say: "SUB a 1|PUB a 1|1|PUB a 1|2|UNSUB 1 3|PUB a 1|3|PUB a 1|4|",
    hear: "MSG a 1 1|1|MSG a 1 1|2|MSG a 1 1|3|",
  },
  {
    name: "UNSUB after as many as there were",
    say: "SUB a 1|PUB a 1|1|PUB a 1|2|UNSUB 1 2|PUB a 1|3|",
    hear: "MSG a 1 1|1|MSG a 1 1|2|",
  },
  {
    name: "UNSUB after fewer than there were",
    say: "SUB a 1|PUB a 1|1|PUB a 1|2|UNSUB 1 1|PUB a 1|3|",
    hear: "MSG a 1 1|1|MSG a 1 1|2|",
  },
  {
    name: "UNSUB changed",
    say: "SUB a 1|UNSUB 1 1|UNSUB 1 2|PUB a 1|1|PUB a 1|2|PUB a 1|3|",
    hear: "MSG a 1 1|1|MSG a 1 1|2|",
  },
  { name: "UNSUB at once after all", say: "SUB a 1|UNSUB 1 5|UNSUB 1|PUB a 0||", hear: "" },
  { name: "an id that is used again", say: "SUB a 1|UNSUB 1|SUB b 1|PUB a 0||PUB b 0||", hear: "MSG b 1 0||" },
  { name: "UNSUB of nothing", say: "UNSUB 7|UNSUB 7 3|", hear: "" },
  { name: "UNSUB without arguments", say: "UNSUB|", hear: UNKNOWN },
  { name: "UNSUB with three", say: "UNSUB 1 2 3|", hear: "END", belfry: malformed("UNSUB") },
  {
    name: "UNSUB with a number that is none",
    say: "UNSUB 1 x|",
    hear: "",
    belfry: {
      hear: "-ERR 'Parser Error: malformed number'|END",
      why: "a number that cannot be read is an error everywhere",
    },
  },

  // Headers
  { name: "headers", connect: HEADERS, say: `SUB a 1|HPUB a 12 14|${HEAD}hi|`, hear: `HMSG a 1 12 14|${HEAD}hi|` },
  {
    name: "headers and a reply subject",
    connect: HEADERS,
    say: `SUB a 1|HPUB a r 12 12|${HEAD}|`,
    hear: `HMSG a 1 r 12 12|${HEAD}|`,
  },
  { name: "headers of 0 bytes", connect: HEADERS, say: "SUB a 1|HPUB a 0 2|hi|", hear: "MSG a 1 2|hi|" },
  {
    name: "headers that are none are not looked into",
    connect: HEADERS,
    say: "SUB a 1|HPUB a 2 2|hi|",
    hear: "HMSG a 1 2 2|hi|",
  },
  { name: "HPUB without arguments", connect: HEADERS, say: "HPUB|", hear: UNKNOWN },
  { name: "HPUB with two arguments", connect: HEADERS, say: "HPUB a 1|", hear: "END", belfry: malformed("HPUB") },
  { name: "HPUB with five", connect: HEADERS, say: "HPUB a b c 1 1|", hear: "END", belfry: malformed("HPUB") },
  {
    name: "more headers than all of it",
    connect: HEADERS,
    say: "HPUB a 3 2|hi|",
    hear: "END",
    belfry: malformed("size of headers"),
  },
  {
    name: "headers of one who did not say that it knows them",
    say: `HPUB a 12 14|${HEAD}hi|`,
    hear: "END",
    belfry: { hear: "-ERR 'message headers not supported'|END", why: SAYS_WHY },
  },

  // No responders
  {
    name: "a request to nobody",
    connect: HEADERS,
    say: "SUB r 1|PUB none r 0||",
    hear: "HMSG r 1 16 16|NATS/1.0 503|||",
  },
  {
    name: "a request to nobody, with headers",
    connect: HEADERS,
    say: `SUB r.* 1|HPUB none r.1 12 12|${HEAD}|`,
    hear: "HMSG r.1 1 16 16|NATS/1.0 503|||",
  },
  {
    name: "a request to a subject that is none",
    connect: HEADERS,
    say: "SUB r 1|PUB a..b r 0||",
    hear: "HMSG r 1 16 16|NATS/1.0 503|||",
  },
  {
    name: "that is no message for UNSUB",
    connect: HEADERS,
    say: "SUB r 1|UNSUB 1 1|PUB none r 0||PUB r 0||PUB r 0||",
    hear: "HMSG r 1 16 16|NATS/1.0 503|||MSG r 1 0||",
  },
  { name: "a request to nobody, whose answer nobody waits for", connect: HEADERS, say: "PUB none r 0||", hear: "" },
  { name: "no request", connect: HEADERS, say: "SUB r 1|PUB none 0||", hear: "" },
  { name: "a request to nobody of one who does not want to know", say: "SUB r 1|PUB none r 0||", hear: "" },
  {
    name: "a request to oneself with echo: false",
    connect: '{"verbose":false,"echo":false,"headers":true,"no_responders":true}',
    say: "SUB own 1|SUB r 2|PUB own r 0||",
    hear: "HMSG r 2 16 16|NATS/1.0 503|||",
  },

  // Limits, as they are by default
  { name: "a line of 4096 bytes of arguments", say: `SUB ${x(4094)} 1|`, hear: "" },
  { name: "a line of 4097", say: `SUB ${x(4095)} 1|`, hear: LINE },
  { name: "a PUB of 4096", say: `PUB ${x(4094)} 0||`, hear: "" },
  { name: "a PUB of 4097", say: `PUB ${x(4095)} 0||`, hear: LINE },
  { name: "a CONNECT of 5000", connect: NONE, say: `CONNECT {"name":"${x(5000)}"}|`, hear: LINE },
  { name: "a payload of 1 MiB", say: `PUB a 1048576|${x(1_048_576)}|`, hear: "" },
  { name: "a payload of one byte more", say: "PUB a 1048577|", hear: PAYLOAD },
  { name: "a payload of 999999999", say: "PUB a 999999999|", hear: PAYLOAD },
  { name: "headers and payload of one byte more", connect: HEADERS, say: "HPUB a 12 1048577|", hear: PAYLOAD },
];

for (const kind of busKinds) {
  describe(kind.name, { skip: kind.skip, timeout: 60_000 }, () => {
    it("answers as the table says", async (t) => {
      const { port } = await kind.start(t);
      for (const { name, connect = PLAIN, say, hear, or, belfry } of rows) {
        await t.test(name, async (t) => {
          const client = await BusClient.open(t, port);
          if (connect !== NONE) await client.answer(`CONNECT ${connect}|`);
          const heard = await client.answer(say);
          if (heard !== or) assert.equal(heard, kind.isBelfry && belfry ? belfry.hear : hear);
        });
      }
    });

    it("says in INFO who it is and what it can", async (t) => {
      const { port } = await kind.start(t, { payloadBytesMax: 1000 });
      const one = (await BusClient.open(t, port)).info;
      const other = (await BusClient.open(t, port)).info;
      const { server_id, server_name, version, host, client_id } = one;
      for (const text of [server_id, server_name, host]) assert.match(text as string, /^\S+$/);
      assert.equal(version, "2.9.10");
      assert.equal(one["port"], port);
      assert.equal(one["proto"], 1);
      assert.equal(one["headers"], true);
      assert.equal(one["max_payload"], 1000);
      assert.equal(one["client_ip"], "127.0.0.1");
      assert.equal(one["auth_required"], undefined);
      assert.notEqual(client_id, other["client_id"]);
      assert.equal(server_id, other["server_id"]);
    });

    it("takes operations in any cut", async (t) => {
      const { port } = await kind.start(t);
      const client = await BusClient.open(t, port);
      await client.answer(`CONNECT ${HEADERS}|`);
      for (const byte of "SUB a.* 1|PUB a.b 2|hi|SUB a.c q 2|HPUB a.b r 12 14|NATS/1.0||hi|UNSUB 2|UNSUB 1 3|PUB a.c 0||PUB a.c 0||") {
        client.send(byte);
        // Some turns of the loop, so that bytes come one by one, or few together.
        for (let i = 0; i < 3; i++) await turn();
      }
      assert.equal(await client.answer(""), "MSG a.b 1 2|hi|HMSG a.b 1 r 12 14|NATS/1.0||hi|MSG a.c 1 0||");
    });

    it("delivers to others in order, each in its own way", async (t) => {
      const { port } = await kind.start(t);
      const plain = await BusClient.open(t, port);
      const withHeaders = await BusClient.open(t, port);
      const publisher = await BusClient.open(t, port);
      await plain.answer(`CONNECT ${PLAIN}|SUB a.> 7|`);
      await withHeaders.answer(`CONNECT ${HEADERS}|SUB a.b sid|`);
      await publisher.answer(`CONNECT ${HEADERS}|HPUB a.b r 12 14|${HEAD}hi|PUB a.b 3|two|PUB a.b.c 0||PUB b 0||`);
      // A PONG comes behind what was delivered before the PING; so it is here, since the publisher was answered before.
      assert.equal(await plain.answer(""), "MSG a.b 7 r 2|hi|MSG a.b 7 3|two|MSG a.b.c 7 0||");
      assert.equal(await withHeaders.answer(""), `HMSG a.b sid r 12 14|${HEAD}hi|MSG a.b sid 3|two|`);
      const count = 20_000;
      for (let i = 0; i < count; i++) publisher.send(`PUB a.b 5|${`${i}`.padStart(5, "0")}|`);
      await publisher.answer("");
      const heard = await plain.answer("");
      const expected = Array.from({ length: count }, (_, i) => `MSG a.b 7 5|${`${i}`.padStart(5, "0")}|`).join("");
      assert.ok(heard === expected, "not all, or not in order");
    });

    it("gives each message to one member of each queue group, and to all others", async (t) => {
      const { port } = await kind.start(t);
      const members = await Promise.all([1, 2, 3].map(() => BusClient.open(t, port)));
      const [one, two, three] = members as [BusClient, BusClient, BusClient];
      await one.answer(`CONNECT ${PLAIN}|SUB a q 1|`);
      // A group is its name, whatever the pattern.
      await two.answer(`CONNECT ${PLAIN}|SUB * q 2|SUB a all 3|`);
      await three.answer(`CONNECT ${PLAIN}|SUB a 4|`);
      const count = 200;
      await three.answer("PUB a 0||".repeat(count));
      const heard = (await Promise.all(members.map((client) => client.answer("")))).join("");
      const of = (sid: number) => heard.split(`MSG a ${sid} 0||`).length - 1;
      assert.equal(of(1) + of(2), count);
      assert.ok(of(1) > 0 && of(2) > 0, `${of(1)} and ${of(2)}`);
      assert.equal(of(3), count);
      // Those of the publisher came with its own answer.
      await one.answer("UNSUB 1|");
      await three.answer("PUB a 0||".repeat(10));
      assert.equal((await two.answer("")).split("MSG a 2 0||").length - 1, 10);
    });

    it("carries payloads up to its limit, and refuses one byte more", async (t) => {
      const { port } = await kind.start(t, { payloadBytesMax: 300_000 });
      const subscriber = await BusClient.open(t, port);
      await subscriber.answer(`CONNECT ${HEADERS}|SUB a 1|SUB a 2|`);
      const publisher = await BusClient.open(t, port);
      await publisher.answer(`CONNECT ${HEADERS}|`);
      const large = x(300_000);
      for (let i = 0; i < 20; i++) assert.equal(await publisher.answer(`PUB a 300000|${large}|`), "");
      await publisher.answer(`HPUB a 12 300000|${HEAD}${x(299_988)}|`);
      const heard = await subscriber.answer("");
      for (const sid of [1, 2]) {
        assert.equal(heard.split(`MSG a ${sid} 300000|${large}|`).length - 1, 20);
        assert.equal(heard.split(`HMSG a ${sid} 12 300000|${HEAD}`).length - 1, 1);
      }
      assert.equal(await publisher.answer("PUB a 300001|"), PAYLOAD);
      assert.equal(await subscriber.answer("HPUB a 12 300001|"), PAYLOAD);
    });

    it("has the limits that it is given", async (t) => {
      const { port } = await kind.start(t, { controlLineBytesMax: 1000, subscriptionsMax: 2 });
      const client = await BusClient.open(t, port);
      await client.answer(`CONNECT ${PLAIN}|`);
      assert.equal(await client.answer(`SUB ${x(998)} 1|SUB b 2|`), "");
      assert.equal(await client.answer("SUB c 3|PUB c 0||"), "-ERR 'maximum subscriptions exceeded'|");
      assert.equal(await client.answer("UNSUB 2|SUB c 3|PUB c 0||"), "MSG c 3 0||");
      assert.equal(await client.answer(`SUB ${x(999)} 1|`), LINE);
    });

    it("lets in who shows the user and the password", async (t) => {
      const { port } = await kind.start(t, { user: "anna", password: "secret" });
      await lets(t, port, '"user":"anna","pass":"secret"', [
        '"user":"anna","pass":"x"',
        '"user":"b","pass":"secret"',
        '"auth_token":"secret"',
      ]);
    });

    it("lets in who shows the token", async (t) => {
      const { port } = await kind.start(t, { token: "secret" });
      await lets(t, port, '"auth_token":"secret"', [
        '"auth_token":"x"',
        '"user":"secret"',
        '"user":"","pass":"secret"',
      ]);
    });

    it("ends who shows nothing in time", async (t) => {
      const { port } = await kind.start(t, { token: "secret" });
      const clients = await Promise.all(["", "CONN"].map(() => BusClient.open(t, port)));
      clients[1]?.send("CONN");
      for (const client of clients) assert.equal(await client.ended(), "-ERR 'Authentication Timeout'|");
    });

    it("pings, and ends who does not answer, not who does", async (t) => {
      const { port } = await kind.start(t, { pingSeconds: 1 });
      const silent = await BusClient.open(t, port);
      const alive = await BusClient.open(t, port);
      await silent.answer(`CONNECT ${PLAIN}|`);
      await alive.answer(`CONNECT ${PLAIN}|`);
      const answering = (async () => {
        for (let i = 0; i < 4; i++) {
          await alive.until(/PING\|/);
          alive.send("PONG|");
        }
      })();
      assert.match(await silent.ended(), /^(PING\|){2,3}-ERR 'Stale Connection'\|$/);
      await answering;
      assert.equal(await alive.answer("SUB a 1|PUB a 0||"), "MSG a 1 0||");
    });

    it("cuts who does not read, and serves the others", async (t) => {
      const { port } = await kind.start(t, { payloadBytesMax: 200_000, pendingBytesMax: 1_000_000 });
      const [stuck, reader, publisher] = (await Promise.all([1, 2, 3].map(() => BusClient.open(t, port)))) as [
        BusClient,
        BusClient,
        BusClient,
      ];
      await publisher.answer(`CONNECT ${PLAIN}|`);
      await stuck.answer(`CONNECT ${PLAIN}|SUB a 1|`);
      await reader.answer(`CONNECT ${PLAIN}|SUB a 1|`);
      stuck.socket.pause();
      const message = `PUB a 100000|${x(100_000)}|`;
      const count = 300;
      let bytes = 0;
      for (let i = 0; i < count; i++) {
        publisher.send(message);
        bytes += ((await reader.until(/MSG a 1 100000\|x{100000}\|/))[0] as string).length;
      }
      assert.equal(bytes, count * `MSG a 1 100000|${x(100_000)}|`.length);
      stuck.socket.resume();
      const heard = await stuck.ended();
      assert.ok(heard.length < bytes, "it was not cut");
      assert.match(heard, /^(MSG a 1 100000\|x{100000}\|)*/);
    });

    it("answers one who ends its own side right after its operations", async (t) => {
      const { port } = await kind.start(t);
      const client = await BusClient.open(t, port);
      client.socket.end(`CONNECT ${PLAIN}\r\nSUB a 1\r\nPUB a 2\r\nhi\r\nPING\r\n`);
      assert.equal(await client.ended(), "MSG a 1 2|hi|PONG|");
    });

    it("forgets what one who has gone subscribed to", async (t) => {
      const { port } = await kind.start(t);
      const gone = await BusClient.open(t, port);
      await gone.answer(`CONNECT ${PLAIN}|SUB a 1|SUB > 2|`);
      gone.socket.end();
      await gone.ended();
      const client = await BusClient.open(t, port);
      await client.answer(`CONNECT ${HEADERS}|SUB r 1|`);
      assert.equal(await client.answer("PUB a r 0||"), "HMSG r 1 16 16|NATS/1.0 503|||");
    });
  });
}

/** Of these credentials only the first are good; and who shows none may say nothing else. */
async function lets(
  t: Parameters<typeof BusClient.open>[0],
  port: number,
  good: string,
  bad: readonly string[],
): Promise<void> {
  const VIOLATION = "-ERR 'Authorization Violation'|END";
  const client = await BusClient.open(t, port);
  assert.equal(client.info["auth_required"], true);
  assert.equal(await client.answer(`CONNECT {"verbose":false,${good}}|SUB a 1|PUB a 0||`), "MSG a 1 0||");
  for (const credentials of bad) {
    const client = await BusClient.open(t, port);
    assert.equal(await client.answer(`CONNECT {"verbose":false,${credentials}}|`), VIOLATION, credentials);
  }
  for (const operation of ["CONNECT {}|", "SUB a 1|", "PUB a 1000|", "PING|", "FOO|", "x"]) {
    const client = await BusClient.open(t, port);
    assert.equal(await client.answer(operation), VIOLATION, operation);
  }
}
