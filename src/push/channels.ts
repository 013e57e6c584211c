export interface ChannelOptions {
  presence: boolean;
  joinLeave: boolean;
  forcePushJoinLeave: boolean;
  historySize: number;
  historySeconds: number;
  forcePositioning: boolean;
  allowPositioning: boolean;
  forceRecovery: boolean;
  allowRecovery: boolean;
  recoveryMode: "stream" | "cache";
  allowSubscribeForClient: boolean;
  allowSubscribeForAnonymous: boolean;
  allowPublishForClient: boolean;
  allowPublishForSubscriber: boolean;
  allowPublishForAnonymous: boolean;
  allowHistoryForClient: boolean;
  allowHistoryForSubscriber: boolean;
  allowHistoryForAnonymous: boolean;
  allowPresenceForClient: boolean;
  allowPresenceForSubscriber: boolean;
  allowPresenceForAnonymous: boolean;
  allowUserLimitedChannels: boolean;
  allowTagsFilter: boolean;
  channelRegex: string;
  slowReader: "disconnect" | "drop" | "conflate";
  subscribeProxy: boolean;
  publishProxy: boolean;
  subRefreshProxy: boolean;
}
export interface ChannelsConfig {
  withoutNamespace?: Partial<ChannelOptions>;
  namespaces?: Readonly<Record<string, Partial<ChannelOptions>>>;
}
const D: ChannelOptions = {
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
  allowUserLimitedChannels: false,
  allowTagsFilter: false,
  channelRegex: "",
  slowReader: "disconnect",
  subscribeProxy: false,
  publishProxy: false,
  subRefreshProxy: false,
};
/** stub */
export class Channels {
  readonly #plain: ChannelOptions;
  readonly #spaces = new Map<string, ChannelOptions>();
  constructor(config: ChannelsConfig) {
    this.#plain = { ...D, ...config.withoutNamespace };
    for (const [n, o] of Object.entries(config.namespaces ?? {})) this.#spaces.set(n, { ...D, ...o });
  }
  optionsOf(channel: string): ChannelOptions | undefined {
    const at = channel.indexOf(":");
    return at < 0 || this.#spaces.size === 0
      ? this.#plain
      : this.#spaces.get(channel.slice(channel.startsWith("$") ? 1 : 0, at));
  }
  isPrivate(channel: string): boolean {
    return channel.startsWith("$");
  }
  usersOf(channel: string): readonly string[] | undefined {
    const at = channel.indexOf("#");
    return at < 0 ? undefined : channel.slice(at + 1).split(",");
  }
  isAllowedName(_: string): boolean {
    return true;
  }
}
/** stub */
export function permits(
  o: ChannelOptions,
  what: "subscribe" | "publish" | "history" | "presence",
  who: { isAnonymous: boolean; isSubscriber: boolean },
): boolean {
  const W = { subscribe: "Subscribe", publish: "Publish", history: "History", presence: "Presence" }[what];
  const f = o as unknown as Record<string, boolean>;
  return who.isAnonymous
    ? f[`allow${W}ForAnonymous`] === true
    : f[`allow${W}ForClient`] === true || (who.isSubscriber && f[`allow${W}ForSubscriber`] === true);
}
