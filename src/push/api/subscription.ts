import type * as v from "valibot";
import type { SubscriptionOverride } from "../hooks.ts";
import { defined } from "./defined.ts";
import { channel, expireAt, flag, payload, position, whom } from "./fields.ts";
import { method } from "./method.ts";
import { payloadOf } from "./payload.ts";
import { object, optional } from "./schema.ts";
import { whomOf } from "./whom.ts";

/** A choice that is the channel's when it is not made, which is why there is an object around true or false. */
const choice = (what: string) => optional(object({ value: flag(what) }));

const info = payload("info", "told to others in presence and join");
const data = payload("data", "told to the client in the subscribe push");

const override = object({
  presence: choice("whether the client is in presence"),
  join_leave: choice("whether others are told that it came and left"),
  force_push_join_leave: choice("whether it is told who comes and leaves"),
  force_positioning: choice("whether its position is watched"),
  force_recovery: choice("whether it recovers after a reconnect"),
});

/** `subscribe`: a server-side subscription for the connections of a user. */
export const subscribe = method({
  name: "subscribe",
  scope: "manage",
  summary: "Subscribes a user's connections to a channel.",
  request: object({
    ...whom,
    channel,
    info: info.plain,
    b64info: info.base64,
    data: data.plain,
    b64data: data.base64,
    expire_at: expireAt,
    recover_since: optional(position),
    override: optional(override),
  }),
  result: object({}),
  example: { request: { user: "42", channel: "news:1", override: { presence: { value: true } } }, result: {} },
  async run({ operations }, request) {
    const how = defined({
      expireAt: request.expire_at || undefined,
      info: payloadOf(request.info ?? undefined, "b64info", request.b64info),
      data: payloadOf(request.data ?? undefined, "b64data", request.b64data),
      override: request.override ? overrideOf(request.override) : undefined,
      since: request.recover_since ?? undefined,
    });
    await operations.subscribe(whomOf(request), request.channel, how);
    return "{}";
  },
});

/** `unsubscribe`: ends subscriptions of either side. */
export const unsubscribe = method({
  name: "unsubscribe",
  scope: "manage",
  summary: "Unsubscribes a user's connections from a channel.",
  request: object({ ...whom, channel }),
  result: object({}),
  example: { request: { user: "42", channel: "news:1" }, result: {} },
  async run({ operations }, request) {
    await operations.unsubscribe(whomOf(request), request.channel);
    return "{}";
  },
});

function overrideOf(choices: v.InferOutput<typeof override>): SubscriptionOverride {
  return defined({
    presence: choices.presence?.value,
    joinLeave: choices.join_leave?.value,
    forcePushJoinLeave: choices.force_push_join_leave?.value,
    forcePositioning: choices.force_positioning?.value,
    forceRecovery: choices.force_recovery?.value,
  });
}
