import { limits } from "../limits.ts";
import { chain, type Maybe } from "./chain.ts";
import type { ClientInfo } from "./operations.ts";
import { ReplyError, replyErrors } from "./protocol.ts";
import type { Survey } from "./survey.ts";

/** What all nodes know, as one answer. */

/** Who is in a channel, on any node; each client once. */
export function presenceEverywhere(survey: Survey, channel: string): Maybe<readonly ClientInfo[]> {
  return chain(survey.ask("presence", { channel }), (all) => {
    if (all.length === 1) return all[0] as readonly ClientInfo[];
    return [...new Map(all.flat().map((info) => [info.client, info])).values()];
  });
}

/** How many are, and of how many users, of whom each may be on several nodes. */
export function presenceStatsEverywhere(survey: Survey, channel: string): Maybe<{ clients: number; users: number }> {
  return chain(survey.ask("presenceStats", { channel }), (all) => ({
    clients: all.reduce((sum, { clients }) => sum + clients, 0),
    users: new Set(all.flatMap(({ users }) => users)).size,
  }));
}

/** The channels whose names match, with the number of their subscribers. Throws 106 where one node has too many. */
export function channelsEverywhere(survey: Survey, pattern: string): Maybe<ReadonlyMap<string, number>> {
  const { channelsReadMax } = limits;
  return chain(survey.ask("channels", { pattern, max: channelsReadMax }), (all) => {
    const found = new Map<string, number>();
    for (const rows of all) {
      if (typeof rows === "number") {
        const many = `${rows} channels match, channelsReadMax is ${channelsReadMax}; give a narrower pattern`;
        throw new ReplyError(106, `${replyErrors[106]}: ${many}`);
      }
      for (const [name, subscribers] of rows) found.set(name, (found.get(name) ?? 0) + subscribers);
    }
    return found;
  });
}
