import type { Command, TokenVerifier } from "../command.ts";
import { DisconnectError, disconnects, ReplyError, stringField } from "../protocol.ts";
import type { ConnectionToken } from "../tokens.ts";
import { VERSION } from "./connect.ts";

const TOKEN_EXPIRED = 109;

/** A new token for a connection that is about to expire (PROTOCOL.md, "refresh"). */
export const refresh: Command = async (parts, fd, fields) => {
  const { clients, identities, expiries, tokens, revocations, now } = parts;
  if (!tokens.enabled) throw new ReplyError(108);
  const token = stringField(fields, "token");
  if (token === "") throw new DisconnectError(disconnects.BAD_REQUEST);
  const generation = clients.generationOf(fd);
  const shown = await unexpired(tokens, token);
  const { user, expireAt = 0, info, tokenId } = shown;
  if (clients.generationOf(fd) !== generation) return undefined;
  const isOther = user !== identities.userOf(fd);
  if (isOther || revocations.refuses(shown)) throw new DisconnectError(disconnects.INVALID_TOKEN);
  if (expireAt > 0 && expireAt <= now()) throw new DisconnectError(disconnects.CONNECTION_EXPIRED);
  expiries.set(fd, Math.ceil(expireAt));
  identities.setToken(fd, tokenId);
  if (info !== undefined) identities.setInfo(fd, JSON.stringify(info));
  const expiry = expireAt > 0 ? `,"expires":true,"ttl":${Math.ceil(expireAt - now())}` : "";
  return { result: `{"client":"${clients.idOf(fd)}","version":"${VERSION}"${expiry}}` };
};

/** What a token says. Error 109 would keep the client away for good: one whose token has expired is to come back. */
async function unexpired(tokens: TokenVerifier, token: string): Promise<ConnectionToken> {
  try {
    return await tokens.connection(token);
  } catch (error) {
    const hasExpired = error instanceof ReplyError && error.code === TOKEN_EXPIRED;
    throw hasExpired ? new DisconnectError(disconnects.CONNECTION_EXPIRED) : error;
  }
}

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
  if (expireAt > 0 && expireAt <= now()) throw new ReplyError(109);
  subscriptions.refresh(fd, channel, Math.ceil(expireAt), info === undefined ? undefined : JSON.stringify(info));
  return { result: expireAt > 0 ? `{"expires":true,"ttl":${Math.ceil(expireAt - now())}}` : "{}" };
};
