import { CrowdClient, type Faults } from "./client.ts";

/** What a crowd is made of, as JSON on the command line. */
export interface CrowdOrder {
  readonly port: number;
  readonly clients: number;
  /** Their channels are `crowd:0`, `crowd:1`, …, in turn. */
  readonly channels: number;
  /** Clients that come in a second at the beginning. */
  readonly arrivalsPerSecond: number;
  /** The address that they come to: there are ports for some 28,000 connections to one. */
  readonly host?: string;
}

/** What is said to a crowd: whom to cut without a word, all or a number at random, the last number of each channel, or a question. */
export type CrowdWord = { cut: number | "all" } | { finals: readonly number[] } | { ask: "report" };

/** What it says, each second, and when it is asked. */
export interface CrowdReport {
  readonly subscribed: number;
  /** Subscriptions in all. */
  readonly returns: number;
  /** Attempts to connect, by the tenth of a second in which they began. */
  readonly attempts: Readonly<Record<number, number>>;
  readonly closes: Readonly<Record<number, number>>;
  readonly faults: Faults;
  readonly deliveries: number;
  /** Whether each client has the last number of its channel; false before the finals are known. */
  readonly isComplete: boolean;
}

// The process of a crowd: `node crowd/main.js JSON`, with a channel to its parent.
const order = JSON.parse(process.argv[2] ?? "") as CrowdOrder;
const attempts: Record<number, number> = {};
const clients: CrowdClient[] = [];
let deliveries = 0;
let finals: readonly number[] | undefined;

const arrivals = setInterval(() => {
  const due = Math.ceil(order.arrivalsPerSecond / 100);
  for (let i = 0; i < due && clients.length < order.clients; i++) {
    const client = new CrowdClient({
      port: order.port,
      channel: `crowd:${clients.length % order.channels}`,
      ...(order.host !== undefined && { host: order.host }),
      attempt: () => {
        const tenth = Math.floor(Date.now() / 100);
        attempts[tenth] = (attempts[tenth] ?? 0) + 1;
      },
      published: () => void deliveries++,
    });
    clients.push(client);
    client.connect();
  }
  if (clients.length === order.clients) clearInterval(arrivals);
}, 10);

process.on("message", (word: CrowdWord) => {
  if ("finals" in word) finals = word.finals;
  if ("cut" in word) cut(word.cut);
  report();
});
process.once("disconnect", () => process.exit());
setInterval(report, 200);

function cut(whom: number | "all"): void {
  if (whom === "all") for (const client of clients) client.cut();
  else for (let i = 0; i < whom; i++) clients[Math.floor(Math.random() * clients.length)]?.cut();
}

function report(): void {
  const faults: Faults = { lost: 0, twice: 0, disordered: 0, unrecovered: 0 };
  const closes: Record<number, number> = {};
  let subscribed = 0;
  let returns = 0;
  let complete = 0;
  for (const [i, client] of clients.entries()) {
    if (client.isSubscribed) subscribed++;
    returns += client.returns;
    for (const name of Object.keys(faults) as (keyof Faults)[]) faults[name] += client.faults[name];
    for (const [code, count] of Object.entries(client.closes))
      closes[Number(code)] = (closes[Number(code)] ?? 0) + count;
    if (client.isSubscribed && client.last === finals?.[i % order.channels]) complete++;
  }
  const isComplete = complete === order.clients;
  process.send?.({ subscribed, returns, attempts, closes, faults, deliveries, isComplete } satisfies CrowdReport);
}
