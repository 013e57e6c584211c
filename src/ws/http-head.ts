import { HandshakeError } from "../errors.ts";
import { startsLike, targetEnd, tokenEnd } from "./characters.ts";
import { HttpHead, malformed, readHeaderLines } from "./header-lines.ts";

/** RFC 9112, section 3: a request's head, as offsets into the bytes it came in. Nothing is copied. */

/** One object serves for all heads of a server: `readHead` overwrites it. All numbers are offsets into `bytes`. */
export class RequestHead extends HttpHead {
  methodFrom = 0;
  methodTo = 0;
  targetFrom = 0;
  targetTo = 0;

  constructor() {
    super(400, 431);
  }

  override moveTo(bytes: Uint8Array, shift: number): void {
    super.moveTo(bytes, shift);
    this.methodFrom -= shift;
    this.methodTo -= shift;
    this.targetFrom -= shift;
    this.targetTo -= shift;
  }
}

const CR = 13;
const LF = 10;
const BLANK = 32;

/**
 * Reads a request head from `bytes[from, to)` into `head`. Returns its size, or 0 when more bytes are needed. One empty
 * line before it is part of it, as RFC 9112, 2.2 asks of servers. Throws {@link HandshakeError}: 400 for what is
 * malformed, among it all that RFC 9112 calls a risk of smuggling (a bare CR or LF, a folded line, white space before a
 * colon, a repeated Host, Content-Length or Transfer-Encoding, a NUL); 431 for more header lines than headerCountMax;
 * 505 for another HTTP.
 */
export function readHead(bytes: Uint8Array, from: number, to: number, head: RequestHead): number {
  head.begin(bytes);
  let at = readRequestLine(bytes, from, to, head);
  if (at > 0) at = readHeaderLines(bytes, at, to, head);
  return at === 0 ? 0 : at - from;
}

/** Reads `METHOD SP target SP HTTP/1.x CRLF`; returns the offset behind it, or 0 when more is needed. */
function readRequestLine(bytes: Uint8Array, from: number, to: number, head: RequestHead): number {
  let at = tokenEnd(bytes, from, to);
  if (at === from && at < to && bytes[at] === CR) {
    // The one empty line is looked for where a method is missing, and so costs those nothing that have one.
    if (at + 1 === to) return 0;
    if (bytes[at + 1] !== LF) malformed(head, "the request line has no method");
    from += 2;
    at = tokenEnd(bytes, from, to);
  }
  if (at === to) return 0;
  if (at === from || bytes[at] !== BLANK) malformed(head, "the request line has no method");
  head.methodFrom = from;
  head.methodTo = at;
  const target = ++at;
  at = targetEnd(bytes, at, to);
  if (at === to) return 0;
  if (at === target || bytes[at] !== BLANK) malformed(head, "the request line has no target");
  head.targetFrom = target;
  head.targetTo = at;
  return readVersion(bytes, at + 1, to, head);
}

function readVersion(bytes: Uint8Array, at: number, to: number, head: RequestHead): number {
  if (!startsLike(bytes, at, to, "HTTP/")) malformed(head, "the request line has no version");
  if (to - at < 10) return 0;
  if (bytes[at + 5] !== 49 || bytes[at + 6] !== 46) throw new HandshakeError(505, "only HTTP/1.1 is spoken here");
  const minor = (bytes[at + 7] as number) - 48;
  if (minor < 0 || minor > 9 || bytes[at + 8] !== CR || bytes[at + 9] !== LF) {
    malformed(head, "the request line does not end");
  }
  head.minor = minor === 0 ? 0 : 1;
  return at + 10;
}
