/** RFC 6455, section 5.3: masking. */

const littleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/** Below this many bytes the words are not worth finding. */
const WORDS_FROM_BYTES = 48;

let wordsOf: Int32Array = new Int32Array(0);
let wordsBuffer: ArrayBufferLike = wordsOf.buffer;

/**
 * Masks or unmasks `bytes[from, to)` in place. `key` holds the masking key's first byte in its low bits; `offset` is
 * the position of `from` in the payload, so that a payload can be unmasked in pieces. Returns all resulting bytes ORed
 * together, in its low 8 bits: below 0x80 the payload is plain ASCII, and no text needs a further check.
 */
export function maskInPlace(bytes: Uint8Array, from: number, to: number, key: number, offset: number): number {
  const turn = (offset & 3) * 8;
  if (turn !== 0) key = (key >>> turn) | (key << (32 - turn));
  if (to - from < WORDS_FROM_BYTES || !littleEndian) return maskBytes(bytes, from, to, key);
  return maskWords(bytes, from, to, key);
}

function maskBytes(bytes: Uint8Array, from: number, to: number, key: number): number {
  const k0 = key & 255;
  const k1 = (key >> 8) & 255;
  const k2 = (key >> 16) & 255;
  const k3 = key >>> 24;
  let all = 0;
  let at = from;
  for (const whole = to - 3; at < whole; at += 4) {
    all |= bytes[at] = (bytes[at] as number) ^ k0;
    all |= bytes[at + 1] = (bytes[at + 1] as number) ^ k1;
    all |= bytes[at + 2] = (bytes[at + 2] as number) ^ k2;
    all |= bytes[at + 3] = (bytes[at + 3] as number) ^ k3;
  }
  if (at < to) all |= bytes[at] = (bytes[at] as number) ^ k0;
  if (++at < to) all |= bytes[at] = (bytes[at] as number) ^ k1;
  if (++at < to) all |= bytes[at] = (bytes[at] as number) ^ k2;
  return all;
}

/** Whole 32-bit words in the middle, four at a time; the key is turned to fit where the words begin. */
function maskWords(bytes: Uint8Array, from: number, to: number, key: number): number {
  const base = bytes.byteOffset;
  const end = (base + to) >>> 2;
  // A buffer that can grow may have outgrown its view.
  if (bytes.buffer !== wordsBuffer || end > wordsOf.length) useBuffer(bytes.buffer);
  const words = wordsOf;
  const head = -(base + from) & 3;
  let all = head === 0 ? 0 : maskBytes(bytes, from, from + head, key);
  const turn = head * 8;
  const word = turn === 0 ? key : (key >>> turn) | (key << (32 - turn));
  let i = (base + from + head) >>> 2;
  let or = 0;
  for (const whole = end - 3; i < whole; i += 4) {
    or |= words[i] = (words[i] as number) ^ word;
    or |= words[i + 1] = (words[i + 1] as number) ^ word;
    or |= words[i + 2] = (words[i + 2] as number) ^ word;
    or |= words[i + 3] = (words[i + 3] as number) ^ word;
  }
  for (; i < end; i++) or |= words[i] = (words[i] as number) ^ word;
  const rest = end * 4 - base;
  if (rest < to) all |= maskBytes(bytes, rest, to, word);
  or |= or >>> 16;
  return all | (or & 255) | ((or >>> 8) & 255);
}

/** One view is kept, that of the last buffer: nearly always the slab. */
function useBuffer(buffer: ArrayBufferLike): void {
  wordsBuffer = buffer;
  wordsOf = new Int32Array(buffer, 0, buffer.byteLength >>> 2);
}
