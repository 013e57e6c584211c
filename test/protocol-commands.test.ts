import { describe, it } from "node:test";
import type { PushOptions, PushServer } from "../src/push/index.ts";
import { refused, SECRET } from "./protocol-client.ts";
import { BAD_REQUEST, CONNECT, CONNECTED, play, type Row, row, then } from "./protocol-row.ts";

// The commands about channels beside subscribe: what a client sends, and all that it is answered.

const subscribing = { allowSubscribeForClient: true, allowSubscribeForAnonymous: true };
const history = { historySize: 3, historySeconds: 60 };
const usual: PushOptions = {
  tokens: { hmacSecret: SECRET },
  channels: {
    withoutNamespace: { ...subscribing, allowPublishForClient: true, allowPublishForAnonymous: true },
    namespaces: {
      closed: { ...history, presence: true },
      read: { ...subscribing, ...history, allowHistoryForSubscriber: true, allowHistoryForAnonymous: true },
      here: { ...subscribing, presence: true, allowPresenceForClient: true, allowPresenceForAnonymous: true },
      said: { ...subscribing, allowPublishForSubscriber: true, allowPublishForAnonymous: true },
    },
  },
};

const LONG = "ä".repeat(128);

type Fields = Readonly<Record<string, unknown>>;
const subscribe = (id: number, channel: string) => ({ id, subscribe: { channel } });
const subscribed = (id: number) => ({ id, subscribe: {} });
const publishTo = (channel: string, count: number) => async (server: PushServer) => {
  for (let i = 1; i <= count; i++) await server.operations.publish(channel, `${i}`, {});
};
const pubs = (...offsets: number[]) => offsets.map((offset) => ({ data: offset, offset }));
const ask = (method: string, id: number, channel: string, more: Fields = {}) => ({
  id,
  [method]: { channel, ...more },
});
const read = (id: number, more: Fields) => ask("history", id, "read:a", more);
const HISTORY = { epoch: "EPOCH", offset: 5 };
const inside = subscribe(2, "read:a");

const others: Row[] = [
  then(
    "unsubscribe ends a subscription",
    [subscribe(2, "a"), ask("unsubscribe", 3, "a"), subscribe(4, "a")],
    [subscribed(2), { id: 3, unsubscribe: {} }, subscribed(4)],
  ),
  then("unsubscribe without a subscription does as well", [ask("unsubscribe", 2, "x:a")], [{ id: 2, unsubscribe: {} }]),
  ...["unsubscribe", "publish", "presence", "presence_stats", "history", "sub_refresh"].map((method) =>
    then(`${method} without a channel closes`, [ask(method, 2, "")], [BAD_REQUEST]),
  ),
  ...["publish", "presence", "presence_stats", "history"].flatMap((method) => [
    then(`${method} in an unknown namespace is 102`, [ask(method, 2, "x:a")], [refused(2, 102)]),
    then(`${method} in a channel with too long a name is 107`, [ask(method, 2, LONG)], [refused(2, 107)]),
    then(`${method} that is not allowed is 103`, [ask(method, 2, "closed:a", { data: 1 })], [refused(2, 103)]),
  ]),
  ...["presence", "presence_stats", "history"].map((method) =>
    then(`${method} of a channel that has none is 108`, [ask(method, 2, "a")], [refused(2, 108)]),
  ),
  then("publish without data is 107", [ask("publish", 2, "a")], [refused(2, 107)]),
  then("publish has no content in its reply", [ask("publish", 2, "a", { data: 0 })], [{ id: 2, publish: {} }]),
  then(
    "a subscriber gets what it publishes itself, before the reply",
    [
      ask("publish", 2, "said:a", { data: 1 }),
      subscribe(3, "said:a"),
      ask("publish", 4, "said:a", { data: { x: [] } }),
    ],
    [
      refused(2, 103),
      subscribed(3),
      { push: { channel: "said:a", pub: { data: { x: [] }, info: { client: "CLIENT" } } } },
      { id: 4, publish: {} },
    ],
  ),
  then("presence of an empty channel", [ask("presence", 2, "here:a")], [{ id: 2, presence: { presence: {} } }]),
  then(
    "presence tells who is there, presence_stats how many",
    [subscribe(2, "here:a"), ask("presence", 3, "here:a"), ask("presence_stats", 4, "here:a")],
    [
      subscribed(2),
      { id: 3, presence: { presence: { CLIENT: { client: "CLIENT" } } } },
      { id: 4, presence_stats: { num_clients: 1, num_users: 1 } },
    ],
  ),
  ...(
    [
      ["without a limit, the position alone", {}, []],
      ["of a limit of 0, the position alone", { limit: 0 }, []],
      ["of a limit, the oldest", { limit: 2 }, pubs(3, 4)],
      ["of a limit below 0, all there is", { limit: -1 }, pubs(3, 4, 5)],
      ["of a limit over 300, all there is", { limit: 10_000 }, pubs(3, 4, 5)],
      ["in reverse, the newest first", { limit: 2, reverse: true }, pubs(5, 4)],
      ["since an offset, what stands behind it", { limit: 9, since: { offset: 4 } }, pubs(5)],
      [
        "since an offset in reverse, what stands before it",
        { limit: 9, since: { offset: 5 }, reverse: true },
        pubs(4, 3),
      ],
    ] as const
  ).map(([name, query, publications]) =>
    then(
      `history: ${name}`,
      [inside, read(3, query)],
      [subscribed(2), { id: 3, history: { publications, ...HISTORY } }],
      publishTo("read:a", 5),
    ),
  ),
  then(
    "history of an empty channel has no offset",
    [inside, read(3, { limit: 9 })],
    [subscribed(2), { id: 3, history: { publications: [], epoch: "EPOCH" } }],
  ),
  then(
    "history since another epoch is 112",
    [inside, read(3, { since: { offset: 0, epoch: "x" } })],
    [subscribed(2), refused(3, 112)],
  ),
  then(
    "history in reverse since offset 0 is 107",
    [inside, read(3, { reverse: true, since: { offset: 0 } })],
    [subscribed(2), refused(3, 107)],
  ),
  then(
    "history with a limit that is no whole number is 107",
    [inside, read(3, { limit: 1.5 })],
    [subscribed(2), refused(3, 107)],
  ),
  then("rpc without a hook is 104", [{ id: 2, rpc: { method: "x" } }], [refused(2, 104)]),
  row("refresh without keys is 108", [CONNECT, { id: 2, refresh: { token: "x" } }], [CONNECTED, refused(2, 108)], {
    tokens: {},
  }),
  then("refresh without a token closes", [{ id: 2, refresh: {} }], [BAD_REQUEST]),
  row("sub_refresh without keys is 108", [CONNECT, ask("sub_refresh", 2, "a")], [CONNECTED, refused(2, 108)], {
    tokens: {},
  }),
  then("sub_refresh without a subscription is 103", [ask("sub_refresh", 2, "a", { token: "x" })], [refused(2, 103)]),
  then(
    "sub_refresh without a token is 107",
    [subscribe(2, "a"), ask("sub_refresh", 3, "a")],
    [subscribed(2), refused(3, 107)],
  ),
];

describe("protocol: commands about channels", () => {
  for (const one of others) it(one.name, (t) => play(t, one, usual));
});
