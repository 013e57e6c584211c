import { readFileSync } from "node:fs";
import { Columns, phases } from "../../src/connection/columns.ts";
import { Heartbeat } from "../../src/connection/heartbeat.ts";
import { limits } from "../../src/limits.ts";
import { Clients } from "../../src/push/clients.ts";
import { Fanout } from "../../src/push/fanout.ts";
import { Hub } from "../../src/push/hub.ts";

// The parts of a server that grow with its connections, without sockets: what each connection costs them when there are
// so many. Argument: how many. Prints one line of JSON. Smaller sets are made several times over, so that as much is
// measured for each size.

const [size = 1000, total = 500_000] = process.argv.slice(2).map(Number);
const sets = Math.max(1, Math.round(total / size));
/** Descriptors do not begin at 0. */
const FIRST = 24;
const gc = globalThis.gc ?? (() => {});

/** Connections, each with a channel of its own. */
class Part {
  readonly columns = new Columns();
  readonly hub = new Hub(
    () => {},
    () => {},
  );
  readonly clients = new Clients({ text: () => {}, disconnect: () => {} });

  open(): void {
    for (let fd = FIRST; fd < FIRST + size; fd++) {
      this.columns.begin(fd, phases.OPEN);
      this.clients.open(fd);
      this.clients.connect(fd);
    }
  }
}

function anonymousBytes(): number {
  gc();
  return 1024 * Number(/^Pss_Anon:\s+(\d+)/m.exec(readFileSync("/proc/self/smaps_rollup", "utf8"))?.[1]);
}

/** Nanoseconds of CPU for each connection of all sets. */
function ns(work: (part: Part) => void): number {
  const begin = process.cpuUsage();
  for (const part of parts) work(part);
  const { user, system } = process.cpuUsage(begin);
  return ((user + system) * 1000) / (sets * size);
}

const names = Array.from({ length: size }, (_, i) => `mail:${i}`);
/** An order that is nobody's, the same in each run. */
const order = Uint32Array.from(names.keys()).sort(
  (one, other) => ((one * 2654435761) % 2 ** 32) - ((other * 2654435761) % 2 ** 32),
);

function subscribeAll({ hub }: Part): void {
  for (let i = 0; i < size; i++) hub.subscribe(FIRST + i, names[i] as string);
}
function unsubscribeAll({ hub }: Part): void {
  for (const i of order) hub.unsubscribe(FIRST + i, names[i] as string);
}

/** A publication to a channel that all have joined, which goes nowhere. */
async function fanout(part: Part): Promise<number> {
  let sent = 0;
  const way = new Fanout({
    text: () => {},
    multicast: (_, __, count) => {
      sent += count;
    },
    isBlocked: () => false,
  });
  for (let i = 0; i < size; i++) part.hub.subscribe(FIRST + i, "all");
  const begin = process.cpuUsage();
  const rounds = Math.ceil(total / size / sets) * 4;
  for (let i = 1; i <= rounds; i++) {
    way.publish(part.hub, part.hub.channel("all"), '{"push":{"channel":"all","pub":{"data":1}}}');
    while (sent < i * size) await new Promise((resolve) => setImmediate(resolve));
  }
  const { user, system } = process.cpuUsage(begin);
  for (let i = 0; i < size; i++) part.hub.unsubscribe(FIRST + i, "all");
  return ((user + system) * 1000) / (rounds * size);
}

const heartbeat = { headSecondsMax: 10, heartbeatSeconds: 40, pongSecondsMax: 10, closeSecondsMax: 5 };
function sweep({ columns }: Part): void {
  const one = new Heartbeat(
    columns,
    heartbeat,
    () => true,
    () => {},
  );
  for (let tick = 0; tick < 32; tick++) one.tick();
}
function ping({ clients }: Part): void {
  for (let tick = 0; tick < limits.protocolPingSeconds; tick++) clients.tick();
}

// Once for the compiler.
let parts = [new Part()];
for (let i = 0; i < Math.max(3, 60_000 / size); i++) {
  for (const part of parts) {
    part.open();
    subscribeAll(part);
    unsubscribeAll(part);
    sweep(part);
    ping(part);
  }
}
await fanout(parts[0] as Part);
parts = [];
const before = anonymousBytes();
parts = Array.from({ length: sets }, () => new Part());
for (const part of parts) part.open();
const first = ns(subscribeAll);
const bytes = (anonymousBytes() - before) / (sets * size);
const unsubscribe = ns(unsubscribeAll);
const again = ns(subscribeAll);
const swept = ns(sweep);
const pinged = ns(ping);
let fanned = 0;
for (const part of parts) fanned += (await fanout(part)) / sets;
process.stdout.write(`${JSON.stringify({ bytes, subscribe: first, unsubscribe, again, swept, pinged, fanned })}\n`);
