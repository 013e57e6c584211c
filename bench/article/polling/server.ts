import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { MemoryBroker } from "../../../src/bus/index.ts";
import { createPushServer } from "../../../src/push/index.ts";
import { Mailboxes } from "./mailboxes.ts";

// The mailboxes' server. Arguments: the way, the number of mailboxes, and how many change in a second; SIGUSR2 begins.
// For polling it is node:http alone; for push the notification API, which hands the requests for mailboxes on.

const LONGER_THAN_A_POLL_MS = 75_000;
const [way = "", count = "0", changes = "0"] = process.argv.slice(2);
const where = { host: "127.0.0.1", port: 0 };
const mailboxes = new Mailboxes(Number(count));
const broker = new MemoryBroker();

const { port } = await (way === "push" ? listenPush() : listenHttp());
process.stdout.write(`port ${port}\n`);
process.once("SIGUSR2", () => change(Number(changes)));

async function listenHttp(): Promise<AddressInfo> {
  const http = createServer({ keepAliveTimeout: LONGER_THAN_A_POLL_MS }, mailboxes.answer);
  await once(http.listen(where), "listening");
  return http.address() as AddressInfo;
}

async function listenPush(): Promise<{ port: number }> {
  const log = { info() {}, warn: console.error, error: console.error };
  const options = { broker, allowAnonymous: true, allowSubscribe: true, driver: "native", log } as const;
  return await createPushServer({ ...options, http: mailboxes.answer }).listen(where);
}

/** Changes so many mailboxes a second, evenly; a timer that is late makes up for it. */
function change(perSecond: number): void {
  const begin = performance.now();
  let done = 0;
  setInterval(() => {
    for (const due = ((performance.now() - begin) * perSecond) / 1000; done < due; done++) {
      const { mailbox, version, at } = mailboxes.changeOne();
      if (way === "push") void broker.publish(`mailbox:${mailbox}`, `{"version":${version},"at":"${at}"}`);
    }
  }, 1000 / perSecond);
}
