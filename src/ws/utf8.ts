/**
 * RFC 3629 (RFC 6455, 8.1): UTF-8, checked as it comes. The state of the check is one small number, so that a text cut
 * at any byte, or into fragments, can be judged without joining it.
 *
 * State: 0 between characters; otherwise bits 0–1 how many continuation bytes are to come, bits 8–15 and 16–23 the
 * lowest and highest value that the next one may have; -1 once the text is broken.
 */
export type Utf8State = number;

/** The state before the first byte, and between characters: a text may end here. */
export const UTF8_START: Utf8State = 0;
/** The state of a text that no further byte can mend. */
export const UTF8_BROKEN: Utf8State = -1;

const ANY_TAIL = (0x80 << 8) | (0xbf << 16);

/** Continues a check over `bytes[from, to)`; the text is whole when the state is 0 at its end. */
export function checkUtf8(bytes: Uint8Array, from: number, to: number, state: Utf8State): Utf8State {
  if (state < 0) return state;
  let at = from;
  while (at < to) {
    if (state === 0) {
      while (at < to && (bytes[at] as number) < 0x80) at++;
      if (at === to) return 0;
      state = afterLead(bytes[at++] as number);
      if (state < 0) return UTF8_BROKEN;
      continue;
    }
    const byte = bytes[at++] as number;
    if (byte < ((state >> 8) & 0xff) || byte > state >> 16) return UTF8_BROKEN;
    const left = (state & 3) - 1;
    state = left === 0 ? 0 : left | ANY_TAIL;
  }
  return state;
}

/** Whether `bytes[from, to)` is a whole valid text. */
export function validUtf8(bytes: Uint8Array, from: number, to: number): boolean {
  return checkUtf8(bytes, from, to, UTF8_START) === 0;
}

/** The state after a byte of 0x80 and more that begins a character (RFC 3629, section 4: the table of UTF8-octets). */
function afterLead(byte: number): Utf8State {
  if (byte < 0xc2) return UTF8_BROKEN;
  if (byte < 0xe0) return 1 | ANY_TAIL;
  if (byte === 0xe0) return 2 | (0xa0 << 8) | (0xbf << 16);
  if (byte === 0xed) return 2 | (0x80 << 8) | (0x9f << 16);
  if (byte < 0xf0) return 2 | ANY_TAIL;
  if (byte === 0xf0) return 3 | (0x90 << 8) | (0xbf << 16);
  if (byte < 0xf4) return 3 | ANY_TAIL;
  if (byte === 0xf4) return 3 | (0x80 << 8) | (0x8f << 16);
  return UTF8_BROKEN;
}
