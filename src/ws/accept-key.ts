/** RFC 6455, section 4.2.2: Sec-WebSocket-Accept is the base64 of the SHA-1 of the key and a fixed GUID. */

/** Bytes of a Sec-WebSocket-Key: the base64 of 16 bytes (4.1, point 7). */
export const KEY_BYTES = 24;
/** Bytes of a Sec-WebSocket-Accept: the base64 of a SHA-1. */
export const ACCEPT_BYTES = 28;

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// Key and GUID are 60 bytes: the padded text is always two blocks of 64, and only the first 24 bytes differ.
const block = new Uint8Array(128);
for (let i = 0; i < GUID.length; i++) block[KEY_BYTES + i] = GUID.charCodeAt(i);
block[60] = 0x80;
block[126] = (60 * 8) >> 8;
block[127] = (60 * 8) & 255;

const base64 = Uint8Array.from(ALPHABET, (letter) => letter.charCodeAt(0));
const values = new Int8Array(256).fill(-1);
for (let i = 0; i < 64; i++) values[base64[i] as number] = i;

const words = new Int32Array(80);
const state = new Int32Array(5);
const digest = new Uint8Array(21);

/** Whether `bytes[from, to)` is the base64 of 16 bytes, as a key must be (4.1, point 7). */
export function validKey(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from !== KEY_BYTES || bytes[to - 1] !== 61 || bytes[to - 2] !== 61) return false;
  for (let i = from; i < to - 2; i++) if ((values[bytes[i] as number] as number) < 0) return false;
  // The last letter holds two bits of the sixteenth byte; the other four must be 0.
  return ((values[bytes[to - 3] as number] as number) & 15) === 0;
}

/** Writes the {@link ACCEPT_BYTES} of the accept value for the key at `key[keyAt]` to `out[at]`. Allocates nothing. */
export function writeAccept(key: Uint8Array, keyAt: number, out: Uint8Array, at: number): void {
  for (let i = 0; i < KEY_BYTES; i++) block[i] = key[keyAt + i] as number;
  state[0] = 0x67452301;
  state[1] = 0xefcdab89;
  state[2] = 0x98badcfe;
  state[3] = 0x10325476;
  state[4] = 0xc3d2e1f0;
  hashBlock(0);
  hashBlock(64);
  for (let i = 0; i < 5; i++) {
    const word = state[i] as number;
    digest[i * 4] = word >>> 24;
    digest[i * 4 + 1] = word >>> 16;
    digest[i * 4 + 2] = word >>> 8;
    digest[i * 4 + 3] = word;
  }
  for (let i = 0; i < 21; i += 3) {
    const three = ((digest[i] as number) << 16) | ((digest[i + 1] as number) << 8) | (digest[i + 2] as number);
    out[at++] = base64[three >> 18] as number;
    out[at++] = base64[(three >> 12) & 63] as number;
    out[at++] = base64[(three >> 6) & 63] as number;
    out[at++] = base64[three & 63] as number;
  }
  out[at - 1] = 61; // 20 bytes of digest: the last letter is padding
}

/** FIPS 180-4, section 6.1.2, on one block of 64 bytes. */
function hashBlock(offset: number): void {
  for (let i = 0, j = offset; i < 16; i++, j += 4) {
    words[i] =
      ((block[j] as number) << 24) |
      ((block[j + 1] as number) << 16) |
      ((block[j + 2] as number) << 8) |
      (block[j + 3] as number);
  }
  for (let i = 16; i < 80; i++) {
    const x =
      (words[i - 3] as number) ^ (words[i - 8] as number) ^ (words[i - 14] as number) ^ (words[i - 16] as number);
    words[i] = (x << 1) | (x >>> 31);
  }
  let a = state[0] as number;
  let b = state[1] as number;
  let c = state[2] as number;
  let d = state[3] as number;
  let e = state[4] as number;
  for (let i = 0; i < 80; i++) {
    // The round's function and constant, in four spans of twenty.
    const f =
      i < 20
        ? ((b & c) | (~b & d)) + 0x5a827999
        : i < 40
          ? (b ^ c ^ d) + 0x6ed9eba1
          : i < 60
            ? ((b & c) | (b & d) | (c & d)) - 0x70e44324
            : (b ^ c ^ d) - 0x359d3e2a;
    const t = (((a << 5) | (a >>> 27)) + f + e + (words[i] as number)) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = t;
  }
  state[0] = (state[0] as number) + a;
  state[1] = (state[1] as number) + b;
  state[2] = (state[2] as number) + c;
  state[3] = (state[3] as number) + d;
  state[4] = (state[4] as number) + e;
}
