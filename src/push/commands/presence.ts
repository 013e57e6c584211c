import { chain } from "../chain.ts";
import type { Command } from "../command.ts";
import { presenceEverywhere, presenceStatsEverywhere } from "../everywhere.ts";
import { encodeClientInfo } from "../protocol.ts";
import { channelOf } from "./channel.ts";

/** Who is in a channel (PROTOCOL.md, "presence"). */
export const presence: Command = (parts, fd, fields) => {
  const { channel } = channelOf(parts, fd, fields, "presence", ({ presence }) => presence);
  return chain(presenceEverywhere(parts.survey, channel), (all) => {
    const members = all.map((info) => `"${info.client}":${encodeClientInfo(info)}`);
    return { result: `{"presence":{${members.join(",")}}}` };
  });
};

/** How many are in a channel. */
export const presenceStats: Command = (parts, fd, fields) => {
  const { channel } = channelOf(parts, fd, fields, "presence", ({ presence }) => presence);
  return chain(presenceStatsEverywhere(parts.survey, channel), ({ clients, users }) => ({
    result: `{"num_clients":${clients},"num_users":${users}}`,
  }));
};
