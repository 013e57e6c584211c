import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64, type Histogram } from "hdr-histogram-js";

/** One minute: what takes longer is counted as so much. */
const HIGHEST_US = 60_000_000;
const DIGITS = 3;

/** The percentiles of latencies, in milliseconds. */
export interface Percentiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** Latencies in a histogram with a high dynamic range: microseconds to a minute, to three digits. */
export class Latencies {
  readonly #histogram: Histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: HIGHEST_US,
    numberOfSignificantValueDigits: DIGITS,
    bitBucketSize: 64,
  });

  /** Of one that took so many microseconds. */
  record(us: number): void {
    this.#histogram.recordValue(Math.min(Math.max(Math.round(us), 1), HIGHEST_US));
  }

  get count(): number {
    return this.#histogram.totalCount;
  }

  /** What was recorded since the last call, for {@link add} in another process; "" for nothing. */
  take(): string {
    if (this.count === 0) return "";
    const taken = encodeIntoCompressedBase64(this.#histogram);
    this.#histogram.reset();
    return taken;
  }

  /** Adds what another process has taken. */
  add(taken: string): void {
    if (taken !== "") this.#histogram.add(decodeFromCompressedBase64(taken, 64));
  }

  /** Undefined when nothing was recorded. */
  percentiles(): Percentiles | undefined {
    if (this.count === 0) return undefined;
    const ms = (percentile: number) => this.#histogram.getValueAtPercentile(percentile) / 1000;
    return { p50: ms(50), p90: ms(90), p99: ms(99), p999: ms(99.9), max: ms(100) };
  }
}
