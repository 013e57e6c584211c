import assert from "node:assert/strict";
import { test } from "node:test";
import { ascii, cookie, type UpgradeResult, Upgrader, type UpgraderOptions } from "../src/ws/index.ts";
import { request } from "./raw-client.ts";

const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/** Upgrades a request; the answer as text beside the result. */
function upgrade(options: UpgraderOptions, text: string): { result: UpgradeResult; answer: string } {
  const bytes = Buffer.from(text, "latin1");
  const out = Buffer.alloc(4096);
  const result = new Upgrader(options).upgrade(bytes, 0, bytes.length, out, 10);
  return { result, answer: out.toString("latin1", 10, 10 + result.written) };
}

const ANSWER = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n`;

test("Upgrader answers a valid request with 101, and says where the frames begin", () => {
  const { result, answer } = upgrade({}, `${request()}frames`);
  assert.equal(result.state, "upgraded");
  assert.equal(result.status, 101);
  assert.equal(result.read, request().length);
  assert.equal(answer, `${ANSWER}\r\n`);
});

test("Upgrader wants more as long as the head is not whole", () => {
  const text = request();
  for (let length = 0; length < text.length; length++) {
    const { result, answer } = upgrade({}, text.slice(0, length));
    assert.equal(result.state, "more", text.slice(0, length));
    assert.equal(answer, "");
  }
});

for (const [name, status, text] of [
  ["a malformed head", 400, "GET / HTTP/1.1\r\nHost : a\r\n\r\n"],
  ["a request that is no upgrade", 426, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["another method", 405, request({}, "/", "POST")],
  ["another version", 426, request({ "Sec-WebSocket-Version": "8" })],
  ["a key that is none", 400, request({ "Sec-WebSocket-Key": "x" })],
] as const) {
  test(`Upgrader refuses ${name} with ${status}, as a value`, () => {
    const { result, answer } = upgrade({}, text);
    assert.equal(result.state, "refused");
    assert.equal(result.status, status);
    assert.ok(result.reason.length > 0);
    assert.ok(answer.startsWith(`HTTP/1.1 ${status} `), answer);
    assert.ok(answer.endsWith(`\r\n\r\n${result.reason}\n`), answer);
  });
}

test("Upgrader calls back in order, with what stands in the head", () => {
  const calls: string[] = [];
  const text = request({ Host: "example.com", Cookie: "a=1; session=x" }, "/chat?room=1");
  const { result } = upgrade(
    {
      onRequest: (head) => {
        calls.push(`request ${ascii(head.bytes, head.targetFrom, head.targetTo)}`);
      },
      onHost: (head, from, to) => {
        calls.push(`host ${ascii(head.bytes, from, to)}`);
      },
      onHeader: (head, i) => {
        calls.push(`header ${ascii(head.bytes, head.nameFrom(i), head.nameTo(i))}`);
      },
      onBeforeUpgrade: (head) => {
        const at = head.find("cookie");
        calls.push(`cookie ${cookie(head.bytes, head.valueFrom(at), head.valueTo(at), "session")}`);
      },
    },
    text,
  );
  assert.equal(result.state, "upgraded");
  assert.deepEqual(calls, [
    "request /chat?room=1",
    "host example.com",
    "header Host",
    "header Connection",
    "header Upgrade",
    "header Sec-WebSocket-Version",
    "header Sec-WebSocket-Key",
    "header Cookie",
    "cookie x",
  ]);
});

const no = { status: 401, reason: "who are you?", headers: { "WWW-Authenticate": "Basic" } };
for (const [name, options] of Object.entries({
  onRequest: { onRequest: () => no },
  onHost: { onHost: () => no },
  onHeader: { onHeader: () => no },
  onBeforeUpgrade: { onBeforeUpgrade: () => no },
} satisfies Record<string, UpgraderOptions>)) {
  test(`Upgrader lets ${name} refuse, with status, reason and headers`, () => {
    const { result, answer } = upgrade(options, request());
    assert.equal(result.state, "refused");
    assert.equal(result.status, 401);
    assert.match(answer, /^HTTP\/1\.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\n/);
    assert.match(answer, /\r\n\r\nwho are you\?\n$/);
  });
}

test("Upgrader refuses a refusal whose status is none", () => {
  assert.throws(() => upgrade({ onRequest: () => ({ status: 200 }) }, request()), { code: "BELFRY_BAD_OPTION" });
});

test("Upgrader adds headers of all answers, and of this one", () => {
  const options: UpgraderOptions = {
    headers: { Server: "x" },
    onBeforeUpgrade: () => ({ headers: { "Set-Cookie": "a=1" } }),
  };
  assert.equal(upgrade(options, request()).answer, `${ANSWER}Server: x\r\nSet-Cookie: a=1\r\n\r\n`);
  assert.throws(() => new Upgrader({ headers: { "a b": "" } }), { code: "BELFRY_BAD_OPTION" });
  assert.throws(() => upgrade({ onBeforeUpgrade: () => ({ headers: { a: "b\r\nc: d" } }) }, request()), {
    code: "BELFRY_BAD_OPTION",
  });
});

for (const [offered, protocols, chosen] of [
  ["a, b", ["b", "a"], "a"],
  ["a, b", ["b"], "b"],
  ["A", ["a"], ""],
  ["a", [], ""],
  [undefined, ["a"], ""],
  ["x, chat.v2", (name: string) => name.startsWith("chat."), "chat.v2"],
] as const) {
  test(`Upgrader chooses ${chosen || "no protocol"} when the client offers ${offered}`, () => {
    const { result, answer } = upgrade({ protocols }, request({ "Sec-WebSocket-Protocol": offered }));
    assert.equal(result.protocol, chosen);
    assert.equal(answer, `${ANSWER}${chosen && `Sec-WebSocket-Protocol: ${chosen}\r\n`}\r\n`);
  });
}

test("Upgrader refuses a malformed list of protocols with 400, and a protocol that is no token at once", () => {
  assert.equal(upgrade({ protocols: ["a"] }, request({ "Sec-WebSocket-Protocol": "a b" })).result.status, 400);
  assert.throws(() => new Upgrader({ protocols: ["a b"] }), { code: "BELFRY_BAD_OPTION", message: /"a b"/ });
});

test("Upgrader negotiates permessage-deflate", () => {
  const offer = { "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits" };
  assert.equal(upgrade({}, request(offer)).answer, `${ANSWER}\r\n`);
  const { result, answer } = upgrade({ deflate: { clientMaxWindowBits: 12 } }, request(offer));
  assert.equal(result.deflate?.clientMaxWindowBits, 12);
  const parameters = "server_no_context_takeover; client_no_context_takeover; client_max_window_bits=12";
  assert.equal(answer, `${ANSWER}Sec-WebSocket-Extensions: permessage-deflate; ${parameters}\r\n\r\n`);
});

test("Upgrader asks about other extensions, with their parameters", () => {
  const asked: unknown[] = [];
  const { answer } = upgrade(
    {
      extension: (name, parameters) => {
        asked.push([name, ...parameters]);
        return name === "foo" ? "foo; bar=1" : undefined;
      },
    },
    request({ "Sec-WebSocket-Extensions": 'foo; bar=1; baz="a, \\"b", other' }),
  );
  assert.deepEqual(asked, [["foo", ["bar", "1"], ["baz", 'a, "b']], ["other"]]);
  assert.equal(answer, `${ANSWER}Sec-WebSocket-Extensions: foo; bar=1\r\n\r\n`);
});

test("Upgrader remembers no offer of another Upgrader with other wishes", () => {
  const offer = { "Sec-WebSocket-Extensions": "permessage-deflate; server_max_window_bits=12" };
  assert.equal(upgrade({ deflate: true }, request(offer)).result.deflate?.serverMaxWindowBits, 12);
  assert.equal(
    upgrade({ deflate: { serverMaxWindowBits: 10 } }, request(offer)).result.deflate?.serverMaxWindowBits,
    10,
  );
  assert.equal(upgrade({ deflate: true }, request(offer)).result.deflate?.serverMaxWindowBits, 12);
});

test("Upgrader waits for an asynchronous callback, whose head outlives the caller's bytes", async () => {
  let decide = (_: { headers: Record<string, string> }) => {};
  let url = () => "";
  const upgrader = new Upgrader({
    protocols: ["a"],
    onBeforeUpgrade: (head) => {
      url = () => ascii(head.bytes, head.targetFrom, head.targetTo);
      return new Promise((resolve) => {
        decide = resolve;
      });
    },
  });
  const text = request({ "Sec-WebSocket-Protocol": "a" }, "/later");
  const bytes = Buffer.from(`....${text}`);
  const { state, settled, read } = upgrader.upgrade(bytes, 4, bytes.length, Buffer.alloc(0), 0);
  assert.equal(state, "later");
  assert.equal(read, text.length);
  bytes.fill(0);
  assert.equal(url(), "/later");
  decide({ headers: { "X-A": "1" } });
  const { result, answer } = (await settled) as NonNullable<Awaited<typeof settled>>;
  assert.equal(result.state, "upgraded");
  assert.equal(result.protocol, "a");
  assert.equal(Buffer.from(answer).toString(), `${ANSWER}Sec-WebSocket-Protocol: a\r\nX-A: 1\r\n\r\n`);
});

test("Upgrader refuses with 503 while upgradesInFlightMax are under way, and not any more afterwards", async () => {
  const waiting: ((verdict: { status: number }) => void)[] = [];
  const upgrader = new Upgrader({
    upgradesInFlightMax: 2,
    onBeforeUpgrade: () => new Promise((resolve) => waiting.push(resolve)),
  });
  const bytes = Buffer.from(request());
  const out = Buffer.alloc(1000);
  const again = () => {
    const { state, status, settled } = upgrader.upgrade(bytes, 0, bytes.length, out, 0);
    return { state, status, settled };
  };
  const first = again();
  assert.equal(first.state, "later");
  assert.equal(again().state, "later");
  const third = again();
  assert.deepEqual([third.state, third.status], ["refused", 503]);
  assert.match(out.toString("latin1"), /Retry-After: 1\r\n[\s\S]*upgradesInFlightMax is 2/);
  assert.equal(waiting.length, 2);
  waiting[0]?.({ status: 403 });
  assert.equal((await first.settled)?.result.status, 403);
  assert.equal(again().state, "later");
});

test("Upgrader throws on what a callback throws, and rejects with what it rejects with", async () => {
  const broken = () => {
    throw new TypeError("a mistake");
  };
  assert.throws(() => upgrade({ onRequest: broken }, request()), /a mistake/);
  const { result } = upgrade({ onBeforeUpgrade: async () => broken() }, request());
  await assert.rejects(result.settled as Promise<unknown>, /a mistake/);
});

test("Upgrader says when the answer has no room", () => {
  const bytes = Buffer.from(request());
  const room = upgrade({}, request()).result.written;
  new Upgrader().upgrade(bytes, 0, bytes.length, Buffer.alloc(room), 0);
  assert.throws(() => new Upgrader().upgrade(bytes, 0, bytes.length, Buffer.alloc(room - 1), 0), {
    code: "BELFRY_LIMIT",
    message: new RegExp(`${room} bytes.*room for ${room - 1}`),
  });
});
