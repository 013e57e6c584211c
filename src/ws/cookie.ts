import { ascii, blanksEnd, trimmedEnd } from "./characters.ts";

/** RFC 6265, section 4.2.1: the value of a Cookie header. Nothing is copied. */

const SEMICOLON = 59;
const EQUALS = 61;
const QUOTE = 34;

/**
 * Walks over the pairs of `name=value; name=value`. It is as lenient as servers must be (RFC 6265, 4.2.2): what has no
 * name is skipped, white space around names and values is no part of them, and a value may hold any character but a
 * semicolon. One object serves for all; all numbers are offsets into the bytes that `start` was given.
 */
export class CookieCursor {
  nameFrom = 0;
  nameTo = 0;
  /** The value, without the double quotes around it if there are any. */
  valueFrom = 0;
  valueTo = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #to = 0;

  /** Begins with the pairs in `bytes[from, to)`, the value of one header line. */
  start(bytes: Uint8Array, from: number, to: number): void {
    this.#bytes = bytes;
    this.#at = from;
    this.#to = to;
  }

  /** Goes on to the next pair; false behind the last. */
  next(): boolean {
    const bytes = this.#bytes;
    while (this.#at < this.#to) {
      const from = blanksEnd(bytes, this.#at, this.#to);
      let equals = -1;
      let at = from;
      for (; at < this.#to && bytes[at] !== SEMICOLON; at++) if (bytes[at] === EQUALS && equals < 0) equals = at;
      this.#at = at + 1;
      if (equals <= from) continue;
      this.nameFrom = from;
      this.nameTo = trimmedEnd(bytes, from, equals);
      this.valueFrom = blanksEnd(bytes, equals + 1, at);
      this.valueTo = trimmedEnd(bytes, this.valueFrom, at);
      if (this.valueTo - this.valueFrom >= 2 && bytes[this.valueFrom] === QUOTE && bytes[this.valueTo - 1] === QUOTE) {
        this.valueFrom++;
        this.valueTo--;
      }
      return true;
    }
    return false;
  }
}

/**
 * The value of the first cookie of this name in `bytes[from, to)`, one character for each byte and nothing decoded;
 * undefined when there is none. Names are compared exactly. What comes behind it is not looked at.
 */
export function cookie(bytes: Uint8Array, from: number, to: number, name: string): string | undefined {
  const cursor = new CookieCursor();
  cursor.start(bytes, from, to);
  while (cursor.next()) {
    const { nameFrom, nameTo } = cursor;
    if (nameTo - nameFrom === name.length && ascii(bytes, nameFrom, nameTo) === name) {
      return ascii(bytes, cursor.valueFrom, cursor.valueTo);
    }
  }
  return undefined;
}
