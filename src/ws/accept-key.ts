import { compress, SHA1_START, schedule } from "./sha1.ts";

/** RFC 6455, section 4.2.2: Sec-WebSocket-Accept is the base64 of the SHA-1 of the key and a fixed GUID. */

/** Bytes of a Sec-WebSocket-Key: the base64 of 16 bytes (4.1, point 7). */
export const KEY_BYTES = 24;
/** Bytes of a Sec-WebSocket-Accept: the base64 of a SHA-1. */
export const ACCEPT_BYTES = 28;

const KEY_WORDS = KEY_BYTES / 4;
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// Arrays of more than 64 bytes lie outside the heap, where the compiler knows their place: hence these four times 64.
const base64 = Uint8Array.from(ALPHABET.repeat(4), (letter) => letter.charCodeAt(0));
const values = new Int8Array(256).fill(-1);
for (let i = 0; i < 64; i++) values[base64[i] as number] = i;

// Key and GUID are 60 bytes, which with the padding are always two blocks. Of the first only the six words of the key
// change; the second holds nothing but the length in bits, so its schedule is made once.
const first = new Int32Array(80);
const rest = Int32Array.from([...GUID.matchAll(/..../g)], ([four]) => readWord(new TextEncoder().encode(four), 0));
const PADDING = 0x80000000 | 0;
const second = new Int32Array(80);
second[15] = (KEY_BYTES + GUID.length) * 8;
schedule(second);
const hash = new Int32Array(80);

/** Whether `bytes[from, to)` is the base64 of 16 bytes, as a key must be (4.1, point 7). */
export function validKey(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from !== KEY_BYTES || bytes[to - 1] !== 61 || bytes[to - 2] !== 61) return false;
  for (let i = from; i < to - 2; i++) if ((values[bytes[i] as number] as number) < 0) return false;
  // The last letter holds two bits of the sixteenth byte; the other four must be 0.
  return ((values[bytes[to - 3] as number] as number) & 15) === 0;
}

/** Writes the {@link ACCEPT_BYTES} of the accept value for the key at `key[keyAt]` to `out[at]`. Allocates nothing. */
export function writeAccept(key: Uint8Array, keyAt: number, out: Uint8Array, at: number): void {
  for (let i = 0; i < KEY_WORDS; i++) first[i] = readWord(key, keyAt + i * 4);
  for (let i = 0; i < rest.length; i++) first[KEY_WORDS + i] = rest[i] as number;
  first[15] = PADDING;
  schedule(first);
  for (let i = 0; i < 5; i++) hash[i] = SHA1_START[i] as number;
  compress(first, hash);
  compress(second, hash);
  const a = hash[0] as number;
  const b = hash[1] as number;
  const c = hash[2] as number;
  const d = hash[3] as number;
  const e = hash[4] as number;
  writeThree(out, at, a >>> 8);
  writeThree(out, at + 4, ((a & 255) << 16) | (b >>> 16));
  writeThree(out, at + 8, ((b & 65535) << 8) | (c >>> 24));
  writeThree(out, at + 12, c & 0xffffff);
  writeThree(out, at + 16, d >>> 8);
  writeThree(out, at + 20, ((d & 255) << 16) | (e >>> 16));
  writeThree(out, at + 24, (e & 65535) << 8);
  out[at + ACCEPT_BYTES - 1] = 61; // 20 bytes: the last letter is padding
}

/** Three bytes as four letters. */
function writeThree(out: Uint8Array, at: number, three: number): void {
  out[at] = base64[three >> 18] as number;
  out[at + 1] = base64[(three >> 12) & 63] as number;
  out[at + 2] = base64[(three >> 6) & 63] as number;
  out[at + 3] = base64[three & 63] as number;
}

function readWord(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}
