import { channelFault } from "../channel-name.ts";
import type { Command } from "../command.ts";
import { DisconnectError, disconnects, ReplyError, stringField } from "../protocol.ts";

/** Subscribes to a channel (PROTOCOL.md, "subscribe"). The checks stand in the protocol's order. */
export const subscribe: Command = (parts, fd, fields) => {
  const { hub, allowSubscribe, channelsPerClientMax, occupied } = parts;
  const channel = stringField(fields, "channel");
  if (channel === "") throw new DisconnectError(disconnects.BAD_REQUEST);
  if (channelFault(channel) !== undefined) throw new ReplyError(107);
  if (hub.isSubscribed(fd, channel)) throw new ReplyError(105);
  if (hub.channelsOf(fd) >= channelsPerClientMax) throw new ReplyError(106);
  // Not only false: a promise, from JavaScript, is no permission either.
  if (allowSubscribe(channel) !== true) throw new ReplyError(103);
  if (hub.subscribe(fd, channel)) occupied(channel);
  return {};
};
