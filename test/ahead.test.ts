import assert from "node:assert/strict";
import { test } from "node:test";
import { type Broker, type BrokerListener, MemoryBroker, type Publication } from "../src/bus/index.ts";
import { ProtocolClient, serve } from "./protocol-client.ts";

const channels = {
  withoutNamespace: {
    ...{ historySize: 10, historySeconds: 60, forceRecovery: true },
    ...{ allowSubscribeForClient: true, allowSubscribeForAnonymous: true, allowTagsFilter: true },
  },
};
const HOW = { history: { size: 10, seconds: 60 } };

/** A Bus whose publications stand in the history before they are delivered: `deliver` does that. */
function lateBus(): { broker: Broker; deliver: () => void } {
  const memory = new MemoryBroker();
  const waiting: Publication[] = [];
  const listeners = new Set<BrokerListener>();
  const listen = (listener: BrokerListener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  memory.listen({
    publication: (publication) => void waiting.push(publication),
    event: () => {},
    control: () => {},
    missed: () => {},
  });
  const deliver = () => {
    for (const one of waiting.splice(0)) for (const listener of listeners) listener.publication(one);
  };
  return { broker: Object.assign(memory as Broker, { listen }), deliver };
}

for (const [name, tf] of [
  ["a subscriber", undefined],
  ["a subscriber with a filter", { key: "kind", cmp: "nex" }],
] as const) {
  test(`${name} that reads what has not been delivered yet takes it from nobody, and gets it once`, async (t) => {
    const { broker, deliver } = lateBus();
    const { port } = await serve(t, { broker, channels });
    const subscribed = async (fields: object) => {
      const { client } = await ProtocolClient.connect(t, port);
      client.send({ id: 2, subscribe: { channel: "a", ...(tf && { tf }), ...fields } });
      const { subscribe } = (await client.next()) as { subscribe: { epoch: string; publications?: object[] } };
      return { client, ...subscribe };
    };
    await broker.publish("a", "1", HOW);
    deliver();
    const first = await subscribed({});
    await broker.publish("a", "2", HOW);
    const second = await subscribed({ recover: true, offset: 1, epoch: first.epoch });
    assert.deepEqual(second.publications, [{ data: 2, offset: 2 }]);
    const third = await subscribed({});
    await broker.publish("a", "3", HOW);
    deliver();
    await broker.publish("a", "4", HOW);
    deliver();
    const gets = async (client: ProtocolClient, numbers: number[]) => {
      for (const n of numbers) {
        assert.deepEqual(await client.next(), { push: { channel: "a", pub: { data: n, offset: n } } });
      }
    };
    await gets(first.client, [2, 3, 4]);
    await gets(second.client, [3, 4]);
    await gets(third.client, [3, 4]);
  });
}
