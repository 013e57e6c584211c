import { keepsHistory } from "../channels.ts";
import { asked, type Command, DONE, hookClient } from "../command.ts";
import { encodeClientInfo, ReplyError, valueField } from "../protocol.ts";
import { channelOf } from "./channel.ts";

/** Publishes to a channel (PROTOCOL.md, "publish"), by the application's word or by what its namespace allows. */
export const publish: Command = async (parts, fd, fields) => {
  const { channel, options } = channelOf(parts, fd, fields, "publish");
  const { clients, hooks, hub, subscriptions, broker } = parts;
  const generation = clients.generationOf(fd);
  const sent = valueField(fields, "data");
  if (sent === undefined) throw new ReplyError(107);
  const client = hookClient(parts, fd);
  const grant =
    hooks.publish && options.publishProxy ? await asked(hooks.publish({ ...client, channel, data: sent })) : {};
  if (clients.generationOf(fd) !== generation) return undefined;
  const isKept = keepsHistory(options) && grant.skipHistory !== true;
  const cursor = hub.find(fd, channel);
  await broker.publish(channel, textOf(grant.data === undefined ? sent : grant.data), {
    info: encodeClientInfo(subscriptions.infoOf(fd, cursor)),
    history: isKept ? { size: options.historySize, seconds: options.historySeconds } : undefined,
  });
  return DONE;
};

/** Throws 107 for a value that nests too deeply to be written again. */
function textOf(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (error instanceof RangeError) throw new ReplyError(107);
    throw error;
  }
}
