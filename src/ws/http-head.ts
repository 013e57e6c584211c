import { HandshakeError } from "../errors.ts";
import { limits } from "../limits.ts";

/** RFC 9112, sections 2 to 5: a request's head, as offsets into the bytes it came in. Nothing is copied. */

/** The headers that the handshake itself looks at; where each stands in {@link RequestHead.known}. */
export const known = {
  HOST: 0,
  UPGRADE: 1,
  CONNECTION: 2,
  KEY: 3,
  VERSION: 4,
  PROTOCOL: 5,
  EXTENSIONS: 6,
  CONTENT_LENGTH: 7,
  TRANSFER_ENCODING: 8,
  ORIGIN: 9,
} as const;

const KNOWN_COUNT = 10;
const SPAN = 4;

/** One object serves for all heads of a server: `readHead` overwrites it. All numbers are offsets into `bytes`. */
export class RequestHead {
  bytes: Uint8Array = new Uint8Array(0);
  methodFrom = 0;
  methodTo = 0;
  targetFrom = 0;
  targetTo = 0;
  /** The minor version of HTTP/1: 0 or 1. */
  minor = 1;
  /** How many header lines there are. */
  count = 0;
  /** For each header line: its name's begin and end, its value's begin and end, without white space around. */
  readonly spans = new Int32Array(limits.headerCountMax * SPAN);
  /** For each of {@link known} the index of its first header line, -1 when absent. */
  readonly known = new Int32Array(KNOWN_COUNT);

  /** Makes this head one of other bytes, an exact copy of the old ones that begins at `shift` less. */
  moveTo(bytes: Uint8Array, shift: number): void {
    this.bytes = bytes;
    this.methodFrom -= shift;
    this.methodTo -= shift;
    this.targetFrom -= shift;
    this.targetTo -= shift;
    for (let i = 0; i < this.count * SPAN; i++) this.spans[i] = (this.spans[i] as number) - shift;
  }
  nameFrom(index: number): number {
    return this.spans[index * SPAN] as number;
  }
  nameTo(index: number): number {
    return this.spans[index * SPAN + 1] as number;
  }
  valueFrom(index: number): number {
    return this.spans[index * SPAN + 2] as number;
  }
  valueTo(index: number): number {
    return this.spans[index * SPAN + 3] as number;
  }
}

const TCHAR = 1;
const FIELD = 2;
const TARGET = 4;
/** What each byte may be part of: a token (RFC 9110, 5.6.2), a field value (5.5), a request target without spaces. */
const classes = new Uint8Array(256);
for (let c = 0x21; c < 0x7f; c++) classes[c] = FIELD | TARGET;
for (let c = 0x80; c < 0x100; c++) classes[c] = FIELD | TARGET;
for (const c of [0x20, 0x09]) classes[c] = FIELD;
for (const c of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  classes[c.charCodeAt(0)] = (classes[c.charCodeAt(0)] as number) | TCHAR;
}

const CR = 13;
const LF = 10;

/**
 * Finds the end of a head in `bytes[from, to)`: the offset behind its empty line, or -1. When more has come, `from` may
 * be three bytes before the end of the last search: the empty line may have begun there.
 */
export function findHeadEnd(bytes: Uint8Array, from: number, to: number): number {
  for (let at = bytes.indexOf(LF, from); at >= 0 && at + 1 < to; at = bytes.indexOf(LF, at + 1)) {
    if (bytes[at + 1] === LF) return at + 2;
    if (bytes[at + 1] === CR && at + 2 < to && bytes[at + 2] === LF) return at + 3;
  }
  return -1;
}

/**
 * Reads a request head from `bytes[from, to)` into `head`. Returns its size, or 0 when more bytes are needed. Throws
 * {@link HandshakeError}: 400 for what is malformed, among it all that RFC 9112 calls a risk of smuggling (a bare CR or
 * LF, a folded line, white space before a colon, a repeated Host, Content-Length or Transfer-Encoding, a NUL); 431 for
 * more header lines than headerCountMax; 505 for another HTTP.
 */
export function readHead(bytes: Uint8Array, from: number, to: number, head: RequestHead): number {
  head.bytes = bytes;
  head.count = 0;
  head.known.fill(-1);
  let at = readRequestLine(bytes, from, to, head);
  while (at > 0) {
    if (at >= to) return 0;
    if (bytes[at] === CR) {
      if (at + 1 >= to) return 0;
      if (bytes[at + 1] !== LF) bad("a bare CR");
      return at + 2 - from;
    }
    at = readHeaderLine(bytes, at, to, head);
  }
  return 0;
}

/** Reads `METHOD SP target SP HTTP/1.x CRLF`; returns the offset behind it, or 0 when more is needed. */
function readRequestLine(bytes: Uint8Array, from: number, to: number, head: RequestHead): number {
  let at = from;
  while (at < to && ((classes[bytes[at] as number] as number) & TCHAR) !== 0) at++;
  if (at === to) return 0;
  if (at === from || bytes[at] !== 32) bad("the request line has no method");
  head.methodFrom = from;
  head.methodTo = at;
  const target = ++at;
  while (at < to && ((classes[bytes[at] as number] as number) & TARGET) !== 0) at++;
  if (at === to) return 0;
  if (at === target || bytes[at] !== 32) bad("the request line has no target");
  head.targetFrom = target;
  head.targetTo = at;
  return readVersion(bytes, at + 1, to, head);
}

function readVersion(bytes: Uint8Array, at: number, to: number, head: RequestHead): number {
  if (to - at < 10) {
    if (!startsLike(bytes, at, to, "HTTP/")) bad("the request line has no version");
    return 0;
  }
  if (!startsLike(bytes, at, at + 5, "HTTP/")) bad("the request line has no version");
  if (bytes[at + 5] !== 49 || bytes[at + 6] !== 46) throw new HandshakeError(505, "only HTTP/1.1 is spoken here");
  const minor = (bytes[at + 7] as number) - 48;
  if (minor < 0 || minor > 9 || bytes[at + 8] !== CR || bytes[at + 9] !== LF) bad("the request line does not end");
  head.minor = minor === 0 ? 0 : 1;
  return at + 10;
}

/** Whether what is there of `text` in `bytes[at, to)` is right. */
function startsLike(bytes: Uint8Array, at: number, to: number, text: string): boolean {
  for (let i = 0; i < text.length && at + i < to; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false;
  return true;
}

/** Reads `name ":" OWS value OWS CRLF`; returns the offset behind it, or 0 when more is needed. */
function readHeaderLine(bytes: Uint8Array, from: number, to: number, head: RequestHead): number {
  let at = from;
  while (at < to && ((classes[bytes[at] as number] as number) & TCHAR) !== 0) at++;
  if (at === to) return 0;
  if (bytes[at] !== 58)
    bad(
      at === from ? "a header line begins with white space or has no name" : "white space or worse in a header's name",
    );
  if (at === from) bad("a header without a name");
  const nameTo = at++;
  while (at < to && (bytes[at] === 32 || bytes[at] === 9)) at++;
  const valueFrom = at;
  while (at < to && ((classes[bytes[at] as number] as number) & FIELD) !== 0) at++;
  if (at + 1 >= to) {
    if (at < to && bytes[at] !== CR) bad("a control character in a header's value");
    return 0;
  }
  if (bytes[at] !== CR || bytes[at + 1] !== LF) bad("a control character, a bare CR or LF in a header's value");
  let valueTo = at;
  while (valueTo > valueFrom && (bytes[valueTo - 1] === 32 || bytes[valueTo - 1] === 9)) valueTo--;
  addHeader(head, from, nameTo, valueFrom, valueTo);
  return at + 2;
}

function addHeader(head: RequestHead, nameFrom: number, nameTo: number, valueFrom: number, valueTo: number): void {
  const index = head.count++;
  if (index === limits.headerCountMax) throw new HandshakeError(431, `headerCountMax is ${limits.headerCountMax}`);
  const { spans } = head;
  spans[index * SPAN] = nameFrom;
  spans[index * SPAN + 1] = nameTo;
  spans[index * SPAN + 2] = valueFrom;
  spans[index * SPAN + 3] = valueTo;
  const which = knownName(head.bytes, nameFrom, nameTo);
  if (which < 0) return;
  if ((head.known[which] as number) < 0) head.known[which] = index;
  else if (!repeatable(which)) bad(`the header ${ascii(head.bytes, nameFrom, nameTo)} is there twice`);
}

function repeatable(which: number): boolean {
  return (
    which === known.UPGRADE || which === known.CONNECTION || which === known.PROTOCOL || which === known.EXTENSIONS
  );
}

/** Which of {@link known} the name is, -1 for none: told apart by length first. */
function knownName(bytes: Uint8Array, from: number, to: number): number {
  switch (to - from) {
    case 4:
      return equalsIgnoringCase(bytes, from, to, "host") ? known.HOST : -1;
    case 6:
      return equalsIgnoringCase(bytes, from, to, "origin") ? known.ORIGIN : -1;
    case 7:
      return equalsIgnoringCase(bytes, from, to, "upgrade") ? known.UPGRADE : -1;
    case 10:
      return equalsIgnoringCase(bytes, from, to, "connection") ? known.CONNECTION : -1;
    case 14:
      return equalsIgnoringCase(bytes, from, to, "content-length") ? known.CONTENT_LENGTH : -1;
    case 17:
      if (equalsIgnoringCase(bytes, from, to, "sec-websocket-key")) return known.KEY;
      return equalsIgnoringCase(bytes, from, to, "transfer-encoding") ? known.TRANSFER_ENCODING : -1;
    case 21:
      return equalsIgnoringCase(bytes, from, to, "sec-websocket-version") ? known.VERSION : -1;
    case 22:
      return equalsIgnoringCase(bytes, from, to, "sec-websocket-protocol") ? known.PROTOCOL : -1;
    case 24:
      return equalsIgnoringCase(bytes, from, to, "sec-websocket-extensions") ? known.EXTENSIONS : -1;
    default:
      return -1;
  }
}

/** Whether `bytes[from, to)` is `text`, which must be in lower case and have no character of `@[\]^_` and the like. */
export function equalsIgnoringCase(bytes: Uint8Array, from: number, to: number, text: string): boolean {
  if (to - from !== text.length) return false;
  for (let i = 0; i < text.length; i++) {
    const byte = bytes[from + i] as number;
    const lower = byte >= 65 && byte <= 90 ? byte | 32 : byte;
    if (lower !== text.charCodeAt(i)) return false;
  }
  return true;
}

/**
 * Whether the comma-separated list in `bytes[from, to)` holds the token `text` (in lower case), whatever its case (RFC
 * 9110, 5.6.1).
 */
export function listHolds(bytes: Uint8Array, from: number, to: number, text: string): boolean {
  let at = from;
  while (at < to) {
    let end = at;
    while (end < to && bytes[end] !== 44) end++;
    let first = at;
    let last = end;
    while (first < last && (bytes[first] === 32 || bytes[first] === 9)) first++;
    while (last > first && (bytes[last - 1] === 32 || bytes[last - 1] === 9)) last--;
    if (equalsIgnoringCase(bytes, first, last, text)) return true;
    at = end + 1;
  }
  return false;
}

/** The bytes as text, one character for each. */
export function ascii(bytes: Uint8Array, from: number, to: number): string {
  let text = "";
  for (let i = from; i < to; i++) text += String.fromCharCode(bytes[i] as number);
  return text;
}

function bad(what: string): never {
  throw new HandshakeError(400, what);
}
