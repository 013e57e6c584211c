import { parseArgs } from "node:util";
import { build } from "hdr-histogram-js";
import type { Opened, Progress, Summary } from "./load.ts";
import { frameOf, SocketIoClient } from "./socket-io-client.ts";

// A process of clients of Socket.IO, which takes as many options of `belfry load` as are needed here, and says what it says:
// `node socket-io-load.js ws://127.0.0.1:8000/socket.io/?EIO=4&transport=websocket --scenario echo --connections 500`.

/** Handshakes under way at once. */
const OPENING = 256;
const CONNECTIONS_PER_ADDRESS = 15_000;
const US_MAX = 60_000_000;

interface Member {
  readonly client: SocketIoClient;
  /** When those of its messages were due that are not answered, in milliseconds. */
  readonly due: number[];
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    scenario: { type: "string", default: "idle" },
    connections: { type: "string", default: "1" },
    busy: { type: "string" },
    rate: { type: "string" },
    size: { type: "string", default: "32" },
    channel: { type: "string", default: "all" },
    seconds: { type: "string", default: "0" },
    from: { type: "string", default: "127.0.0.2-127.0.0.60" },
  },
});
const [connections, seconds, rate] = [Number(values.connections), Number(values.seconds), Number(values.rate ?? 0)];
const busy = Math.min(connections, Number(values.busy ?? connections));
const url = new URL(positionals[0] ?? "");
const [, network = "", firstHost = ""] = /^(.*\.)(\d+)-/.exec(values.from) ?? [];
const echo = frameOf(`42["m","${"a".repeat(Number(values.size))}"]`);
const times = build({ lowestDiscernibleValue: 1, highestTrackableValue: US_MAX, numberOfSignificantValueDigits: 3 });
const members: Member[] = [];
const begin = performance.now();
let ready = 0;
let received = 0;
let lost = 0;
let runsFrom = 0;

while (members.length < Math.min(OPENING, connections)) join();
process.once("SIGTERM", end);

function join(): void {
  const number = members.length;
  const due: number[] = [];
  const subscribes = values.scenario === "subscribe";
  const client = new SocketIoClient({
    url,
    localAddress: `${network}${Number(firstHost) + Math.floor(number / CONNECTIONS_PER_ADDRESS)}`,
    connected() {
      if (!subscribes) return joined();
      client.send(frameOf(`420["subscribe",${JSON.stringify(values.channel.replace("%d", `${number}`))}]`));
    },
    message(text) {
      if (text.startsWith("43")) return joined();
      received++;
      const since = due.shift();
      if (since === undefined) return;
      times.recordValue(Math.min(US_MAX, Math.round((performance.now() - since) * 1000)));
      if (rate === 0) send({ client, due }, performance.now());
    },
    ended: () => void lost++,
  });
  members.push({ client, due });
}

function joined(): void {
  if (++ready < connections) {
    if (members.length < connections) join();
    return;
  }
  runsFrom = performance.now();
  const took = (runsFrom - begin) / 1000;
  say({ event: "open", connections, failed: lost, perSecond: connections / took });
  setInterval(() => say({ event: "progress", received }), 1000);
  if (seconds > 0) setTimeout(end, seconds * 1000);
  if (values.scenario !== "echo") return;
  if (rate > 0) pace();
  else for (const member of members.slice(0, busy)) send(member, performance.now());
}

function send({ client, due }: Member, since: number): void {
  due.push(since);
  client.send(echo);
}

/** Open loop: what is due is sent, in turn by each, whether or not an earlier one was answered. */
function pace(): void {
  let sent = 0;
  setInterval(() => {
    const now = performance.now();
    for (; runsFrom + (sent * 1000) / rate <= now; sent++) {
      send(members[sent % busy] as Member, runsFrom + (sent * 1000) / rate);
    }
  }, 1);
}

function end(): void {
  const [p50 = 0, p99 = 0, p999 = 0] = [50, 99, 99.9].map((percent) => times.getValueAtPercentile(percent) / 1000);
  const perSecond = (received * 1000) / (performance.now() - runsFrom);
  const errors = lost > 0 ? { lost } : {};
  say({ event: "summary", messages: received, perSecond, latencyMs: { p50, p99, p999 }, errors });
  process.exit(ready < connections ? 1 : 0);
}

function say(line: Opened | Progress | Summary): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
