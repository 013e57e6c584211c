import type { Command } from "../command.ts";
import { encodeClientInfo } from "../protocol.ts";
import { channelOf } from "./channel.ts";

/** Who is in a channel (PROTOCOL.md, "presence"). */
export const presence: Command = (parts, fd, fields) => {
  const { channel } = channelOf(parts, fd, fields, "presence", ({ presence }) => presence);
  const all = parts.subscriptions.presence(channel).map((info) => `"${info.client}":${encodeClientInfo(info)}`);
  return { result: `{"presence":{${all.join(",")}}}` };
};

/** How many are in a channel. */
export const presenceStats: Command = (parts, fd, fields) => {
  const { channel } = channelOf(parts, fd, fields, "presence", ({ presence }) => presence);
  const all = parts.subscriptions.presence(channel);
  const users = new Set(all.map(({ user }) => user)).size;
  return { result: `{"num_clients":${all.length},"num_users":${users}}` };
};
