import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Page } from "playwright-core";
import { WebSocket } from "ws";
import { chatLimits, type Message, type ToClient } from "../examples/chat/envelope.ts";
import { type Peer, Rooms } from "../examples/chat/room.ts";
import { launchChromium } from "./chromium.ts";

const main = fileURLToPath(new URL("../examples/chat/main.js", import.meta.url));
const limited = { timeout: 30_000 };

test("chat shows two members what the other says, and how they come, rename and go", limited, async (t) => {
  const { url } = await startChat(t);
  const ada = await member(t, url);
  assert.deepEqual(await ada.join("tea", "Ada"), {
    type: "joined",
    room: "tea",
    name: "Ada",
    members: ["Ada"],
    history: [],
  });
  const bob = await member(t, url);
  const joined = await bob.join(" tea ", "  Bob ");
  assert.deepEqual(joined.members, ["Ada", "Bob"]);
  assert.deepEqual(await ada.next(), { type: "arrived", name: "Bob" });

  bob.say({ type: "message", text: " <b>hello</b> \u{1f600} " });
  for (const one of [ada, bob]) {
    const { at, ...rest } = (await one.next()) as Message;
    assert.deepEqual(rest, { type: "message", name: "Bob", text: "<b>hello</b> \u{1f600}" });
    assert.ok(Math.abs(Date.now() - at) < 10_000);
  }
  bob.say({ type: "rename", name: "Robert" });
  for (const one of [ada, bob]) assert.deepEqual(await one.next(), { type: "renamed", from: "Bob", name: "Robert" });
  bob.say({ type: "leave" });
  assert.deepEqual(await ada.next(), { type: "left", name: "Robert" });
  bob.say({ type: "message", text: "anybody?" });
  assert.deepEqual(await bob.next(), { type: "error", code: "no-room", message: "join a room first" });
});

test("chat keeps rooms apart, and a join from room to room leaves the first", limited, async (t) => {
  const { url } = await startChat(t);
  const [ada, bob] = [await member(t, url), await member(t, url)];
  await ada.join("tea", "Ada");
  await bob.join("coffee", "Ada");
  ada.say({ type: "message", text: "tea only" });
  assert.equal((await ada.next()).type, "message");
  const { name, history } = await bob.join("tea", "Bob");
  assert.equal(name, "Bob");
  assert.deepEqual(
    history.map(({ text }) => text),
    ["tea only"],
  );
  assert.deepEqual(await ada.next(), { type: "arrived", name: "Bob" });
  await ada.join("coffee", "Ada");
  assert.deepEqual(await bob.next(), { type: "left", name: "Ada" });
});

test("chat has no two members of a name: a join gets a number, a rename an error", limited, async (t) => {
  const { url } = await startChat(t);
  const [ada, other, bob] = [await member(t, url), await member(t, url), await member(t, url)];
  await ada.join("tea", "Ada");
  assert.equal((await other.join("tea", "ADA")).name, "ADA 2");
  assert.equal((await bob.join("tea", "\uff21da")).name, "\uff21da 3", "a full-width A looks like an A");
  bob.say({ type: "rename", name: "ada 2" });
  assert.deepEqual(await bob.next(), { type: "error", code: "name-taken", message: "the name ada 2 is taken here" });
  ada.say({ type: "rename", name: "ADA" });
  assert.deepEqual(await bob.next(), { type: "renamed", from: "Ada", name: "ADA" });
});

test("chat takes names and texts up to their limits, and says what is allowed beyond", limited, async (t) => {
  const { url } = await startChat(t);
  const ada = await member(t, url);
  const name = "x".repeat(chatLimits.nameCharsMax);
  assert.equal((await ada.join(name, name)).name, name);
  const text = "\u0001".repeat(chatLimits.textCharsMax);
  ada.say({ type: "message", text });
  assert.equal(((await ada.next()) as Message).text, text);
  const wrongName = /^name: 1 to 32 letters, digits, signs and spaces$/;
  for (const [envelope, message] of [
    [{ type: "rename", name: `${name}x` }, wrongName],
    [{ type: "rename", name: "" }, wrongName],
    [{ type: "rename", name: " \t" }, wrongName],
    [{ type: "rename", name: "A\u202eda" }, wrongName],
    [{ type: "rename", name: "A\u200bda" }, wrongName],
    [{ type: "message", text: `${text}x` }, /^text: 1 to 2000 characters$/],
  ] as const) {
    ada.say(envelope);
    assert.match(await ada.refusal("malformed"), message);
  }
  await ada.rest();
  for (const empty of ["", "  \n"]) {
    ada.say({ type: "message", text: empty });
    assert.match(await ada.refusal("malformed"), /^text: 1 to 2000 characters$/);
  }
  ada.say({ type: "join", room: "", name });
  assert.match(await ada.refusal("malformed"), /^room: 1 to 32/);
  ada.say({ type: "message", text: "still here" });
  assert.equal(((await ada.next()) as Message).text, "still here");
});

test("chat answers what is no envelope, and prototype keys change nothing", limited, async (t) => {
  const { url } = await startChat(t);
  const ada = await member(t, url);
  for (const bad of ["", "{", "hello", '{"type":"join"']) {
    ada.socket.send(bad);
    assert.equal(await ada.refusal("malformed"), "an envelope is JSON");
  }
  ada.socket.send(Buffer.from('{"type":"leave"}'));
  assert.equal(await ada.refusal("malformed"), "an envelope is a text message");
  for (const bad of ["null", "[]", "7", '{"type":"__proto__"}']) {
    ada.socket.send(bad);
    assert.match(await ada.refusal("malformed"), /type/);
  }
  await ada.rest();
  ada.socket.send('{"__proto__":{"type":"leave","name":"Eve","room":"x"},"constructor":1}');
  await ada.refusal("malformed");
  ada.socket.send('{"type":"join","room":"__proto__","name":"constructor","__proto__":{"name":"Eve"}}');
  assert.deepEqual(await ada.next(), {
    type: "joined",
    room: "__proto__",
    name: "constructor",
    members: ["constructor"],
    history: [],
  });
  const bob = await member(t, url);
  assert.deepEqual(await bob.join("constructor", "toString"), {
    type: "joined",
    room: "constructor",
    name: "toString",
    members: ["toString"],
    history: [],
  });
});

test("chat answers an envelope too many in a second with an error, and cuts nobody", limited, async (t) => {
  const { url } = await startChat(t);
  const [ada, bob] = [await member(t, url), await member(t, url)];
  await ada.join("tea", "Ada");
  await bob.join("tea", "Bob");
  await ada.next();
  const max = chatLimits.envelopesPerSecondMax;
  await ada.rest();
  for (let i = 0; i < max + 5; i++) ada.say({ type: "message", text: String(i) });
  for (let i = 0; i < max; i++) assert.equal(((await ada.next()) as Message).text, String(i));
  for (let i = 0; i < 5; i++) assert.match(await ada.refusal("too-fast"), /10 in a second at most/);
  await ada.rest();
  ada.say({ type: "message", text: "slower" });
  for (let i = 0; i < max; i++) await bob.next();
  assert.equal(((await bob.next()) as Message).text, "slower");
});

test("chat keeps the last lines of a room for who comes back, under the same name", limited, async (t) => {
  const { url } = await startChat(t);
  for (let i = 0; i < chatLimits.historyLinesMax + 3; i += 5) {
    const guest = await member(t, url);
    await guest.join("tea", "Guest");
    for (let j = i; j < i + 5; j++) {
      guest.say({ type: "message", text: String(j) });
      assert.equal(((await guest.next()) as Message).text, String(j));
    }
    guest.say({ type: "leave" });
  }
  const ada = await member(t, url);
  await ada.join("tea", "Ada");
  const bob = await member(t, url);
  await bob.join("tea", "Bob");
  ada.socket.terminate();
  assert.deepEqual(await bob.next(), { type: "left", name: "Ada" });
  const again = await member(t, url);
  const { name, members, history } = await again.join("tea", "Ada");
  assert.equal(name, "Ada");
  assert.deepEqual(members, ["Bob", "Ada"]);
  assert.equal(history.length, chatLimits.historyLinesMax);
  assert.deepEqual([history[0]?.text, history.at(-1)?.text], ["5", String(chatLimits.historyLinesMax + 4)]);
});

test("chat bounds the members of a room, and the rooms: an empty one makes place", () => {
  const rooms = new Rooms();
  let id = 0;
  const join = (room: string): { peer: Peer; answer: ToClient } => {
    const told: string[] = [];
    const peer: Peer = { id: id++, send: (text) => told.push(text) > 0 };
    rooms.enter(peer);
    rooms.receive(peer, () => ({ type: "join", room, name: "Ada" }));
    return { peer, answer: JSON.parse(told[0] ?? "") };
  };
  const codeOf = (answer: ToClient) => (answer.type === "error" ? answer.code : answer.type);
  const first = join("tea").peer;
  for (let i = 1; i < chatLimits.roomMembersMax; i++) assert.equal(codeOf(join("tea").answer), "joined");
  assert.equal(codeOf(join("tea").answer), "room-full");
  rooms.exit(first);
  assert.equal(codeOf(join("tea").answer), "joined");

  const other = join("room 1").peer;
  for (let i = 2; i < chatLimits.roomsMax; i++) assert.equal(codeOf(join(`room ${i}`).answer), "joined");
  assert.equal(codeOf(join("one more").answer), "too-many-rooms");
  rooms.exit(other);
  assert.equal(codeOf(join("one more").answer), "joined");
  assert.equal(codeOf(join("room 1").answer), "too-many-rooms");
});

test("chat closes with 1009 what is larger than any envelope", limited, async (t) => {
  const { url } = await startChat(t);
  const ada = await member(t, url);
  ada.socket.send("x".repeat(chatLimits.envelopeBytesMax + 1));
  const [code] = await once(ada.socket, "close");
  assert.equal(code, 1009);
});

test("chat lets in its own page only, at /chat", limited, async (t) => {
  const { url } = await startChat(t);
  const status = async (path: string, origin: string) => {
    const socket = new WebSocket(url.replace("http", "ws") + path, { origin });
    socket.on("error", () => {});
    const [, response] = await once(socket, "unexpected-response");
    socket.terminate();
    return response.statusCode;
  };
  assert.equal(await status("/elsewhere", url), 404);
  assert.equal(await status("/chat", "https://evil.example"), 403);
  assert.equal(await status("/chat", `https://evil.example/${new URL(url).host}`), 403);
  await member(t, url, url);
});

test("chat serves its page with a policy that allows nothing inline, and no other file", limited, async (t) => {
  const { url } = await startChat(t);
  for (const path of ["/", "/style.css", "/page.js", "/icon.svg"]) {
    const response = await fetch(url + path);
    assert.equal(response.status, 200, path);
    assert.match(response.headers.get("Content-Security-Policy") ?? "", /default-src 'none'; script-src 'self'/);
    assert.ok((await response.text()).length > 100, path);
  }
  for (const path of ["/page.ts", "/..%2fmain.js", "/%2e%2e/room.js", "/__proto__"]) {
    assert.equal((await fetch(url + path)).status, 404, path);
  }
  assert.equal((await fetch(url, { method: "POST" })).status, 404);
});

test("chat says what to do when its port is in use, and what its options are", limited, async (t) => {
  const { url } = await startChat(t);
  const { port } = new URL(url);
  const run = promisify(execFile);
  await assert.rejects(run(process.execPath, [main, "--port", port]), ({ code, stderr }) => {
    assert.match(stderr, new RegExp(`^Port ${port} is in use: .* --port$`, "m"));
    return code === 1;
  });
  await assert.rejects(run(process.execPath, [main, "--port", "70000"]), /Allowed are whole numbers from 0 to 65535/);
  assert.match((await run(process.execPath, [main, "--help"])).stdout, /Example:\n +\$ node .*--port 8001/);
});

test("chat's pages talk, remember the name, and come back after the server did", { timeout: 60_000 }, async (t) => {
  const browser = await launchChromium(t);
  if (!browser) return;
  const chat = await startChat(t);
  const problems: string[] = [];
  const open = async (hash: string): Promise<Page> => {
    const page = await (await browser.newContext()).newPage();
    page.on("pageerror", (error) => problems.push(error.message));
    await page.goto(chat.url + hash);
    await live(page);
    return page;
  };
  const [ada, bob] = [await open("/#tea"), await open("/#tea")];
  await ada.getByTestId("name").fill("Ada <b>");
  await ada.getByTestId("name").press("Enter");
  await bob.getByTestId("log").getByText("is now Ada <b>").waitFor();
  await ada.getByTestId("input").fill("<i>hello</i>");
  await ada.getByTestId("send").click();
  await bob.getByTestId("line").getByText("<i>hello</i>").waitFor();
  assert.match((await bob.getByTestId("line").textContent()) ?? "", /^Ada <b>/);
  await bob.getByTestId("input").fill("hello yourself");
  await bob.getByTestId("input").press("Enter");
  await ada.getByTestId("line").getByText("hello yourself").waitFor();

  await chat.stop();
  for (const page of [ada, bob]) await page.locator('[data-testid="state"][data-state="offline"]').waitFor();
  await ada.getByTestId("input").fill("kept");
  await ada.getByTestId("input").press("Enter");
  assert.equal(await ada.getByTestId("input").inputValue(), "kept");
  await chat.start(new URL(chat.url).port);
  for (const page of [ada, bob]) await live(page);
  await ada.getByTestId("input").press("Enter");
  await bob.getByTestId("line").getByText("kept").waitFor();

  await ada.reload();
  await live(ada);
  assert.equal(await ada.getByTestId("name").inputValue(), "Ada <b>");
  assert.equal(await ada.getByTestId("line").count(), 1, "the history, and nothing twice");
  await ada.evaluate("location.hash = 'coffee'");
  await bob.getByTestId("log").getByText("Ada <b> has left").last().waitFor();
  assert.equal(await ada.getByTestId("line").count(), 0);
  assert.deepEqual(problems, []);
});

async function live(page: Page): Promise<void> {
  await page.locator('[data-testid="state"][data-state="live"]').waitFor();
}

/** The program on a port of its own; it ends with the test. */
async function startChat(t: TestContext) {
  let child: ChildProcess | undefined;
  const start = async (port: string): Promise<string> => {
    child = spawn(process.execPath, [main, "--port", port], { stdio: ["ignore", "pipe", "inherit"] });
    for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
      const url = /http:\/\/[\d.]+:\d+/.exec(line)?.[0];
      if (url) return url;
    }
    throw new Error("the chat did not start");
  };
  const stop = async (): Promise<void> => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  };
  t.after(stop);
  return { url: await start("0"), start, stop };
}

/** A client: `next` gives what it was told, in order. */
async function member(t: TestContext, url: string, origin?: string) {
  const socket = new WebSocket(`${url.replace("http", "ws")}/chat`, origin === undefined ? {} : { origin });
  const told: ToClient[] = [];
  const waiting: ((envelope: ToClient) => void)[] = [];
  t.after(() => socket.terminate());
  socket.on("message", (data) => {
    const envelope: ToClient = JSON.parse(String(data));
    const taker = waiting.shift();
    if (taker) taker(envelope);
    else told.push(envelope);
  });
  await once(socket, "open");
  const next = async (): Promise<ToClient> => told.shift() ?? new Promise((resolve) => waiting.push(resolve));
  const say = (envelope: object): void => socket.send(JSON.stringify(envelope));
  return {
    socket,
    next,
    say,
    async join(room: string, name: string) {
      say({ type: "join", room, name });
      for (;;) {
        const answer = await next();
        if (answer.type === "joined") return answer;
        assert.notEqual(answer.type, "error", JSON.stringify(answer));
      }
    },
    async refusal(code: string): Promise<string> {
      const answer = await next();
      assert.ok(answer.type === "error" && answer.code === code, JSON.stringify(answer));
      return answer.message;
    },
    /** Waits until the member may send again as much as it likes in a second. */
    rest: () => new Promise((resolve) => setTimeout(resolve, 1050)),
  };
}
