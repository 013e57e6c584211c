import { channelFault } from "../channel-name.ts";
import { type ChannelOptions, permits } from "../channels.ts";
import type { CommandParts } from "../command.ts";
import { DisconnectError, disconnects, type Fields, ReplyError, stringField } from "../protocol.ts";

/**
 * The channel of a command that publishes to it or asks about it, with its options. Throws 102 for an unknown
 * namespace, 108 for what the channel does not offer, 103 for what the client may not do.
 */
export function channelOf(
  parts: CommandParts,
  fd: number,
  fields: Fields,
  what: "publish" | "history" | "presence",
  isOffered: (options: ChannelOptions) => boolean = () => true,
): { channel: string; options: ChannelOptions } {
  const { channels, identities, hub } = parts;
  const channel = stringField(fields, "channel");
  if (channel === "") throw new DisconnectError(disconnects.BAD_REQUEST);
  if (channelFault(channel) !== undefined) throw new ReplyError(107);
  const options = channels.optionsOf(channel);
  if (!options) throw new ReplyError(102);
  if (!isOffered(options)) throw new ReplyError(108);
  const isAllowed =
    (what === "publish" && options.publishProxy && parts.hooks.publish !== undefined) ||
    permits(options, what, { isAnonymous: identities.userOf(fd) === "", isSubscriber: hub.isSubscribed(fd, channel) });
  if (!isAllowed) throw new ReplyError(103);
  return { channel, options };
}
