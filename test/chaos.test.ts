import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Random } from "./chaos/random.ts";
import { nginx } from "./crowd/fleet.ts";

const skip = nginx || process.env["CI"] === "true" ? false : "nginx is not installed: apt-get install nginx-light";

test("npm run chaos, for a few seconds: nothing is lost, twice or out of order", { skip }, async (t) => {
  const main = fileURLToPath(new URL("./chaos/main.js", import.meta.url));
  const run = spawn(process.execPath, [main, "--seconds", "6", "--clients", "200", "--rate", "50"]);
  t.after(() => run.kill("SIGINT"));
  const said = Promise.all([text(run.stdout), text(run.stderr)]);
  const [code] = await once(run, "exit");
  const [out, errors] = await said;
  assert.equal(code, 0, out + errors);
  assert.match(out, /^--seed \d+ --seconds 6/);
  assert.match(out, /nothing lost, nothing twice, nothing out of order\n$/);
});

test("Random gives the same numbers for the same seed, evenly", () => {
  const one = new Random(42);
  const other = new Random(42);
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 10_000; i++) {
    const number = one.below(10);
    assert.equal(number, other.below(10));
    counts[number] = (counts[number] as number) + 1;
  }
  for (const count of counts) assert.ok(Math.abs(count - 1000) < 150, `${counts}`);
});
