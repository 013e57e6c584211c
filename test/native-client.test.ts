import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { buses, folderOf, freePort, Running } from "./processes.ts";

const SOURCE = fileURLToPath(new URL("../../test/native/nats-client.c", import.meta.url));
const HEADER = "/usr/include/nats/nats.h";
const librarySkip: string | false =
  existsSync(HEADER) || process.env["CI"] === "true" ? false : `${HEADER} is not there: apt-get install libnats-dev`;

const SEEN = [
  "request and reply",
  "headers",
  "no responders",
  "queue groups",
  "acknowledgements and duplicates",
  "what a stream holds",
];

describe("the C client of NATS", { timeout: 60_000 }, () => {
  for (const { name, start, skip } of [...buses].reverse()) {
    it(`is content with ${name}`, { skip: skip || librarySkip }, async (t) => {
      const folder = folderOf(t);
      const port = await freePort();
      await start(t, { port, data: join(folder, "data") });
      const program = join(folder, "nats-client");
      execFileSync("cc", ["-Wall", "-Wextra", "-Werror", "-O1", "-o", program, SOURCE, "-lnats"]);
      const client = await Running.start(t, [program, `nats://127.0.0.1:${port}`]);
      assert.equal(await client.ended(), 0, client.lines.join("\n"));
      assert.deepEqual(client.lines, SEEN);
    });
  }
});
