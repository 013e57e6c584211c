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
  let count = 0;
  for (let at = bytes.indexOf(MARK, from); at >= 0 && at < to; at = bytes.indexOf(MARK, at)) {
    at += MARK.length;
    let us = 0;
    for (let digit = byteAt(bytes, at); digit >= 0 && digit <= 9; digit = byteAt(bytes, ++at)) us = us * 10 + digit;
    visit(us);
    count++;
  }
  return count;
}

function byteAt(bytes: Buffer, at: number): number {
  return (bytes[at] as number) - DIGIT_0;
}
