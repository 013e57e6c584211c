import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { frame, RawClient, request } from "./raw-client.ts";

// Enough for the loader, which opens many modules at once.
const DESCRIPTORS = 256;
const CLIENTS = 300;

/** A fixture as a process that has DESCRIPTORS descriptors. */
function start(name: string) {
  const fixture = fileURLToPath(new URL(`fixtures/${name}.js`, import.meta.url));
  return spawn("sh", ["-c", `ulimit -n ${DESCRIPTORS}; exec "$0" "$@"`, process.execPath, fixture], {
    stdio: ["pipe", "pipe", "inherit"],
  });
}

test("admission: without descriptors the server says so once, serves whom it has, and lets the others in as some leave", async () => {
  const child = start("echo-server");
  const exited = once(child, "exit");
  const said: { port?: number; warn?: string }[] = [];
  const lines = createInterface({ input: child.stdout });
  lines.on("line", (line) => said.push(JSON.parse(line)));
  await once(lines, "line");
  const port = said[0]?.port as number;

  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => RawClient.connect(port)));
  let served: RawClient[] = [];
  const waiting = new Set(clients);
  let serve = () => {};
  for (const client of clients) {
    client.send(request());
    void client.head().then(({ status }) => {
      assert.equal(status, 101);
      waiting.delete(client);
      served.push(client);
      serve();
    });
  }
  const nextServed = () =>
    new Promise<void>((resolve) => {
      serve = resolve;
    });
  while (!said.some(({ warn }) => warn)) await once(lines, "line");
  let left = 0;
  while (waiting.size > 0) {
    if (served.length === 0) await nextServed();
    // Whoever was let in is served, although nobody else can be.
    const client = served.shift() as RawClient;
    client.send(frame(1, "still served"));
    assert.equal((await client.frame()).payload.toString(), "still served");
    client.reset();
    left++;
  }
  assert.ok(CLIENTS - left < DESCRIPTORS, "nobody had to wait: the test proves nothing");
  const warnings = said.flatMap(({ warn }) => warn ?? []);
  assert.equal(warnings.length, 1, warnings.join());
  assert.match(warnings[0] as string, /EMFILE.*ulimit -n/);

  for (const client of served) client.reset();
  served = [];
  child.stdin.end();
  assert.deepEqual(await exited, [0, null]);
});

test("admission: a server that becomes overloaded without descriptors goes on, and answers 503 when it has some", async () => {
  const child = start("starved-server");
  const exited = once(child, "exit");
  const lines = createInterface({ input: child.stdout });
  const [first] = await once(lines, "line");
  const { port } = JSON.parse(first) as { port: number };
  await once(lines, "line");
  const inside = await RawClient.connect(port);
  inside.send(request());
  assert.equal((await inside.head()).status, 101);
  const refused = await RawClient.connect(port);
  refused.send(request());
  child.stdin.write("go on\n");
  assert.equal((await refused.head()).status, 503);
  refused.reset();
  inside.reset();
  child.stdin.end();
  assert.deepEqual(await exited, [0, null]);
});
