import { BelfryError, HandshakeError } from "../errors.ts";
import { ACCEPT_BYTES, validKey, writeAccept } from "./accept-key.ts";
import { ascii, equalsIgnoringCase, hostEnd } from "./characters.ts";
import { listHolds } from "./head-list.ts";
import type { RequestHead } from "./http-head.ts";
import { known } from "./known-headers.ts";

/** RFC 6455, section 4.2: the server's side of the opening handshake, on bytes. */

/** Whether the request asks to become a WebSocket; what does not is for an HTTP server. */
export function asksForWebSocket(head: RequestHead): boolean {
  return anyLineHolds(head, known.UPGRADE, "upgrade", "websocket");
}

/**
 * Judges a request that asks for a WebSocket by 4.2.1. Throws {@link HandshakeError}: 405 for a method other than GET,
 * 505 for HTTP/1.0, 426 with the version spoken here for another Sec-WebSocket-Version, 400 for the rest.
 */
export function checkUpgrade(head: RequestHead): void {
  const { bytes } = head;
  if (ascii3(bytes, head.methodFrom, head.methodTo) !== GET) {
    throw new HandshakeError(405, "only GET can be upgraded", { Allow: "GET" });
  }
  if (head.minor !== 1) throw new HandshakeError(505, "a WebSocket needs HTTP/1.1");
  const host = head.known[known.HOST] as number;
  if (host < 0) throw new HandshakeError(400, "the header Host is missing");
  if (hostEnd(bytes, head.valueFrom(host), head.valueTo(host)) !== head.valueTo(host))
    throw new HandshakeError(400, "the header Host is no host");
  if (!anyLineHolds(head, known.CONNECTION, "connection", "upgrade")) {
    throw new HandshakeError(400, "the header Connection does not hold Upgrade");
  }
  // What follows the head are frames: a body would be taken for them, and frames for a body by whoever stands between.
  const length = head.known[known.CONTENT_LENGTH] as number;
  const isEmpty = length < 0 || equalsIgnoringCase(bytes, head.valueFrom(length), head.valueTo(length), "0");
  if (!isEmpty || (head.known[known.TRANSFER_ENCODING] as number) >= 0) {
    throw new HandshakeError(400, "a request for an upgrade has no body");
  }
  const version = head.known[known.VERSION] as number;
  if (version < 0 || !equalsIgnoringCase(bytes, head.valueFrom(version), head.valueTo(version), "13")) {
    throw new HandshakeError(426, "the header Sec-WebSocket-Version is not 13", { "Sec-WebSocket-Version": "13" });
  }
  const key = head.known[known.KEY] as number;
  if (key < 0 || !validKey(bytes, head.valueFrom(key), head.valueTo(key))) {
    throw new HandshakeError(400, "the header Sec-WebSocket-Key is not the base64 of 16 bytes");
  }
}

const GET = (71 << 16) | (69 << 8) | 84;
function ascii3(bytes: Uint8Array, from: number, to: number): number {
  if (to - from !== 3) return -1;
  return ((bytes[from] as number) << 16) | ((bytes[from + 1] as number) << 8) | (bytes[from + 2] as number);
}

/** A header that is a list may be spread over several lines (RFC 9110, 5.3). */
function anyLineHolds(head: RequestHead, which: number, name: string, token: string): boolean {
  for (let i = head.known[which] as number; i >= 0; i = head.find(name, i + 1)) {
    if (listHolds(head.bytes, head.valueFrom(i), head.valueTo(i), token)) return true;
  }
  return false;
}

const encoder = new TextEncoder();
const accepted = encoder.encode(
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ",
);

/** Bytes of a 101 answer without further headers. */
export const ANSWER_BYTES = accepted.length + ACCEPT_BYTES + 4;

/**
 * Writes the 101 answer to a checked request at `out[at]`; `extra` is the text of further header lines, each with its
 * CRLF. Returns the number of bytes: {@link ANSWER_BYTES} and those of `extra`. It allocates nothing.
 */
export function writeAnswer(head: RequestHead, out: Uint8Array, at: number, extra: string): number {
  return endAnswer(out, writeLatin1(out, beginAnswer(head, out, at), extra)) - at;
}

/** Writes the answer up to where further header lines may stand; returns the offset of these. */
export function beginAnswer(head: RequestHead, out: Uint8Array, at: number): number {
  out.set(accepted, at);
  at += accepted.length;
  writeAccept(head.bytes, head.valueFrom(head.known[known.KEY] as number), out, at);
  return endAnswer(out, at + ACCEPT_BYTES);
}

/** Writes the line end that ends a header, or the whole head; returns the offset behind it. */
export function endAnswer(out: Uint8Array, at: number): number {
  out[at] = 13;
  out[at + 1] = 10;
  return at + 2;
}

/** Writes text, one byte for each character; returns the offset behind it. */
export function writeLatin1(out: Uint8Array, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) out[at + i] = text.charCodeAt(i);
  return at + text.length;
}

/**
 * A request for an upgrade, as the application sees it. Reads what it is asked for from the bytes that came; nothing
 * is made before. Valid until the upgrade is decided: afterwards every read throws BELFRY_EXPIRED.
 */
export class UpgradeRequest {
  readonly #head: RequestHead;
  readonly #remote: () => string;
  #valid = true;

  constructor(head: RequestHead, remoteAddress: () => string) {
    this.#head = head;
    this.#remote = remoteAddress;
  }
  /** The request target, `/chat?room=1`. */
  get url(): string {
    const head = this.#alive();
    return ascii(head.bytes, head.targetFrom, head.targetTo);
  }
  /** The target without its query. */
  get path(): string {
    const { url } = this;
    const at = url.indexOf("?");
    return at < 0 ? url : url.slice(0, at);
  }
  /** The target's query. */
  get query(): URLSearchParams {
    const { url } = this;
    const at = url.indexOf("?");
    return new URLSearchParams(at < 0 ? "" : url.slice(at + 1));
  }
  /** The client's address, asked of the kernel at each call. */
  get remoteAddress(): string {
    this.#alive();
    return this.#remote();
  }
  /** The protocols that the client offers, in its order of preference. */
  get protocols(): string[] {
    const list = this.header("sec-websocket-protocol");
    return list === undefined
      ? []
      : list
          .split(",")
          .map((name) => name.trim())
          .filter((name) => name !== "");
  }
  /**
   * A header's value, whatever the case of `name`; lines of the same name are joined as RFC 9110, 5.3 says (cookies: `;
   * `).
   */
  header(name: string): string | undefined {
    const head = this.#alive();
    const lower = name.toLowerCase();
    let value: string | undefined;
    for (let i = 0; i < head.count; i++) {
      if (!equalsIgnoringCase(head.bytes, head.nameFrom(i), head.nameTo(i), lower)) continue;
      const part = ascii(head.bytes, head.valueFrom(i), head.valueTo(i));
      value = value === undefined ? part : `${value}${lower === "cookie" ? "; " : ", "}${part}`;
    }
    return value;
  }
  /** All headers, under their names in lower case. */
  get headers(): ReadonlyMap<string, string> {
    const head = this.#alive();
    const all = new Map<string, string>();
    for (let i = 0; i < head.count; i++) {
      const name = ascii(head.bytes, head.nameFrom(i), head.nameTo(i)).toLowerCase();
      if (!all.has(name)) all.set(name, this.header(name) ?? "");
    }
    return all;
  }
  /** Ends the request's validity. */
  expire(): void {
    this.#valid = false;
  }
  #alive(): RequestHead {
    if (this.#valid) return this.#head;
    throw new BelfryError(
      "BELFRY_EXPIRED",
      "the upgrade request was read after the upgrade was decided: read it before",
    );
  }
}
