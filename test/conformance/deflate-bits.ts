/** RFC 1951, 3.2.6: a block of fixed codes, written bit by bit, for what zlib would not make. */

/**
 * A message (RFC 7692, 7.2.1) of nothing but a copy of `length` bytes (3 to 10) from `distance` bytes back (24,577 to
 * 32,768).
 */
export function backReference(length: number, distance: number): Buffer {
  const bits = [
    ...number(0, 1), // BFINAL
    ...number(1, 2), // BTYPE: fixed codes
    ...code(length - 2, 7), // lengths 3 to 10 are the symbols 257 to 264, whose codes are 1 to 8
    ...code(29, 5), // distances 24,577 to 32,768
    ...number(distance - 24_577, 13), // which of these
    ...code(0, 7), // end of the block
    ...number(0, 3), // the empty stored block, whose length the receiver adds
  ];
  const octets = Buffer.alloc(Math.ceil(bits.length / 8));
  for (const [i, bit] of bits.entries()) octets[i >> 3] = (octets[i >> 3] as number) | (bit << (i & 7));
  return octets;
}

/** A number: its lowest bit comes first (RFC 1951, 3.1.1). */
function number(value: number, width: number): number[] {
  return Array.from({ length: width }, (_, i) => (value >> i) & 1);
}

/** A Huffman code: its highest bit comes first. */
function code(value: number, width: number): number[] {
  return number(value, width).reverse();
}
