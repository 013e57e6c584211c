import * as v from "valibot";
import { channel } from "../channel-name.ts";
import type {
  Credentials,
  PublishGrant,
  RefreshReply,
  RpcReply,
  ServerSubscription,
  SubscribeGrant,
  SubscriptionOverride,
} from "../hooks.ts";
import { isObject } from "../protocol.ts";

/**
 * The results that applications answer to Centrifugo's HTTP proxies, as schemas that turn them into what hooks return.
 * Fields that are not known here are ignored; null is as good as absent, but where it is the application's own data.
 */

/** Turns the result in an application's answer into what a hook returns. */
export type ResultSchema<Reply> = v.GenericSchema<unknown, Reply>;

const flag = v.nullish(v.boolean(), () => undefined);
const seconds = v.pipe(
  v.number(),
  v.safeInteger("expected a whole number"),
  v.minValue(0, "expected a time since 1970"),
);
const time = v.nullish(seconds, () => undefined);
const info = { info: v.optional(v.unknown()), b64info: v.nullish(base64Json()) };
const data = { data: v.optional(v.unknown()), b64data: v.nullish(base64Json()) };

/** `{"value": true}`: Protobuf's optional boolean. */
const wrapped = v.pipe(
  v.nullish(v.object({ value: flag })),
  v.transform((wire) => (wire ? (wire.value ?? false) : undefined)),
);

const override = v.pipe(
  v.object({
    presence: v.optional(wrapped),
    join_leave: v.optional(wrapped),
    force_push_join_leave: v.optional(wrapped),
    force_positioning: v.optional(wrapped),
    force_recovery: v.optional(wrapped),
  }),
  v.transform(
    (wire): SubscriptionOverride =>
      given({
        presence: wire.presence,
        joinLeave: wire.join_leave,
        forcePushJoinLeave: wire.force_push_join_leave,
        forcePositioning: wire.force_positioning,
        forceRecovery: wire.force_recovery,
      }),
  ),
);

const subscription = v.pipe(
  v.object({ ...info, ...data, expire_at: time, override: v.nullish(override, () => undefined) }),
  v.transform(
    (wire): ServerSubscription =>
      given({ expireAt: wire.expire_at, info: infoOf(wire), data: dataOf(wire), override: wire.override }),
  ),
);

/** Not v.record, which skips a channel that is called as a property of every object is. */
const subscriptions = v.pipe(
  v.custom<Readonly<Record<string, unknown>>>(isObject, "expected an object: channels, and how to subscribe to them"),
  v.transform((wire) => Object.entries(wire)),
  v.array(v.tuple([channel, subscription])),
  v.transform((entries) => Object.fromEntries(entries)),
);

/** The result of a connect request. */
export const connectResult: ResultSchema<Credentials> = v.pipe(
  v.object({
    user: v.string(),
    expire_at: time,
    ...info,
    ...data,
    channels: v.nullish(v.array(channel), () => undefined),
    subs: v.nullish(subscriptions, () => undefined),
    meta: v.optional(v.unknown()),
  }),
  v.transform(({ user, expire_at, channels, subs, meta, ...wire }) => ({
    user,
    ...given({ expireAt: expire_at, info: infoOf(wire), data: dataOf(wire), channels, subs, meta }),
  })),
);

/** The result of a refresh request, of a connection or a subscription. */
export const refreshResult: ResultSchema<RefreshReply> = v.pipe(
  v.object({ expired: flag, expire_at: time, ...info }),
  v.transform((wire) => given({ expired: wire.expired, expireAt: wire.expire_at, info: infoOf(wire) })),
);

/** The result of a subscribe request. */
export const subscribeResult: ResultSchema<SubscribeGrant> = subscription;

/** The result of a publish request. */
export const publishResult: ResultSchema<PublishGrant> = v.pipe(
  v.object({ ...data, skip_history: flag }),
  v.transform((wire) => given({ data: dataOf(wire), skipHistory: wire.skip_history })),
);

/** The result of an RPC request. */
export const rpcResult: ResultSchema<RpcReply> = v.pipe(
  v.object(data),
  v.transform((wire) => given({ data: dataOf(wire) })),
);

/** What applications with binary clients send; "" is none. Clients of the JSON protocol need JSON all the same. */
function base64Json() {
  return v.pipe(
    v.string(),
    v.rawTransform<string, unknown>(({ dataset: { value }, addIssue, NEVER }) => {
      if (value === "") return undefined;
      try {
        return JSON.parse(Buffer.from(value, "base64").toString());
      } catch {
        addIssue({ message: "expected JSON in base64" });
        return NEVER;
      }
    }),
  );
}

/** What came in base64 if something did. */
function infoOf({ info, b64info }: { info?: unknown; b64info?: unknown }): unknown {
  return b64info ?? info;
}

function dataOf({ data, b64data }: { data?: unknown; b64data?: unknown }): unknown {
  return b64data ?? data;
}

type Given<Fields> = { [Name in keyof Fields]?: Exclude<Fields[Name], undefined> };

/** The same without what is undefined. */
function given<Fields extends object>(fields: Fields): Given<Fields> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Given<Fields>;
}
