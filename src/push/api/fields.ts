import { limits } from "../../limits.ts";
import { channelFault } from "../channel-name.ts";
import { isObject } from "../protocol.ts";
import { anything, eachOf, object, optional, orElse, value } from "./schema.ts";

const { apiTextBytesMax, broadcastChannelsMax, channelBytesMax, tagsBytesMax, tagsMax, whitelistMax } = limits;

const TEXT = {
  allowed: `text of at most ${apiTextBytesMax} bytes (apiTextBytesMax)`,
  json: { type: "string", maxLength: apiTextBytesMax },
  is: isText,
};

/** Text of at most apiTextBytesMax; `what` says of what, here and in the other functions. */
export function text(what: string) {
  return value<string>(what, TEXT);
}

/** The same, and not empty. */
export function name(what: string) {
  return value<string>(what, {
    allowed: `text of 1 to ${apiTextBytesMax} bytes (apiTextBytesMax)`,
    json: { ...TEXT.json, minLength: 1 },
    is: (came) => came !== "" && isText(came),
  });
}

/** Text of an answer: as long as it is. */
export function said(what: string) {
  return value<string>(what, { allowed: "text", json: { type: "string" }, is: (came) => typeof came === "string" });
}

/** A whole number within bounds, both included; `limit` names the upper one, where it is one of limits.ts. */
export function whole(what: string, minimum: number, maximum: number, limit?: string) {
  return value<number>(what, {
    allowed: `a whole number from ${minimum} to ${maximum}${limit === undefined ? "" : ` (${limit})`}`,
    json: { type: "integer", minimum, maximum },
    is: (came) => Number.isSafeInteger(came) && Number(came) >= minimum && Number(came) <= maximum,
  });
}

/** A number that counts something, from 0. */
export function count(what: string) {
  return whole(what, 0, Number.MAX_SAFE_INTEGER);
}

/** True or false; absent is false. */
export function flag(what: string) {
  const is = (came: unknown) => typeof came === "boolean";
  return orElse(value<boolean>(what, { allowed: "true or false", json: { type: "boolean" }, is }), false);
}

const CHANNEL = {
  allowed: `a channel's name, not empty, no half of a surrogate pair in it (channelBytesMax is ${channelBytesMax})`,
  json: { type: "string", minLength: 1, maxLength: channelBytesMax },
  is: (came: unknown) => channelFault(came) === undefined,
};

/** One channel. */
export const channel = value<string>("the channel", CHANNEL);

/** The channels of a broadcast: judged in one loop, since a schema for each costs more than the delivery. */
export const channels = eachOf(
  value<readonly string[]>("the channels", {
    allowed: `a list of 1 to ${broadcastChannelsMax} channels (broadcastChannelsMax; send several broadcasts)`,
    json: { type: "array", items: CHANNEL.json, minItems: 1, maxItems: broadcastChannelsMax },
    is: (came) => Array.isArray(came) && came.length >= 1 && came.length <= broadcastChannelsMax,
  }),
  CHANNEL,
);

/**
 * Connections of a user, all of them unless one is named. The user must be said, so that a typing error closes nobody.
 */
export const whom = {
  user: text("the user, empty for connections without one"),
  client: orElse(text("the id of one client, if it is for that alone"), ""),
  session: orElse(text("the id of one session, if it is for that alone"), ""),
};

/** A place in a channel's stream. */
export const position = object({
  offset: orElse(count("the offset"), 0),
  epoch: orElse(text("the epoch"), ""),
});

/** When something expires. */
export const expireAt = orElse(count("when it expires, in seconds since 1970; 0 for never"), 0);

/** JSON of the caller's as field `field`, or the same in base64: see payload.ts. */
export function payload(field: string, what: string) {
  const base64 = value<string>(`${what}, in base64, instead of ${field}`, {
    allowed: "JSON text in base64",
    json: { type: "string", contentEncoding: "base64", contentMediaType: "application/json" },
    is: (came) => typeof came === "string",
  });
  return { plain: anything(`${what}: any JSON`), base64: orElse(base64, "") };
}

/** What a publication is tagged with. */
export const tags = optional(
  value<Readonly<Record<string, string>>>("tags, which subscribers are told of", {
    allowed: `an object of at most ${tagsMax} texts (tagsMax), ${tagsBytesMax} bytes with their names (tagsBytesMax)`,
    json: { type: "object", additionalProperties: { type: "string" }, maxProperties: tagsMax },
    is: isTags,
  }),
);

/** Clients that are spared. */
export const whitelist = orElse(
  eachOf(
    value<readonly string[]>("the ids of clients that stay", {
      allowed: `a list of at most ${whitelistMax} clients' ids (whitelistMax)`,
      json: { type: "array", items: TEXT.json, maxItems: whitelistMax },
      is: (came) => Array.isArray(came) && came.length <= whitelistMax,
    }),
    TEXT,
  ),
  [],
);

function isText(came: unknown): boolean {
  return typeof came === "string" && came.isWellFormed() && Buffer.byteLength(came) <= apiTextBytesMax;
}

function isTags(came: unknown): boolean {
  if (!isObject(came)) return false;
  const all = Object.entries(came);
  if (all.length > tagsMax) return false;
  let bytes = 0;
  for (const [tag, said] of all) {
    if (typeof said !== "string") return false;
    bytes += Buffer.byteLength(tag) + Buffer.byteLength(said);
  }
  return bytes <= tagsBytesMax;
}
