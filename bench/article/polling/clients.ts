import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Poller } from "./poller.ts";
import { Subscriber } from "./subscriber.ts";
import { Tally } from "./tally.ts";

// All clients of one way. Arguments: the way, the port, how many, and for how many seconds they count. Says "ready",
// begins to count at SIGUSR2, and ends with a Tallied as JSON.

const AT_ONCE = 100;
const WARM_UP_MS = 1000;
const TICK_MS = 1;
const [way = "", port = "0", count = "0", seconds = "0"] = process.argv.slice(2);

let tally = new Tally();
const make = (mailbox: number) => {
  const Client = way === "push" ? Subscriber : Poller;
  return new Client(Number(port), mailbox, () => tally);
};

const clients: (Poller | Subscriber)[] = [];
while (clients.length < Number(count)) {
  const some = Array.from({ length: Math.min(AT_ONCE, Number(count) - clients.length) }, (_, i) =>
    make(clients.length + i),
  );
  await Promise.all(some.map((client) => client.start()));
  clients.push(...some);
}
if (way === "polling") poll(clients.filter((client) => client instanceof Poller));
await sleep(WARM_UP_MS);
const begun = once(process, "SIGUSR2");
process.stdout.write("ready\n");
await begun;
tally = new Tally();
await sleep(Number(seconds) * 1000);
process.stdout.write(`${JSON.stringify(tally.result())}\n`);

/** Each of them once a second, spread evenly over it; what is due is asked for, whether the server keeps up or not. */
function poll(pollers: readonly Poller[]): void {
  const begin = performance.now();
  let asked = 0;
  setInterval(() => {
    for (const due = ((performance.now() - begin) * pollers.length) / 1000; asked < due; asked++) {
      pollers[asked % pollers.length]?.poll();
    }
  }, TICK_MS);
}
