import * as v from "valibot";
import { BelfryError } from "../errors.ts";
import { check } from "../options.ts";
import { type ChannelOptions, channelOptions, namespaceName, unmetNeeds } from "./config/channel-options.ts";

export type { ChannelOptions } from "./config/channel-options.ts";

/** What {@link Channels} is made with. A boundary or prefix that is "" is none. */
export interface ChannelsConfig {
  /** Of channels whose name has no namespace; everything is off by default. */
  readonly withoutNamespace?: Partial<ChannelOptions>;
  /** By the name of the namespace. */
  readonly namespaces?: Readonly<Record<string, Partial<ChannelOptions>>>;
  /** What ends the namespace in a channel's name: `news:sports`. Default ":". */
  readonly namespaceBoundary?: string;
  /** What a channel begins with that needs a subscription token: `$news:sports`. Default "$". */
  readonly privatePrefix?: string;
  /** What stands before the users in a channel's name: `dialog#42`. Default "#". */
  readonly userBoundary?: string;
  /** What stands between two users: `dialog#42,43`. Default ",". */
  readonly userSeparator?: string;
}

interface Namespace {
  readonly options: ChannelOptions;
  readonly regex: RegExp | undefined;
}

/**
 * What a channel may do follows from its name alone: from its namespace, and from the marks of private and user-limited
 * channels. Asked on the way of every subscribe and publish: a name without namespace allocates nothing, one with a
 * namespace costs a look into a Map.
 */
export class Channels {
  readonly #withoutNamespace: Namespace;
  /** An empty namespace, as in `:x`, is none. */
  readonly #namespaces = new Map<string, Namespace>();
  readonly #namespaceBoundary: string;
  readonly #privatePrefix: string;
  readonly #userBoundary: string;
  readonly #userSeparator: string;
  /** Whether every channel's slow readers are disconnected: then no name has to be looked at for it. */
  readonly #allDisconnect: boolean;

  /** Throws BELFRY_BAD_OPTION for options that are not allowed, and for those that do nothing without others. */
  constructor(config: ChannelsConfig = {}) {
    // Where nobody has made a namespace, a colon in a channel's name is a letter like any other.
    const hasNamespaces = Object.keys(config.namespaces ?? {}).length > 0;
    this.#namespaceBoundary = hasNamespaces ? (config.namespaceBoundary ?? ":") : "";
    this.#privatePrefix = config.privatePrefix ?? "$";
    this.#userBoundary = config.userBoundary ?? "#";
    this.#userSeparator = config.userSeparator ?? ",";
    this.#withoutNamespace = makeNamespace(config.withoutNamespace ?? {}, "channels without namespace");
    for (const [name, options] of Object.entries(config.namespaces ?? {})) {
      check(namespaceName, name, `namespace ${JSON.stringify(name)}`);
      this.#namespaces.set(name, makeNamespace(options, `namespace ${name}`));
    }
    this.#namespaces.set("", this.#withoutNamespace);
    this.#allDisconnect = [...this.#namespaces.values()].every(({ options }) => options.slowReader === "disconnect");
  }

  /** The same object for all channels of a namespace; undefined for an unknown namespace, which is error 102. */
  optionsOf(channel: string): ChannelOptions | undefined {
    return this.#namespaceOf(channel)?.options;
  }

  /** What becomes of a subscriber that does not read: "disconnect" for a channel of an unknown namespace, too. */
  slowReaderOf(channel: string): ChannelOptions["slowReader"] {
    return this.#allDisconnect ? "disconnect" : (this.optionsOf(channel)?.slowReader ?? "disconnect");
  }

  /** Whether a subscription token is needed whatever the options say. */
  isPrivate(channel: string): boolean {
    return this.#privatePrefix !== "" && channel.startsWith(this.#privatePrefix);
  }

  /**
   * The users that a channel is limited to by its name; undefined for one that is not limited. The anonymous user, "",
   * is never among them: `dialog#` is for nobody.
   */
  usersOf(channel: string): readonly string[] | undefined {
    const at = this.#userBoundary === "" ? -1 : channel.lastIndexOf(this.#userBoundary);
    if (at < 0) return undefined;
    const users = channel.slice(at + this.#userBoundary.length);
    const list = this.#userSeparator === "" ? [users] : users.split(this.#userSeparator);
    return list.filter((user) => user !== "");
  }

  /** Whether channelRegex finds a match in the name behind the namespace; false for an unknown namespace. */
  isAllowedName(channel: string): boolean {
    const namespace = this.#namespaceOf(channel);
    if (!namespace?.regex) return namespace !== undefined;
    const at = this.#boundaryIn(channel);
    return namespace.regex.test(at < 0 ? channel : channel.slice(at + this.#namespaceBoundary.length));
  }

  #namespaceOf(channel: string): Namespace | undefined {
    const at = this.#boundaryIn(channel);
    if (at < 0) return this.#withoutNamespace;
    return this.#namespaces.get(channel.slice(this.isPrivate(channel) ? this.#privatePrefix.length : 0, at));
  }

  /** Where the namespace ends, -1 for none. */
  #boundaryIn(channel: string): number {
    if (this.#namespaceBoundary === "") return -1;
    return channel.indexOf(this.#namespaceBoundary, this.isPrivate(channel) ? this.#privatePrefix.length : 0);
  }
}

function makeNamespace(given: Partial<ChannelOptions>, what: string): Namespace {
  check(channelOptions, given, what);
  const options = Object.freeze(v.parse(channelOptions, given));
  const unmet = unmetNeeds(options).map(({ option, needed }) => `option ${option}: it needs ${needed.join(" or ")}`);
  if (unmet.length > 0) throw new BelfryError("BELFRY_BAD_OPTION", `${what}: ${unmet.join("; ")}`);
  return { options, regex: options.channelRegex === "" ? undefined : new RegExp(options.channelRegex, "u") };
}

/** What a client may want of a channel, and which options allow it. */
const permissions = {
  // Nobody is a subscriber before the subscription: one option says it all.
  subscribe: ["allowSubscribeForClient", "allowSubscribeForClient", "allowSubscribeForAnonymous"],
  publish: ["allowPublishForClient", "allowPublishForSubscriber", "allowPublishForAnonymous"],
  history: ["allowHistoryForClient", "allowHistoryForSubscriber", "allowHistoryForAnonymous"],
  presence: ["allowPresenceForClient", "allowPresenceForSubscriber", "allowPresenceForAnonymous"],
} as const;

/**
 * Whether the options let a client do something by themselves; a token, a hook, or the users in the channel's name may
 * let it too. An anonymous client needs what others need, and the permission for anonymous ones besides.
 */
export function permits(
  options: ChannelOptions,
  what: keyof typeof permissions,
  who: { readonly isAnonymous: boolean; readonly isSubscriber: boolean },
): boolean {
  const [forClient, forSubscriber, forAnonymous] = permissions[what];
  const isPermitted = options[forClient] || (who.isSubscriber && options[forSubscriber]);
  return isPermitted && (!who.isAnonymous || options[forAnonymous]);
}

/** Whether publications of a channel are kept. */
export function keepsHistory({ historySize, historySeconds }: ChannelOptions): boolean {
  return historySize > 0 && historySeconds > 0;
}
