import { setTimeout as sleep } from "node:timers/promises";
import { type Broker, connectNats, MemoryBroker } from "../../src/bus/index.ts";
import { createPushServer } from "../../src/push/index.ts";

/**
 * A process of the article's picture: `api` serves, `storage` announces, and `both` is what a process with its Bus in
 * the memory is. Arguments: the role, the address of the Bus or "memory", the number of announcements, and how many a
 * second. It serves or announces when it is told so on stdin.
 */
const [role = "", url = "", count = "0", rate = "100"] = process.argv.slice(2);
const log = { info() {}, warn: console.error, error: console.error };
const broker: Broker = url === "memory" ? new MemoryBroker() : await connectNats({ url, log });

if (role !== "storage") {
  const server = createPushServer({ broker, allowAnonymous: true, allowSubscribe: true, log });
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  process.stdout.write(`port ${port}\n`);
}
if (role !== "api") process.stdin.once("data", () => void announce());

async function announce(): Promise<void> {
  const everyMs = 1000 / Number(rate);
  const begin = performance.now();
  for (let i = 0; i < Number(count); i++) {
    const waitMs = begin + i * everyMs - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    void broker.publish(`mail:${i % 100}`, `"${process.hrtime.bigint()}"`);
  }
}
