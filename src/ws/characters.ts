/** RFC 9110, sections 5.5 and 5.6: which characters may stand where in a head, and words made of them. */

const TCHAR = 1;
const FIELD = 2;
const TARGET = 4;
const HOST = 8;
/**
 * What each byte may be part of: a token (RFC 9110, 5.6.2), a field value (5.5), a request target, which has neither
 * spaces nor a fragment (RFC 9112, 3.2), a host with its port (RFC 3986, 3.2.2).
 */
const classes = new Uint8Array(256);
for (let c = 0x21; c < 0x7f; c++) classes[c] = FIELD | TARGET;
for (let c = 0x80; c < 0x100; c++) classes[c] = FIELD | TARGET;
for (const c of [0x20, 0x09, 0x23]) classes[c] = FIELD;
for (const c of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  classes[c.charCodeAt(0)] = (classes[c.charCodeAt(0)] as number) | TCHAR;
}

for (const c of "-._~!$&'()*+,;=:%[]0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  classes[c.charCodeAt(0)] = (classes[c.charCodeAt(0)] as number) | HOST;
}

/** The offset behind the characters that a host and its port are made of, which begin at `at`. */
export function hostEnd(bytes: Uint8Array, at: number, to: number): number {
  while (at < to && ((classes[bytes[at] as number] as number) & HOST) !== 0) at++;
  return at;
}

/** The offset behind the token that begins at `at`; `at` itself where none does. */
export function tokenEnd(bytes: Uint8Array, at: number, to: number): number {
  while (at < to && ((classes[bytes[at] as number] as number) & TCHAR) !== 0) at++;
  return at;
}

/** The offset behind the characters of a field value, blanks and tabs among them, that begin at `at`. */
export function fieldEnd(bytes: Uint8Array, at: number, to: number): number {
  while (at < to && ((classes[bytes[at] as number] as number) & FIELD) !== 0) at++;
  return at;
}

/** The offset behind the characters that a request target is made of, which begin at `at`. */
export function targetEnd(bytes: Uint8Array, at: number, to: number): number {
  while (at < to && ((classes[bytes[at] as number] as number) & TARGET) !== 0) at++;
  return at;
}

/** The offset behind the blanks and tabs at `at`: the OWS of RFC 9110, 5.6.3. */
export function blanksEnd(bytes: Uint8Array, at: number, to: number): number {
  while (at < to && (bytes[at] === 32 || bytes[at] === 9)) at++;
  return at;
}

/** Where `bytes[from, to)` ends without the blanks and tabs at its end. */
export function trimmedEnd(bytes: Uint8Array, from: number, to: number): number {
  while (to > from && (bytes[to - 1] === 32 || bytes[to - 1] === 9)) to--;
  return to;
}

/** Whether as much of `text` as is there in `bytes[at, to)` is right. */
export function startsLike(bytes: Uint8Array, at: number, to: number, text: string): boolean {
  for (let i = 0; i < text.length && at + i < to; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false;
  return true;
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

/** The bytes as text, one character for each. */
export function ascii(bytes: Uint8Array, from: number, to: number): string {
  let text = "";
  for (let i = from; i < to; i++) text += String.fromCharCode(bytes[i] as number);
  return text;
}

/** A text's bytes, one for each character. One that needs more becomes a NUL, which may stand nowhere in a head. */
export function latin1Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i) > 0xff ? 0 : text.charCodeAt(i);
  return bytes;
}
