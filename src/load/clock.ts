const US_EACH_MS = 1000;
/** Pairs of readings, of which the closest counts: the first ones take long, and the process may be put aside. */
const READINGS = 100;
const beginUs = originUs();

/** What `performance.now()` counts from, on the clock that all processes of a machine share. */
function originUs(): number {
  let origin = Number.POSITIVE_INFINITY;
  for (let i = 0; i < READINGS; i++) {
    const relative = performance.now() * US_EACH_MS;
    origin = Math.min(origin, Number(process.hrtime.bigint() / 1000n) - relative);
  }
  return origin;
}

/** Microseconds of the machine's monotonic clock: the same in all its processes, so a time may travel in a message. */
export function nowUs(): number {
  return beginUs + performance.now() * US_EACH_MS;
}
