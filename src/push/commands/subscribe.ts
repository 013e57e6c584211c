import type { Maybe } from "../chain.ts";
import { channelFault } from "../channel-name.ts";
import { type ChannelOptions, permits } from "../channels.ts";
import { asked, type Command, type CommandParts, hookClient, jsonText } from "../command.ts";
import type { ServerSubscription } from "../hooks.ts";
import {
  booleanField,
  countField,
  DisconnectError,
  disconnects,
  type Fields,
  ReplyError,
  stringField,
  valueField,
} from "../protocol.ts";
import type { SubscribeHow } from "../subscribe-how.ts";
import { readTagsFilter } from "../tags-filter.ts";

/** Bit of a subscribe command's `flag`: what cannot be recovered is to be an error. */
const REJECT_UNRECOVERED = 2;

/** Subscribes to a channel (PROTOCOL.md, "subscribe"). The checks stand in the protocol's order. */
export const subscribe: Command = (parts, fd, fields) => {
  const { hub, channels, channelsPerClientMax } = parts;
  const channel = stringField(fields, "channel");
  if (channel === "") throw new DisconnectError(disconnects.BAD_REQUEST);
  if (channelFault(channel) !== undefined) throw new ReplyError(107);
  if (countField(fields, "type") !== 0) throw new ReplyError(108);
  if (hub.isSubscribed(fd, channel)) throw new ReplyError(105);
  if (hub.channelsOf(fd) >= channelsPerClientMax) throw new ReplyError(106);
  const options = channels.optionsOf(channel);
  if (!options) throw new ReplyError(102);
  if (!channels.isAllowedName(channel)) throw new ReplyError(107);
  const how = howOf(fields, options);
  const grant = permission(parts, fd, channel, options, fields);
  if (!(grant instanceof Promise)) return parts.subscriptions.add(fd, channel, options, granted(parts, how, grant));
  const generation = parts.clients.generationOf(fd);
  return grant.then((settled) => {
    if (parts.clients.generationOf(fd) !== generation) return undefined;
    return parts.subscriptions.add(fd, channel, options, granted(parts, how, settled));
  });
};

type Mutable<Shape> = { -readonly [Key in keyof Shape]: Shape[Key] };

/** What the client asked for, with all fields there are: what is granted is filled in, and nothing is copied. */
function howOf(fields: Fields, { allowTagsFilter }: ChannelOptions): Mutable<SubscribeHow> {
  const orError = (countField(fields, "flag") & REJECT_UNRECOVERED) !== 0;
  const offset = countField(fields, "offset");
  const epoch = stringField(fields, "epoch");
  const recover = booleanField(fields, "recover");
  const filter = valueField(fields, "tf") ?? undefined;
  if (filter !== undefined && !allowTagsFilter) throw new ReplyError(108);
  return {
    positioned: booleanField(fields, "positioned"),
    recoverable: booleanField(fields, "recoverable") || recover,
    joinLeave: booleanField(fields, "join_leave"),
    recover: recover ? { offset, epoch, orError } : undefined,
    filter: filter === undefined ? undefined : readTagsFilter(filter),
    info: undefined,
    data: undefined,
    expireAt: 0,
    override: undefined,
  };
}

/** Throws 110 for what is over already. */
function granted({ now }: CommandParts, how: Mutable<SubscribeHow>, grant: ServerSubscription): SubscribeHow {
  const { expireAt = 0 } = grant;
  if (expireAt > 0 && expireAt <= now()) throw new ReplyError(110);
  how.info = jsonText(grant.info);
  how.data = jsonText(grant.data);
  how.expireAt = expireAt;
  how.override = grant.override;
  return how;
}

const GRANTED: ServerSubscription = {};

/** By a token, as one of the channel's users, by the application's word, or by what its namespace allows. */
function permission(
  parts: CommandParts,
  fd: number,
  channel: string,
  options: ChannelOptions,
  fields: Fields,
): Maybe<ServerSubscription> {
  const { channels, identities, tokens, hooks, allowSubscribe } = parts;
  const user = identities.userOf(fd);
  const token = stringField(fields, "token");
  if (token !== "") {
    if (!tokens.enabled) throw new ReplyError(103);
    return tokens.subscription(token, { user, channel });
  }
  if (channels.isPrivate(channel)) throw new ReplyError(103);
  const users = channels.usersOf(channel);
  if (users) {
    if (options.allowUserLimitedChannels && user !== "" && users.includes(user)) return GRANTED;
    throw new ReplyError(103);
  }
  if (hooks.subscribe && options.subscribeProxy) {
    const data = valueField(fields, "data");
    return asked(hooks.subscribe({ ...hookClient(parts, fd), channel, token, data }));
  }
  // Not only false: a promise, from JavaScript, is no permission either.
  if (allowSubscribe(channel) === true) return GRANTED;
  if (permits(options, "subscribe", { isAnonymous: user === "", isSubscriber: false })) return GRANTED;
  throw new ReplyError(103);
}
