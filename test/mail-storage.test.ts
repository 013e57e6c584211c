import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { mailboxOf } from "../examples/mail/address.ts";
import { mailLimits } from "../examples/mail/limits.ts";
import { Storage } from "../examples/mail/storage.ts";
import { openStorage, temporaryFolder } from "./mail-fixture.ts";

const mail = { sender: "ada@example.com", subject: "Hello", text: "It works." };

test("Storage.add puts a mail into each recipient's mailbox once, and says what the mailbox is like now", (t) => {
  const storage = openStorage(t);
  const deliveries = storage.add(["a@x", "b@x", "a@x"], mail, 1_700_000_000_000);
  assert.deepEqual(deliveries, [
    { mailbox: "a@x", unread: 1, version: 1, message: { id: 1, ...mail, ...arrived } },
    { mailbox: "b@x", unread: 1, version: 1, message: { id: 2, ...mail, ...arrived } },
  ]);
  assert.deepEqual(storage.list("a@x"), [deliveries[0]?.message]);
  assert.deepEqual(storage.state("a@x"), { unread: 1, version: 1 });
});

const arrived = { clipped: false, receivedAt: 1_700_000_000_000, seen: false };

test("Storage.list gives the newest messages first, at most `limit` and only those after `after`", (t) => {
  const storage = openStorage(t);
  for (const subject of ["1", "2", "3", "4"]) storage.add(["a@x"], { ...mail, subject });
  const subjects = (options: { after?: number; limit?: number }) => storage.list("a@x", options).map((m) => m.subject);
  assert.deepEqual(subjects({}), ["4", "3", "2", "1"]);
  assert.deepEqual(subjects({ limit: 2 }), ["4", "3"]);
  assert.deepEqual(subjects({ after: 2 }), ["4", "3"]);
  assert.deepEqual(subjects({ after: 4 }), []);
  assert.deepEqual(storage.list("nobody@x"), []);
});

test("Storage.list gives at most listMax messages, whatever is asked for", (t) => {
  const storage = openStorage(t);
  for (let i = 0; i <= mailLimits.listMax; i++) storage.add(["a@x"], mail);
  assert.equal(storage.list("a@x", { limit: 1_000_000 }).length, mailLimits.listMax);
});

test("Storage.markSeen marks all messages or those with the ids, of this mailbox only", (t) => {
  const storage = openStorage(t);
  for (let i = 0; i < 3; i++) storage.add(["a@x", "b@x"], mail);
  assert.deepEqual(storage.markSeen("a@x", [1, 2, 3, 999, -1]), { changed: 2, unread: 1, version: 4 });
  assert.deepEqual(storage.markSeen("a@x", [1]), { changed: 0, unread: 1, version: 4 });
  assert.deepEqual(storage.markSeen("a@x"), { changed: 1, unread: 0, version: 5 });
  assert.deepEqual(
    storage.list("a@x").map((message) => message.seen),
    [true, true, true],
  );
  assert.deepEqual(storage.state("b@x"), { unread: 3, version: 3 });
  assert.deepEqual(storage.markSeen("nobody@x"), { changed: 0, unread: 0, version: 0 });
});

test("Storage.version changes with each change of the mailbox and with no other", (t) => {
  const storage = openStorage(t);
  const versions = new Set([storage.version("a@x")]);
  storage.add(["a@x"], mail);
  versions.add(storage.version("a@x"));
  storage.markSeen("a@x");
  versions.add(storage.version("a@x"));
  storage.markSeen("a@x");
  storage.add(["b@x"], mail);
  versions.add(storage.version("a@x"));
  assert.equal(versions.size, 3);
});

test("Storage.version is never the same in another file", (t) => {
  assert.notEqual(openStorage(t).version("a@x"), openStorage(t).version("a@x"));
});

test("Storage keeps everything over a restart, and a second one on the same file sees what was added", (t) => {
  const file = join(temporaryFolder(t), "mail.db");
  const first = openStorage(t, file);
  const second = openStorage(t, file);
  first.add(["a@x"], mail);
  assert.equal(second.list("a@x").length, 1);
  const version = first.version("a@x");
  first.close();
  second.close();
  const third = openStorage(t, file);
  assert.equal(third.version("a@x"), version);
  assert.equal(third.add(["a@x"], mail)[0]?.message.id, 2);
});

test("Storage.text gives the whole text of which lists give the beginning", (t) => {
  const storage = openStorage(t);
  const text = `${"x".repeat(mailLimits.previewCharsMax - 1)}😀 and more`;
  storage.add(["a@x"], { ...mail, text });
  const [listed] = storage.list("a@x");
  assert.equal(listed?.clipped, true);
  assert.equal(listed?.text, "x".repeat(mailLimits.previewCharsMax - 1));
  assert.equal(storage.text("a@x", 1), text);
  assert.equal(storage.text("b@x", 1), undefined);
  assert.equal(storage.text("a@x", Number.NaN), undefined);
});

test("Storage.add keeps what stands after a NUL, and makes headers one line", (t) => {
  const storage = openStorage(t);
  const hostile = { sender: "a\r\nBcc: b@x", subject: `\0${"s".repeat(2000)}`, text: "one\0two\ud800" };
  const [delivery] = storage.add(["a@x"], hostile);
  assert.equal(delivery?.message.sender, "a Bcc: b@x");
  assert.equal(delivery?.message.subject.length, mailLimits.headerCharsMax);
  assert.equal(delivery?.message.text, "one\uFFFDtwo\uFFFD");
  assert.deepEqual(storage.list("a@x"), [delivery?.message]);
});

test("Storage takes SQL in any field as text", (t) => {
  const storage = openStorage(t);
  const sql = "'); DROP TABLE messages; --";
  storage.add(["a@x", "x'or'1'='1@y"], { sender: sql, subject: sql, text: sql });
  assert.equal(storage.list("' OR 1=1 --").length, 0);
  assert.equal(storage.list("x'or'1'='1@y")[0]?.subject, sql);
  assert.equal(storage.list("a@x").length, 1);
});

test("Storage says which file it cannot open and why, and a closed one says that it is closed", (t) => {
  const file = join(temporaryFolder(t), "mail.db");
  writeFileSync(file, "this is no database ".repeat(100));
  assert.throws(() => new Storage(file), /Cannot open the mail storage .*mail\.db: .*not a database/);
  const storage = openStorage(t);
  storage.close();
  storage.close();
  assert.throws(() => storage.add(["a@x"], mail), /closed/);
  assert.throws(() => storage.list("a@x"), /closed/);
});

test("mailboxOf takes addresses in lower case, and nothing that is no address", () => {
  assert.equal(mailboxOf("Demo@LocalHost"), "demo@localhost");
  assert.equal(mailboxOf("почта@пример.рф"), "почта@пример.рф");
  for (const bad of ["", "demo", "@x", "a@", "a@b@c", "a b@x", "a@x\n", "a\0@x", "a\u200b@x", "\ud800@x"]) {
    assert.equal(mailboxOf(bad), undefined, JSON.stringify(bad));
  }
});

test("mailboxOf takes an address only if its channel's name fits in 255 bytes", () => {
  assert.ok(mailboxOf(`${"a".repeat(248)}@x`));
  assert.equal(mailboxOf(`${"a".repeat(249)}@x`), undefined);
  assert.equal(mailboxOf(`${"é".repeat(125)}@x`), undefined);
});
