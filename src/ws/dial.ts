import { BelfryError, HandshakeError } from "../errors.ts";
import { ACCEPT_BYTES, validKey, writeAccept } from "./accept-key.ts";
import { ascii, tokenEnd } from "./characters.ts";
import { ListCursor, listHolds } from "./head-list.ts";
import type { ResponseHead } from "./response-head.ts";
import { headerLines } from "./upgrade.ts";

/** RFC 6455, section 4.1: the client's side of the opening handshake, on bytes. */

/** What a client asks for. */
export interface DialRequest {
  /** Scheme ws:, wss:, http: or https:; a user's name and password become an Authorization of RFC 7617. */
  readonly url: string | URL;
  /** A fresh one of {@link makeKey} for each request. */
  readonly key: string;
  /** The subprotocols offered, in order of preference. */
  readonly protocols?: readonly string[];
  /** The offer of extensions, as in Sec-WebSocket-Extensions. */
  readonly extensions?: string;
  /** Further headers, those of the handshake itself apart. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What an answer is judged by: what was asked for. */
export type DialExpectation = Required<Pick<DialRequest, "key" | "protocols" | "extensions">>;

/** What the server agreed to. */
export interface DialAgreement {
  /** One of the protocols offered, or undefined when the server chose none. */
  readonly protocol: string | undefined;
  /** The text of Sec-WebSocket-Extensions, "" for none: only extensions that were offered, their parameters unread. */
  readonly extensions: string;
}

/** A new Sec-WebSocket-Key: the base64 of 16 random bytes (4.1, point 7). */
export function makeKey(): string {
  return btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(16))));
}

/**
 * Parses the URL of a WebSocket (RFC 6455, 3). Throws BELFRY_BAD_OPTION for another scheme, and for a fragment, which a
 * WebSocket's URL must not have. The message quotes nothing that may be a secret.
 */
export function dialUrl(url: string | URL): URL {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw badOption("the url is none: give an absolute one, such as ws://127.0.0.1:8080/path");
  }
  if (!["ws:", "wss:", "http:", "https:"].includes(parsed.protocol)) {
    throw badOption(`the url's scheme is ${parsed.protocol}: allowed are ws:, wss:, http: and https:`);
  }
  if (parsed.href.includes("#")) throw badOption("the url has a fragment: leave it out, or write %23 for #");
  return parsed;
}

/**
 * The bytes of the request for an upgrade (4.1). Throws BELFRY_BAD_OPTION for a URL that is none, a malformed key,
 * protocol, offer or header, and for a header that belongs to the handshake.
 */
export function writeDialRequest(request: DialRequest): Uint8Array {
  const { key, protocols = [], extensions = "", headers = {} } = request;
  const url = dialUrl(request.url);
  if (!validKey(bytesOf(key), 0, key.length)) throw badOption("the key is not the base64 of 16 bytes");
  checkProtocols(protocols);
  checkOffer(extensions);
  const authorization = basicAuthorization(url);
  checkHeaders(headers, authorization !== undefined);
  const lines = headerLines({
    Host: url.host,
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Key": key,
    "Sec-WebSocket-Version": "13",
    ...(protocols.length > 0 && { "Sec-WebSocket-Protocol": protocols.join(", ") }),
    ...(extensions !== "" && { "Sec-WebSocket-Extensions": extensions }),
    ...(authorization !== undefined && { Authorization: authorization }),
  });
  return bytesOf(`GET ${url.pathname}${url.search} HTTP/1.1\r\n${lines}${headerLines(headers)}\r\n`);
}

/**
 * Judges the answer by 4.1. Throws {@link HandshakeError}: with the server's own status when it did not upgrade, and its
 * headers under lower-case names; with 502 when it did, and broke a rule, which the message names.
 */
export function checkDialResponse(head: ResponseHead, expected: DialExpectation): DialAgreement {
  if (head.status !== 101) throw refusal(head);
  if (head.minor !== 1) broken("the answer is one of HTTP/1.0");
  if (headerOf(head, "upgrade")?.toLowerCase() !== "websocket") broken("the header Upgrade is not websocket");
  const connection = bytesOf(headerOf(head, "connection") ?? "");
  if (!listHolds(connection, 0, connection.length, "upgrade")) broken("the header Connection does not hold Upgrade");
  if (headerOf(head, "sec-websocket-accept") !== acceptOf(expected.key)) {
    broken("the header Sec-WebSocket-Accept does not belong to the key that was sent");
  }
  const protocol = headerOf(head, "sec-websocket-protocol");
  if (protocol !== undefined && !expected.protocols.includes(protocol)) {
    broken(`the server chose the protocol ${JSON.stringify(protocol)}, which was not offered`);
  }
  const extensions = headerOf(head, "sec-websocket-extensions") ?? "";
  const offered = extensionNames(expected.extensions);
  for (const name of answeredExtensions(extensions)) {
    if (!offered.includes(name)) broken(`the server chose the extension ${name}, which was not offered`);
  }
  return { protocol, extensions };
}

// ---- The request ----------------------------------------------------------------------------------------------------

/** The elements must be tokens, each there once (4.1, point 10). */
function checkProtocols(protocols: readonly string[]): void {
  for (const [i, protocol] of protocols.entries()) {
    const bytes = bytesOf(protocol);
    if (protocol === "" || tokenEnd(bytes, 0, bytes.length) !== bytes.length) {
      throw badOption(`the protocol ${JSON.stringify(protocol)} is not a token`);
    }
    if (protocols.indexOf(protocol) !== i) throw badOption(`the protocol ${protocol} is offered twice`);
  }
}

function checkOffer(extensions: string): void {
  if (extensions === "") return;
  try {
    if (extensionNames(extensions).length > 0) return;
  } catch (error) {
    if (!(error instanceof HandshakeError)) throw error;
  }
  throw badOption(`the offer of extensions ${JSON.stringify(extensions)} is malformed`);
}

/** What a caller may not set: what would make another request of it, and what the answer is judged by. */
function checkHeaders(headers: Readonly<Record<string, string>>, hasAuthorization: boolean): void {
  for (const name of Object.keys(headers)) {
    if (/^(?:host|upgrade|connection|content-length|transfer-encoding|sec-websocket-.*)$/i.test(name)) {
      throw badOption(`the header ${name} is the handshake's own: protocols and extensions are options`);
    }
    if (hasAuthorization && name.toLowerCase() === "authorization") {
      throw badOption("the header Authorization is there, and the url has a user too: leave out one of them");
    }
  }
}

/** RFC 7617, section 2; the characters are UTF-8, as everybody has it. */
function basicAuthorization(url: URL): string | undefined {
  if (url.username === "" && url.password === "") return undefined;
  let [user, password] = ["", ""];
  try {
    [user, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
  } catch {
    throw badOption("the url's user or password holds a % that is no escape: write it %25");
  }
  if (user.includes(":")) throw badOption("the url's user holds a colon, which Basic authorization cannot tell");
  return `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode(`${user}:${password}`)))}`;
}

// ---- The answer -----------------------------------------------------------------------------------------------------

function refusal(head: ResponseHead): HandshakeError {
  const { bytes, status } = head;
  const headers = Object.fromEntries(allHeaders(head));
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

/** A header, its lines joined as a list: what may be there once passes no check when it is there twice. */
function headerOf(head: ResponseHead, name: string): string | undefined {
  let value: string | undefined;
  for (let i = head.find(name); i >= 0; i = head.find(name, i + 1)) {
    const part = ascii(head.bytes, head.valueFrom(i), head.valueTo(i));
    value = value === undefined ? part : `${value}, ${part}`;
  }
  return value;
}

function acceptOf(key: string): string {
  const out = new Uint8Array(ACCEPT_BYTES);
  writeAccept(bytesOf(key), 0, out, 0);
  return ascii(out, 0, ACCEPT_BYTES);
}

function answeredExtensions(extensions: string): string[] {
  try {
    return extensionNames(extensions);
  } catch (error) {
    if (!(error instanceof HandshakeError)) throw error;
    return broken("the header Sec-WebSocket-Extensions is malformed");
  }
}

function extensionNames(text: string): string[] {
  const bytes = bytesOf(text);
  const cursor = new ListCursor();
  const names: string[] = [];
  cursor.start(bytes, 0, bytes.length);
  while (cursor.next()) names.push(ascii(bytes, cursor.itemFrom, cursor.itemTo));
  return names;
}

/** One byte for each character, as heads are. One that needs more becomes a NUL, which may stand nowhere in a head. */
function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i) > 0xff ? 0 : text.charCodeAt(i);
  return bytes;
}

function badOption(what: string): BelfryError {
  return new BelfryError("BELFRY_BAD_OPTION", `dial: ${what}`);
}

function broken(rule: string): never {
  throw new HandshakeError(502, rule);
}
