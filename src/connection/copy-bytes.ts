/** Up to this many bytes a loop copies faster than a call. */
const LOOP_BYTES_MAX = 64;

/**
 * Copies `from[begin, end)` to `to[at]`, without making a view where it can be avoided. Returns the offset behind it.
 */
export function copyBytes(from: Uint8Array, begin: number, end: number, to: Uint8Array, at: number): number {
  const behind = at + end - begin;
  if (end - begin <= LOOP_BYTES_MAX) for (let i = begin; i < end; i++) to[at++] = from[i] as number;
  else if (from === to) to.copyWithin(at, begin, end);
  else to.set(from.subarray(begin, end), at);
  return behind;
}
