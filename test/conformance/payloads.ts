/** Payloads as data: what is large is described, and made when it is sent. */

/** So many bytes of a kind. */
export interface Filler {
  readonly fill: keyof typeof blocks;
  readonly bytes: number;
  /** Where in the kind's material it begins: default 0. */
  readonly from?: number;
}

/** Text as UTF-8, bytes, or a description. */
export type Payload = string | Uint8Array | Filler;

/** A payload's bytes. */
export function bytesOf(payload: Payload): Buffer {
  if (typeof payload === "string") return Buffer.from(payload, "utf8");
  if (payload instanceof Uint8Array) return Buffer.from(payload.buffer, payload.byteOffset, payload.length);
  const { fill, bytes, from = 0 } = payload;
  made[fill] ??= blocks[fill]();
  const block = made[fill];
  const start = from % block.length;
  const filled = Buffer.alloc(bytes, Buffer.concat([block.subarray(start), block.subarray(0, start)]));
  if (fill === "random") return filled;
  // It may begin and end within a character: such a word becomes question marks.
  for (let i = 0; (filled[i] ?? 0) > 127; i++) filled[i] = 63;
  for (let i = bytes - 1; (filled[i] ?? 0) > 127; i--) filled[i] = 63;
  return filled;
}

/** Numbers from 0 up to 1 that are the same in each run (mulberry32). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296;
  };
}

// No block's length is a power of two, so that bytes that arrive in the wrong place are seen.
const blocks = {
  stars: () => Buffer.from("*"),
  ascii: () => Buffer.from(words(["bell", "tower", "rings", "at", "noon", "and", "again"], 9973, 1)),
  unicode: () => Buffer.from(words(["κόσμε", "glocke", "鐘", "𝄞", "\u{10ffff}", "été", "\0"], 9973, 2)),
  json: () => Buffer.from(words(['{"id":', "17,", '"name":"Ünal",', '"tags":[1,2,3]},'], 9973, 3)),
  random: () => {
    const next = random(4);
    return Buffer.from(Uint8Array.from({ length: 65_521 }, () => next() * 256));
  },
};
const made: Partial<Record<keyof typeof blocks, Buffer>> = {};

function words(vocabulary: readonly string[], count: number, seed: number): string {
  const next = random(seed);
  return Array.from({ length: count }, () => vocabulary[Math.floor(next() * vocabulary.length)]).join(" ");
}
