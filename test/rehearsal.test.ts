import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createPushServer } from "../src/push/index.ts";

// A connection that is counted twice, or still, would be waited for at the end: far longer than any test may take.
const patient = { closeSecondsMax: 3600 };

test("PushServer.rehearse leaves no connection behind, also where its own was cut as a slow reader", async () => {
  const server = createPushServer({ outboxBytesMax: 1000, server: patient });
  await server.rehearse(await server.listen({ host: "127.0.0.1" }));
  await server.close();
});

test("PushServer.rehearse works over a Unix socket", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "belfry-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const server = createPushServer({ server: patient });
  await server.rehearse(await server.listen({ path: join(folder, "socket") }));
  await server.close();
});
