import { setTimeout as pause } from "node:timers/promises";
import type { Bound } from "../report/results.ts";
import { cpuNs } from "../vitals.ts";
import { outputOf, startServer } from "./children.ts";
import type { Contestant, Service } from "./contestants.ts";
import { Load } from "./load.ts";
import { NOTIFICATION, Publisher } from "./publish.ts";
import type { Size, Trial } from "./trial.ts";

/** A kind of publication. */
interface Kind {
  readonly id: string;
  readonly title: string;
  readonly note: string;
  readonly bound: Bound;
  /** What clients subscribe to, by their number. */
  readonly channel: string;
  subscribers(size: Size): number;
  /** What one call publishes to. */
  channels(size: Size): readonly string[];
  /** Calls that are measured: enough for the steps of 10 ms in which CPU is told. */
  readonly calls: number;
  readonly pauseMs: number;
}

const DISTINCT_MAX = 1000;
const WARM_UP_CALLS = 5;

/** CPU for each delivery: to many in one channel, and to many channels with one subscriber each. */
export const fanoutTrials: readonly Trial[] = [
  fanoutTrial({
    id: "fanout",
    title: "CPU for each delivery, one channel with all subscribers",
    note: "User and system time of the server's processes, by deliveries: 30 publications, four a second.",
    bound: { subject: "belfry", of: "floor", most: 1.3 },
    channel: "all",
    subscribers: ({ subscribers }) => subscribers,
    channels: () => ["all"],
    calls: 30,
    pauseMs: 250,
  }),
  fanoutTrial({
    id: "distinct",
    title: "CPU for each delivery, 1,000 channels with one subscriber each",
    note: "The same, where a call publishes to all the channels: 150 calls, ten a second.",
    bound: { subject: "belfry", of: "floor", most: 1.6 },
    channel: "own:%d",
    subscribers: distinct,
    channels: (size) => Array.from({ length: distinct(size) }, (_, i) => `own:${i}`),
    calls: 150,
    pauseMs: 100,
  }),
];

function distinct({ subscribers }: Size): number {
  return Math.min(DISTINCT_MAX, subscribers);
}

function fanoutTrial(kind: Kind): Trial {
  const { id, title, note, bound } = kind;
  const floor = " The floor is bare sends of as many bytes, paced, to as many.";
  return {
    name: id,
    measures: [{ id, title, unit: "µs", better: "less", note: note + floor, bounds: [bound] }],
    skips: ({ channels, sends }) => (channels || sends ? undefined : "has no channels"),
    async run(contestant, size) {
      const subscribers = kind.subscribers(size);
      if (contestant.sends) return { [id]: await bareSends(contestant.sends(subscribers, bytesOf(kind, size))) };
      return { [id]: await ofServer(contestant, kind, size) };
    },
  };
}

async function ofServer(contestant: Contestant, kind: Kind, size: Size): Promise<number> {
  const service = contestant.channels as Service;
  const [subscribers, channels] = [kind.subscribers(size), kind.channels(size)];
  const server = await startServer(service.command);
  const order = { scenario: "subscribe", connections: subscribers, channel: kind.channel } as const;
  const load = new Load(contestant, service, server.port, order);
  try {
    await load.opened();
    let expected = await load.received();
    const call = async (times: number) => {
      const publisher = new Publisher(server.port);
      for (let i = 0; i < times; i++) {
        await publisher.publish(channels);
        await pause(kind.pauseMs);
      }
      publisher.close();
      expected += times * subscribers;
      await load.hasReceived(expected);
    };
    await call(WARM_UP_CALLS);
    const before = cpuNs(server.pid);
    await call(kind.calls);
    const us = (cpuNs(server.pid) - before) / (kind.calls * subscribers) / 1000;
    await load.summary(true);
    return us;
  } finally {
    await server.stop();
  }
}

async function bareSends(command: readonly string[]): Promise<number> {
  const { paced } = JSON.parse(await outputOf(0, command)) as { paced: number };
  return paced / 1000;
}

/** Bytes of the frame that a subscriber gets of Belfry. */
function bytesOf(kind: Kind, size: Size): number {
  const text = JSON.stringify({ push: { channel: kind.channels(size).at(-1), pub: { data: NOTIFICATION } } });
  return 2 + text.length;
}
