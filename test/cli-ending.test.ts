import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { takeListener } from "../src/cli/listener.ts";
import { limits } from "../src/index.ts";
import { ProtocolClient } from "./protocol-client.ts";
import { quietListener } from "./quiet-listener.ts";

const command = fileURLToPath(new URL("../../bin/belfry.js", import.meta.url));

/** A shell starts `belfry serve` with the environment, and with `fd` as its descriptor 3. */
class Serving {
  readonly child: ChildProcess;
  readonly lines: string[] = [];
  readonly #said = new EventEmitter();

  constructor(t: TestContext, env: Record<string, string> = {}, fd?: number) {
    const args = fd === undefined ? "--port 0 --host 127.0.0.1" : "";
    const pid = fd === undefined ? "" : "LISTEN_FDS=1 LISTEN_PID=$$";
    this.child = spawn(
      "/bin/sh",
      ["-c", `${pid} exec '${process.execPath}' '${command}' serve --allow-anonymous ${args}`],
      {
        env: { PATH: process.env["PATH"] ?? "", BELFRY_SERVER_CLOSE_SECONDS_MAX: "0.5", ...env },
        stdio: ["ignore", "pipe", "inherit", ...(fd === undefined ? [] : [fd])],
      },
    );
    t.after(() => void this.child.kill("SIGKILL"));
    createInterface({ input: this.child.stdout as NodeJS.ReadableStream }).on("line", (json) => {
      this.lines.push((JSON.parse(json) as { msg: string }).msg);
      this.#said.emit("line");
    });
  }

  async says(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = this.lines.map((line) => pattern.exec(line)).find((match) => match !== null);
      if (found) return found[1] ?? "";
      await once(this.#said, "line");
    }
  }

  /** Sends a signal until it is answered: it may be taken for the twin of the one before. */
  async signal(signal: NodeJS.Signals, answer: RegExp): Promise<void> {
    this.child.kill(signal);
    const again = setInterval(() => this.child.kill(signal), limits.signalTwinMs * 2);
    await this.says(answer);
    clearInterval(again);
  }

  async ended(): Promise<unknown[]> {
    return await once(this.child, "exit");
  }
}

async function portOf(serving: Serving): Promise<number> {
  return Number(await serving.says(/port (\d+): ws:/));
}

/** The close that a client was told. */
async function closeOf({ client }: { client: ProtocolClient }): Promise<unknown> {
  return (await client.next())["close"];
}

test("belfry serve: SIGTERM drains, after which the process ends with 0", async (t) => {
  const server = new Serving(t);
  const client = await ProtocolClient.connect(t, await portOf(server));
  server.child.kill("SIGTERM");
  assert.deepEqual(await closeOf(client), [3001, "shutdown"]);
  assert.deepEqual(await server.ended(), [0, null]);
  assert.ok(server.lines.includes("draining: 1 of 1 connections left"));
});

test("belfry serve: a second SIGTERM closes all at once", async (t) => {
  const server = new Serving(t, { BELFRY_SHUTDOWN_DELAY_SECONDS: "3600" });
  const client = await ProtocolClient.connect(t, await portOf(server));
  await server.signal("SIGTERM", /SIGTERM: draining/);
  await server.signal("SIGTERM", /SIGTERM: closing/);
  assert.deepEqual(await closeOf(client), [3001, "shutdown"]);
  assert.deepEqual(await server.ended(), [0, null]);
});

test("belfry serve: a third SIGTERM ends it without a word", async (t) => {
  const env = { BELFRY_SHUTDOWN_DELAY_SECONDS: "3600", BELFRY_SERVER_CLOSE_SECONDS_MAX: "3600" };
  const server = new Serving(t, env);
  // It does not answer the close frame.
  await ProtocolClient.connect(t, await portOf(server));
  const ended = server.ended();
  await server.signal("SIGTERM", /SIGTERM: draining/);
  await server.signal("SIGTERM", /SIGTERM: closing/);
  await server.signal("SIGTERM", /SIGTERM: ending/);
  assert.deepEqual(await ended, [128 + 15, null]);
});

test("belfry serve: SIGINT, of a person who waits, closes all at once", async (t) => {
  const server = new Serving(t, { BELFRY_SHUTDOWN_DELAY_SECONDS: "3600" });
  const client = await ProtocolClient.connect(t, await portOf(server));
  server.child.kill("SIGINT");
  assert.deepEqual(await closeOf(client), [3001, "shutdown"]);
  assert.deepEqual(await server.ended(), [0, null]);
});

const skip = process.platform === "linux" ? false : "systemd is on Linux";

test("belfry serve takes the listener that systemd passes; who comes between two processes waits for the next", {
  skip,
}, async (t) => {
  const { fd, port } = quietListener();
  const first = new Serving(t, {}, fd);
  const client = await ProtocolClient.connect(t, port);
  assert.equal(await portOf(first), port);
  first.child.kill("SIGTERM");
  assert.deepEqual(await closeOf(client), [3001, "shutdown"]);
  assert.deepEqual(await first.ended(), [0, null]);
  const waiting = ProtocolClient.connect(t, port);
  const second = new Serving(t, {}, fd);
  await waiting;
  second.child.kill("SIGTERM");
  assert.deepEqual(await second.ended(), [0, null]);
});

test("belfry serve --workers refuses a listener of systemd", { skip }, async (t) => {
  const server = new Serving(t, { BELFRY_SERVER_WORKERS: "2" }, quietListener().fd);
  assert.deepEqual(await server.ended(), [1, null]);
  assert.match(server.lines.at(-1) ?? "", /server.workers must be 1/);
});

for (const [env, listener] of [
  [{ LISTEN_FDS: "1", LISTEN_PID: "42", LISTEN_FDNAMES: "belfry.socket" }, 3],
  [{ LISTEN_FDS: "2", LISTEN_PID: "42" }, 3],
  [{ LISTEN_FDS: "0", LISTEN_PID: "42" }, undefined],
  [{ LISTEN_FDS: "1", LISTEN_PID: "41" }, undefined],
  [{ LISTEN_FDS: "1" }, undefined],
  [{}, undefined],
] as const) {
  test(`takeListener of process 42 finds ${listener} in ${JSON.stringify(env)}, and leaves nothing of it`, () => {
    const all: NodeJS.ProcessEnv = { ...env, PATH: "/bin" };
    assert.equal(takeListener(all, 42), listener);
    assert.deepEqual(all, { PATH: "/bin" });
  });
}
