import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { loadConfig, WEBSOCKET_PATH } from "../src/push/index.ts";
import { RawClient, request } from "./raw-client.ts";
import { until } from "./until.ts";

const command = fileURLToPath(new URL("../../bin/belfry.js", import.meta.url));

test("belfry serve: the gates of admission are those of its configuration", async (t) => {
  const env = { PATH: process.env["PATH"] ?? "", BELFRY_ADMISSION_CONNECTIONS_PER_ADDRESS_MAX: "1" };
  const args = [command, "serve", "--port", "0", "--host", "127.0.0.1", "--allow-anonymous"];
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => child.kill());
  let port = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    port = Number(/port (\d+): ws:/.exec((JSON.parse(line) as { msg: string }).msg)?.[1] ?? 0);
    if (port > 0) break;
  }
  const come = async () => {
    const client = await RawClient.connect(port);
    client.send(request({}, WEBSOCKET_PATH));
    const { status } = await client.head();
    if (status !== 101) client.reset();
    return { client, status };
  };
  // The connection of its rehearsal may still be about to go.
  await until(async () => {
    const { client, status } = await come();
    t.after(() => client.reset());
    return status === 101;
  });
  assert.equal((await come()).status, 429);
});

test("config: a wrong way to refuse is told with those that there are", () => {
  assert.throws(
    () => loadConfig({ env: { BELFRY_ADMISSION_OVERLOAD: "drop" } }),
    /admission\.overload: .*drop.*BELFRY_ADMISSION_OVERLOAD.*allowed is "rest", "refuse" or "503"/,
  );
  assert.equal(loadConfig({ env: { BELFRY_ADMISSION_OVERLOAD: "503" } }).admission.overload, "503");
});
