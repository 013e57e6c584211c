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
} as const;
/** A code of {@link replyErrors}; its message follows from it. */
export type ReplyErrorCode = keyof typeof replyErrors;

/**
 * Codes that a connection is closed with (PROTOCOL.md, "Closes"): 3000–3499 and the client comes back, 3500–3999 and it
 * does not.
 */
export const disconnects = {
  SHUTDOWN: { code: 3001, reason: "shutdown" },
  SERVER_ERROR: { code: 3004, reason: "internal server error" },
  SLOW: { code: 3008, reason: "slow" },
  NO_PONG: { code: 3012, reason: "no pong" },
  BAD_REQUEST: { code: 3501, reason: "bad request" },
  STALE: { code: 3502, reason: "stale" },
} as const;
/** One of {@link disconnects}: what the close frame says. */
export type Disconnect = (typeof disconnects)[keyof typeof disconnects];

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

/** An error that is answered; the connection goes on. */
export class ReplyError extends Error {
  override readonly name = "ReplyError";
  readonly code: ReplyErrorCode;
  constructor(code: ReplyErrorCode) {
    super(replyErrors[code]);
    this.code = code;
  }
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

/** The reply to the command `id`, one line of JSON. */
export function encodeReply(id: number, method: Method, result: object): string {
  return `{"id":${id},"${method}":${JSON.stringify(result)}}`;
}

/** The error reply to the command `id`; code 100 is marked as temporary, so that the client tries again. */
export function encodeError(id: number, code: ReplyErrorCode): string {
  const temporary = code === 100 ? ',"temporary":true' : "";
  return `{"id":${id},"error":{"code":${code},"message":"${replyErrors[code]}"${temporary}}}`;
}

/** A publication's push; `data` is JSON text without a raw line feed. */
export function encodePublication(channel: string, data: string): string {
  return `{"push":{"channel":${JSON.stringify(channel)},"pub":{"data":${data}}}}`;
}

/** A string field of a command; "" when absent, as the protocol omits empty fields. Throws 107 for another type. */
export function stringField(fields: Fields, name: string): string {
  const value = Object.hasOwn(fields, name) ? fields[name] : "";
  if (typeof value !== "string") throw new ReplyError(107);
  return value;
}

/** Whether a parsed value is an object, and no array. */
export function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
