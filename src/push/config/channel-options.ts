import * as v from "valibot";
import { key, oneOf, seconds, text, whole, yesOrNo } from "./words.ts";

const off = (doc: string) => key(yesOrNo, false, doc);

/** What the channels of one namespace may do. Everything is off by default. */
export const channelOptions = v.strictObject({
  presence: off("Keeps who is in the channel, for the presence commands."),
  joinLeave: off("Announces who comes and who goes, to subscribers that ask for it."),
  forcePushJoinLeave: off("Announces it to all subscribers, whether they ask or not."),
  historySize: key(
    whole(0, 1_000_000),
    0,
    "How many publications of a channel are kept. 0 keeps none; with more, historySeconds must be set too.",
  ),
  historySeconds: key(seconds(0, 31_536_000), 0, "How long a publication is kept."),
  forcePositioning: off(
    "Follows the place of every subscriber in the history, so that one that missed something is told to begin anew.",
  ),
  allowPositioning: off("Does so for subscribers that ask for it."),
  forceRecovery: off("Gives every subscriber that comes back what it missed, out of the history."),
  allowRecovery: off("Does so for subscribers that ask for it."),
  recoveryMode: key(
    oneOf(["stream", "cache"]),
    "stream",
    "What a subscriber that comes back is given: all that it missed, or the latest publication alone.",
  ),
  allowSubscribeForClient: off("Lets every client with a user subscribe, without a subscription token."),
  allowSubscribeForAnonymous: off("Lets anonymous clients do so too."),
  allowPublishForClient: off("Lets every client with a user publish."),
  allowPublishForSubscriber: off("Lets clients publish to a channel that they are subscribed to."),
  allowPublishForAnonymous: off("Lets anonymous clients do what the two keys above allow."),
  allowHistoryForClient: off("Lets every client with a user read the history."),
  allowHistoryForSubscriber: off("Lets clients read the history of a channel that they are subscribed to."),
  allowHistoryForAnonymous: off("Lets anonymous clients do what the two keys above allow."),
  allowPresenceForClient: off("Lets every client with a user see who is in the channel."),
  allowPresenceForSubscriber: off("Lets clients see who is in a channel that they are subscribed to."),
  allowPresenceForAnonymous: off("Lets anonymous clients do what the two keys above allow."),
  allowTagsFilter: off(
    "Lets subscribers say by a filter on tags (tf) which publications of the channel they are sent.",
  ),
  allowUserLimitedChannels: off(
    "Lets the users whose ids stand in a channel's name subscribe to it: dialog#42,43 is for the users 42 and 43.",
  ),
  channelRegex: key(
    text(isRegex, "a regular expression of JavaScript (with the flag u)"),
    "",
    'What the name behind the namespace must match, anywhere in it unless ^ and $ say otherwise. "" for any name.',
  ),
  slowReader: key(
    oneOf(["disconnect", "drop", "conflate"]),
    "disconnect",
    "What happens to a subscriber that does not read fast enough: it is disconnected (3008), misses publications, or " +
      "gets the latest publication of the channel only.",
  ),
  subscribeProxy: off("Asks the back end at proxy.subscribe whether a client may subscribe."),
  publishProxy: off("Asks the back end at proxy.publish whether a client may publish."),
  subRefreshProxy: off("Asks the back end at proxy.subRefresh whether a subscription that expires may go on."),
});

/** What a channel may do: the options of its namespace. */
export interface ChannelOptions extends Readonly<v.InferOutput<typeof channelOptions>> {}

/** A namespace's name: what stands before the first `:` of a channel. */
export const namespaceName = text(
  (name) => /^[-\w.]+$/.test(name) && !["__proto__", "prototype", "constructor"].includes(name),
  'a name of letters, digits, "-", "_" and "."',
);

/** An option that does nothing without one of some others. */
const needs: readonly (readonly [keyof ChannelOptions, ...(keyof ChannelOptions)[]])[] = [
  ["historySize", "historySeconds"],
  ["historySeconds", "historySize"],
  ["forcePositioning", "historySize"],
  ["allowPositioning", "historySize"],
  ["forceRecovery", "historySize"],
  ["allowRecovery", "historySize"],
  ["allowHistoryForClient", "historySize"],
  ["allowHistoryForSubscriber", "historySize"],
  ["allowPresenceForClient", "presence"],
  ["allowPresenceForSubscriber", "presence"],
  ["allowSubscribeForAnonymous", "allowSubscribeForClient"],
  ["allowPublishForAnonymous", "allowPublishForClient", "allowPublishForSubscriber"],
  ["allowHistoryForAnonymous", "allowHistoryForClient", "allowHistoryForSubscriber"],
  ["allowPresenceForAnonymous", "allowPresenceForClient", "allowPresenceForSubscriber"],
];

/** Options that are set, and do nothing because none of those that they need is. */
export function unmetNeeds(options: ChannelOptions): { option: keyof ChannelOptions; needed: string[] }[] {
  return needs
    .filter(([option, ...needed]) => options[option] && !needed.some((other) => options[other]))
    .map(([option, ...needed]) => ({ option, needed }));
}

function isRegex(source: string): boolean {
  try {
    new RegExp(source, "u");
    return true;
  } catch {
    return false;
  }
}
