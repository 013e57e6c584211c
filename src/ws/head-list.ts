import { HandshakeError } from "../errors.ts";
import { ascii, blanksEnd, equalsIgnoringCase, fieldEnd, latin1Bytes, tokenEnd, trimmedEnd } from "./characters.ts";

/** RFC 9110, section 5.6: header values that are comma-separated lists. Nothing is copied. */

const COMMA = 44;
const SEMICOLON = 59;
const EQUALS = 61;
const QUOTE = 34;
const BACKSLASH = 92;

/**
 * Walks over a list of tokens with parameters, the value of Sec-WebSocket-Extensions say:
 * `token *( OWS ";" OWS token [ "=" ( token / quoted-string ) ] )`, with commas between and empty elements ignored
 * (RFC 9110, 5.6.1; RFC 6455, 9.1). One object serves for all lists; all numbers are offsets into the bytes that
 * `start` was given. What is malformed is refused with {@link HandshakeError} 400 when it is reached, and the list is
 * over then; a value is well formed only when `next` has returned false.
 */
export class ListCursor {
  /** The token that the current element begins with. */
  itemFrom = 0;
  itemTo = 0;
  /** The name of the current parameter. */
  nameFrom = 0;
  nameTo = 0;
  /** Its value, within the quotes if it is `quoted`: see {@link unquote}. Both are -1 when it has none. */
  valueFrom = -1;
  valueTo = -1;
  quoted = false;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #to = 0;
  #inElement = false;

  /** Begins with the list in `bytes[from, to)`, the value of one header line. */
  start(bytes: Uint8Array, from: number, to: number): void {
    this.#bytes = bytes;
    this.#at = from;
    this.#to = to;
    this.#inElement = false;
  }

  /** Goes on to the next element, past what is left of the current one; false at the end of the list. */
  next(): boolean {
    while (this.nextParameter());
    let at = blanksEnd(this.#bytes, this.#at, this.#to);
    while (at < this.#to && this.#bytes[at] === COMMA) at = blanksEnd(this.#bytes, at + 1, this.#to);
    this.itemFrom = at;
    this.itemTo = this.#token(at);
    this.#inElement = this.itemTo > at;
    if (!this.#inElement && at < this.#to) this.#refuse("holds an element that begins with no token");
    return this.#inElement;
  }

  /** The same for a list whose elements have no parameters, such as Sec-WebSocket-Protocol: one is refused. */
  nextToken(): boolean {
    if (!this.next()) return false;
    if (this.nextParameter()) this.#refuse("holds a parameter where none may be");
    return true;
  }

  /** Goes on to the next parameter of the current element; false when it has no more. */
  nextParameter(): boolean {
    if (!this.#inElement) return false;
    const at = blanksEnd(this.#bytes, this.#at, this.#to);
    if (at === this.#to || this.#bytes[at] === COMMA) {
      this.#at = at;
      this.#inElement = false;
      return false;
    }
    if (this.#bytes[at] !== SEMICOLON) this.#refuse("holds an element that does not end with its token");
    this.nameFrom = blanksEnd(this.#bytes, at + 1, this.#to);
    this.nameTo = this.#token(this.nameFrom);
    if (this.nameTo === this.nameFrom) this.#refuse("holds a parameter without a name");
    this.#readValue();
    return true;
  }

  #readValue(): void {
    const at = this.#at;
    this.quoted = false;
    this.valueFrom = -1;
    this.valueTo = -1;
    if (at === this.#to || this.#bytes[at] !== EQUALS) return;
    this.valueFrom = at + 1;
    if (at + 1 < this.#to && this.#bytes[at + 1] === QUOTE) return this.#readQuoted(at + 1);
    this.valueTo = this.#token(at + 1);
    if (this.valueTo === this.valueFrom) this.#refuse("holds a parameter without a value behind its =");
  }

  #readQuoted(at: number): void {
    const end = quotedEnd(this.#bytes, at, this.#to);
    // The last quote may be an escaped one, and a control character may stand within, when the value is not of a head.
    if (end < 0 || fieldEnd(this.#bytes, at, end) !== end) this.#refuse("holds a quoted string that does not end");
    this.quoted = true;
    this.valueFrom = at + 1;
    this.valueTo = end - 1;
    this.#at = end;
  }

  #token(at: number): number {
    this.#at = tokenEnd(this.#bytes, at, this.#to);
    return this.#at;
  }

  #refuse(what: string): never {
    this.#at = this.#to;
    this.#inElement = false;
    throw new HandshakeError(400, `the list of a header ${what}`);
  }
}

/** The text of a quoted string, `bytes[from, to)` being what stands within its quotes, with `\x` as `x`. */
export function unquote(bytes: Uint8Array, from: number, to: number): string {
  let text = "";
  for (let i = from; i < to; i++) {
    if (bytes[i] === BACKSLASH && i + 1 < to) i++;
    text += String.fromCharCode(bytes[i] as number);
  }
  return text;
}

/**
 * Whether the comma-separated list in `bytes[from, to)` holds the token `text` (in lower case), whatever its case (RFC
 * 9110, 5.6.1). Elements of another form are passed over; a comma within quotes ends none.
 */
export function listHolds(bytes: Uint8Array, from: number, to: number, text: string): boolean {
  // Mostly the list is this token and nothing else.
  if (equalsIgnoringCase(bytes, from, to, text)) return true;
  for (let at = from; at < to; at++) {
    const first = blanksEnd(bytes, at, to);
    at = first;
    while (at < to && bytes[at] !== COMMA) {
      const end = bytes[at] === QUOTE ? quotedEnd(bytes, at, to) : at + 1;
      at = end < 0 ? to : end;
    }
    if (equalsIgnoringCase(bytes, first, trimmedEnd(bytes, first, at), text)) return true;
  }
  return false;
}

/** The tokens that the elements of a list begin with. Throws {@link HandshakeError} 400 for a malformed list. */
export function listTokens(text: string): string[] {
  const bytes = latin1Bytes(text);
  const cursor = new ListCursor();
  const tokens: string[] = [];
  cursor.start(bytes, 0, bytes.length);
  while (cursor.next()) tokens.push(ascii(bytes, cursor.itemFrom, cursor.itemTo));
  return tokens;
}

/** The offset behind the quoted string whose first quote is at `at`; -1 when it does not end. */
function quotedEnd(bytes: Uint8Array, at: number, to: number): number {
  for (let i = at + 1; i < to; i++) {
    if (bytes[i] === QUOTE) return i + 1;
    if (bytes[i] === BACKSLASH) i++;
  }
  return -1;
}
