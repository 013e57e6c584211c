import type { Command } from "../command.ts";
import { DisconnectError, disconnects, ReplyError, stringField } from "../protocol.ts";
import { VERSION } from "./connect.ts";

/** A new token for a connection that is about to expire (PROTOCOL.md, "refresh"). */
export const refresh: Command = async (parts, fd, fields) => {
  const { clients, identities, expiries, tokens, revocations, now } = parts;
  if (!tokens.enabled) throw new ReplyError(108);
  const token = stringField(fields, "token");
  if (token === "") throw new DisconnectError(disconnects.BAD_REQUEST);
  const generation = clients.generationOf(fd);
  const shown = await tokens.connection(token);
  const { user, expireAt = 0, tokenId } = shown;
  if (clients.generationOf(fd) !== generation) return undefined;
  if (user !== identities.userOf(fd) || revocations.refuses(shown))
    throw new DisconnectError(disconnects.INVALID_TOKEN);
  if (expireAt > 0 && expireAt <= now()) throw new ReplyError(109);
  expiries.set(fd, Math.ceil(expireAt));
  identities.setToken(fd, tokenId);
  const expiry = expireAt > 0 ? `,"expires":true,"ttl":${Math.ceil(expireAt - now())}` : "";
  return { result: `{"client":"${clients.idOf(fd)}","version":"${VERSION}"${expiry}}` };
};

/** A new token for a subscription that is about to expire. */
export const subRefresh: Command = async (parts, fd, fields) => {
  const { clients, identities, hub, subscriptions, tokens, now } = parts;
  const channel = stringField(fields, "channel");
  if (channel === "") throw new DisconnectError(disconnects.BAD_REQUEST);
  if (!tokens.enabled) throw new ReplyError(108);
  if (!hub.isSubscribed(fd, channel)) throw new ReplyError(103);
  const token = stringField(fields, "token");
  if (token === "") throw new ReplyError(107);
  const generation = clients.generationOf(fd);
  const { expireAt = 0, info } = await tokens.subscription(token, { user: identities.userOf(fd), channel });
  if (clients.generationOf(fd) !== generation) return undefined;
  subscriptions.refresh(fd, channel, Math.ceil(expireAt), info === undefined ? undefined : JSON.stringify(info));
  return { result: expireAt > 0 ? `{"expires":true,"ttl":${Math.ceil(expireAt - now())}}` : "{}" };
};
