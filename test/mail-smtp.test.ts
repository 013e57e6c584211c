import assert from "node:assert/strict";
import { connect } from "node:net";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { test } from "node:test";
import { mailLimits } from "../examples/mail/limits.ts";
import { MailReader } from "../examples/mail/reader.ts";
import { openStorage, smtpDialog, startMail } from "./mail-fixture.ts";

const from = "Ada <ada@example.com>";

test("SMTP answers 250 when the mail is stored for each recipient, and the Bus is told of each", async (t) => {
  const { file, transport, bus } = await startMail(t);
  const sent = await transport.sendMail({ from, to: ["Demo@LocalHost", "b@x"], subject: "Grüße", text: "It works." });
  assert.match(sent.response, /^250 OK: stored in 2 mailboxes/);
  const other = openStorage(t, file);
  const [message] = other.list("demo@localhost");
  assert.equal(message?.sender, "Ada <ada@example.com>");
  assert.equal(message?.subject, "Grüße");
  assert.equal(message?.text.trim(), "It works.");
  assert.deepEqual(bus.published, [
    { channel: "mail:demo@localhost", event: { type: "new", message, unread: 1, version: 1 } },
    { channel: "mail:b@x", event: { type: "new", message: other.list("b@x")[0], unread: 1, version: 1 } },
  ]);
});

test("SMTP takes the text of a mail that is only HTML", async (t) => {
  const { transport, storage } = await startMail(t);
  await transport.sendMail({ from, to: "a@x", html: "<h1>Hello</h1><p>It <b>works</b>.</p><script>no()</script>" });
  const text = storage.list("a@x")[0]?.text ?? "";
  assert.match(text, /It works\./);
  assert.doesNotMatch(text, /<|no\(\)/);
});

test("SMTP keeps a mail that the Bus fails to take, and logs it", async (t) => {
  const { transport, storage, bus, log, announcer } = await startMail(t);
  bus.publish = async () => {
    throw new Error("the Bus is away");
  };
  await transport.sendMail({ from, to: ["a@x", "b@x"], subject: "Kept", text: "" });
  await announcer.settled();
  assert.equal(storage.list("a@x")[0]?.subject, "Kept");
  assert.deepEqual(log.lines, ["The Bus did not take 2 of 2 announcements (stored anyway): the Bus is away"]);
});

test("SMTP answers although the Bus never does", async (t) => {
  const { transport, storage, bus } = await startMail(t);
  bus.publish = () => new Promise(() => {});
  await transport.sendMail({ from, to: "a@x", text: "" });
  assert.equal(storage.list("a@x").length, 1);
});

test("SMTP answers 451 when the mail could not be stored, and tells the Bus nothing", async (t) => {
  const add = () => {
    throw new Error("the disk is full");
  };
  const { transport, bus, log } = await startMail(t, { storage: { add } });
  await assert.rejects(transport.sendMail({ from, to: "a@x", text: "" }), { responseCode: 451 });
  assert.deepEqual(bus.published, []);
  assert.deepEqual(log.lines, ["A mail could not be stored: the disk is full"]);
});

test("SMTP refuses a mail that says it is over 10 MiB before it comes", async (t) => {
  const { smtp, storage } = await startMail(t);
  const answers = await smtpDialog(smtp.port, [
    "EHLO me",
    `MAIL FROM:<a@x> SIZE=${mailLimits.mailBytesMax + 1}`,
    "QUIT",
  ]);
  assert.match(answers[2] ?? "", /^552 /);
  assert.deepEqual(storage.list("a@x"), []);
});

test("SMTP refuses a mail that turns out to be over 10 MiB, keeps nothing of it, and takes the next", async (t) => {
  const { smtp, storage } = await startMail(t);
  const huge = `Subject: Huge\r\n\r\n${"x".repeat(998).concat("\r\n").repeat(10_500)}.`;
  const small = "Subject: Small\r\n\r\nIt works.\r\n.";
  const envelope = ["MAIL FROM:<a@x>", "RCPT TO:<b@x>", "DATA"];
  const answers = await smtpDialog(smtp.port, ["EHLO me", ...envelope, huge, ...envelope, small, "QUIT"]);
  assert.match(answers[5] ?? "", /^552 .*larger than 10485760 bytes/);
  assert.match(answers[9] ?? "", /^250 /);
  assert.deepEqual(
    storage.list("b@x").map((message) => message.subject),
    ["Small"],
  );
});

test("SMTP takes the first 1,000 of 2,000 recipients and answers 452 to the others", async (t) => {
  const { transport, storage, bus } = await startMail(t);
  const to = Array.from({ length: 2000 }, (_, i) => `user${i}@x`);
  const sent = await transport.sendMail({ envelope: { from: "a@x", to }, subject: "All", text: "" });
  assert.equal(sent.accepted.length, mailLimits.recipientsMax);
  assert.ok(sent.rejectedErrors?.every((error) => "responseCode" in error && error.responseCode === 452));
  assert.equal(bus.published.length, mailLimits.recipientsMax);
  assert.equal(storage.list("user999@x").length, 1);
  assert.equal(storage.list("user1000@x").length, 0);
});

test("SMTP refuses recipients that are no mailboxes", async (t) => {
  const { smtp } = await startMail(t);
  const bad = ["nobody", "a@b@c", `${"a".repeat(249)}@x`, "a\u0001@x", "a@x\rDATA", ""];
  const answers = await smtpDialog(smtp.port, [
    "EHLO me",
    "MAIL FROM:<a@x>",
    ...bad.map((to) => `RCPT TO:<${to}>`),
    "QUIT",
  ]);
  for (const answer of answers.slice(3, 3 + bad.length)) assert.match(answer, /^5\d\d /);
  assert.match(answers.at(-1) ?? "", /^221 /);
});

test("SMTP takes mail for postmaster without a domain", async (t) => {
  const { smtp, storage } = await startMail(t);
  const lines = ["EHLO me", "MAIL FROM:<>", "RCPT TO:<Postmaster>", "DATA", "Subject: Help\r\n\r\n.", "QUIT"];
  await smtpDialog(smtp.port, lines);
  assert.equal(storage.list("postmaster@localhost")[0]?.subject, "Help");
});

test("SMTP takes a header that hides line feeds as one line, and delivers to nobody else", async (t) => {
  const { transport, storage, bus } = await startMail(t);
  const subject = `=?utf-8?B?${Buffer.from("Hi\r\nBcc: evil@x\r\n\r\nbody").toString("base64")}?=`;
  const raw = `From: =?utf-8?Q?A=0D=0AB?= <a@x>\r\nSubject: ${subject}\r\n\r\nIt works.\r\n`;
  await transport.sendMail({ envelope: { from: "a@x", to: ["b@x"] }, raw });
  const [message] = storage.list("b@x");
  assert.doesNotMatch(`${message?.subject}${message?.sender}`, /[\r\n]/);
  assert.match(message?.subject ?? "", /^Hi/);
  assert.equal(bus.published.length, 1);
  assert.deepEqual(storage.list("evil@x"), []);
});

const damaged = {
  "a boundary that never ends": 'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\nIt works.\r\n',
  "a multipart without a boundary": "Content-Type: multipart/mixed\r\n\r\nIt works.\r\n",
  "an encoding that is not one": "Content-Transfer-Encoding: base64\r\n\r\n%%%%===\r\n",
  "a charset that nobody knows": 'Content-Type: text/plain; charset="no-such"\r\n\r\nIt works.\r\n',
  "bytes that are no UTF-8": Buffer.from([0x53, 0x3a, 0xff, 0xfe, 0x0d, 0x0a, 0x0d, 0x0a, 0xc3, 0x28, 0x00]),
  "no header at all": "It works.",
  nothing: "",
};

for (const [what, raw] of Object.entries(damaged)) {
  test(`SMTP takes what it can of a mail with ${what}`, async (t) => {
    const { transport, storage } = await startMail(t);
    await transport.sendMail({ envelope: { from: "a@x", to: ["b@x"] }, raw });
    assert.equal(storage.list("b@x").length, 1);
  });
}

const unreadable = {
  "thousands of parts": `Content-Type: multipart/mixed; boundary=b\r\n\r\n${"--b\r\n\r\nx\r\n".repeat(3000)}--b--\r\n`,
  "a head of 2 MiB": `${"X-Long: x\r\n".repeat(200_000)}\r\nIt works.\r\n`,
};

for (const [what, raw] of Object.entries(unreadable)) {
  test(`SMTP refuses a mail with ${what} with 554, stores nothing, and goes on`, async (t) => {
    const { transport, storage } = await startMail(t);
    const envelope = { from: "a@x", to: ["b@x"] };
    await assert.rejects(transport.sendMail({ envelope, raw }), { responseCode: 554 });
    assert.deepEqual(storage.list("b@x"), []);
    await transport.sendMail({ envelope, raw: "Subject: Next\r\n\r\n" });
    assert.equal(storage.list("b@x")[0]?.subject, "Next");
  });
}

test("MailReader gives up a mail that takes too long, without holding up the event loop, and reads the next", async (t) => {
  const reader = new MailReader(1000);
  t.after(() => reader.close());
  const slow = Buffer.from(`Content-Type: text/plain; format=flowed\r\n\r\n${"a \r\n".repeat(2_000_000)}`);
  const loop = monitorEventLoopDelay();
  loop.enable();
  await assert.rejects(reader.read(slow), /takes more than 1000 ms/);
  loop.disable();
  assert.ok(loop.max < 500e6, `the loop stood still for ${loop.max / 1e6} ms`);
  assert.equal((await reader.read(Buffer.from("Subject: Next\r\n\r\n"))).subject, "Next");
});

test("MailReader reads what is around attachments, and gives back the same text for the same bytes", async (t) => {
  const reader = new MailReader();
  t.after(() => reader.close());
  const attachment = `--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n${"QUJD\r\n".repeat(9999)}`;
  const text = "--b\r\nContent-Type: text/plain\r\n\r\nIt works.\r\n";
  const raw = Buffer.from(
    `From: a@x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n${attachment}${text}${attachment}--b--\r\n`,
  );
  const mails = await Promise.all([reader.read(raw), reader.read(raw)]);
  for (const mail of mails) assert.deepEqual(mail, { sender: "a@x", subject: "", text: "It works." });
});

test("SMTP stores nothing of a mail whose sender leaves in the middle", async (t) => {
  const { smtp, transport, storage } = await startMail(t);
  const lines = ["EHLO me", "MAIL FROM:<a@x>", "RCPT TO:<b@x>", "DATA"];
  const leaver = connect(smtp.port, "127.0.0.1");
  const gone = new Promise((resolve) => leaver.once("close", resolve));
  leaver.on("data", (chunk) => {
    const line = lines.shift();
    if (chunk.toString().startsWith("354")) leaver.write("Subject: Half\r\n\r\nhal", () => leaver.destroy());
    else if (line !== undefined && /^\d{3} /m.test(chunk.toString())) leaver.write(`${line}\r\n`);
  });
  await gone;
  await transport.sendMail({ envelope: { from: "a@x", to: ["b@x"] }, subject: "Whole", text: "" });
  assert.deepEqual(
    storage.list("b@x").map((message) => message.subject),
    ["Whole"],
  );
});
