import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer as createTcpServer } from "node:net";
import { PassThrough } from "node:stream";
import { describe, it, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { RefusedError } from "../src/cli/client.ts";
import { backoff, type FollowOptions, follow } from "../src/cli/follow.ts";
import { Output } from "../src/cli/output.ts";
import { type Connection, createServer, limits, ProtocolError, type ServerOptions } from "../src/index.ts";

const program = fileURLToPath(new URL("../../bin/belfry.js", import.meta.url));

// ---- A server of few words ------------------------------------------------------------------------------------------------

type Fields = Record<string, unknown>;
/** What a connection answers to a command, by its method; `{}` is the pong. */
type Script = Record<string, (connection: Connection, fields: Fields) => void>;

/** Sends replies, as one message. */
function say(connection: Connection, ...replies: object[]): void {
  connection.send(replies.map((reply) => JSON.stringify(reply)).join("\n"));
}

const connects = { connect: { client: "c1", version: "fake", ping: 25, pong: true } };

/** A server that answers commands as the script says, and keeps what it was told. */
async function server(t: TestContext, script: Script, options: ServerOptions = {}) {
  const commands: object[] = [];
  const fake = createServer({
    packet: (connection, packet) => {
      for (const line of packet.text().split("\n")) {
        const command = JSON.parse(line) as Fields;
        commands.push(command);
        const [method = "pong"] = Object.keys(command).filter((key) => key !== "id");
        script[method]?.(connection, command[method] as Fields);
      }
    },
    ...options,
  });
  const { port } = await fake.listen({ host: "127.0.0.1" });
  t.after(() => fake.close());
  return { commands, port, url: `ws://127.0.0.1:${port}/connection/websocket`, fake };
}

/** A script that lets everybody in, and subscribes with this result. */
function subscribing(result: object, then: (connection: Connection) => void = () => {}): Script {
  return {
    connect: (connection) => say(connection, { id: 1, ...connects }),
    subscribe: (connection) => {
      say(connection, { id: 2, subscribe: result });
      then(connection);
    },
  };
}

const push = (data: unknown, offset?: number) => ({
  push: { channel: "news", pub: { data, ...(offset !== undefined && { offset }) } },
});

// ---- The program ----------------------------------------------------------------------------------------------------------

/** A running `belfry subscribe`. */
class Run {
  readonly child: ChildProcess;
  stdout = "";
  stderr = "";
  readonly closed: Promise<number | null>;
  #wake = () => {};

  constructor(args: readonly string[], env: Record<string, string> = {}) {
    this.child = spawn(process.execPath, [program, "subscribe", ...args], { env: { ...process.env, ...env } });
    this.child.stdout?.on("data", (chunk) => {
      this.stdout += chunk;
      this.#wake();
    });
    this.child.stderr?.on("data", (chunk) => {
      this.stderr += chunk;
      this.#wake();
    });
    this.closed = once(this.child, "close").then(([code]) => {
      this.#wake();
      return code;
    });
  }

  get lines(): string[] {
    return this.stdout.split("\n").slice(0, -1);
  }

  /** Waits until the standard error holds a text. */
  async said(text: string): Promise<void> {
    while (!this.stderr.includes(text)) {
      assert.equal(this.child.exitCode, null, this.stderr);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

function run(t: TestContext, args: readonly string[], env?: Record<string, string>): Run {
  const one = new Run(args, env);
  t.after(() => one.child.kill("SIGKILL"));
  return one;
}

test("belfry subscribe prints what is published as it comes, and ends after --count", async (t) => {
  const at = await server(
    t,
    subscribing({ epoch: "e1", offset: 4 }, (connection) => {
      say(connection, push({ text: "ü" }, 5), { push: { channel: "other", pub: { data: 0 } } }, {}, push([1, null], 6));
      say(connection, push("third", 7));
    }),
  );
  const one = run(t, ["news", "--url", `${at.url}?key=secret`, "--count", "2"]);
  assert.equal(await one.closed, 0, one.stderr);
  const now = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/;
  for (const line of one.lines) assert.match(line, now);
  assert.deepEqual(
    one.lines.map((line) => line.replace(now, "")),
    [' 5 {"text":"ü"}', " 6 [1,null]"],
  );
  assert.deepEqual(one.stderr.trim().split("\n"), [
    `connected to ${at.url}`,
    "subscribed to news at 4:e1",
    "ended; to go on from here: --since 6:e1",
  ]);
  assert.deepEqual(at.commands, [
    { id: 1, connect: { name: "belfry" } },
    { id: 2, subscribe: { channel: "news" } },
    {},
  ]);
});

test("belfry subscribe --json prints one object a line, and no character that a terminal would obey", async (t) => {
  const pub = { data: { text: "\u001b[2J \u009b2J \u2028" }, offset: 9, tags: { a: "b" }, time: 5 };
  const at = await server(
    t,
    subscribing({}, (connection) => say(connection, { push: { channel: "news", pub } }, push(1))),
  );
  const one = run(t, ["news", "--url", at.url, "--count", "2", "--json"]);
  assert.equal(await one.closed, 0, one.stderr);
  const [first, second] = one.lines.map((line) => JSON.parse(line));
  assert.ok(!Number.isNaN(Date.parse(first.received)));
  assert.deepEqual({ ...first, received: 0 }, { received: 0, ...pub });
  assert.deepEqual({ ...second, received: 0 }, { received: 0, data: 1 });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there.
  assert.doesNotMatch(one.stdout, /[\0-\x09\x0b-\x1f\x7f-\x9f\u2028]/);
});

test("belfry subscribe ends cleanly at Ctrl-C, and tells where to go on", async (t) => {
  const closed: number[] = [];
  const at = await server(t, subscribing({ epoch: "e", offset: 3 }), {
    close: (_connection, code) => void closed.push(code),
  });
  const one = run(t, ["news", "--url", at.url]);
  await one.said("subscribed");
  one.child.kill("SIGINT");
  assert.equal(await one.closed, 0, one.stderr);
  assert.match(one.stderr, /ended; to go on from here: --since 3:e\n$/);
  assert.deepEqual(closed, [1000]);
});

test("belfry subscribe comes back when the connection is lost, and recovers", async (t) => {
  let connections = 0;
  const at = await server(t, {
    connect: (connection) => say(connection, { id: 1, ...connects }),
    subscribe: (connection, { recover }) => {
      connections++;
      if (!recover) {
        say(connection, { id: 2, subscribe: { epoch: "e", offset: 1 } }, push("a", 2));
        connection.close(3001, "shutdown");
      } else {
        const publications = [
          { data: "b", offset: 3 },
          { data: "c", offset: 4 },
        ];
        say(connection, { id: 2, subscribe: { epoch: "e", offset: 2, recovered: true, publications } }, push("d", 5));
      }
    },
  });
  const one = run(t, ["news", "--url", at.url, "--count", "4"]);
  assert.equal(await one.closed, 0, one.stderr);
  assert.deepEqual(
    one.lines.map((line) => line.split(" ").slice(1).join(" ")),
    ['2 "a"', '3 "b"', '4 "c"', '5 "d"'],
  );
  assert.equal(connections, 2);
  assert.match(
    one.stderr,
    /\nlost: 3001 shutdown; trying again in \d\.\d s\nconnected .*\nsubscribed .*\nrecovered 2\nended/,
  );
  assert.deepEqual(at.commands.at(-1), { id: 2, subscribe: { channel: "news", recover: true, offset: 2, epoch: "e" } });
});

test("belfry subscribe --since asks for what came after it, and says when that is gone", async (t) => {
  const at = await server(t, subscribing({ epoch: "f", offset: 90 }));
  const one = run(t, ["news", "--url", at.url, "--since", "42:e:1"]);
  await one.said("not recovered: the history does not reach back to where it was lost\n");
  assert.match(one.stderr, /subscribed to news at 90:f\n/);
  assert.deepEqual(at.commands[1], { id: 2, subscribe: { channel: "news", recover: true, offset: 42, epoch: "e:1" } });
});

test("belfry subscribe signs a token with --hmac-secret, also from the environment", async (t) => {
  const at = await server(
    t,
    subscribing({}, (connection) => say(connection, push(1))),
  );
  const one = run(t, ["news", "--url", at.url, "--user", "42", "--count", "1"], { BELFRY_HMAC_SECRET: "a secret" });
  assert.equal(await one.closed, 0, one.stderr);
  const [{ connect } = assert.fail()] = at.commands as { connect: { token: string } }[];
  const [head = "", claims = "", signature] = connect.token.split(".");
  const decoded = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString());
  assert.deepEqual(decoded(head), { alg: "HS256" });
  assert.equal(decoded(claims).sub, "42");
  assert.equal(signature, createHmac("sha256", "a secret").update(`${head}.${claims}`).digest("base64url"));
});

test("belfry subscribe gives a --token as it is", async (t) => {
  const at = await server(
    t,
    subscribing({}, (connection) => say(connection, push(1))),
  );
  const one = run(t, ["news", "--url", at.url, "--token", "t.o.k", "--count", "1"]);
  assert.equal(await one.closed, 0, one.stderr);
  assert.deepEqual(at.commands[0], { id: 1, connect: { token: "t.o.k", name: "belfry" } });
});

test("belfry subscribe ends when nobody reads its output any more", async (t) => {
  const at = await server(
    t,
    subscribing({}, (connection) => {
      const more = setInterval(
        () => (connection.isOpen ? say(connection, push("x".repeat(1000))) : clearInterval(more)),
        1,
      );
    }),
  );
  const one = run(t, ["news", "--url", at.url]);
  await once(one.child.stdout ?? assert.fail(), "data");
  one.child.stdout?.destroy();
  await once(one.child, "exit");
  assert.equal(one.child.exitCode, 0, one.stderr);
});

/** What a server refuses for good: the exit is 1, and the last line says why and what to do. */
const refusals: readonly [what: string, script: Script, line: string][] = [
  [
    "an error of connect",
    { connect: (connection) => say(connection, { id: 1, error: { code: 109, message: "token expired" } }) },
    "109 token expired; give a new --token, or --hmac-secret",
  ],
  [
    "an error of subscribe",
    {
      connect: (connection) => say(connection, { id: 1, ...connects }),
      subscribe: (connection) => say(connection, { id: 2, error: { code: 103, message: "permission denied" } }),
    },
    "103 permission denied; the server does not let this user subscribe to this channel",
  ],
  [
    "a close for good",
    { connect: (connection) => connection.close(3500, "invalid token") },
    "3500 invalid token; check --token, or --hmac-secret",
  ],
  ["a close of the application's", { connect: (connection) => connection.close(4500, "") }, "4500"],
  [
    "a reason that says not to come back",
    { connect: (connection) => connection.close(3000, '{"reason":"moved","reconnect":false}') },
    "3000 moved",
  ],
  [
    "a disconnect push",
    subscribing({}, (connection) =>
      say(connection, { push: { disconnect: { code: 3503, reason: "force disconnect" } } }),
    ),
    "3503 force disconnect",
  ],
  [
    "an unsubscribe push",
    subscribing({}, (connection) =>
      say(connection, { push: { channel: "news", unsubscribe: { code: 2000, reason: "server unsubscribe" } } }),
    ),
    "2000 server unsubscribe",
  ],
  [
    "another protocol",
    { connect: (connection) => void connection.send("hello") },
    "the server does not speak Centrifugo's protocol in JSON; check --url",
  ],
];

for (const [what, script, line] of refusals) {
  test(`belfry subscribe ends with 1 and a word of advice at ${what}`, async (t) => {
    const at = await server(t, script);
    const one = run(t, ["news", "--url", at.url]);
    assert.equal(await one.closed, 1, one.stderr);
    assert.equal(one.stderr.trim().split("\n").at(-1), `belfry subscribe: ${line}`);
  });
}

test("belfry subscribe ends with 1 when the server has no such path", async (t) => {
  const at = await server(t, {}, { upgrade: () => ({ status: 404, reason: "clients connect elsewhere" }) });
  const one = run(t, ["news", "--url", at.url]);
  assert.equal(await one.closed, 1);
  assert.match(one.stderr, /^belfry subscribe: dial ws:.*404/);
});

const badArguments: readonly [args: string[], message: RegExp][] = [
  [[], /missing required argument 'channel'/],
  [
    ["news", "--since", "x:1"],
    /'--since <offset:epoch>' argument 'x:1' is invalid\. Allowed are an offset and an epoch/,
  ],
  [["news", "--count", "0"], /Allowed are whole numbers from 1/],
  [["news", "--user", "42"], /--user needs --hmac-secret/],
  [
    ["news", "--token", "a", "--hmac-secret", "b"],
    /'--token <jwt>' cannot be used with option '--hmac-secret <secret>'/,
  ],
  [["news", "--url", "http//x"], /belfry subscribe: dial: the url is none/],
  [["news", "--url", "ftp://x/"], /the url's scheme is ftp:/],
];
for (const [args, message] of badArguments) {
  test(`belfry subscribe ${args.join(" ")} says what is wrong`, async (t) => {
    const one = run(t, args);
    assert.equal(await one.closed, 1);
    assert.match(one.stderr, message);
    assert.equal(one.stdout, "");
  });
}

test("belfry subscribe --help teaches by example, with options that there are", async (t) => {
  const one = run(t, ["--help"]);
  assert.equal(await one.closed, 0);
  const [usage = "", examples = ""] = one.stdout.split("Examples:");
  assert.ok(examples.split("$ ").length > 4, one.stdout);
  for (const option of examples.match(/--[a-z-]+/g) ?? []) assert.ok(usage.includes(option), option);
});

// ---- Following, without a process -----------------------------------------------------------------------------------------

/** Follows a channel until the test is over; what happens is kept as lines. */
function following(t: TestContext, url: string, options: Partial<FollowOptions> = {}) {
  const ending = new AbortController();
  t.after(() => ending.abort());
  const lines: string[] = [];
  let wake = () => {};
  const note = (line: string) => {
    lines.push(line);
    wake();
  };
  const done = follow({
    url,
    channel: "news",
    since: undefined,
    signal: ending.signal,
    token: () => "",
    connected: () => note("connected"),
    subscribed: (at, recovered) => note(`subscribed ${at?.offset}:${at?.epoch} ${recovered}`),
    published: ({ data, offset }) => note(`${offset} ${JSON.stringify(data)}`),
    lost: (why, ms) => {
      assert.ok(ms >= 500 && ms <= 20_000, `${ms} ms`);
      note(`lost: ${why}`);
    },
    ...options,
  });
  const until = async (count: number) => {
    while (lines.length < count) await Promise.race([new Promise<void>((resolve) => (wake = resolve)), done]);
    return lines;
  };
  return { ending, lines, done, until };
}

/** What is over in a while: the client says why, and comes back. */
const losses: readonly [what: string, script: Script, why: RegExp][] = [
  [
    "a temporary error",
    {
      connect: (connection) =>
        say(connection, { id: 1, error: { code: 111, message: "too many requests", temporary: true } }),
    },
    /^lost: 111 too many requests$/,
  ],
  ["a close code that says to come back", { connect: (connection) => connection.close(3499, "") }, /^lost: 3499$/],
  ["one of the application's", { connect: (connection) => connection.close(4499, "later") }, /^lost: 4499 later$/],
  ["a close without a reason of the protocol's", { connect: (connection) => connection.close(1012) }, /^lost: 1012$/],
  ["a cut", { connect: (connection) => connection.terminate() }, /^lost: .*(broke|ECONNRESET)/],
  [
    "a reason that says to come back",
    { connect: (connection) => connection.close(3500, '{"reason":"soon","reconnect":true}') },
    /^lost: 3500 soon$/,
  ],
  [
    "an unsubscribe push that says to come back",
    { connect: (connection) => say(connection, { push: { channel: "news", unsubscribe: { code: 2500 } } }) },
    /^lost: 2500$/,
  ],
];
// Each waits a while before it comes back: all of them at once.
describe("follow comes back after", { concurrency: true }, () => {
  for (const [what, script, why] of losses) {
    it(what, async (t) => {
      const at = await server(t, script);
      const { until } = following(t, at.url);
      const [line = ""] = await until(1);
      assert.match(line, why);
      await until(2);
    });
  }
});

test("backoff is reconnectMs at least, longer each time, and reconnectMsMax at most", () => {
  const { reconnectMs, reconnectMsMax } = limits;
  assert.deepEqual([backoff(0, 0), backoff(0, 1), backoff(1, 1), backoff(3, 0.5)], [500, 1000, 1500, 2500]);
  for (const attempts of [0, 1, 5, 10, 2000]) {
    assert.equal(backoff(attempts, 0), reconnectMs);
    assert.ok(backoff(attempts, 1) <= reconnectMsMax);
  }
  assert.equal(backoff(2000, 1), reconnectMsMax);
});

test("follow waits for a server that is not there yet", async (t) => {
  const listener = createTcpServer();
  await once(listener.listen(0, "127.0.0.1"), "listening");
  const { port } = listener.address() as { port: number };
  await new Promise((resolve) => listener.close(resolve));
  const { until, lines } = following(t, `ws://127.0.0.1:${port}/`);
  await until(1);
  assert.match(lines[0] ?? "", /^lost: dial ws:.*ECONNREFUSED/);
  const fake = createServer({
    packet: (connection, packet) => {
      const { id } = JSON.parse(packet.text());
      say(connection, id === 1 ? { id, ...connects } : { id, subscribe: {} });
    },
  });
  await fake.listen({ host: "127.0.0.1", port });
  t.after(() => fake.close());
  while (!lines.includes("subscribed undefined:undefined undefined")) await until(lines.length + 1);
});

for (const [status, comesBack] of [
  [403, false],
  [429, true],
  [503, true],
] as const) {
  test(`follow ${comesBack ? "comes back" : "does not come back"} after the status ${status}`, async (t) => {
    const at = await server(t, {}, { upgrade: () => ({ status, reason: "no" }) });
    const { until, done, lines } = following(t, at.url);
    if (comesBack) {
      await until(1);
      assert.match(lines[0] ?? "", new RegExp(`^lost: .*${status}`));
    } else {
      await assert.rejects(done, new RegExp(String(status)));
    }
  });
}

test("follow answers pings only when the server wants pongs", async (t) => {
  for (const pong of [true, false]) {
    const at = await server(t, {
      connect: (connection) => say(connection, { id: 1, connect: { client: "c", ping: 25, pong } }, {}, {}),
      subscribe: (connection) => say(connection, { id: 2, subscribe: {} }, {}, push("last")),
    });
    const { until, ending, done } = following(t, at.url);
    await until(3);
    ending.abort();
    await done;
    assert.equal(at.commands.length, pong ? 5 : 2);
  }
});

/** Servers that fall silent: after how many lines, and for how many seconds that is borne. */
const silences: readonly [what: string, script: Script, lines: number, seconds: number][] = [
  ["does not answer connect", {}, 0, 5],
  ["does not answer subscribe", { connect: (connection) => say(connection, { id: 1, ...connects }) }, 1, 5],
  ["sends no ping", subscribing({}), 2, 35],
];
for (const [what, script, before, seconds] of silences) {
  test(`follow gives up a server that ${what} for ${seconds} s`, async (t) => {
    const at = await server(t, script);
    // The timers that are set, so that the test can let one of them be over.
    const timers: { ms: number | undefined; over: () => void }[] = [];
    const real = setTimeout;
    t.mock.method(globalThis, "setTimeout", (over: () => void, ms?: number) => {
      timers.push({ ms, over });
      return real(over, ms);
    });
    const { until, lines } = following(t, at.url);
    await until(before);
    const patience = () => timers.findLast(({ ms }) => ms === seconds * 1000);
    while (!patience()) await new Promise((resolve) => setImmediate(resolve));
    patience()?.over();
    await until(before + 1);
    assert.equal(lines.at(-1), `lost: the server said nothing for ${seconds} s`);
  });
}

test("follow goes on from the epoch that a publication brings, when its stream had none before", async (t) => {
  const at = await server(
    t,
    subscribing({ offset: 0 }, (connection) =>
      say(connection, { push: { channel: "news", pub: { data: 1, offset: 1, epoch: "new" } } }),
    ),
  );
  const { until, ending, done } = following(t, at.url);
  await until(3);
  ending.abort();
  assert.deepEqual(await done, { offset: 1, epoch: "new" });
});

test("follow reads no further while what it told is not done", async (t) => {
  const at = await server(
    t,
    subscribing({}, (connection) => {
      say(connection, push(1), push(2));
      say(connection, push(3));
    }),
  );
  const told: unknown[] = [];
  const release: (() => void)[] = [];
  const { ending, done, until } = following(t, at.url, {
    published: ({ data }) => {
      told.push(data);
      return new Promise<void>((go) => release.push(go));
    },
  });
  await until(2);
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  while (told.length < 1) await turn();
  for (let i = 0; i < 20; i++) await turn();
  assert.deepEqual(told, [1]);
  while (told.length < 3) {
    release.shift()?.();
    await turn();
  }
  assert.deepEqual(told, [1, 2, 3]);
  ending.abort();
  for (const go of release) go();
  await done;
});

test("follow takes messages over messageBytesMax, since all that was missed comes in one", async (t) => {
  const data = "x".repeat(limits.messageBytesMax);
  const result = { epoch: "e", offset: 1, recovered: true, publications: [{ data, offset: 2 }] };
  const at = await server(t, subscribing(result), { outboxBytesMax: 4 * limits.messageBytesMax });
  const { until, lines } = following(t, at.url, { since: { offset: 1, epoch: "e" } });
  await until(3);
  assert.equal(lines[2], `2 "${data}"`);
});

test("follow ends when the server breaks the rules of RFC 6455", async (t) => {
  const answer = (key: string) =>
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
    `${createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64")}\r\n\r\n`;
  const listener = createTcpServer((socket) => {
    socket
      .on("error", () => {})
      .once("data", (head) => {
        const key = /^Sec-WebSocket-Key: (.*)\r$/m.exec(String(head))?.[1] ?? "";
        // A frame with reserved bits, which nothing was negotiated for.
        socket.end(Buffer.concat([Buffer.from(answer(key)), Buffer.from([0xf1, 0x00])]));
      });
  });
  await once(listener.listen(0, "127.0.0.1"), "listening");
  t.after(() => void listener.close());
  const { port } = listener.address() as { port: number };
  await assert.rejects(following(t, `ws://127.0.0.1:${port}/`).done, (error) => error instanceof ProtocolError);
});

test("follow asks for a token for each connection", async (t) => {
  const at = await server(t, { connect: (connection) => connection.close(3005, "connection expired") });
  let made = 0;
  const { until } = following(t, at.url, { token: async () => `token ${++made}` });
  await until(2);
  assert.deepEqual(at.commands.slice(0, 2), [
    { id: 1, connect: { token: "token 1", name: "belfry" } },
    { id: 1, connect: { token: "token 2", name: "belfry" } },
  ]);
});

test("follow ends at once when its signal is aborted before it begins, or while it waits to come back", async (t) => {
  const at = await server(t, { connect: (connection) => connection.close(3001) });
  const since = { offset: 7, epoch: "e" };
  assert.deepEqual(await following(t, at.url, { signal: AbortSignal.abort(), since }).done, since);
  const { ending, until, done } = following(t, at.url, { since });
  await until(1);
  ending.abort();
  assert.deepEqual(await done, since);
});

test("RefusedError has the code, for advice", async (t) => {
  const at = await server(t, { connect: (connection) => connection.close(3504, "connection limit") });
  await assert.rejects(
    following(t, at.url).done,
    (error) => error instanceof RefusedError && error.code === 3504 && error.message === "3504 connection limit",
  );
});

test("Output waits for a slow reader, until it is over", async () => {
  const stream = new PassThrough({ highWaterMark: 4 });
  const ending = new AbortController();
  const output = new Output(stream, ending);
  await output.line("a");
  const waits = output.line("bcd");
  assert.equal(await Promise.race([waits, new Promise((resolve) => setImmediate(resolve, "waits"))]), "waits");
  assert.equal(String(stream.read()), "a\nbcd\n");
  await waits;
  const last = output.line("efgh");
  ending.abort();
  await last;
  await output.line("nobody reads this");
  assert.equal(String(stream.read()), "efgh\n");
});
