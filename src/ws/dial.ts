import { BelfryError, HandshakeError } from "../errors.ts";
import { validKey } from "./accept-key.ts";
import { headerLines } from "./answer.ts";
import { latin1Bytes, tokenEnd } from "./characters.ts";
import { listTokens } from "./head-list.ts";

/** RFC 6455, section 4.1: what a client asks for, on bytes; what it is answered is judged in dial-response.ts. */

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
  if (!validKey(latin1Bytes(key), 0, key.length)) throw badOption("the key is not the base64 of 16 bytes");
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
  return latin1Bytes(`GET ${url.pathname}${url.search} HTTP/1.1\r\n${lines}${headerLines(headers)}\r\n`);
}

/** The elements must be tokens, each there once (4.1, point 10). */
function checkProtocols(protocols: readonly string[]): void {
  for (const [i, protocol] of protocols.entries()) {
    const bytes = latin1Bytes(protocol);
    if (protocol === "" || tokenEnd(bytes, 0, bytes.length) !== bytes.length) {
      throw badOption(`the protocol ${JSON.stringify(protocol)} is not a token`);
    }
    if (protocols.indexOf(protocol) !== i) throw badOption(`the protocol ${protocol} is offered twice`);
  }
}

function checkOffer(extensions: string): void {
  if (extensions === "") return;
  try {
    if (listTokens(extensions).length > 0) return;
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

function badOption(what: string): BelfryError {
  return new BelfryError("BELFRY_BAD_OPTION", `dial: ${what}`);
}
