/** FIPS 180-4, section 6.1.2: SHA-1's compression function. Nothing else of it is needed here, nor safe to use. */

/** The initial hash value (5.3.1). */
export const SHA1_START = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0] as const;

/** Extends the 16 words of a block, at the beginning of `words`, to the 80 of its schedule. */
export function schedule(words: Int32Array): void {
  for (let i = 16; i < 80; i++) {
    const x =
      (words[i - 3] as number) ^ (words[i - 8] as number) ^ (words[i - 14] as number) ^ (words[i - 16] as number);
    words[i] = (x << 1) | (x >>> 31);
  }
}

/**
 * Adds a block to the five words of `hash`. Five rounds stand in one turn of each loop, so that the five variables come
 * back to where they were instead of being moved in each round.
 */
export function compress(words: Int32Array, hash: Int32Array): void {
  let a = hash[0] as number;
  let b = hash[1] as number;
  let c = hash[2] as number;
  let d = hash[3] as number;
  let e = hash[4] as number;
  for (let i = 0; i < 20; i += 5) {
    e = (e + left5(a) + (d ^ (b & (c ^ d))) + 0x5a827999 + (words[i] as number)) | 0;
    b = (b << 30) | (b >>> 2);
    d = (d + left5(e) + (c ^ (a & (b ^ c))) + 0x5a827999 + (words[i + 1] as number)) | 0;
    a = (a << 30) | (a >>> 2);
    c = (c + left5(d) + (b ^ (e & (a ^ b))) + 0x5a827999 + (words[i + 2] as number)) | 0;
    e = (e << 30) | (e >>> 2);
    b = (b + left5(c) + (a ^ (d & (e ^ a))) + 0x5a827999 + (words[i + 3] as number)) | 0;
    d = (d << 30) | (d >>> 2);
    a = (a + left5(b) + (e ^ (c & (d ^ e))) + 0x5a827999 + (words[i + 4] as number)) | 0;
    c = (c << 30) | (c >>> 2);
  }
  for (let i = 20; i < 40; i += 5) {
    e = (e + left5(a) + (b ^ c ^ d) + 0x6ed9eba1 + (words[i] as number)) | 0;
    b = (b << 30) | (b >>> 2);
    d = (d + left5(e) + (a ^ b ^ c) + 0x6ed9eba1 + (words[i + 1] as number)) | 0;
    a = (a << 30) | (a >>> 2);
    c = (c + left5(d) + (e ^ a ^ b) + 0x6ed9eba1 + (words[i + 2] as number)) | 0;
    e = (e << 30) | (e >>> 2);
    b = (b + left5(c) + (d ^ e ^ a) + 0x6ed9eba1 + (words[i + 3] as number)) | 0;
    d = (d << 30) | (d >>> 2);
    a = (a + left5(b) + (c ^ d ^ e) + 0x6ed9eba1 + (words[i + 4] as number)) | 0;
    c = (c << 30) | (c >>> 2);
  }
  for (let i = 40; i < 60; i += 5) {
    e = (e + left5(a) + ((b & c) | (d & (b | c))) - 0x70e44324 + (words[i] as number)) | 0;
    b = (b << 30) | (b >>> 2);
    d = (d + left5(e) + ((a & b) | (c & (a | b))) - 0x70e44324 + (words[i + 1] as number)) | 0;
    a = (a << 30) | (a >>> 2);
    c = (c + left5(d) + ((e & a) | (b & (e | a))) - 0x70e44324 + (words[i + 2] as number)) | 0;
    e = (e << 30) | (e >>> 2);
    b = (b + left5(c) + ((d & e) | (a & (d | e))) - 0x70e44324 + (words[i + 3] as number)) | 0;
    d = (d << 30) | (d >>> 2);
    a = (a + left5(b) + ((c & d) | (e & (c | d))) - 0x70e44324 + (words[i + 4] as number)) | 0;
    c = (c << 30) | (c >>> 2);
  }
  for (let i = 60; i < 80; i += 5) {
    e = (e + left5(a) + (b ^ c ^ d) - 0x359d3e2a + (words[i] as number)) | 0;
    b = (b << 30) | (b >>> 2);
    d = (d + left5(e) + (a ^ b ^ c) - 0x359d3e2a + (words[i + 1] as number)) | 0;
    a = (a << 30) | (a >>> 2);
    c = (c + left5(d) + (e ^ a ^ b) - 0x359d3e2a + (words[i + 2] as number)) | 0;
    e = (e << 30) | (e >>> 2);
    b = (b + left5(c) + (d ^ e ^ a) - 0x359d3e2a + (words[i + 3] as number)) | 0;
    d = (d << 30) | (d >>> 2);
    a = (a + left5(b) + (c ^ d ^ e) - 0x359d3e2a + (words[i + 4] as number)) | 0;
    c = (c << 30) | (c >>> 2);
  }
  hash[0] = (hash[0] as number) + a;
  hash[1] = (hash[1] as number) + b;
  hash[2] = (hash[2] as number) + c;
  hash[3] = (hash[3] as number) + d;
  hash[4] = (hash[4] as number) + e;
}

function left5(word: number): number {
  return (word << 5) | (word >>> 27);
}
