import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Centrifuge } from "centrifuge";
import { SignJWT } from "jose";
import WebSocket from "ws";
import { WEBSOCKET_PATH } from "../src/push/index.ts";

const command = fileURLToPath(new URL("../../bin/belfry.js", import.meta.url));
const SECRET = "a secret of more than thirty-two bytes, as it should be";

/** Starts `belfry serve`; its port. */
async function serve(t: TestContext, args: readonly string[], env: Record<string, string> = {}): Promise<number> {
  const child = spawn(process.execPath, [command, "serve", "--port", "0", "--host", "127.0.0.1", ...args], {
    env: { PATH: process.env["PATH"] ?? "", ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill());
  for await (const line of createInterface({ input: child.stdout })) {
    const port = /port (\d+): ws:/.exec((JSON.parse(line) as { msg: string }).msg)?.[1];
    if (port) return Number(port);
  }
  throw new Error("belfry serve ended");
}

/** Subscribes with the SDK, publishes over HTTP, and gives what came. */
async function roundTrip(t: TestContext, port: number, channel: string, token = ""): Promise<unknown> {
  const client = new Centrifuge(`ws://127.0.0.1:${port}${WEBSOCKET_PATH}`, { websocket: WebSocket, token });
  t.after(() => client.disconnect());
  const subscription = client.newSubscription(channel);
  const subscribed = new Promise((resolve) => subscription.once("subscribed", resolve));
  const got = new Promise<unknown>((resolve) => subscription.once("publication", ({ data }) => resolve(data)));
  subscription.subscribe();
  client.connect();
  await subscribed;
  const body = JSON.stringify({ channel, data: { text: "hello" } });
  const init = { method: "POST", headers: { "X-API-Key": "secret" }, body };
  const answer = await fetch(`http://127.0.0.1:${port}/api/publish`, init);
  assert.equal(answer.status, 200, await answer.text());
  return await got;
}

test("belfry serve, as its help shows: anybody may subscribe to channels with a prefix", async (t) => {
  const port = await serve(t, ["--allow-anonymous", "--allow-subscribe", "news:", "--api-key", "secret"]);
  assert.deepEqual(await roundTrip(t, port, "news:1"), { text: "hello" });
});

test("belfry serve with a configuration: namespaces, tokens, a key from the environment", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "belfry-serve-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "belfry.yaml");
  writeFileSync(
    file,
    "channel:\n  namespaces:\n    news: {allowSubscribeForClient: true, historySize: 10, historySeconds: 60, forceRecovery: true}\n",
  );
  const keys = JSON.stringify([{ key: "secret", scopes: ["publish"] }]);
  const port = await serve(t, ["--config", file], { BELFRY_TOKEN_HMAC_SECRET: SECRET, BELFRY_API_KEYS: keys });
  const token = new SignJWT({ sub: "42" }).setProtectedHeader({ alg: "HS256" }).setExpirationTime("1h");
  const signed = await token.sign(new TextEncoder().encode(SECRET));
  assert.deepEqual(await roundTrip(t, port, "news:1", signed), { text: "hello" });
});

/** Whether the kernel asks whoever is at the other end of a server's connections (proc(5), net/tcp). */
function isKeptAlive(port: number): boolean {
  const [ESTABLISHED, KEEPALIVE_TIMER] = ["01", "02:"];
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const rows = readFileSync("/proc/net/tcp", "utf8")
    .split("\n")
    .map((line) => line.trim().split(/\s+/));
  return rows.some((row) => row[1]?.endsWith(local) && row[3] === ESTABLISHED && row[5]?.startsWith(KEEPALIVE_TIMER));
}

for (const seconds of [0, 7]) {
  const skip = process.platform === "linux" ? false : "only Linux tells of timers";
  test(`belfry serve with server.keepAliveSeconds ${seconds}`, { skip }, async (t) => {
    const env = { BELFRY_SERVER_KEEP_ALIVE_SECONDS: `${seconds}` };
    const port = await serve(t, ["--allow-anonymous"], env);
    const socket = new WebSocket(`ws://127.0.0.1:${port}${WEBSOCKET_PATH}`);
    t.after(() => socket.terminate());
    await once(socket, "open");
    assert.equal(isKeptAlive(port), seconds > 0);
  });
}
