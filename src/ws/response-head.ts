import { fieldEnd, startsLike } from "./characters.ts";
import { HttpHead, malformed, readHeaderLines } from "./header-lines.ts";

/** RFC 9112, section 4: a response's head, as offsets into the bytes it came in. Nothing is copied. */

/** The head of a response; `readResponseHead` overwrites it. All numbers but `status` are offsets into `bytes`. */
export class ResponseHead extends HttpHead {
  /** 100 to 999. */
  status = 0;
  reasonFrom = 0;
  reasonTo = 0;

  constructor() {
    super(502, 502);
  }

  override moveTo(bytes: Uint8Array, shift: number): void {
    super.moveTo(bytes, shift);
    this.reasonFrom -= shift;
    this.reasonTo -= shift;
  }
}

const CR = 13;
const LF = 10;
const BLANK = 32;
/** Bytes of `HTTP/1.1 101`, and the one behind. */
const STATUS_BYTES = 13;

/**
 * Reads a response head from `bytes[from, to)` into `head`, as strictly as `readHead` reads requests. Returns its size,
 * or 0 when more bytes are needed; what is not HTTP/1 is refused at its first bytes. Throws
 * {@link HandshakeError} 502.
 */
export function readResponseHead(bytes: Uint8Array, from: number, to: number, head: ResponseHead): number {
  head.begin(bytes);
  let at = readStatusLine(bytes, from, to, head);
  if (at > 0) at = readHeaderLines(bytes, at, to, head);
  return at === 0 ? 0 : at - from;
}

/** Reads `HTTP/1.x SP 3DIGIT SP [reason] CRLF`; returns the offset behind it, or 0 when more is needed. */
function readStatusLine(bytes: Uint8Array, from: number, to: number, head: ResponseHead): number {
  if (!startsLike(bytes, from, to, "HTTP/1.")) malformed(head, "the answer is not one of HTTP/1");
  if (to - from < STATUS_BYTES) return 0;
  const minor = (bytes[from + 7] as number) - 48;
  if (minor < 0 || minor > 9 || bytes[from + 8] !== BLANK) malformed(head, "the status line has no version");
  head.minor = minor === 0 ? 0 : 1;
  head.status = readStatus(bytes, from + 9, head);
  let at = from + STATUS_BYTES - 1;
  // Without a reason the second blank should still be there; some servers leave it out, and nothing depends on it.
  if (bytes[at] === BLANK) at++;
  else if (bytes[at] !== CR) malformed(head, "the status line has no status of three digits");
  head.reasonFrom = at;
  at = fieldEnd(bytes, at, to);
  head.reasonTo = at;
  if (at < to && bytes[at] !== CR) malformed(head, "a control character or a bare LF in the status line");
  if (at + 1 >= to) return 0;
  if (bytes[at + 1] !== LF) malformed(head, "a bare CR in the status line");
  return at + 2;
}

function readStatus(bytes: Uint8Array, at: number, head: ResponseHead): number {
  let status = 0;
  for (let i = at; i < at + 3; i++) {
    const digit = (bytes[i] as number) - 48;
    if (digit < 0 || digit > 9) malformed(head, "the status line has no status of three digits");
    status = status * 10 + digit;
  }
  if (status < 100) malformed(head, `the status is ${status}`);
  return status;
}
