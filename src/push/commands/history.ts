import { limits } from "../../limits.ts";
import { keepsHistory } from "../channels.ts";
import type { Command, CommandParts, Reply } from "../command.ts";
import {
  booleanField,
  countField,
  encodePublication,
  type Fields,
  isObject,
  ReplyError,
  stringField,
} from "../protocol.ts";
import { channelOf } from "./channel.ts";

/** Reads a channel's history (PROTOCOL.md, "history"). */
export const history: Command = (parts, fd, fields) => {
  const { channel } = channelOf(parts, fd, fields, "history", keepsHistory);
  return read(parts, channel, fields);
};

async function read({ broker }: CommandParts, channel: string, fields: Fields): Promise<Reply> {
  const since = Object.hasOwn(fields, "since") ? fields["since"] : undefined;
  if (since !== undefined && since !== null && !isObject(since)) throw new ReplyError(107);
  const offset = since ? countField(since, "offset") : undefined;
  const reverse = booleanField(fields, "reverse");
  if (reverse && offset === 0) throw new ReplyError(107);
  const read = await broker.history(channel, { since: offset, limit: limitOf(fields), reverse });
  const epoch = since ? stringField(since, "epoch") : "";
  if (epoch !== "" && epoch !== read.epoch) throw new ReplyError(112);
  const publications = read.publications.map(encodePublication).join(",");
  const top = read.offset > 0 ? `,"offset":${read.offset}` : "";
  return { result: `{"publications":[${publications}],"epoch":"${read.epoch}"${top}}` };
}

/** 0 reads the position alone; a negative limit is as many as there may be. */
function limitOf(fields: Fields): number {
  const limit = Object.hasOwn(fields, "limit") ? fields["limit"] : 0;
  if (typeof limit !== "number" || !Number.isSafeInteger(limit)) throw new ReplyError(107);
  return limit < 0 ? limits.historyReadMax : Math.min(limit, limits.historyReadMax);
}
