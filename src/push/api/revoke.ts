import { limits } from "../../limits.ts";
import { badRequest } from "./bad-request.ts";
import { count, text } from "./fields.ts";
import { method } from "./method.ts";
import { object, orElse } from "./schema.ts";

const { revocationSeconds } = limits;

/** `revoke`: tokens are refused before they expire, and their connections end; Centrifugo has no such method. */
export const revoke = method({
  name: "revoke",
  scope: "manage",
  summary: "Closes the connections of a user, a client, a session or a token with 3500, and refuses their tokens.",
  request: object({
    user: orElse(text("a user, whose tokens that were issued until now are refused"), ""),
    client: orElse(text("a client's id, whose token is refused if it has an id"), ""),
    session: orElse(text("a session, whose client's token is refused if it has an id"), ""),
    token_id: orElse(text("a token's id, its claim jti"), ""),
    expire_at: orElse(
      count(
        `until when tokens are refused, in seconds since 1970; 0 for in ${revocationSeconds} s (revocationSeconds)`,
      ),
      0,
    ),
  }),
  result: object({}),
  example: { request: { token_id: "7f3a", expire_at: 4_102_444_800 }, result: {} },
  async run({ operations }, { user, client, session, token_id: tokenId, expire_at }) {
    const named = Object.entries({ user, client, session, tokenId }).filter(([, value]) => value !== "");
    if (named.length !== 1) {
      throw badRequest("user, client, session, token_id", "one of them", named.length === 0 ? undefined : named);
    }
    const now = Date.now() / 1000;
    if (expire_at !== 0 && expire_at <= now) {
      throw badRequest("expire_at", "a time to come, in seconds since 1970", expire_at);
    }
    await operations.revoke(
      Object.fromEntries(named),
      expire_at === 0 ? Math.ceil(now) + revocationSeconds : expire_at,
    );
    return "{}";
  },
});
