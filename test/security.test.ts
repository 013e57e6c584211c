import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";
import { limits } from "../src/limits.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const API_KEY = "the-secret-key-of-the-http-api";
const HMAC = "the-secret-that-signs-tokens-of-more-than-32-bytes";
const PAYLOAD = "what-a-client-says-is-its-own-affair";
const TOKEN = "not.a.token-of-anybody";

describe("SECURITY.md", () => {
  it("tells each limit as it is", () => {
    const text = readFileSync(`${root}SECURITY.md`, "utf8");
    const rows = text.split("\n").filter((line) => line.startsWith("| ") && /`\w+(Max|Seconds|Free)`/.test(line));
    assert.ok(rows.length >= 20, `${rows.length} rows`);
    for (const row of rows) {
      const [, , names = "", values = ""] = row.split("|");
      const told = [...names.matchAll(/`(\w+)`/g)].map(([, name = ""]) => name);
      // Numbers with thousands: "1,048,576; 65,536" and "40, 10" are two each.
      const numbers = [...values.matchAll(/\d{1,3}(?:,\d{3})+|\d+/g)].map(([number]) =>
        Number(number.replaceAll(",", "")),
      );
      assert.deepEqual(
        told.map((name) => limits[name as keyof typeof limits]),
        numbers,
        row,
      );
    }
  });
});

describe("the log", { timeout: 60_000 }, () => {
  it("holds no secret and no payload, whatever clients and callers do wrong", async (t) => {
    const command = `${root}bin/belfry.js`;
    const env = { ...process.env, BELFRY_TOKEN_HMAC_SECRET: HMAC };
    const args = [command, "serve", "--port", "0", "--host", "127.0.0.1", "--api-key", API_KEY, "--allow-anonymous"];
    const child = spawn(process.execPath, [...args, "--allow-subscribe"], { env, stdio: ["ignore", "pipe", "pipe"] });
    t.after(() => child.kill("SIGKILL"));
    let said = "";
    const listening = new Promise<number>((resolve) => {
      for (const stream of [child.stdout, child.stderr]) {
        stream.on("data", (chunk) => {
          said += String(chunk);
          const port = /listening on \S+ port (\d+)/.exec(said)?.[1];
          if (port !== undefined) resolve(Number(port));
        });
      }
    });
    const port = await listening;
    for (const text of [
      `{"id":1,"connect":{"token":"${TOKEN}"}}`,
      `{"id":1,"connect":{"data":{"x":"${PAYLOAD}"}}`,
      `{"id":1,"connect":{"name":"${PAYLOAD}","token":5}}`,
      `{"id":1,"connect":{}}\n{"id":2,"publish":{"channel":"a","data":"${PAYLOAD}"}}\n{"id":3,"rpc":{"method":"${PAYLOAD}"}}`,
      `{"id":1,"connect":{}}\n{"id":2,"${PAYLOAD}":{}}`,
      PAYLOAD,
    ]) {
      await talk(port, text);
    }
    for (const [path, key, body] of [
      ["/api/publish", API_KEY, `{"channel":"a","data":"${PAYLOAD}"}`],
      ["/api/publish", API_KEY, `{"channel":"a","data":"${PAYLOAD}`],
      ["/api/publish", `${API_KEY}x`, `{"channel":"a","data":"${PAYLOAD}"}`],
      [`/api/publish?api_key=${API_KEY}`, "", `{"channel":5,"data":"${PAYLOAD}"}`],
      [`/api/nothing?api_key=${API_KEY}`, "", PAYLOAD],
    ] as const) {
      await post(port, path, key, body);
    }
    child.kill("SIGTERM");
    await once(child, "close");
    assert.match(said, /SIGTERM: draining/);
    for (const planted of [API_KEY, HMAC, PAYLOAD, TOKEN]) assert.ok(!said.includes(planted), said);
  });
});

/** Says something, and goes when it is answered or closed. */
async function talk(port: number, text: string): Promise<void> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/connection/websocket`);
  await once(socket, "open");
  socket.send(text);
  await Promise.race([once(socket, "message"), once(socket, "close")]);
  socket.terminate();
}

async function post(port: number, path: string, key: string, body: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const headers = { "content-type": "application/json", ...(key !== "" && { "x-api-key": key }) };
    const asked = request({ port, host: "127.0.0.1", path, method: "POST", headers }, (answer) => {
      answer.resume().once("end", resolve);
    });
    asked.once("error", reject).end(body);
  });
}
