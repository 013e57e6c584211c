import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Centrifuge } from "centrifuge";
import { createTransport } from "nodemailer";
import WebSocket from "ws";
import type { MailEvent, MailInfo } from "../examples/mail/wire.ts";
import { WEBSOCKET_PATH } from "../src/push/index.ts";
import { temporaryFolder } from "./mail-fixture.ts";

const program = fileURLToPath(new URL("../examples/mail/three.js", import.meta.url));

test("npm run start:three: a mail goes through three processes to a page, and Ctrl-C ends all of them", async (t) => {
  const child = spawn(process.execPath, [program], {
    env: { PATH: process.env["PATH"] ?? "", PORT: "0", SMTP_PORT: "0", DATA_DIR: temporaryFolder(t) },
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => void child.kill("SIGKILL"));
  let origin = "";
  for await (const line of createInterface({ input: child.stdout })) {
    origin = /^Open +(http:.*)\/$/.exec(line)?.[1] ?? origin;
    if (line.startsWith("Ctrl-C")) break;
  }
  const answer = await fetch(`${origin}/info`);
  const { smtp, pushPort } = (await answer.json()) as MailInfo;
  assert.ok(answer.headers.get("content-security-policy")?.includes(`connect-src 'self' ws://*:${pushPort};`));

  // As the page does, from the origin of the page; that of another is refused.
  const url = `ws://127.0.0.1:${pushPort}${WEBSOCKET_PATH}`;
  const stranger = new WebSocket(url, { origin: "http://example.com" });
  assert.match(String((await once(stranger, "error"))[0]), /403/);
  const Page = class extends WebSocket {
    constructor(address: string) {
      super(address, { origin });
    }
  };
  const client = new Centrifuge(url, { websocket: Page });
  t.after(() => client.disconnect());
  const subscription = client.newSubscription("mail:demo@localhost");
  const subscribed = new Promise((resolve) => subscription.once("subscribed", resolve));
  const event = new Promise<MailEvent>((resolve) => subscription.once("publication", ({ data }) => resolve(data)));
  subscription.subscribe();
  client.connect();
  await subscribed;
  const transport = createTransport({ host: smtp.host, port: smtp.port });
  await transport.sendMail({ from: "a@x", to: "demo@localhost", subject: "Hello", text: "It works." });
  const told = await event;
  assert.equal(told.type === "new" && told.message.subject, "Hello");

  child.kill("SIGINT");
  assert.deepEqual(await once(child, "exit"), [0, null]);
});
