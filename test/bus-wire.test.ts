import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Op, ops, readOp, WireError, type WireLimits } from "../src/bus/wire.ts";
import { NUMBER_BYTES_MAX, writeNumber } from "../src/bus/write-number.ts";
import { cut, cutPoints } from "./ws-bits.ts";

/** An operation as words, with what it has not left out. */
type Said = Readonly<Record<string, string | number>>;

const LIMITS: WireLimits = { controlLineBytesMax: 64, payloadBytesMax: 100 };

/** Line ends as pictures: `|` is CR LF. */
const wire = (picture: string) => Buffer.from(picture.replaceAll("|", "\r\n"), "latin1");

/** The operations that lead from a client to the server, and from the server to a client. */
const table: readonly [picture: string, said: Said][] = [
  ['CONNECT {"verbose":false}|', { kind: ops.CONNECT, rest: '{"verbose":false}' }],
  ["CONNECT|", { kind: ops.CONNECT, rest: "" }],
  ["PUB a 0||", { kind: ops.PUB, subject: "a", reply: "", headerBytes: 0, payload: "" }],
  ["PUB a.b 5|hello|", { kind: ops.PUB, subject: "a.b", reply: "", headerBytes: 0, payload: "hello" }],
  ["PUB a r 4|\r\n\r\n|", { kind: ops.PUB, subject: "a", reply: "r", headerBytes: 0, payload: "\r\n\r\n" }],
  ["PUB a 007|payload|", { kind: ops.PUB, subject: "a", reply: "", headerBytes: 0, payload: "payload" }],
  [
    "HPUB a 12 14|NATS/1.0||hi|",
    { kind: ops.HPUB, subject: "a", reply: "", headerBytes: 12, payload: "NATS/1.0\r\n\r\nhi" },
  ],
  [
    "HPUB a r 12 12|NATS/1.0|||",
    { kind: ops.HPUB, subject: "a", reply: "r", headerBytes: 12, payload: "NATS/1.0\r\n\r\n" },
  ],
  ["SUB a.> 1|", { kind: ops.SUB, subject: "a.>", reply: "", sid: "1" }],
  ["SUB a.* group sid|", { kind: ops.SUB, subject: "a.*", reply: "group", sid: "sid" }],
  ["UNSUB 1|", { kind: ops.UNSUB, sid: "1", max: 0 }],
  ["UNSUB sid 999999999|", { kind: ops.UNSUB, sid: "sid", max: 999_999_999 }],
  ["PING|", { kind: ops.PING }],
  ["PONG|", { kind: ops.PONG }],
  ['INFO {"proto":1} |', { kind: ops.INFO, rest: '{"proto":1} ' }],
  ["MSG a 1 2|hi|", { kind: ops.MSG, subject: "a", sid: "1", reply: "", headerBytes: 0, payload: "hi" }],
  ["MSG a 1 r 2|hi|", { kind: ops.MSG, subject: "a", sid: "1", reply: "r", headerBytes: 0, payload: "hi" }],
  [
    "HMSG a 1 12 13|NATS/1.0||x|",
    { kind: ops.HMSG, subject: "a", sid: "1", reply: "", headerBytes: 12, payload: "NATS/1.0\r\n\r\nx" },
  ],
  [
    "HMSG a 1 r 12 13|NATS/1.0||x|",
    { kind: ops.HMSG, subject: "a", sid: "1", reply: "r", headerBytes: 12, payload: "NATS/1.0\r\n\r\nx" },
  ],
  ["+OK|", { kind: ops.OK }],
  ["-ERR 'Stale Connection'|", { kind: ops.ERR, rest: "'Stale Connection'" }],
  // Any case, blanks in any number, and a line feed alone, which all servers of NATS take.
  ["pub a 2|hi|", { kind: ops.PUB, subject: "a", reply: "", headerBytes: 0, payload: "hi" }],
  ["Sub\ta\t 1 \n", { kind: ops.SUB, subject: "a", reply: "", sid: "1" }],
  ["ping \n", { kind: ops.PING }],
];

for (const [picture, said] of table) {
  const bytes = wire(picture);
  test(`readOp reads ${JSON.stringify(picture)}, wherever it lies`, () => {
    for (const before of [0, 1, 7]) {
      const around = Buffer.concat([Buffer.alloc(before, "x"), bytes, Buffer.from("PING")]);
      const op = new Op();
      assert.ok(readOp(around, before, around.length, op, LIMITS));
      assert.equal(op.end, before + bytes.length);
      assert.deepEqual(saidBy(around, op), said);
    }
  });

  test(`readOp says what is missing of ${JSON.stringify(picture)}, cut at any byte`, () => {
    const lineBytes = bytes.indexOf("\n") + 1;
    for (let to = 0; to < bytes.length; to++) {
      const op = new Op();
      assert.ok(!readOp(bytes, 0, to, op, LIMITS), `cut at ${to}`);
      assert.equal(op.end, to < lineBytes ? 0 : bytes.length, `cut at ${to}`);
    }
  });
}

const UNKNOWN = "Unknown Protocol Operation";
const LINE = "maximum control line exceeded";
const PAYLOAD = "Maximum Payload Violation";

const malformed: readonly [picture: string, message: string][] = [
  ["|", UNKNOWN],
  [" PING|", UNKNOWN],
  ["PINGX|", UNKNOWN],
  ["FOO a b|", UNKNOWN],
  ["GET / HTTP/1.1|", UNKNOWN],
  ["*OK|", UNKNOWN],
  ["PUB|", UNKNOWN],
  ["HPUB |", UNKNOWN],
  ["SUB|", UNKNOWN],
  ["UNSUB|", UNKNOWN],
  ["MSG|", UNKNOWN],
  ["PUB a|", "Parser Error: malformed PUB"],
  ["PUB a b c 1|", "Parser Error: malformed PUB"],
  ["HPUB a 1|", "Parser Error: malformed HPUB"],
  ["HPUB a b c 1 1|", "Parser Error: malformed HPUB"],
  ["SUB a|", "Parser Error: malformed SUB"],
  ["SUB a b c d|", "Parser Error: malformed SUB"],
  ["UNSUB a 1 2|", "Parser Error: malformed UNSUB"],
  ["MSG a 1|", "Parser Error: malformed MSG"],
  ["HMSG a 1 2|", "Parser Error: malformed HMSG"],
  ["SUB a b c d e f|", "Parser Error: malformed arguments"],
  ["PUB a x|", "Parser Error: malformed number"],
  ["PUB a -1|", "Parser Error: malformed number"],
  ["PUB a +1|", "Parser Error: malformed number"],
  ["PUB a 1.5|", "Parser Error: malformed number"],
  ["PUB a 0000000001|", "Parser Error: malformed number"],
  ["UNSUB 1 x|", "Parser Error: malformed number"],
  ["HPUB a x 1|", "Parser Error: malformed number"],
  ["HPUB a 3 2|", "Parser Error: malformed size of headers"],
  ["PUB a 2|hixx", UNKNOWN],
  ["PUB a 2|hi\rx", UNKNOWN],
  ["PUB a 2|hi\nx", UNKNOWN],
  ["MSG a 1 0|xx", UNKNOWN],
];

for (const [picture, message] of malformed) {
  test(`readOp refuses ${JSON.stringify(picture)}: ${message}`, () => refuses(wire(picture), message));
}

for (const name of ["CONNECT", "PUB", "SUB", "UNSUB", "INFO", "-ERR"]) {
  test(`readOp takes controlLineBytesMax bytes of arguments of ${name}, and not one more`, () => {
    const allowed = argumentsOf(name, LIMITS.controlLineBytesMax);
    assert.equal(allowed.length, LIMITS.controlLineBytesMax);
    assert.doesNotThrow(() =>
      readOp(wire(`${name} ${allowed}|`), 0, name.length + allowed.length + 3, new Op(), LIMITS),
    );
    refuses(wire(`${name} ${argumentsOf(name, LIMITS.controlLineBytesMax + 1)}|`), LINE);
  });
}

test("readOp waits for the end of a line only as long as it may still be allowed", () => {
  const longest = LIMITS.controlLineBytesMax + "CONNECT \r\n".length;
  for (const first of ["S", "x"]) {
    assert.ok(!readOp(Buffer.alloc(longest - 1, first), 0, longest - 1, new Op(), LIMITS));
    refuses(Buffer.alloc(longest, first), LINE);
  }
});

for (const picture of ["PUB a 100|", "HPUB a 50 100|", "MSG a 1 100|", "HMSG a 1 50 100|"]) {
  test(`readOp takes payloadBytesMax bytes with ${JSON.stringify(picture)}, and refuses one more before it comes`, () => {
    const bytes = Buffer.concat([wire(picture), Buffer.alloc(100, "x"), wire("|")]);
    const op = new Op();
    assert.ok(readOp(bytes, 0, bytes.length, op, LIMITS));
    assert.equal(op.payloadTo - op.payloadFrom, 100);
    refuses(wire(picture.replace("100", "101")), PAYLOAD);
    refuses(wire(picture.replace("100", "999999999")), PAYLOAD);
  });
}

const word = fc.stringMatching(/^[!-{}~]{1,8}$/);
const blank = fc.constantFrom(" ", "\t", "  ", " \t ");
const lineEnd = fc.constantFrom("\r\n", "\n");
const name = (text: string) => fc.constantFrom(text, text.toLowerCase(), text[0] + text.slice(1).toLowerCase());
const payload = fc.string({ unit: fc.constantFrom("a", "\r", "\n", " ", "PING\r\n"), maxLength: 12 });

/** A line whose words have blanks between them. */
function line(...words: fc.Arbitrary<string>[]): fc.Arbitrary<string> {
  return fc.tuple(fc.tuple(...words), blank, lineEnd).map(([texts, between, end]) => texts.join(between) + end);
}

function message(verb: string, ...words: fc.Arbitrary<string>[]): fc.Arbitrary<string> {
  const hasHeaders = verb.startsWith("H");
  return fc
    .tuple(fc.tuple(name(verb), ...words), payload, fc.nat(), blank, lineEnd)
    .map(([texts, body, n, between, end]) => {
      const sizes = hasHeaders ? [n % (body.length + 1), body.length] : [body.length];
      return `${[...texts, ...sizes].join(between)}${end}${body}\r\n`;
    });
}

const operation = fc.oneof(
  line(name("PING")),
  line(name("PONG")),
  line(fc.constant("+OK")),
  line(
    name("CONNECT"),
    fc.json({ maxDepth: 1 }).filter((json) => json.length < 40),
  ),
  line(fc.constant("-ERR"), word),
  line(name("SUB"), word, word),
  line(name("SUB"), word, word, word),
  line(name("UNSUB"), word),
  line(
    name("UNSUB"),
    word,
    fc.nat().map((n) => `${n % 1e9}`),
  ),
  message("PUB", word),
  message("PUB", word, word),
  message("HPUB", word),
  message("HPUB", word, word),
  message("MSG", word, word),
  message("MSG", word, word, word),
  message("HMSG", word, word),
  message("HMSG", word, word, word),
);

test("readOp reads streams of operations as the naive reader does, in any cut", () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 8 }), cutPoints, (operations, points) => {
      const text = operations.join("");
      const said: Said[] = [];
      const op = new Op();
      let held = Buffer.alloc(0);
      for (const piece of cut(Buffer.from(text), points)) {
        held = Buffer.concat([held, piece]);
        let at = 0;
        while (at < held.length && readOp(held, at, held.length, op, LIMITS)) {
          said.push(saidBy(held, op));
          at = op.end;
        }
        held = held.subarray(at);
      }
      assert.equal(held.length, 0);
      assert.deepEqual(said, naiveRead(Buffer.from(text).toString("latin1")));
    }),
    { numRuns: 500 },
  );
});

test("readOp reads any bytes, or refuses them as a WireError, and never goes beyond them", () => {
  const verbs = ["PUB ", "HPUB ", "SUB ", "UNSUB ", "MSG ", "HMSG ", "CONNECT ", "PING", "+OK", "-ERR "];
  const piece = fc.oneof(fc.constantFrom(...verbs, " ", "\r\n", "1", "12"), fc.string({ maxLength: 4 }));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const bytes = Buffer.from(`${pieces.join("")}\r\n`);
      const op = new Op();
      for (let at = 0; at < bytes.length; at = op.end) {
        try {
          if (!readOp(bytes, at, bytes.length, op, LIMITS)) return;
        } catch (error) {
          assert.ok(error instanceof WireError, String(error));
          return;
        }
        assert.ok(op.end > at && op.end <= bytes.length);
      }
    }),
    { numRuns: 2000 },
  );
});

test("writeNumber writes the digits of any number that has at most NUMBER_BYTES_MAX", () => {
  const most = 10 ** NUMBER_BYTES_MAX - 1;
  const numbers = fc.oneof(
    fc.nat(),
    fc.constantFrom(0, 9, 10, 99, 100, 1_048_576, most),
    fc.integer({ min: 0, max: most }),
  );
  fc.assert(
    fc.property(numbers, fc.nat(5), (value, at) => {
      const out = Buffer.alloc(at + NUMBER_BYTES_MAX + 1, "x");
      const end = writeNumber(out, at, value);
      assert.equal(out.toString(), `${"x".repeat(at)}${value}${"x".repeat(out.length - end)}`);
    }),
  );
});

/** What an operation says, of the fields that its kind has. */
function saidBy(bytes: Buffer, op: Op): Said {
  const text = (from: number, to: number) => bytes.toString("latin1", from, to);
  const { kind, max, headerBytes } = op;
  const subject = text(op.subjectFrom, op.subjectTo);
  const reply = text(op.replyFrom, op.replyTo);
  const sid = text(op.sidFrom, op.sidTo);
  const payload = text(op.payloadFrom, op.payloadTo);
  switch (kind) {
    case ops.CONNECT:
    case ops.INFO:
    case ops.ERR:
      return { kind, rest: subject };
    case ops.SUB:
      return { kind, subject, reply, sid };
    case ops.UNSUB:
      return { kind, sid, max };
    case ops.PUB:
    case ops.HPUB:
      return { kind, subject, reply, headerBytes, payload };
    case ops.MSG:
    case ops.HMSG:
      return { kind, subject, sid, reply, headerBytes, payload };
    default:
      return { kind };
  }
}

/** The protocol's description word for word: lines, words between blanks, and a payload of the size that the last one says. */
function naiveRead(text: string): Said[] {
  const said: Said[] = [];
  while (text !== "") {
    const end = text.indexOf("\n");
    const whole = text.slice(0, end).replace(/\r$/, "");
    text = text.slice(end + 1);
    const [verb = "", ...words] = whole.split(/[ \t]+/);
    const name = verb.toUpperCase().replace(/^[+-]/, "");
    const kind = ops[name as keyof typeof ops];
    if (name === "CONNECT" || name === "ERR") {
      said.push({ kind, rest: whole.slice(verb.length).replace(/^[ \t]+/, "") });
    } else if (name === "SUB") {
      const [subject = "", ...others] = words;
      said.push({
        kind,
        subject,
        reply: others.length === 2 ? (others[0] as string) : "",
        sid: others.at(-1) as string,
      });
    } else if (name === "UNSUB") {
      said.push({ kind, sid: words[0] as string, max: Number(words[1] ?? 0) });
    } else if (name.endsWith("PUB") || name.endsWith("MSG")) {
      const [subject = "", ...others] = words;
      const size = Number(others.pop());
      const headerBytes = name.startsWith("H") ? Number(others.pop()) : 0;
      const sid = name.endsWith("MSG") ? { sid: others.shift() as string } : {};
      said.push({ kind, subject, ...sid, reply: others[0] ?? "", headerBytes, payload: text.slice(0, size) });
      text = text.slice(size + 2);
    } else said.push({ kind });
  }
  return said;
}

/** Arguments of so many bytes. */
function argumentsOf(name: string, bytes: number): string {
  const last = name === "CONNECT" || name === "INFO" || name === "-ERR" || name === "UNSUB" ? "" : " 0";
  return "x".repeat(bytes - last.length) + last;
}

function refuses(bytes: Buffer, message: string): void {
  assert.throws(
    () => readOp(bytes, 0, bytes.length, new Op(), LIMITS),
    (error) => {
      assert.ok(error instanceof WireError, String(error));
      assert.equal(error.message, message);
      return true;
    },
  );
}
