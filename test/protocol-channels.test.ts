import { describe, it } from "node:test";
import type { PushOptions, PushServer } from "../src/push/index.ts";
import { inSeconds, refused, SECRET, tokenOf } from "./protocol-client.ts";
import { BAD_REQUEST, CONNECT, CONNECTED, INVALID_TOKEN, play, type Row, row, then } from "./protocol-row.ts";

// The commands about channels: what a client sends, and all that it is answered.

const subscribing = { allowSubscribeForClient: true, allowSubscribeForAnonymous: true };
const history = { historySize: 3, historySeconds: 60 };
const usual: PushOptions = {
  channelsPerClientMax: 2,
  tokens: { hmacSecret: SECRET },
  channels: {
    withoutNamespace: { ...subscribing, allowPublishForClient: true, allowPublishForAnonymous: true },
    namespaces: {
      closed: { ...history, presence: true },
      stream: { ...subscribing, ...history, allowRecovery: true, allowPositioning: true },
      forced: { ...subscribing, ...history, forceRecovery: true },
      placed: { ...subscribing, ...history, forcePositioning: true },
      cache: { ...subscribing, ...history, allowRecovery: true, recoveryMode: "cache" },
      users: { allowUserLimitedChannels: true },
      digits: { ...subscribing, channelRegex: "^[0-9]+$" },
    },
  },
};

const LONG = "ä".repeat(127);

type Fields = Readonly<Record<string, unknown>>;
const command = (method: string) => (id: number, channel: unknown, more: Fields) => ({
  id,
  [method]: { channel, ...more },
});
const subscribe = (id: number, channel: unknown, more: Fields = {}) => command("subscribe")(id, channel, more);
const subscribed = (id: number, result: Fields = {}) => ({ id, subscribe: result });
const token = (claims: object, secret?: string) => ({ token: tokenOf({ sub: "", ...claims }, secret) });
const exp = inSeconds(3600);

/** A subscribe command that breaks one rule, or several, of which the first is told. */
const refuses = (
  name: string,
  code: number,
  channel: unknown,
  more: Fields = {},
  first: object[] = [],
  got: object[] = [],
) => {
  return then(name, [...first, subscribe(9, channel, more)], [...got, refused(9, code)]);
};
const two = [subscribe(2, "a"), subscribe(3, "b")];
const both = [subscribed(2), subscribed(3)];

const checks: Row[] = [
  then("no channel closes, whatever else is wrong", [subscribe(2, "", { type: 1 })], [BAD_REQUEST]),
  then("no field channel closes", [{ id: 2, subscribe: {} }], [BAD_REQUEST]),
  refuses("a channel that is no text is 107", 107, 7),
  then("a channel of 255 bytes is taken", [subscribe(2, `${LONG}x`)], [subscribed(2)]),
  refuses("one byte more is 107, before the type is looked at", 107, `${LONG}xy`, { type: 1 }),
  refuses("half a surrogate pair is 107", 107, "a\ud800"),
  refuses("another type than a stream is 108, before it is looked for", 108, "a", { type: 1 }, two, both),
  refuses("a channel that is subscribed already is 105, before they are counted", 105, "a", {}, two, both),
  refuses(
    "one channel more than channelsPerClientMax is 106, before its namespace is looked for",
    106,
    "x:c",
    {},
    two,
    both,
  ),
  refuses("an unknown namespace is 102, before the token is looked at", 102, "x:c", { token: "x" }),
  refuses("a name that channelRegex refuses is 107, before the token is looked at", 107, "digits:x", { token: "x" }),
  then("a name that channelRegex allows is taken", [subscribe(2, "digits:42")], [subscribed(2)]),
  refuses("what the namespace does not allow is 103", 103, "closed:a"),
  refuses("a private channel without a token is 103", 103, "$a"),
  refuses("a channel that is limited to other users is 103", 103, "users:a#42,43"),
  refuses("a channel that is limited to nobody is 103 for an anonymous client", 103, "users:a#"),
  row(
    "a channel that is limited to the user is taken, where the namespace says so",
    [{ id: 1, connect: token({ sub: "42" }) }, subscribe(2, "users:a#42,43"), subscribe(3, "a#42")],
    [CONNECTED, subscribed(2), refused(3, 103)],
  ),
  refuses("a token that has expired is 109", 109, "closed:a", token({ channel: "closed:a", exp: 1 })),
  refuses("a subscription that has expired is 110", 110, "closed:a", token({ channel: "closed:a", expire_at: 1 })),
  refuses("a token of another secret is 103", 103, "closed:a", token({ channel: "closed:a" }, "other")),
  refuses("a token that is none is 103", 103, "closed:a", { token: "x" }),
  then("a token of another user closes", [subscribe(2, "a", token({ sub: "42", channel: "a" }))], [INVALID_TOKEN]),
  then("a token for another channel closes", [subscribe(2, "a", token({ channel: "b" }))], [INVALID_TOKEN]),
  then("a token without a channel closes", [subscribe(2, "a", token({}))], [INVALID_TOKEN]),
  then(
    "a token lets in, and is told of, when it expires, with its data",
    [
      subscribe(2, "$a", token({ channel: "$a", exp, data: { x: 1 } })),
      subscribe(3, "closed:a", token({ channel: "closed:a" })),
    ],
    [subscribed(2, { expires: true, ttl: 3600, data: { x: 1 } }), subscribed(3)],
  ),
  then(
    "a subscription whose expire_at is 0 never expires",
    [subscribe(2, "$a", token({ channel: "$a", exp, expire_at: 0 }))],
    [subscribed(2)],
  ),
  row(
    "without keys a token is 103",
    [CONNECT, subscribe(2, "a", token({ channel: "a" }))],
    [CONNECTED, refused(2, 103)],
    {
      tokens: {},
    },
  ),
  ...Object.entries({ offset: -1, recover: 1, epoch: 7, token: 7, flag: "1", positioned: "yes" }).map(([name, value]) =>
    refuses(`${name} ${JSON.stringify(value)} is 107`, 107, "a", { [name]: value }),
  ),
  then(
    "fields that are not supported are ignored",
    [subscribe(2, "a", { delta: "fossil", flag: 1, x: 1 })],
    [subscribed(2)],
  ),
];

const publishTo = (channel: string, count: number) => async (server: PushServer) => {
  for (let i = 1; i <= count; i++) await server.operations.publish(channel, `${i}`, {});
};
const pubs = (...offsets: number[]) => offsets.map((offset) => ({ data: offset, offset }));
const end = (offset: number) => ({ positioned: true, epoch: "EPOCH", ...(offset > 0 && { offset }) });
const recover = (offset: number, more: Fields = {}) => ({ recover: true, offset, ...more });
const back = { recoverable: true, was_recovering: true };

const positions: Row[] = [
  then("without being asked for there is no position", [subscribe(2, "stream:a")], [subscribed(2)]),
  then(
    "`positioned` tells the end of the stream",
    [subscribe(2, "stream:a", { positioned: true })],
    [subscribed(2, end(2))],
    publishTo("stream:a", 2),
  ),
  then(
    "`recoverable` does so too",
    [subscribe(2, "stream:a", { recoverable: true })],
    [subscribed(2, { recoverable: true, ...end(0) })],
  ),
  then(
    "forceRecovery tells it to everybody",
    [subscribe(2, "forced:a")],
    [subscribed(2, { recoverable: true, ...end(1) })],
    publishTo("forced:a", 1),
  ),
  then(
    "forcePositioning tells it to everybody",
    [subscribe(2, "placed:a")],
    [subscribed(2, end(1))],
    publishTo("placed:a", 1),
  ),
  then(
    "where there is no history nothing is recovered",
    [subscribe(2, "a", recover(1, { flag: 2, positioned: true }))],
    [subscribed(2)],
  ),
  then(
    "what was missed comes in the result, whose offset is the client's own",
    [subscribe(2, "stream:a", recover(1))],
    [subscribed(2, { ...back, ...end(1), recovered: true, publications: pubs(2, 3) })],
    publishTo("stream:a", 3),
  ),
  then(
    "who missed nothing has recovered",
    [subscribe(2, "stream:a", recover(3))],
    [subscribed(2, { ...back, ...end(3), recovered: true })],
    publishTo("stream:a", 3),
  ),
  then(
    "who missed more than the history holds stands at its end",
    [subscribe(2, "stream:a", recover(1))],
    [subscribed(2, { ...back, ...end(5) })],
    publishTo("stream:a", 5),
  ),
  then(
    "who stands behind the end stands at the end",
    [subscribe(2, "stream:a", recover(9))],
    [subscribed(2, { ...back, ...end(3) })],
    publishTo("stream:a", 3),
  ),
  then(
    "another epoch is not recovered",
    [subscribe(2, "stream:a", recover(3, { epoch: "x" }))],
    [subscribed(2, { ...back, ...end(3) })],
    publishTo("stream:a", 3),
  ),
  then(
    "with bit 2 of `flag` what is not recovered is 112, and no subscription",
    [subscribe(2, "stream:a", recover(3, { epoch: "x", flag: 3 })), subscribe(3, "stream:a", recover(3, { flag: 2 }))],
    [refused(2, 112), subscribed(3, { ...back, ...end(3), recovered: true })],
    publishTo("stream:a", 3),
  ),
  then(
    "in the mode cache only the newest publication comes, and the offset is the end's",
    [subscribe(2, "cache:a", recover(1))],
    [subscribed(2, { ...back, ...end(3), recovered: true, publications: pubs(3) })],
    publishTo("cache:a", 3),
  ),
  then(
    "in the mode cache nothing is recovered where there is nothing",
    [subscribe(2, "cache:a", recover(0))],
    [subscribed(2, { ...back, ...end(0) })],
  ),
];

for (const [what, rows] of Object.entries({ "checks of subscribe": checks, positions })) {
  describe(`protocol: ${what}`, () => {
    for (const one of rows) it(one.name, (t) => play(t, one, usual));
  });
}
