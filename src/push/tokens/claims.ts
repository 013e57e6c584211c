import * as v from "valibot";
import { limits } from "../../limits.ts";
import { channel, channelFault } from "../channel-name.ts";
import type { Credentials, ServerSubscription, SubscriptionOverride } from "../hooks.ts";
import { type Fields, isObject } from "../protocol.ts";
import { TokenFault } from "./fault.ts";

/** What a connection token says. Shared by all who show the same token: not to be changed. */
export interface ConnectionToken extends Credentials {
  /** The claim `jti`, by which it can be revoked; absent when it has none, or one over apiTextBytesMax. */
  readonly tokenId?: string;
  /** The claim `iat`, in seconds since 1970. */
  readonly issuedAt?: number;
}

/** What a subscription token says: who may subscribe to what, and how. */
export interface SubscriptionClaims {
  readonly user: string;
  /** "" when the token has none: then it is a connection token. */
  readonly channel: string;
  readonly subscription: ServerSubscription;
}

// Back ends write null for what is absent, so null is nothing.
const seconds = v.nullish(v.pipe(v.number(), v.finite(), v.minValue(0), v.transform(Math.floor)));
const user = v.nullish(
  v.union([v.string(), v.pipe(v.number(), v.safeInteger(), v.transform(String))], "Expected a string or whole number"),
  "",
);
/** A longer one cannot be named by anybody. */
const tokenId = v.pipe(
  user,
  v.transform((id) => (id === "" || Buffer.byteLength(id) > limits.apiTextBytesMax ? undefined : id)),
);
const json = v.optional(v.unknown());
const utf8 = new TextDecoder("utf-8", { fatal: true });
const base64Json = v.nullish(
  v.pipe(
    v.string(),
    v.base64(),
    v.rawTransform<string, unknown>(({ dataset, addIssue, NEVER }) => {
      if (dataset.value === "") return undefined;
      try {
        const value: unknown = JSON.parse(utf8.decode(Buffer.from(dataset.value, "base64")));
        if (withinDepth(value)) return value;
      } catch {
        // It is answered below.
      }
      addIssue({ message: `Expected the base64 of JSON of at most ${limits.claimsDepthMax} levels (claimsDepthMax)` });
      return NEVER;
    }),
  ),
);
/** What valibot's own takes a list for as well. */
const object = <Entries extends v.ObjectEntries>(entries: Entries) =>
  v.pipe(v.custom<Fields>(isObject, "Expected an object"), v.object(entries));

const flag = v.nullish(
  v.pipe(
    object({ value: v.nullish(v.boolean(), false) }),
    v.transform(({ value }) => value),
  ),
);
const override = v.nullish(
  v.pipe(
    object({
      presence: flag,
      join_leave: flag,
      force_push_join_leave: flag,
      force_positioning: flag,
      force_recovery: flag,
    }),
    v.transform(
      (flags): SubscriptionOverride =>
        present({
          presence: flags.presence,
          joinLeave: flags.join_leave,
          forcePushJoinLeave: flags.force_push_join_leave,
          forcePositioning: flags.force_positioning,
          forceRecovery: flags.force_recovery,
        }),
    ),
  ),
);
const subscriptionEntries = { info: json, b64info: base64Json, data: json, b64data: base64Json, override };
const subscription = object(subscriptionEntries);
const subs = v.nullish(
  v.pipe(
    v.custom<Fields>(isObject, "Expected an object"),
    v.rawTransform<Fields, Readonly<Record<string, ServerSubscription>>>(({ dataset, addIssue, NEVER }) => {
      // Any text may be a channel's name, also one that every object has from its prototype.
      const subs: Record<string, ServerSubscription> = Object.create(null);
      for (const [name, value] of Object.entries(dataset.value)) {
        const parsed = v.safeParse(subscription, value);
        const fault = channelFault(name) ?? parsed.issues?.[0].message;
        if (fault !== undefined || !parsed.success) {
          addIssue({ message: `channel ${JSON.stringify(name)}: ${fault}` });
          return NEVER;
        }
        subs[name] = subscriptionOf(parsed.output);
      }
      return subs;
    }),
  ),
);

const connectionClaims = v.object({
  exp: seconds,
  expire_at: seconds,
  jti: tokenId,
  iat: v.nullish(v.number()),
  info: json,
  b64info: base64Json,
  channels: v.nullish(v.array(channel)),
  subs,
  meta: json,
  // A token to subscribe with is handed out more freely, and must not open a connection.
  channel: v.nullish(v.literal("", "it is a subscription token: a connection token has no channel")),
});

const subscriptionClaims = v.object({
  exp: seconds,
  expire_at: seconds,
  channel: v.nullish(v.string(), ""),
  ...subscriptionEntries,
});

/** What the claims of a connection token say; throws a TokenFault "invalid". `userClaim` holds the user. */
export function readConnectionClaims(claims: Fields, userClaim: string): ConnectionToken {
  const { exp, expire_at, jti, iat, info, b64info, channels, subs, meta } = read(connectionClaims, claims);
  return {
    user: userOf(claims, userClaim),
    ...present({
      expireAt: expire_at ?? exp,
      info: b64info ?? info,
      channels,
      subs,
      meta,
      tokenId: jti,
      issuedAt: iat,
    }),
  };
}

/** What the claims of a subscription token say; throws a TokenFault "invalid". */
export function readSubscriptionClaims(claims: Fields, userClaim: string): SubscriptionClaims {
  const parsed = read(subscriptionClaims, claims);
  return {
    user: userOf(claims, userClaim),
    channel: parsed.channel,
    subscription: { ...present({ expireAt: parsed.expire_at ?? parsed.exp }), ...subscriptionOf(parsed) },
  };
}

function read<Schema extends v.GenericSchema>(schema: Schema, claims: Fields): v.InferOutput<Schema> {
  // What nests deeper could not be written as JSON again: that takes stack for each level.
  if (!withinDepth(claims)) {
    throw new TokenFault("invalid", `the claims nest deeper than claimsDepthMax, ${limits.claimsDepthMax} levels`);
  }
  const result = v.safeParse(schema, claims);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new TokenFault("invalid", `claim ${v.getDotPath(issue)}: ${issue.message}`);
}

function userOf(claims: Fields, userClaim: string): string {
  const result = v.safeParse(user, Object.hasOwn(claims, userClaim) ? claims[userClaim] : undefined);
  if (result.success) return result.output;
  throw new TokenFault("invalid", `claim ${userClaim}: ${result.issues[0].message}`);
}

interface SubscriptionFields {
  readonly info?: unknown;
  readonly b64info?: unknown;
  readonly data?: unknown;
  readonly b64data?: unknown;
  readonly override?: SubscriptionOverride | null | undefined;
}

function subscriptionOf({ info, b64info, data, b64data, override }: SubscriptionFields): ServerSubscription {
  return present({ info: b64info ?? info, data: b64data ?? data, override });
}

function withinDepth(value: unknown, levels: number = limits.claimsDepthMax): boolean {
  if (typeof value !== "object" || value === null) return true;
  return levels > 0 && Object.values(value).every((inner) => withinDepth(inner, levels - 1));
}

/** The same without what is undefined or null. */
function present<T extends object>(fields: T): { [Key in keyof T]?: NonNullable<T[Key]> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(entries) as { [Key in keyof T]?: NonNullable<T[Key]> };
}
