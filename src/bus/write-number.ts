/** Bytes that {@link writeNumber} may write. */
export const NUMBER_BYTES_MAX = 10;

/** Writes a number that is not negative in digits; returns the offset behind it. */
export function writeNumber(out: Uint8Array, at: number, value: number): number {
  let end = at + 1;
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) end++;
  let rest = value;
  for (let i = end - 1; i >= at; i--) {
    out[i] = 48 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
  return end;
}
