import { limits } from "../../limits.ts";
import { disconnects } from "../protocol.ts";
import { defined } from "./defined.ts";
import { expireAt, flag, said, text, whitelist, whole, whom } from "./fields.ts";
import { method } from "./method.ts";
import { anything, list, object, optional, orElse, value } from "./schema.ts";
import { whomOf } from "./whom.ts";

const { closeReasonBytesMax, connectionsReadMax } = limits;

/** The SDK comes back after 3000–3499 and 4000–4499, and stays away after the others. */
const close = object({
  code: whole("the code of the close frame", 3000, 4999),
  reason: orElse(
    value<string>("the reason in the close frame", {
      allowed: `text of at most ${closeReasonBytesMax} bytes (closeReasonBytesMax, RFC 6455)`,
      json: { type: "string", maxLength: closeReasonBytesMax },
      is: (came) => typeof came === "string" && came.isWellFormed() && Buffer.byteLength(came) <= closeReasonBytesMax,
    }),
    "",
  ),
});

/** `disconnect`: closes connections, for good unless a code says otherwise. */
export const disconnect = method({
  name: "disconnect",
  scope: "manage",
  summary: "Closes a user's connections, with 3503 when nothing else is said.",
  request: object({ ...whom, whitelist, disconnect: optional(close) }),
  result: object({}),
  example: { request: { user: "42", disconnect: { code: 4000, reason: "banned" } }, result: {} },
  async run({ operations }, request) {
    const how = request.disconnect ?? disconnects.FORCE_DISCONNECT;
    await operations.disconnect(whomOf(request), how, request.whitelist);
    return "{}";
  },
});

/** `refresh`: connections live longer, or end as expired. */
export const refresh = method({
  name: "refresh",
  scope: "manage",
  summary: "Sets when a user's connections expire, or ends them as expired.",
  request: object({
    ...whom,
    expired: flag("whether they end now"),
    expire_at: expireAt,
    info: anything("what others are told of them from now on"),
  }),
  result: object({}),
  example: { request: { user: "42", expire_at: 1_893_456_000 }, result: {} },
  async run({ operations }, request) {
    const how = defined({
      expired: request.expired || undefined,
      expireAt: request.expire_at || undefined,
      info: request.info ?? undefined,
    });
    await operations.refresh(whomOf(request), how);
    return "{}";
  },
});

/** `connections`: who is connected; not Centrifugo's method of this name, whose answer is another. */
export const connections = method({
  name: "connections",
  scope: "read",
  summary: "Lists connections, all of them or those of a user.",
  request: object({
    user: orElse(text("a user, empty for all"), ""),
    limit: orElse(
      whole("most connections to list, 0 for as many as may be", 0, connectionsReadMax, "connectionsReadMax"),
      0,
    ),
  }),
  result: object({
    connections: list(
      "the connections",
      object({
        client: said("the client's id"),
        user: said("its user, empty without one"),
        transport: said("how it is connected"),
        channels: list("the channels that it is subscribed to", said("a channel")),
        address: said("where it connected from"),
      }),
    ),
  }),
  example: {
    request: { user: "42", limit: 10 },
    result: {
      connections: [
        {
          client: "9e5f1b1e-7c55-4a4e-9b0a-3f5c1d2e4a6b",
          user: "42",
          transport: "websocket",
          channels: ["news:1"],
          address: "203.0.113.7",
        },
      ],
    },
  },
  async run({ operations }, { user, limit }) {
    const filter = { ...defined({ user: user || undefined }), limit: limit || connectionsReadMax };
    const found = await operations.connections(filter);
    const rows = found.map(({ remoteAddress, client, user, transport, channels }) => {
      return { client, user, transport, channels, address: remoteAddress };
    });
    return JSON.stringify({ connections: rows });
  },
});
