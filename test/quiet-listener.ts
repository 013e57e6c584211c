import assert from "node:assert/strict";
import { loadBinding, RECORD } from "../src/netpoll/index.ts";

/** A descriptor that listens, and on which this process does not accept. */
export function quietListener(): { fd: number; port: number } {
  const binding = loadBinding();
  const poll = binding.open(new Uint8Array(0), new Int32Array(2 * RECORD), 0, () => {});
  assert.ok(typeof poll === "object");
  const fd = binding.listen(poll, "127.0.0.1", 0, 16, 0);
  const port = Number(String(binding.local(fd)).split(" ")[1]);
  binding.release(poll, fd);
  binding.destroy(poll);
  return { fd, port };
}
