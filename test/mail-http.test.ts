import assert from "node:assert/strict";
import { test } from "node:test";
import { mailLimits } from "../examples/mail/limits.ts";
import { startMail } from "./mail-fixture.ts";

const mail = { sender: "ada@example.com", subject: "Hello", text: "It works." };
const json = { "Content-Type": "application/json" };

test("GET messages gives the list with an ETag, and 304 for as long as nothing changes", async (t) => {
  const { origin, storage } = await startMail(t);
  const url = `${origin}/mailboxes/${encodeURIComponent("Demo@localhost")}/messages`;
  const poll = (etag: string) => fetch(url, { headers: { "If-None-Match": etag } });
  storage.add(["demo@localhost"], mail);
  const first = await fetch(url);
  const etag = first.headers.get("ETag") ?? "";
  assert.match(etag, /^"[\w-]+"$/);
  assert.deepEqual(await first.json(), { messages: storage.list("demo@localhost"), unread: 1, version: 1 });
  for (const form of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) assert.equal((await poll(form)).status, 304, form);
  assert.equal((await poll(etag)).headers.get("ETag"), etag);
  assert.equal((await poll('"other"')).status, 200);
  storage.add(["other@localhost"], mail);
  assert.equal((await poll(etag)).status, 304);
  storage.markSeen("demo@localhost");
  const changed = await poll(etag);
  assert.equal(changed.status, 200);
  assert.notEqual(changed.headers.get("ETag"), etag);
});

test("GET messages takes `after` and `limit`, and says what they may be", async (t) => {
  const { origin, storage } = await startMail(t);
  for (let i = 0; i < 3; i++) storage.add(["a@x"], mail);
  const get = (query: string) => fetch(`${origin}/mailboxes/a@x/messages?${query}`);
  const messages = storage.list("a@x", { after: 1, limit: 1 });
  assert.deepEqual(await (await get("after=1&limit=1")).json(), { messages, unread: 3, version: 3 });
  for (const query of ["limit=-1", "limit=x", "limit=201", "limit=", "after=1.5", "after=9999999999999999"]) {
    const response = await get(query);
    assert.equal(response.status, 400, query);
    assert.match(await response.text(), /(after|limit) is a whole number from 0 to/);
  }
});

test("HTTP answers 400 to what is no address, and takes odd ones as they are", async (t) => {
  const { origin } = await startMail(t);
  const status = async (address: string) => (await fetch(`${origin}/mailboxes/${address}/messages`)).status;
  for (const bad of ["demo", "a%20b@x", "a@x%0d%0aX-Evil:1", "a%00@x", `${"a".repeat(300)}@x`]) {
    assert.equal(await status(bad), 400, bad);
  }
  for (const odd of ["a%2Fb@x", "'or'1'='1@x", "%D0%BF@x", "..%2F@x", "%ff@x"])
    assert.equal(await status(odd), 200, odd);
});

test("GET text gives the whole of a long text as plain text", async (t) => {
  const { origin, storage } = await startMail(t);
  const text = "<script>alert(1)</script>".repeat(1000);
  storage.add(["a@x"], { ...mail, text });
  const response = await fetch(`${origin}/mailboxes/a@x/messages/1/text`);
  assert.equal(await response.text(), text);
  assert.match(response.headers.get("Content-Type") ?? "", /^text\/plain/);
  for (const path of ["b@x/messages/1", "a@x/messages/2", "a@x/messages/x"]) {
    assert.equal((await fetch(`${origin}/mailboxes/${path}/text`)).status, 404, path);
  }
});

test("POST seen marks messages as seen and tells the Bus, once", async (t) => {
  const { origin, storage, bus } = await startMail(t);
  for (let i = 0; i < 3; i++) storage.add(["a@x"], mail);
  const post = async (body: string) => {
    const response = await fetch(`${origin}/mailboxes/A@x/seen`, { method: "POST", headers: json, body });
    assert.equal(response.status, 200);
    return response.json();
  };
  assert.deepEqual(await post('{"ids":[1]}'), { changed: 1, unread: 2, version: 4 });
  assert.deepEqual(await post("{}"), { changed: 2, unread: 0, version: 5 });
  assert.deepEqual(await post("{}"), { changed: 0, unread: 0, version: 5 });
  assert.deepEqual(bus.published, [
    { channel: "mail:a@x", event: { type: "seen", ids: [1], unread: 2, version: 4 } },
    { channel: "mail:a@x", event: { type: "seen", ids: null, unread: 0, version: 5 } },
  ]);
});

test("POST seen refuses what is not its JSON, and changes nothing", async (t) => {
  const { origin, storage } = await startMail(t);
  storage.add(["a@x"], mail);
  const post = async (body: string, headers: Record<string, string> = json) =>
    (await fetch(`${origin}/mailboxes/a@x/seen`, { method: "POST", headers, body })).status;
  const tooMany = JSON.stringify({ ids: Array.from({ length: mailLimits.seenIdsMax + 1 }, () => 1) });
  for (const bad of ["", "{", "null", "[]", '{"ids":1}', '{"ids":["1"]}', '{"ids":[1.5]}', tooMany]) {
    assert.equal(await post(bad), 400, bad.slice(0, 20));
  }
  assert.equal(await post("{}", { "Content-Type": "text/plain" }), 415);
  assert.equal(await post(`{"x":"${"x".repeat(mailLimits.requestBytesMax)}"}`), 413);
  assert.deepEqual(storage.state("a@x"), { unread: 1, version: 1 });
});

test("GET / and all that the page loads come with an ETag and a policy that allows nothing inline", async (t) => {
  const { origin } = await startMail(t);
  for (const path of ["/", "/index.html", "/style.css", "/icon.svg", "/page.js", "/centrifuge.js"]) {
    const response = await fetch(origin + path);
    assert.equal(response.status, 200, path);
    assert.ok((await response.text()).length > 100, path);
    assert.match(response.headers.get("Content-Security-Policy") ?? "", /default-src 'none'/);
    assert.equal(response.headers.get("X-Content-Type-Options"), "nosniff");
    const etag = response.headers.get("ETag") ?? "";
    assert.equal((await fetch(origin + path, { headers: { "If-None-Match": etag } })).status, 304, path);
  }
  const page = await (await fetch(origin)).text();
  assert.doesNotMatch(page, /<script>|<style|style="|onclick|https?:\/\//);
});

test("HTTP serves no other file, and says so in JSON", async (t) => {
  const { origin } = await startMail(t);
  for (const path of [
    "/..%2fmain.js",
    "/%2e%2e/package.json",
    "/page.ts",
    "/web/page.js",
    "/mailboxes",
    "/favicon.ico",
  ]) {
    const response = await fetch(origin + path);
    assert.equal(response.status, 404, path);
    assert.deepEqual(await response.json(), { error: "Nothing is here" });
  }
});

test("GET /info says where mail is taken", async (t) => {
  const { origin, smtp } = await startMail(t);
  assert.deepEqual(await (await fetch(`${origin}/info`)).json(), { smtp: { host: "127.0.0.1", port: smtp.port } });
});

test("HTTP answers 500 without details when the Storage fails, and logs them", async (t) => {
  const { origin, storage, log } = await startMail(t);
  storage.close();
  const response = await fetch(`${origin}/mailboxes/a@x/messages`);
  assert.equal(response.status, 500);
  assert.deepEqual(await response.json(), { error: "The server failed" });
  assert.deepEqual(log.lines, ["GET /mailboxes/a@x/messages: The mail storage is closed"]);
});
