import assert from "node:assert/strict";
import { once } from "node:events";
import { closeSync, existsSync, openSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { devNull, tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { Worker } from "node:worker_threads";
import { createServer, SystemError } from "../src/index.ts";
import type { FloodCount, FloodOrder } from "./connect-flood.ts";
import { quietListener } from "./quiet-listener.ts";
import { RawClient } from "./raw-client.ts";
import { until } from "./until.ts";

/** Opens and resets WebSockets on a port, on another thread. */
class Flood {
  count: FloodCount = { opened: 0, refusals: {} };
  readonly #worker: Worker;

  constructor(t: TestContext, order: FloodOrder) {
    this.#worker = new Worker(new URL("./connect-flood.js", import.meta.url), { workerData: order });
    this.#worker.on("message", (count: FloodCount) => {
      this.count = count;
    });
    t.after(() => this.#worker.terminate());
  }

  /** Resolves when so many more have been opened. */
  async opens(more: number): Promise<void> {
    const enough = this.count.opened + more;
    while (this.count.opened < enough) await once(this.#worker, "message");
  }

  async stop(): Promise<FloodCount> {
    this.#worker.postMessage("stop");
    await once(this.#worker, "exit");
    return this.count;
  }
}

/** A path for a Unix socket, where nothing is before the test and after it. */
function pathOf(t: TestContext, driver: string): string {
  const path = join(tmpdir(), `belfry-handover-${process.pid}-${driver}.sock`);
  t.after(() => rmSync(path, { force: true }));
  return path;
}

const nativeSkip = process.platform === "win32" ? "the addon is not built on Windows" : false;

describe("a port that is handed over", () => {
  const skip = process.platform === "linux" ? false : "the addon can do so on Linux alone";
  it("refuses and resets nobody while servers replace each other on it", { skip, timeout: 60_000 }, async (t) => {
    let server = createServer({ driver: "native" });
    const { port } = await server.listen({ host: "127.0.0.1", reusePort: true });
    t.after(() => server.close());
    const flood = new Flood(t, { port, concurrency: 16 });
    for (let i = 0; i < 5; i++) {
      await flood.opens(200);
      const next = createServer({ driver: "native" });
      await next.listen({ host: "127.0.0.1", port, reusePort: true });
      await flood.opens(50);
      await server.stopListening();
      await server.close();
      server = next;
    }
    await flood.opens(200);
    const { opened, refusals } = await flood.stop();
    assert.deepEqual(refusals, {}, `of ${opened} connections`);
  });
});

for (const driver of ["native", "portable"] as const) {
  describe(`Server, ${driver} driver`, () => {
    it("listens on a descriptor that it was given", { skip: nativeSkip }, async () => {
      const { fd, port } = quietListener();
      const server = createServer({ driver });
      // Whoever came before stands in its backlog.
      const early = RawClient.open(port);
      assert.equal((await server.listen({ fd })).port, port);
      (await early).reset();
      await server.stopListening();
      await assert.rejects(RawClient.open(port));
      await server.close();
    });

    it("refuses a descriptor that does not listen", async (t) => {
      const server = createServer({ driver });
      t.after(() => server.close());
      const fd = openSync(devNull, "r");
      t.after(() => closeSync(fd));
      await assert.rejects(server.listen({ fd }), (error) => error instanceof SystemError);
    });

    it("stopListening lets in who is in the backlog, and lets those go on who are there", async (t) => {
      const opened: string[] = [];
      const server = createServer({
        driver,
        upgrade: ({ path }) => void opened.push(path),
        packet: (connection, packet) => connection.send(packet),
      });
      t.after(() => server.close());
      const { port } = await server.listen({ host: "127.0.0.1" });
      const client = await RawClient.open(port, "/before");
      t.after(() => client.reset());
      const late = RawClient.open(port, "/late");
      await server.stopListening();
      await server.stopListening();
      (await late).reset();
      assert.deepEqual(opened, ["/before", "/late"]);
      await assert.rejects(RawClient.open(port, "/after"));
      await assert.rejects(server.listen({ host: "127.0.0.1" }), /has stopped listening/);
    });

    it("leaves no path behind when it is closed while it begins to listen", async (t) => {
      const path = pathOf(t, driver);
      const server = createServer({ driver });
      const listening = assert.rejects(server.listen({ path }));
      await server.close();
      await listening;
      assert.equal(existsSync(path), false);
    });

    it("neither takes its path from who listens there next, nor opens it again, once it has stopped", async (t) => {
      const path = pathOf(t, driver);
      const admission = { connectionsMax: 1, overload: "refuse", refuseAfterSeconds: 0 } as const;
      const server = createServer({ driver, closeSecondsMax: 1, admission });
      t.after(() => server.close());
      await server.listen({ path });
      const first = connect({ path });
      t.after(() => first.destroy());
      // The path is closed, since the server is full, and comes free as the client leaves.
      await until(() => server.admission.portsClosed === 1);
      const stopping = server.stopListening();
      const next = createServer({ driver });
      t.after(() => next.close());
      await next.listen({ path });
      first.destroy();
      await stopping;
      await until(() => server.connections === 0);
      await server.close();
      const second = connect({ path });
      t.after(() => second.destroy());
      await once(second, "connect");
      await until(() => next.connections === 1);
    });

    it("keeps its path until it is another's, over the whole of stopListening", async (t) => {
      const path = pathOf(t, driver);
      const server = createServer({ driver });
      t.after(() => server.close());
      await server.listen({ path });
      const stopping = server.stopListening();
      const next = createServer({ driver });
      t.after(() => next.close());
      await until(() =>
        next.listen({ path }).then(
          () => true,
          () => false,
        ),
      );
      await stopping;
      await server.close();
      assert.equal(existsSync(path), true);
    });
  });
}
