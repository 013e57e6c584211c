import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, test } from "node:test";
import { fileURLToPath } from "node:url";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { createDaemon } from "../src/daemon/index.ts";
import { limits } from "../src/limits.ts";

const BELFRY = fileURLToPath(new URL("../../bin/belfry.js", import.meta.url));
const STREAM = { name: "S", subjects: ["s.>"], storage: "file" as const, allow_direct: true };
const KILLS = 50;

/** A Bus in a process of its own, over a folder. */
class Bus {
  readonly #folder: string;
  #process: ChildProcess | undefined;
  port = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async start(): Promise<void> {
    const argv = [BELFRY, "bus", "--host", "127.0.0.1", "--port", String(this.port), "--data", this.#folder];
    const started = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "inherit"] });
    this.#process = started;
    let said = "";
    this.port = await new Promise<number>((resolve, reject) => {
      started.once("exit", () => reject(new Error(said)));
      started.stdout.on("data", (chunk: Buffer) => {
        said += chunk.toString();
        const port = /nats:\/\/localhost:(\d+)/.exec(said)?.[1];
        if (port !== undefined) resolve(Number(port));
      });
    });
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    const running = this.#process;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const ended = once(running, "exit");
    running.kill(signal);
    await ended;
  }
}

function folderOf(t: { after: (done: () => void) => void }): string {
  const folder = mkdtempSync(join(tmpdir(), "belfry-bus-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** All that the stream holds, in order. */
async function contentsOf(nc: NatsConnection): Promise<{ seq: number; text: string }[]> {
  const jsm = await jetstreamManager(nc);
  const all: { seq: number; text: string }[] = [];
  for (let seq = 1; ; ) {
    const message = await jsm.direct.getMessage("S", { seq, next_by_subj: "s.>" });
    if (!message) return all;
    all.push({ seq: message.seq, text: message.string() });
    seq = message.seq + 1;
  }
}

test(`belfry bus: what was acknowledged before one of ${KILLS} kill -9 is there, in order, once`, async (t) => {
  const bus = new Bus(folderOf(t));
  t.after(() => bus.kill("SIGKILL"));
  const acknowledged = new Map<number, number>();
  let next = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    await bus.start();
    const nc = await connect({ servers: `127.0.0.1:${bus.port}`, reconnect: false });
    const js = jetstream(nc);
    await (await jetstreamManager(nc)).streams.add(STREAM);
    let isDead = false;
    const before = acknowledged.size;
    const publisher = async () => {
      while (!isDead) {
        const n = next++;
        try {
          const { seq } = await js.publish("s.a", `${n}`, { msgID: `${n}` });
          acknowledged.set(n, seq);
        } catch {
          return;
        }
      }
    };
    const publishers = Array.from({ length: 8 }, publisher);
    // After as many acknowledgements as the round says, so that each is killed in another place.
    while (acknowledged.size < before + 1 + ((kill * 7) % 50)) await new Promise((resolve) => setImmediate(resolve));
    await bus.kill("SIGKILL");
    isDead = true;
    await nc.close();
    await Promise.all(publishers);
  }
  await bus.start();
  const nc = await connect({ servers: `127.0.0.1:${bus.port}` });
  const contents = await contentsOf(nc);
  await nc.close();
  await bus.kill("SIGTERM");
  const bySequence = new Map(contents.map(({ seq, text }) => [seq, Number(text)]));
  assert.deepEqual(
    contents.map(({ seq }) => seq),
    contents.map((_, i) => i + 1),
    "the sequences have no holes",
  );
  for (const [n, seq] of acknowledged) assert.equal(bySequence.get(seq), n, `publication ${n}`);
  assert.equal(new Set(contents.map(({ text }) => text)).size, contents.length, "none is there twice");
});

describe("belfry bus --data: what is in the folder is read at the start", () => {
  const withBus = async (folder: string, use: (nc: NatsConnection) => Promise<void>) => {
    const daemon = createDaemon({ data: folder });
    const { port } = await daemon.listen({ host: "127.0.0.1", port: 0 });
    const nc = await connect({ servers: `127.0.0.1:${port}` });
    try {
      await use(nc);
    } finally {
      await nc.close();
      await daemon.close();
    }
  };
  const logOf = (folder: string) =>
    join(folder, "streams", "S", readdirSync(join(folder, "streams", "S"))[0] as string);
  const filled = async (folder: string, count: number) =>
    withBus(folder, async (nc) => {
      await (await jetstreamManager(nc)).streams.add(STREAM);
      for (let i = 1; i <= count; i++) await jetstream(nc).publish("s.a", `${i}`);
    });

  it("a tail that a crash has torn is cut off, and the stream goes on behind what is whole", async (t) => {
    const folder = folderOf(t);
    await filled(folder, 3);
    appendFileSync(logOf(folder), Buffer.from([200, 0, 0, 0, 1, 2, 3, 4, 1, 1]));
    await withBus(folder, async (nc) => {
      assert.equal((await jetstream(nc).publish("s.a", "4")).seq, 4);
      assert.deepEqual(
        (await contentsOf(nc)).map(({ text }) => text),
        ["1", "2", "3", "4"],
      );
    });
    await withBus(folder, async (nc) => assert.equal((await contentsOf(nc)).length, 4));
  });

  it("purges, removals, another configuration and duplicates are known after a restart", async (t) => {
    const folder = folderOf(t);
    await withBus(folder, async (nc) => {
      const jsm = await jetstreamManager(nc);
      await jsm.streams.add(STREAM);
      for (const [subject, text] of ["a1", "b2", "b3", "c4"].map((both) => [both[0], both[1]])) {
        await jetstream(nc).publish(`s.${subject}`, text as string, { msgID: text as string });
      }
      await jsm.streams.purge("S", { filter: "s.b" });
      await jsm.streams.deleteMessage("S", 4);
      await jsm.streams.update("S", { max_msgs_per_subject: 2 });
    });
    await withBus(folder, async (nc) => {
      assert.deepEqual(await contentsOf(nc), [{ seq: 1, text: "1" }]);
      const js = jetstream(nc);
      assert.equal((await js.publish("s.a", "again", { msgID: "1" })).duplicate, true);
      for (let i = 5; i <= 8; i++) assert.equal((await js.publish("s.a", `${i}`)).seq, i);
      assert.deepEqual(
        (await contentsOf(nc)).map(({ seq }) => seq),
        [7, 8],
      );
    });
  });

  it("a log that is mostly of the past is written anew, and holds what is live", async (t) => {
    const folder = folderOf(t);
    const data = Buffer.alloc(500_000, "x");
    await withBus(folder, async (nc) => {
      await (await jetstreamManager(nc)).streams.add({ ...STREAM, max_msgs_per_subject: 2 });
      const count = Math.ceil(limits.busLogBytesMin / data.length) + 5;
      for (let i = 0; i < count; i++) await jetstream(nc).publish(i % 2 ? "s.a" : "s.b", data);
    });
    const names = readdirSync(join(folder, "streams", "S"));
    assert.equal(names.length, 1);
    assert.notEqual(names[0], "000000000001.log");
    assert.ok(statSync(logOf(folder)).size < limits.busLogBytesMin);
    await withBus(folder, async (nc) => assert.equal((await contentsOf(nc)).length, 4));
  });

  it("a log that is damaged before its last segment is refused, with its place", async (t) => {
    const folder = folderOf(t);
    await filled(folder, 2);
    writeFileSync(join(folder, "streams", "S", "000000000002.log"), "");
    const path = logOf(folder);
    appendFileSync(path, "x");
    const daemon = createDaemon({ data: folder });
    t.after(() => daemon.close());
    await assert.rejects(daemon.listen({ host: "127.0.0.1", port: 0 }), new RegExp(`${path} is damaged at byte \\d+`));
  });
});
