import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { type WebSocket, WebSocketServer } from "ws";
import { CrowdClient } from "./crowd/client.ts";

/** What a server says to a subscription, and what a client counts. */
interface Row {
  readonly title: string;
  /** Of each connection in turn: the subscribe result, and the numbers that follow. The last one stays. */
  readonly connections: readonly { readonly result: object; readonly numbers: readonly number[] }[];
  readonly faults: object;
}

const none = { lost: 0, twice: 0, disordered: 0, unrecovered: 0 };
const first = { offset: 0, epoch: "a" };
const pubs = (...numbers: number[]) => numbers.map((number) => ({ data: number, offset: number }));

const rows: readonly Row[] = [
  { title: "nothing amiss", connections: [{ result: first, numbers: [1, 2, 3] }], faults: none },
  { title: "a gap", connections: [{ result: first, numbers: [1, 4, 5] }], faults: { ...none, lost: 2 } },
  { title: "the same again", connections: [{ result: first, numbers: [1, 1, 2] }], faults: { ...none, twice: 1 } },
  {
    title: "an older one",
    connections: [{ result: first, numbers: [1, 2, 1, 3] }],
    faults: { ...none, disordered: 1 },
  },
  {
    title: "a return that brings what was missed",
    connections: [
      { result: first, numbers: [1] },
      { result: { ...first, recovered: true, publications: pubs(2, 3) }, numbers: [4] },
    ],
    faults: none,
  },
  {
    title: "a return that brings too little",
    connections: [
      { result: first, numbers: [1] },
      { result: { ...first, recovered: true, publications: pubs(2) }, numbers: [4] },
    ],
    faults: { ...none, lost: 1 },
  },
  {
    title: "a return that brings too much",
    connections: [
      { result: first, numbers: [1, 2] },
      { result: { ...first, recovered: true, publications: pubs(2, 3) }, numbers: [4] },
    ],
    faults: { ...none, twice: 1 },
  },
  {
    title: "a return that cannot bring it",
    connections: [
      { result: first, numbers: [1] },
      { result: { offset: 5, epoch: "b" }, numbers: [6] },
    ],
    faults: { ...none, unrecovered: 1 },
  },
];

for (const { title, connections, faults } of rows) {
  test(`CrowdClient: ${title} is ${JSON.stringify(faults)}`, async (t) => {
    const recovers: unknown[] = [];
    const port = await scripted(t, connections, recovers);
    const expected = connections.at(-1)?.numbers.at(-1);
    const client = await new Promise<CrowdClient>((resolve) => {
      const client: CrowdClient = new CrowdClient({
        port,
        channel: "crowd:0",
        published: () => {
          if (client.returns === connections.length && client.last === expected) resolve(client);
        },
      });
      t.after(() => client.close());
      client.connect();
    });
    assert.deepEqual(client.faults, faults);
    assert.deepEqual(recovers, [undefined, ...connections.slice(1).map(() => connections[0]?.numbers.at(-1))]);
  });
}

/** A server that says to each connection what its row has for it, and ends all but the last with 3001. */
async function scripted(t: TestContext, connections: Row["connections"], recovers: unknown[]): Promise<number> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  t.after(() => server.close());
  let next = 0;
  server.on("connection", (socket: WebSocket) => {
    const turn = connections[next++];
    socket.on("error", () => {});
    socket.once("message", (data) => {
      const [, command = ""] = data.toString().split("\n");
      recovers.push((JSON.parse(command) as { subscribe: { offset?: number } }).subscribe.offset);
      socket.send(`{"id":1,"connect":{}}\n${JSON.stringify({ id: 2, subscribe: turn?.result })}`);
      for (const pub of pubs(...(turn?.numbers ?? [])))
        socket.send(JSON.stringify({ push: { channel: "crowd:0", pub } }));
      if (next < connections.length) socket.close(3001, "shutdown");
    });
  });
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}
