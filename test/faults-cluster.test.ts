import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { connectNats } from "../src/bus/index.ts";
import { followersOf, Numbers } from "./numbered.ts";
import {
  type Ending,
  folderOf,
  freePort,
  isFull,
  launchApi,
  natsSkip,
  type Running,
  startApi,
  startNatsServer,
} from "./processes.ts";

/** When a server has come back nats-server 2.9.10 may elect a leader that does not listen to its stream's subjects. */
const KILLS = isFull ? 2 : 1;
const COUNT = 3;

/** Servers of NATS that are one Bus. */
class Cluster {
  readonly ports: number[] = [];
  readonly #monitors: number[] = [];
  readonly #configs: string[] = [];
  readonly #servers: (Running | undefined)[] = [];
  readonly #folder: string;
  readonly #t: Ending;

  private constructor(t: Ending) {
    this.#t = t;
    this.#folder = folderOf(t);
  }

  /** Starts all of them. */
  static async start(t: Ending): Promise<Cluster> {
    const cluster = await Cluster.make(t);
    await Promise.all(cluster.ports.map((_, i) => cluster.begin(i)));
    await cluster.untilReady();
    return cluster;
  }

  /** None of them runs yet. */
  static async make(t: Ending): Promise<Cluster> {
    const cluster = new Cluster(t);
    const routes: number[] = [];
    for (let i = 0; i < COUNT; i++) {
      cluster.ports.push(await freePort());
      cluster.#monitors.push(await freePort());
      routes.push(await freePort());
    }
    for (let i = 0; i < COUNT; i++) {
      const config = join(cluster.#folder, `${i}.conf`);
      const others = routes.map((port) => `"nats://127.0.0.1:${port}"`).join(", ");
      writeFileSync(
        config,
        `server_name: s${i}\nhttp: "127.0.0.1:${cluster.#monitors[i]}"\n` +
          `cluster { name: c, listen: "127.0.0.1:${routes[i]}", routes: [${others}] }\n` +
          "authorization { users: [{user: a, password: a}, {user: b, password: b}, {user: p, password: p}] }\n",
      );
      cluster.#configs.push(config);
    }
    return cluster;
  }

  /** The URL of all servers, for a user. */
  url(user: string): string {
    return this.ports.map((port) => `nats://${user}:${user}@127.0.0.1:${port}`).join(",");
  }

  /** Starts a server. */
  async begin(i: number): Promise<void> {
    const data = join(this.#folder, `${i}`);
    const more = ["-c", this.#configs[i] as string];
    this.#servers[i] = await startNatsServer(this.#t, { port: this.ports[i] as number, data, more });
  }

  /** Ends a server without a word. */
  async kill(i: number): Promise<void> {
    await this.#servers[i]?.kill("SIGKILL");
  }

  /** Waits until every server knows all others, and a leader; JetStream says so of itself. */
  async untilReady(): Promise<void> {
    for (const monitor of this.#monitors) {
      for (;;) {
        const { status } = await fetch(`http://127.0.0.1:${monitor}/healthz`);
        if (status === 200) break;
      }
    }
  }

  /** At which server a user is. */
  async whereIs(user: string): Promise<number> {
    for (const [i, monitor] of this.#monitors.entries()) {
      const answer = await fetch(`http://127.0.0.1:${monitor}/connz?auth=true`);
      const { connections } = (await answer.json()) as { connections: { authorized_user: string }[] };
      if (connections.some((one) => one.authorized_user === user)) return i;
    }
    return -1;
  }
}

/** Two APIs, each at another server of the cluster: "a" and "b". */
async function startApis(t: Ending, cluster: Cluster, how: { prefix: string; historyReplicas?: number }) {
  const ports = [await freePort(), await freePort()] as const;
  const first = await startApi(t, ports[0], { ...how, url: cluster.url("a") });
  const at = await cluster.whereIs("a");
  // Which of several a client takes is chance.
  let second = await startApi(t, ports[1], { ...how, url: cluster.url("b") });
  while ((await cluster.whereIs("b")) === at) {
    await second.kill("SIGKILL");
    second = await startApi(t, ports[1], { ...how, url: cluster.url("b") });
  }
  return { ports, first, second };
}

test("three nats-servers: a publication reaches the clients of all, and goes on to when one of them is killed", {
  skip: natsSkip,
  timeout: 100_000,
}, async (t) => {
  const cluster = await Cluster.start(t);
  const how = { prefix: "t" };
  const { ports, first } = await startApis(t, cluster, how);
  const broker = await connectNats({ ...how, url: cluster.url("p") });
  t.after(() => broker.close());
  const channels = ["a", "b"];
  const followers = await followersOf(t, ports, channels, 4);
  let number = 0;
  const reach = async (count: number) => {
    const wanted = followers.map(({ got }) => got.length + count);
    while (followers.some(({ got }, i) => got.length < (wanted[i] as number))) {
      number++;
      // One that was on its way to the server that died may be lost: it has no history.
      await Promise.all(channels.map((channel) => broker.publish(channel, `${number}`).catch(() => {})));
      await pause(5);
    }
  };
  await reach(20);
  const from = first.lines.length;
  await cluster.kill(await cluster.whereIs("a"));
  await first.says(/the Bus is back/, from);
  await reach(20);
  for (const { channel, got, connected } of followers) {
    assert.equal(connected, 1, `${channel}: it stayed connected`);
    assert.ok(
      got.every((number, i) => i === 0 || number > (got[i - 1] as number)),
      `${channel}: once, and in order`,
    );
  }
  t.diagnostic(
    `${number} publications to each of ${channels.length} channels, at least 40 to each of ${followers.length} clients`,
  );
});

// Not each time: see KILLS. What must hold in every run is the test before.
if (isFull) {
  test(`three nats-servers with replicas: over ${KILLS} kill -9 of an API's own, clients of both get everything`, {
    skip: natsSkip,
    timeout: 200_000,
  }, async (t) => {
    const cluster = await Cluster.start(t);
    const how = { prefix: "t", historyReplicas: COUNT };
    const { ports, first, second } = await startApis(t, cluster, how);
    const broker = await connectNats({ ...how, url: cluster.url("p") });
    t.after(() => broker.close());
    const followers = await followersOf(t, ports, ["a", "b"], 4);
    const numbers = new Numbers(t, broker, followers);
    for (let kill = 0; kill < KILLS; kill++) {
      await numbers.pass(20);
      const [api, user] = kill % 2 === 0 ? [first, "a"] : [second, "b"];
      const server = await cluster.whereIs(user);
      const from = api.lines.length;
      await cluster.kill(server);
      await api.says(/the Bus is back/, from);
      await numbers.pass(20);
      await cluster.begin(server);
      await cluster.untilReady();
    }
    await numbers.pass(20);
    await numbers.finish();
    for (const { channel, connected, told } of followers) {
      assert.equal(connected, 1, `${channel}: it stayed connected`);
      assert.deepEqual(told, [], `${channel}: the history had everything`);
    }
    const returns = followers.reduce((sum, { subscribed }) => sum + subscribed - 1, 0);
    t.diagnostic(
      `${KILLS} kills, ${numbers.acknowledged} acknowledged, ${numbers.rejected} rejected, ` +
        `${numbers.delivered} deliveries, ${returns} recoveries of subscriptions`,
    );
  });
}

test("an API that is there before most of its NATS servers waits for them, and has histories then", {
  skip: natsSkip,
  timeout: 100_000,
}, async (t) => {
  const cluster = await Cluster.make(t);
  await cluster.begin(0);
  const port = await freePort();
  const how = { prefix: "t", historyReplicas: COUNT, url: cluster.url("a") };
  const api = await launchApi(t, port, how);
  await api.says(/histories are not to be had yet/);
  await cluster.begin(1);
  await cluster.begin(2);
  await api.says(/^listening/);
  const broker = await connectNats(how);
  t.after(() => broker.close());
  const followers = await followersOf(t, [port], ["a"], 1);
  const numbers = new Numbers(t, broker, followers);
  await numbers.pass(5);
  await numbers.finish();
});
