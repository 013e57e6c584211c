import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { startBelfry } from "./bus-servers.ts";

test("belfry bus --data: what a crash could take back is neither read nor counted before it is on the disk", async (t) => {
  const data = mkdtempSync(join(tmpdir(), "belfry-settled-"));
  t.after(() => rmSync(data, { recursive: true, force: true }));
  const { port } = await startBelfry(t, { data });
  const nc = await connect({ servers: `127.0.0.1:${port}` });
  t.after(() => nc.close());
  const jsm = await jetstreamManager(nc);
  const republish = { src: "s.>", dest: "r.>" };
  await jsm.streams.add({ name: "S", subjects: ["s.>"], storage: "file", allow_direct: true, republish });
  for (const read of [
    () => jsm.direct.getMessage("S", { last_by_subj: "s.a" }).then((message) => message?.seq),
    () => jsm.streams.getMessage("S", { last_by_subj: "s.a" }).then((message) => message?.seq),
    () => jsm.streams.info("S").then(({ state }) => state.last_seq),
  ]) {
    const told: (string | number | undefined)[] = [];
    const subscription = nc.subscribe("r.a", { callback: () => void told.push("republished") });
    const acknowledged = jetstream(nc).publish("s.a", "1");
    told.push(await read());
    const { seq } = await acknowledged;
    assert.deepEqual(told, ["republished", seq]);
    subscription.unsubscribe();
  }
});
