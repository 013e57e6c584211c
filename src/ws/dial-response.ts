import { HandshakeError } from "../errors.ts";
import { ACCEPT_BYTES, writeAccept } from "./accept-key.ts";
import { ascii, latin1Bytes } from "./characters.ts";
import type { DialRequest } from "./dial.ts";
import { listHolds, listTokens } from "./head-list.ts";
import type { ResponseHead } from "./response-head.ts";

/** RFC 6455, section 4.1: how a client judges the answer to its request for an upgrade. */

/** What an answer is judged by: what was asked for. */
export type DialExpectation = Required<Pick<DialRequest, "key" | "protocols" | "extensions">>;

/** What the server agreed to. */
export interface DialAgreement {
  /** One of the protocols offered, or undefined when the server chose none. */
  readonly protocol: string | undefined;
  /** The text of Sec-WebSocket-Extensions, "" for none: only extensions that were offered, their parameters unread. */
  readonly extensions: string;
}

/**
 * Judges the answer by 4.1. Throws {@link HandshakeError}: with the server's own status when it did not upgrade, and
 * its headers under lower-case names; with 502 when it did, and broke a rule, which the message names.
 */
export function checkDialResponse(head: ResponseHead, expected: DialExpectation): DialAgreement {
  const headers = allHeaders(head);
  if (head.status !== 101) throw refusal(head, headers);
  if (head.minor !== 1) broken("the answer is one of HTTP/1.0");
  if (headers.get("upgrade")?.toLowerCase() !== "websocket") broken("the header Upgrade is not websocket");
  const connection = latin1Bytes(headers.get("connection") ?? "");
  if (!listHolds(connection, 0, connection.length, "upgrade")) broken("the header Connection does not hold Upgrade");
  if (headers.get("sec-websocket-accept") !== acceptOf(expected.key)) {
    broken("the header Sec-WebSocket-Accept does not belong to the key that was sent");
  }
  const protocol = headers.get("sec-websocket-protocol");
  if (protocol !== undefined && !expected.protocols.includes(protocol)) {
    broken(`the server chose the protocol ${JSON.stringify(protocol)}, which was not offered`);
  }
  const extensions = headers.get("sec-websocket-extensions") ?? "";
  const offered = listTokens(expected.extensions);
  for (const name of answeredExtensions(extensions)) {
    if (!offered.includes(name)) broken(`the server chose the extension ${name}, which was not offered`);
  }
  return { protocol, extensions };
}

function refusal(head: ResponseHead, all: ReadonlyMap<string, string>): HandshakeError {
  const { bytes, status } = head;
  const headers = Object.fromEntries(all);
  const said = `${status} ${ascii(bytes, head.reasonFrom, head.reasonTo)}`.trimEnd();
  if (status < 300 || status >= 400) return new HandshakeError(status, `the server answered ${said}`, headers);
  const { location } = headers;
  const where = location === undefined ? "without a Location" : `to ${location}`;
  return new HandshakeError(
    status,
    `the server answered ${said}, ${where}; redirects are not followed: dial that URL yourself if it is to be trusted`,
    headers,
  );
}

/** By lower-case name, lines joined as a list: what may be there once passes no check when it is there twice. */
function allHeaders(head: ResponseHead): Map<string, string> {
  const all = new Map<string, string>();
  for (let i = 0; i < head.count; i++) {
    const name = ascii(head.bytes, head.nameFrom(i), head.nameTo(i)).toLowerCase();
    const value = ascii(head.bytes, head.valueFrom(i), head.valueTo(i));
    const before = all.get(name);
    all.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return all;
}

function acceptOf(key: string): string {
  const out = new Uint8Array(ACCEPT_BYTES);
  writeAccept(latin1Bytes(key), 0, out, 0);
  return ascii(out, 0, ACCEPT_BYTES);
}

function answeredExtensions(extensions: string): string[] {
  try {
    return listTokens(extensions);
  } catch (error) {
    if (!(error instanceof HandshakeError)) throw error;
    return broken("the header Sec-WebSocket-Extensions is malformed");
  }
}

function broken(rule: string): never {
  throw new HandshakeError(502, rule);
}
