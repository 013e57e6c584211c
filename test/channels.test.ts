import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BelfryError } from "../src/index.ts";
import { type ChannelOptions, Channels, type ChannelsConfig, permits } from "../src/push/channels.ts";

const config: ChannelsConfig = {
  withoutNamespace: { presence: true },
  namespaces: {
    news: { allowSubscribeForClient: true },
    room: { joinLeave: true, channelRegex: "^[a-z]+(#[\\d,]+)?$" },
    "v1.x-y_z": { presence: true },
  },
};
const channels = new Channels(config);

/** What all channels have that are not told otherwise. */
const off: ChannelOptions = {
  presence: false,
  joinLeave: false,
  forcePushJoinLeave: false,
  historySize: 0,
  historySeconds: 0,
  forcePositioning: false,
  allowPositioning: false,
  forceRecovery: false,
  allowRecovery: false,
  recoveryMode: "stream",
  allowSubscribeForClient: false,
  allowSubscribeForAnonymous: false,
  allowPublishForClient: false,
  allowPublishForSubscriber: false,
  allowPublishForAnonymous: false,
  allowHistoryForClient: false,
  allowHistoryForSubscriber: false,
  allowHistoryForAnonymous: false,
  allowPresenceForClient: false,
  allowPresenceForSubscriber: false,
  allowPresenceForAnonymous: false,
  allowTagsFilter: false,
  allowUserLimitedChannels: false,
  channelRegex: "",
  slowReader: "disconnect",
  subscribeProxy: false,
  publishProxy: false,
  subRefreshProxy: false,
};

test("channels: without any option everything is off, and without namespaces a colon is a letter", () => {
  assert.deepEqual({ ...new Channels().optionsOf("x") }, off);
  assert.deepEqual({ ...new Channels().optionsOf("news:x") }, off);
  assert.equal(new Channels({ namespaces: { chat: {} } }).optionsOf("news:x"), undefined);
});

const without: Partial<ChannelOptions> = { presence: true };
const news: Partial<ChannelOptions> = { allowSubscribeForClient: true };
const room: Partial<ChannelOptions> = { joinLeave: true, channelRegex: "^[a-z]+(#[\\d,]+)?$" };

/** A channel's name; its options, undefined for none; whether it is private; its users; whether the name is allowed. */
const table: readonly [
  string,
  Partial<ChannelOptions> | undefined,
  isPrivate: boolean,
  users: readonly string[] | undefined,
  isAllowed: boolean,
][] = [
  ["news", without, false, undefined, true],
  ["", without, false, undefined, true],
  ["größe 🎉", without, false, undefined, true],
  ["news:", news, false, undefined, true],
  ["news:sports", news, false, undefined, true],
  ["news:sports:today", news, false, undefined, true],
  ["$news:sports", news, true, undefined, true],
  ["$news", without, true, undefined, true],
  ["$", without, true, undefined, true],
  ["$:x", without, true, undefined, true],
  [":x", without, false, undefined, true],
  ["$$news:x", undefined, true, undefined, false],
  ["news$:x", undefined, false, undefined, false],
  ["News:x", undefined, false, undefined, false],
  [" news:x", undefined, false, undefined, false],
  ["v1.x-y_z:x", { presence: true }, false, undefined, true],
  ["other:x", undefined, false, undefined, false],
  ["__proto__:x", undefined, false, undefined, false],
  ["constructor:x", undefined, false, undefined, false],
  ["toString:x", undefined, false, undefined, false],
  ["$hasOwnProperty:x", undefined, true, undefined, false],
  ["__proto__", without, false, undefined, true],
  ["room:abc", room, false, undefined, true],
  ["$room:abc", room, true, undefined, true],
  ["room:Abc", room, false, undefined, false],
  ["room:", room, false, undefined, false],
  ["room:abc#42", room, false, ["42"], true],
  ["room:abc#42,x", room, false, ["42", "x"], false],
  ["dialog#42,43", without, false, ["42", "43"], true],
  ["news:dialog#42", news, false, ["42"], true],
  ["a#b#c,d", without, false, ["c", "d"], true],
  ["dialog#", without, false, [], true],
  ["dialog#,42,", without, false, ["42"], true],
  ["#42", without, false, ["42"], true],
  ["a#news:x", undefined, false, ["news:x"], false],
];

for (const [name, options, isPrivate, users, isAllowed] of table) {
  test(`channels: what ${JSON.stringify(name)} may do follows from its name`, () => {
    const found = channels.optionsOf(name);
    assert.deepEqual(found && { ...found }, options && { ...off, ...options });
    assert.equal(channels.isPrivate(name), isPrivate);
    assert.deepEqual(channels.usersOf(name), users);
    assert.equal(channels.isAllowedName(name), isAllowed);
  });
}

test("channels: all channels of a namespace have the same options, which nobody can change", () => {
  assert.equal(channels.optionsOf("news:a"), channels.optionsOf("$news:b"));
  assert.equal(channels.optionsOf("a"), channels.optionsOf(":b"));
  assert.ok(Object.isFrozen(channels.optionsOf("news:a")));
});

test("channels: the marks in a name are the configuration's, of any length, or none", () => {
  const namespaces = { news: news };
  const other = new Channels({
    namespaces,
    namespaceBoundary: "::",
    privatePrefix: "p/",
    userBoundary: "@@",
    userSeparator: "",
  });
  assert.equal(other.optionsOf("news::x"), other.optionsOf("p/news::x"));
  assert.equal(other.optionsOf("news::x")?.allowSubscribeForClient, true);
  assert.equal(other.optionsOf("news:x")?.allowSubscribeForClient, false);
  assert.equal(other.isPrivate("p/x"), true);
  assert.deepEqual(other.usersOf("x@@42,43"), ["42,43"]);

  const none = new Channels({ namespaces, namespaceBoundary: "", privatePrefix: "", userBoundary: "" });
  assert.equal(none.optionsOf("unknown:x"), none.optionsOf(""));
  assert.equal(none.isPrivate("$x"), false);
  assert.equal(none.usersOf("x#42"), undefined);
});

test("channels: a namespace is found for what splitting the name finds", () => {
  const part = fc.constantFrom("news", "room", "$", ":", "#", ",", "x", "");
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
      const name = parts.join("");
      const pieces = (name.startsWith("$") ? name.slice(1) : name).split(":");
      const namespace = pieces.length > 1 ? (pieces[0] as string) : "";
      const known: Record<string, ChannelOptions | undefined> = {
        "": channels.optionsOf("any"),
        news: channels.optionsOf("news:any"),
        room: channels.optionsOf("room:any"),
      };
      const expected = known[namespace];
      assert.equal(channels.optionsOf(name), expected);
      const hashed = name.split("#");
      const users = hashed.length > 1 ? hashed.at(-1)?.split(",").filter(Boolean) : undefined;
      assert.deepEqual(channels.usersOf(name), users);
    }),
  );
});

const refusals: readonly [string, object, RegExp][] = [
  ["an unknown option", { withoutNamespace: { presense: true } }, /channels without namespace: option presense/],
  ["a wrong type", { namespaces: { news: { presence: 1 } } }, /namespace news: option presence: .*boolean/],
  ["no options", { namespaces: { news: null } }, /namespace news: option \(all\)/],
  ["a namespace whose name holds the boundary", { namespaces: { "a:b": {} } }, /namespace "a:b"/],
  ["a namespace without name", { namespaces: { "": {} } }, /namespace ""/],
  ["a key of a prototype", JSON.parse('{"namespaces":{"__proto__":{}}}'), /namespace "__proto__"/],
  ["a broken regular expression", { withoutNamespace: { channelRegex: "[" } }, /option channelRegex/],
  ["a history without an age", { withoutNamespace: { historySize: 10 } }, /historySize: it needs historySeconds/],
  ["an age without a history", { withoutNamespace: { historySeconds: 10 } }, /historySeconds: it needs historySize/],
  ["recovery without a history", { withoutNamespace: { allowRecovery: true } }, /allowRecovery: it needs historySize/],
  [
    "anonymous alone",
    { withoutNamespace: { allowPublishForAnonymous: true } },
    /needs allowPublishForClient or allowPub/,
  ],
];

for (const [what, given, message] of refusals) {
  test(`channels: ${what} is refused`, () => {
    assert.throws(
      () => new Channels(given),
      (error) => error instanceof BelfryError && error.code === "BELFRY_BAD_OPTION" && message.test(error.message),
    );
  });
}

/** Which of the three permissions are given, and who is let in: client, subscriber, anonymous, anonymous subscriber. */
const permissions: readonly [given: string, letIn: string][] = [
  ["", "- - - -"],
  ["Client", "client subscriber - -"],
  ["Subscriber", "- subscriber - -"],
  ["Client Subscriber", "client subscriber - -"],
  ["Anonymous", "- - - -"],
  ["Client Anonymous", "client subscriber anonymous both"],
  ["Subscriber Anonymous", "- subscriber - both"],
  ["Client Subscriber Anonymous", "client subscriber anonymous both"],
];

for (const [given, letIn] of permissions) {
  for (const what of ["publish", "history", "presence"] as const) {
    test(`channels: allow ${what} for ${given || "nobody"} lets in ${letIn}`, () =>
      assert.equal(letInBy(what, given), letIn));
  }
}

test("channels: to subscribe, clients and anonymous ones are told apart, and nobody is a subscriber yet", () => {
  assert.equal(letInBy("subscribe", ""), "- - - -");
  assert.equal(letInBy("subscribe", "Anonymous"), "- - - -");
  assert.equal(letInBy("subscribe", "Client"), "client subscriber - -");
  assert.equal(letInBy("subscribe", "Client Anonymous"), "client subscriber anonymous both");
});

function letInBy(what: "subscribe" | "publish" | "history" | "presence", given: string): string {
  const verb = `${what.charAt(0).toUpperCase()}${what.slice(1)}`;
  const allowed = given.split(" ").filter(Boolean);
  const options = { ...off, ...Object.fromEntries(allowed.map((whom) => [`allow${verb}For${whom}`, true])) };
  const can = (isAnonymous: boolean, isSubscriber: boolean) => permits(options, what, { isAnonymous, isSubscriber });
  return [
    can(false, false) ? "client" : "-",
    can(false, true) ? "subscriber" : "-",
    can(true, false) ? "anonymous" : "-",
    can(true, true) ? "both" : "-",
  ].join(" ");
}
