import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { createTransport } from "nodemailer";
import type { Page } from "playwright-core";
import { launchChromium } from "./chromium.ts";
import { temporaryFolder } from "./mail-fixture.ts";

const main = fileURLToPath(new URL("../examples/mail/main.js", import.meta.url));

test("mail page shows a mail at once, survives kill -9 of the server, and misses nothing", limited(), async (t) => {
  const browser = await launchChromium(t);
  if (!browser) return;
  const mail = await startedProgram(t);
  const page = await browser.newPage();
  await page.goto(mail.url);
  await state(page, "live");
  await page.evaluate("window.neverReloaded = true");

  const requests: string[] = [];
  page.on("request", (request) => requests.push(request.url()));
  await mail.send("First");
  await message(page, "First").waitFor();
  assert.deepEqual(requests, [], "the mail was pushed, not asked for");

  await mail.kill("SIGKILL");
  await state(page, "offline");
  await mail.start();
  await mail.send("While the page was away or just back");
  await message(page, "While the page was away or just back").waitFor();
  await state(page, "live");
  await mail.send("Live again");
  await message(page, "Live again").waitFor();

  assert.equal(await page.getByTestId("message").count(), 3);
  assert.equal(await page.getByTestId("unread").textContent(), "3");
  assert.equal(await page.title(), "(3) demo@localhost – Belfry mail");
  assert.match((await page.getByTestId("news").textContent()) ?? "", /New message from .*: Live again/);
  assert.equal(await page.evaluate("window.neverReloaded"), true);
});

test("mail page tells all that show a mailbox what one of them has seen", limited(), async (t) => {
  const browser = await launchChromium(t);
  if (!browser) return;
  const mail = await startedProgram(t);
  const [one, other] = [await browser.newPage(), await browser.newPage()];
  for (const page of [one, other]) {
    await page.goto(`${mail.url}?mailbox=Ada@Example.com`);
    await state(page, "live");
    assert.equal(await page.getByTestId("mailbox").inputValue(), "ada@example.com");
    await page.getByTestId("hint").getByText("npm run mail -- ada@example.com").waitFor();
  }
  for (const subject of ["First", "Second"]) await mail.send(subject, { to: "ADA@example.com" });
  await message(one, "First").click();
  for (const page of [one, other]) await page.getByTestId("unread").getByText("1", { exact: true }).waitFor();
  await other.getByTestId("see-all").click();
  for (const page of [one, other]) await page.getByTestId("unread").getByText("0", { exact: true }).waitFor();
  assert.equal(await one.locator(".unseen").count(), 0);
  assert.equal(await one.title(), "ada@example.com – Belfry mail");
});

test("mail page shows markup in a mail as text and runs none of it", limited(), async (t) => {
  const browser = await launchChromium(t);
  if (!browser) return;
  const mail = await startedProgram(t);
  const page = await browser.newPage();
  const wrong: string[] = [];
  page.on("console", (line) => wrong.push(line.text()));
  page.on("pageerror", (error) => wrong.push(error.message));
  await page.goto(mail.url);
  await state(page, "live");
  const markup = "<img src=x onerror=alert(1)><script>alert(1)</script>";
  const text = `${markup}\n${"long ".repeat(2000)}end`;
  await mail.send(markup, { text });
  const card = message(page, markup);
  await card.click();
  await card.getByText("long end").waitFor();
  assert.equal(await page.locator("main img, main script").count(), 0);
  assert.deepEqual(wrong, []);
});

test(
  "mail program ends with code 0 on SIGTERM although a page and an SMTP client are connected",
  limited(),
  async (t) => {
    const browser = await launchChromium(t);
    if (!browser) return;
    const mail = await startedProgram(t);
    const page = await browser.newPage();
    await page.goto(mail.url);
    await state(page, "live");
    const idle = connect(Number(mail.environment.SMTP_PORT), "127.0.0.1");
    t.after(() => idle.destroy());
    await once(idle, "data");
    const asked = performance.now();
    assert.equal(await mail.kill("SIGTERM"), 0);
    assert.ok(performance.now() - asked < 3000, "it takes about two seconds at most");
  },
);

test("mail program names a variable that has a value which is not allowed, and exits with 2", limited(), async () => {
  for (const [name, value] of [
    ["PORT", "http"],
    ["SMTP_PORT", "65536"],
    ["HOST", "a b"],
  ] as const) {
    const { code, errors } = await runToEnd({ [name]: value });
    assert.equal(code, 2);
    assert.match(errors, new RegExp(`^${name} is "${value}": allowed `));
  }
});

test("mail program says in one line that a port is in use, and exits with 1", limited(), async (t) => {
  const mail = await startedProgram(t);
  for (const name of ["PORT", "SMTP_PORT"] as const) {
    const ports = { PORT: "0", SMTP_PORT: "0", [name]: mail.environment[name] };
    const { code, errors } = await runToEnd({ ...ports, DATA_DIR: temporaryFolder(t) });
    assert.equal(code, 1);
    assert.match(errors, new RegExp(`^Port ${mail.environment[name]} is in use: .* ${name}=.*\n$`));
  }
});

function limited() {
  return { timeout: 60_000 };
}

async function state(page: Page, wanted: "live" | "offline"): Promise<void> {
  await page.locator(`[data-testid=state][data-state=${wanted}]`).waitFor();
}

function message(page: Page, subject: string) {
  return page.getByTestId("message").filter({ has: page.getByTestId("subject").getByText(subject, { exact: true }) });
}

/** The example as `npm start` runs it, on ports of its own that stay the same when it is started again. */
async function startedProgram(t: TestContext) {
  const [port, smtpPort] = await freePorts();
  const environment = { PORT: String(port), SMTP_PORT: String(smtpPort), DATA_DIR: temporaryFolder(t) };
  const transport = createTransport({ host: "127.0.0.1", port: smtpPort });
  let child: ChildProcess | undefined;
  const start = async () => {
    child = spawn(process.execPath, [main], {
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "inherit"],
    });
    await greeting(child);
  };
  const kill = async (signal: "SIGKILL" | "SIGTERM") => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode;
    const exit = once(child, "exit");
    child.kill(signal);
    return (await exit)[0];
  };
  const send = (subject: string, { to = "demo@localhost", text = "It works." } = {}) =>
    transport.sendMail({ from: "Ada <ada@example.com>", to, subject, text });
  t.after(() => kill("SIGKILL"));
  await start();
  return { url: `http://127.0.0.1:${port}/`, environment, start, kill, send };
}

/** Waits for the last line of the greeting: from then on both ports are served. */
async function greeting(child: ChildProcess): Promise<void> {
  assert.ok(child.stdout);
  for await (const line of createInterface({ input: child.stdout })) if (line.startsWith("Ctrl-C")) break;
  child.stdout.resume();
  assert.equal(child.exitCode, null, "the program runs");
}

async function runToEnd(environment: Record<string, string | undefined>) {
  const child = spawn(process.execPath, [main], {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const closed = once(child, "close");
  let errors = "";
  for await (const chunk of child.stderr) errors += chunk;
  await closed;
  return { code: child.exitCode, errors };
}

async function freePorts(): Promise<[number, number]> {
  const servers = [createServer().listen(0, "127.0.0.1"), createServer().listen(0, "127.0.0.1")] as const;
  const ports = servers.map(async (server) => {
    await once(server, "listening");
    const address = server.address();
    assert.ok(address && typeof address === "object");
    return address.port;
  });
  const [one, other] = await Promise.all(ports);
  for (const server of servers) server.close();
  assert.ok(one && other);
  return [one, other];
}
