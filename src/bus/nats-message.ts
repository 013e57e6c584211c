import { type Msg, type MsgHdrs, headers as newHeaders } from "@nats-io/nats-core";
import type { ChannelEvent, Publication, PublishOptions } from "./broker.ts";

/** Publications as messages of NATS: the data as the payload, the rest as headers. */

const TAGS = "Belfry-Tags";
const INFO = "Belfry-Info";
const EVENT = "Belfry-Event";
/** The version of a publication, and what it may be compared with. */
export const VERSION = "Belfry-Version";

/** What stands beside the data; undefined for nothing. */
export function headersOf({ tags, info, version, versionEpoch = "" }: PublishOptions): MsgHdrs | undefined {
  if (tags === undefined && info === undefined && version === undefined) return undefined;
  const headers = newHeaders();
  if (tags !== undefined) headers.set(TAGS, encoded(JSON.stringify(tags)));
  if (info !== undefined) headers.set(INFO, encoded(info));
  if (version !== undefined) headers.set(VERSION, `${version} ${encoded(versionEpoch)}`);
  return headers;
}

/** The publication of a message that was kept. */
export function publicationOf(
  channel: string,
  data: string,
  headers: MsgHdrs | undefined,
  place: { offset: number; previous: number; epoch: string },
): Publication {
  const publication = { channel, data: jsonOf(data), ...place };
  if (!headers) return publication;
  const tags = tagsOf(headers.get(TAGS));
  const info = decoded(headers.get(INFO));
  return {
    ...publication,
    ...(tags && { tags }),
    ...(info !== undefined && { info }),
  };
}

/** The header of who comes and goes. */
export function eventHeaders(type: ChannelEvent["type"]): MsgHdrs {
  const headers = newHeaders();
  headers.set(EVENT, type);
  return headers;
}

/** Who came or went, if the message tells that. */
export function eventOf(channel: string, message: Msg): ChannelEvent | undefined {
  const type = message.headers?.get(EVENT);
  if (type !== "join" && type !== "leave") return undefined;
  return { channel, type, info: jsonOf(message.string()) };
}

/** Anybody may publish on the Bus: what is no JSON is taken for text, and a line feed would end the client's line. */
function jsonOf(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    return text.includes("\n") ? JSON.stringify(value) : text;
  } catch {
    return JSON.stringify(text);
  }
}

/** Headers are ASCII lines; half a surrogate pair has no UTF-8. */
export function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

/** Tags that are strings; filters count on that, and anybody may publish. */
function tagsOf(header: string): Record<string, string> | undefined {
  const value: unknown = JSON.parse(decoded(header) ?? "null");
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return Object.values(value).every((tag) => typeof tag === "string") ? (value as Record<string, string>) : undefined;
}

/** The JSON of a header; undefined when there is none, since an exception here would end the connection. */
function decoded(header: string): string | undefined {
  try {
    const text = decodeURIComponent(header);
    JSON.parse(text);
    return text;
  } catch {
    return undefined;
  }
}
