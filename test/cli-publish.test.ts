import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { describe, it, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { publishCommand } from "../src/cli/publish.ts";
import { ReplyError } from "../src/push/protocol.ts";
import { KEY, startApi } from "./http-api-server.ts";

/** What a command left behind. */
interface Run {
  readonly out: string[];
  readonly errors: string[];
  readonly code: number;
}

/** Runs `belfry publish` in this process; a mistake in the arguments is an error of commander's, and is thrown. */
async function run(args: readonly string[], input: readonly string[] = []): Promise<Run> {
  const out: string[] = [];
  const errors: string[] = [];
  let code = 0;
  const command = publishCommand({
    input: Readable.from(input),
    out: (line) => out.push(line),
    error: (line) => errors.push(line),
    exit: (given) => {
      code = given;
    },
  });
  command.exitOverride().configureOutput({ writeErr: () => {} });
  await command.parseAsync([...args], { from: "user" });
  return { out, errors, code };
}

/** A server that is none of ours. */
async function startOther(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => void server.close().closeAllConnections());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe("belfry publish", () => {
  it("publishes, and says where it stands in the channel's history", async (t) => {
    const { origin, calls } = await startApi(t);
    const done = await run(["news:1", '{"text": "grüße"}', "--api", origin, "--api-key", KEY]);
    assert.deepEqual(done, { out: ["offset 12, epoch e1"], errors: [], code: 0 });
    assert.deepEqual(calls, [["publish", "news:1", '{"text":"grüße"}', { skipHistory: false }]]);
  });

  it("says so when the channel has no history", async (t) => {
    const { origin } = await startApi(t, { publish: { offset: 0, epoch: "" } });
    const { out } = await run(["news:1", "1", "--api", origin, "--api-key", KEY]);
    assert.deepEqual(out, ["published, without history"]);
  });

  it("hands on tags, key and wish; the URL may end with a slash", async (t) => {
    const { origin, calls } = await startApi(t);
    const options = ["--tag", "lang=de", "--tag", "eq=a=b", "--idempotency-key", "k", "--skip-history"];
    const { code } = await run(["news:1", "null", "--api", `${origin}/`, "--api-key", KEY, ...options]);
    assert.equal(code, 0);
    const wishes = { skipHistory: true, tags: { lang: "de", eq: "a=b" }, idempotencyKey: "k" };
    assert.deepEqual(calls, [["publish", "news:1", "null", wishes]]);
  });

  it("publishes lines in their order, with a key for each, and tells of each", async (t) => {
    const { origin, calls } = await startApi(t);
    const input = ['{"n":1}\n', "\n{", '"n":2}\r\n  \n', "3"];
    const done = await run(["a", "-", "--api", origin, "--api-key", KEY, "--idempotency-key", "k"], input);
    const at = "offset 12, epoch e1";
    assert.deepEqual(done, {
      out: [`line 1: ${at}`, `line 3: ${at}`, `line 5: ${at}`],
      errors: ["3 published"],
      code: 0,
    });
    assert.deepEqual(
      calls,
      [
        ['{"n":1}', "k-1"],
        ['{"n":2}', "k-3"],
        ["3", "k-5"],
      ].map(([data, idempotencyKey]) => ["publish", "a", data, { skipHistory: false, idempotencyKey }]),
    );
  });

  it("ends at the first line that fails, and says which it is", async (t) => {
    const { origin, calls } = await startApi(t);
    const { out, errors, code } = await run(["a", "-", "--api", origin, "--api-key", KEY], ["1\n2\n[3\n4\n"]);
    assert.equal(out.length, 2);
    assert.deepEqual(errors, [
      "belfry publish: line 3: the data is not JSON: it ends too early, after character 2; 2 published before it",
    ]);
    assert.equal(code, 1);
    assert.equal(calls.length, 2);
  });

  const refusals: [string, string[], RegExp][] = [
    ["no key", [], /^belfry publish: the server does not know the key: give another with --api-key or BELFRY_API_KEY/],
    ["a wrong key", ["--api-key", "wrong"], /^belfry publish: the server does not know the key.*unauthorized/],
    [
      "a key for something else",
      ["--api-key", "reader"],
      /^belfry publish: the key is not for this.*scope publish.*"read only"/,
    ],
  ];
  for (const [name, args, message] of refusals) {
    it(`${name}: exit code 1, and what to do`, async (t) => {
      const keys = [{ key: "reader", name: "read only", scopes: ["read"] }] as const;
      const { origin, calls } = await startApi(t, {}, { keys });
      const { out, errors, code } = await run(["a", "1", "--api", origin, ...args]);
      assert.deepEqual([out, code, calls], [[], 1, []]);
      assert.match(errors.join(), message);
    });
  }

  it("an error of the protocol's is told as the server says it, in both error modes", async (t) => {
    for (const errorMode of ["body", "transport"] as const) {
      const { origin } = await startApi(t, { publish: new ReplyError(102) }, { errorMode });
      const { errors, code } = await run(["a:b", "1", "--api", origin, "--api-key", KEY]);
      assert.deepEqual([errors, code], [["belfry publish: the server refused it: unknown channel (102)"], 1]);
    }
    const { origin } = await startApi(t);
    const { errors } = await run(["", "1", "--api", origin, "--api-key", KEY]);
    assert.match(errors.join(), /bad request: channel: allowed is .*not empty.*; came "" \(107\)$/);
  });

  it("no server: says how to start one", async (t) => {
    const origin = await startOther(t, () => {});
    // Nobody listens on a port that was free a moment ago.
    const closed = createServer();
    await once(closed.listen(0, "127.0.0.1"), "listening");
    const { port } = closed.address() as AddressInfo;
    closed.close();
    await once(closed, "close");
    const { errors, code } = await run(["a", "1", "--api", `http://127.0.0.1:${port}`]);
    assert.match(
      errors.join(),
      /no server answers at http:\/\/127\.0\.0\.1:\d+ \(ECONNREFUSED\): start one with "belfry serve"/,
    );
    assert.equal(code, 1);
    const silent = await run(["a", "1", "--api", origin, "--timeout", "0.1"]);
    assert.match(silent.errors.join(), /no answer from http:\/\/.* within 0\.1 s \(--timeout\).*--idempotency-key/);
    assert.equal(silent.code, 1);
  });

  it("another server: says that it is none of ours", async (t) => {
    const answers: [string, RequestListener][] = [
      ["404", (_request, response) => void response.writeHead(404).end("<h1>not found</h1>")],
      ["200", (_request, response) => void response.end('{"ok":true}')],
      ["307", (_request, response) => void response.writeHead(307, { Location: "/elsewhere" }).end()],
    ];
    for (const [status, listener] of answers) {
      const origin = await startOther(t, listener);
      const { errors, code } = await run(["a", "1", "--api", origin]);
      assert.match(errors.join(), new RegExp(`answered ${status}, and not as the HTTP API does: name it with --api`));
      assert.equal(code, 1);
    }
  });

  for (const [json, message] of [
    ["hello", /the data is not JSON: unexpected "h" at character 1 \(a text is JSON with its quotes: '"hello"'\)$/],
    ['{"a":x}', /the data is not JSON: unexpected "x" at character 6$/],
    ["", /the data is empty, and not JSON$/],
    [`${"[".repeat(129)}`, /the data nests deeper than 128 \(apiJsonDepthMax\)$/],
  ] as const) {
    it(`says where ${JSON.stringify(json.slice(0, 10))} stops being JSON, and asks no server`, async () => {
      const { errors, code } = await run(["a", json, "--api", "http://127.0.0.1:1"]);
      assert.match(errors.join(), message);
      assert.equal(code, 1);
    });
  }

  for (const [args, message] of [
    [["a"], /missing required argument 'json'/],
    [["a", "1", "--tag", "lang"], /--tag.*Allowed is name=value/],
    [["a", "1", "--tag", "=de"], /--tag.*Allowed is name=value/],
    [["a", "1", "--api", "localhost:8000"], /--api.*Allowed are URLs such as http/],
    [["a", "1", "--timeout", "0"], /--timeout.*Allowed are more than 0/],
    [["a", "1", "--api-key", "schlüssel"], /--api-key.*Allowed is printable ASCII/],
  ] as const) {
    it(`refuses the arguments ${args.join(" ")}`, async () => {
      await assert.rejects(run(args), message);
    });
  }

  it("as a process: exit code and streams are those of a tool, and an open standard input keeps nothing waiting", async (t) => {
    const { origin } = await startApi(t);
    const bin = fileURLToPath(new URL("../../bin/belfry.js", import.meta.url));
    const env = { ...process.env, BELFRY_API: origin, BELFRY_API_KEY: KEY };
    const start = (args: string[], write: string) => {
      return new Promise<unknown[]>((resolve) => {
        const child = execFile(
          process.execPath,
          [bin, "publish", ...args],
          { env, timeout: 60_000 },
          (_error, out, errors) => {
            resolve([child.exitCode, out, errors]);
          },
        );
        // It stays open.
        child.stdin?.write(write);
      });
    };
    const [good, bad] = await Promise.all([start(["a", '{"n":1}'], ""), start(["a", "-"], "1\n{\n")]);
    assert.deepEqual(good, [0, "offset 12, epoch e1\n", ""]);
    assert.deepEqual(bad, [
      1,
      "line 1: offset 12, epoch e1\n",
      "belfry publish: line 2: the data is not JSON: it ends too early, after character 1; 1 published before it\n",
    ]);
  });
});
