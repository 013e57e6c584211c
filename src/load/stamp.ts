const MARK = '{"belfryUs":';
const DIGIT_0 = 48;

/** A message in JSON of about so many bytes, with the time from which its delivery is measured. */
export function stamped(us: number, bytes: number): string {
  const head = `${MARK}${Math.round(us)}`;
  const padding = bytes - head.length - 1;
  return padding < 7 ? `${head}}` : `${head},"x":"${"x".repeat(padding - 7)}"}`;
}

/** Tells the times of all stamped messages in `bytes[from, to)`; returns how many there are. */
export function eachStamp(bytes: Buffer, from: number, to: number, visit: (us: number) => void): number {
  // A view, since the search would go on to the end of the slab.
  const message = bytes.subarray(from, to);
  let count = 0;
  for (let at = message.indexOf(MARK); at >= 0; at = message.indexOf(MARK, at)) {
    at += MARK.length;
    let us = 0;
    for (let digit = digitAt(message, at); digit >= 0; digit = digitAt(message, ++at)) us = us * 10 + digit;
    visit(us);
    count++;
  }
  return count;
}

/** -1 where there is none. */
function digitAt(bytes: Buffer, at: number): number {
  const digit = (bytes[at] ?? 0) - DIGIT_0;
  return digit <= 9 ? Math.max(digit, -1) : -1;
}
