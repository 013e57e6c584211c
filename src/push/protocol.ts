import type { Publication } from "../bus/index.ts";
import type { ClientInfo } from "./operations.ts";

/**
 * Centrifugo's client protocol v2, JSON: what goes over the wire. PROTOCOL.md is the contract; this file is its types,
 * codes and texts.
 */

/** Codes of an error reply (PROTOCOL.md, "Errors"), with the protocol's own messages. */
export const replyErrors = {
  100: "internal server error",
  101: "unauthorized",
  102: "unknown channel",
  103: "permission denied",
  104: "method not found",
  105: "already subscribed",
  106: "limit exceeded",
  107: "bad request",
  108: "not available",
  109: "token expired",
  110: "expired",
  111: "too many requests",
  112: "unrecoverable position",
  113: "concurrent pagination",
} as const;
/** A code of {@link replyErrors}; its message follows from it. */
export type ReplyErrorCode = keyof typeof replyErrors;

/** Errors after which the client is to try again. */
const TEMPORARY: readonly number[] = [100, 111, 113];

/**
 * Codes that a connection is closed with (PROTOCOL.md, "Closes"): 3000–3499 and the client comes back, 3500–3999 and it
 * does not.
 */
export const disconnects = {
  SHUTDOWN: { code: 3001, reason: "shutdown" },
  SERVER_ERROR: { code: 3004, reason: "internal server error" },
  CONNECTION_EXPIRED: { code: 3005, reason: "connection expired" },
  SUBSCRIPTION_EXPIRED: { code: 3006, reason: "subscription expired" },
  SLOW: { code: 3008, reason: "slow" },
  INSUFFICIENT_STATE: { code: 3010, reason: "insufficient state" },
  NO_PONG: { code: 3012, reason: "no pong" },
  TOO_MANY_REQUESTS: { code: 3013, reason: "too many requests" },
  INVALID_TOKEN: { code: 3500, reason: "invalid token" },
  BAD_REQUEST: { code: 3501, reason: "bad request" },
  STALE: { code: 3502, reason: "stale" },
  FORCE_DISCONNECT: { code: 3503, reason: "force disconnect" },
  CONNECTION_LIMIT: { code: 3504, reason: "connection limit" },
  CHANNEL_LIMIT: { code: 3505, reason: "channel limit" },
  PERMISSION_DENIED: { code: 3507, reason: "permission denied" },
  NOT_AVAILABLE: { code: 3508, reason: "not available" },
} as const;

/** What the close frame says: one of {@link disconnects}, or the application's own. */
export interface Disconnect {
  readonly code: number;
  readonly reason: string;
}

/** What ends a subscription from the server's side: below 2500 for good, from there on the client subscribes again. */
export const unsubscribes = {
  SERVER: { code: 2000, reason: "server unsubscribe" },
  INSUFFICIENT_STATE: { code: 2500, reason: "insufficient state" },
  EXPIRED: { code: 2501, reason: "subscription expired" },
} as const;

/** The methods, in the order in which they are looked for in a command that holds several. */
export const methods = [
  "connect",
  "subscribe",
  "unsubscribe",
  "publish",
  "presence",
  "presence_stats",
  "history",
  "rpc",
  "refresh",
  "sub_refresh",
] as const;
/** The key of a command that says what to do; the reply has its result under the same key. */
export type Method = (typeof methods)[number];

/** A command as it was parsed: nothing is known of its fields yet. */
export type Fields = Readonly<Record<string, unknown>>;

/** An error that is answered; the connection goes on. Codes 400–1999 are the application's, with its own message. */
export class ReplyError extends Error {
  override readonly name = "ReplyError";
  readonly code: number;
  /** Whether the client is to try again. */
  readonly temporary: boolean;
  constructor(code: number, message = messageOf(code), temporary = TEMPORARY.includes(code)) {
    super(message);
    this.code = code;
    this.temporary = temporary;
  }
}

function messageOf(code: number): string {
  return (replyErrors as Readonly<Record<number, string>>)[code] ?? "error";
}

/** An error after which the connection is closed. */
export class DisconnectError extends Error {
  override readonly name = "DisconnectError";
  readonly disconnect: Disconnect;
  constructor(disconnect: Disconnect) {
    super(disconnect.reason);
    this.disconnect = disconnect;
  }
}

/** The ping, and the pong: an empty object, in both directions. */
export const EMPTY = "{}";

/** The reply to the command `id`, one line; `result` is JSON text. */
export function encodeReply(id: number, method: Method, result: string): string {
  return `{"id":${id},"${method}":${result}}`;
}

/** The error reply to the command `id`. */
export function encodeError(id: number, { code, message, temporary }: ReplyError): string {
  return `{"id":${id},"error":{"code":${code},"message":${JSON.stringify(message)}${temporary ? ',"temporary":true' : ""}}}`;
}

/** A publication, as it stands in a push, a subscribe result or a history. */
export function encodePublication({ data, offset, tags, info }: Publication): string {
  const position = offset > 0 ? `,"offset":${offset}` : "";
  const by = info === undefined ? "" : `,"info":${info}`;
  return `{"data":${data}${position}${by}${tags ? `,"tags":${JSON.stringify(tags)}` : ""}}`;
}

/** A push to the subscribers of a channel; `body` is JSON text without a raw line feed. */
export function encodePush(channel: string, type: PushType, body: string): string {
  return `{"push":{"channel":${JSON.stringify(channel)},"${type}":${body}}}`;
}

/** What a push may be. */
export type PushType = "pub" | "join" | "leave" | "unsubscribe" | "subscribe";

/** A client, as others are told of it. */
export function encodeClientInfo({ client, user, connInfo, chanInfo }: ClientInfo): string {
  const conn = connInfo === undefined ? "" : `,"conn_info":${connInfo}`;
  const chan = chanInfo === undefined ? "" : `,"chan_info":${chanInfo}`;
  return `{"client":"${client}"${user === "" ? "" : `,"user":${JSON.stringify(user)}`}${conn}${chan}}`;
}

/** A string field of a command; "" when absent, as the protocol omits empty fields. Throws 107 for another type. */
export function stringField(fields: Fields, name: string): string {
  const value = Object.hasOwn(fields, name) ? fields[name] : "";
  if (typeof value !== "string") throw new ReplyError(107);
  return value;
}

/** A number that is not negative; 0 when absent. Throws 107 for anything else. */
export function countField(fields: Fields, name: string): number {
  const value = Object.hasOwn(fields, name) ? fields[name] : 0;
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) throw new ReplyError(107);
  return value;
}

/** Whether a field is true; absent is false. */
export function booleanField(fields: Fields, name: string): boolean {
  const value = Object.hasOwn(fields, name) ? fields[name] : false;
  if (typeof value !== "boolean") throw new ReplyError(107);
  return value;
}

/** Any JSON value; undefined when absent. */
export function valueField(fields: Fields, name: string): unknown {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

/** Whether a parsed value is an object, and no array. */
export function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
