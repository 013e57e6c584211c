/** Upper bounds of the buckets, in seconds: from what is in memory to what waits for a back end. */
export const durationBounds = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5] as const;

const COUNT = durationBounds.length;
const SUM = COUNT + 1;

/** How long things took, as a histogram for each name: numbers in arrays, to which an observation adds. */
export class Durations {
  readonly #rows = new Map<string, Float64Array>();

  /** Something took so long, in milliseconds. There must be few names: each keeps an array. */
  observe(name: string, ms: number): void {
    const seconds = ms / 1000;
    let row = this.#rows.get(name);
    if (!row) {
      row = new Float64Array(COUNT + 2);
      this.#rows.set(name, row);
    }
    let bucket = 0;
    while (bucket < COUNT && seconds > (durationBounds[bucket] as number)) bucket++;
    // What is over the last bound is in no bucket, and in the count only.
    if (bucket < COUNT) row[bucket] = (row[bucket] as number) + 1;
    row[COUNT] = (row[COUNT] as number) + 1;
    row[SUM] = (row[SUM] as number) + seconds;
  }

  /** For each name how many took at most as long as each bound, how many there were, and their seconds together. */
  *rows(): Generator<{ name: string; upTo: number[]; count: number; seconds: number }> {
    for (const [name, row] of this.#rows) {
      let all = 0;
      const upTo = durationBounds.map((_, i) => {
        all += row[i] as number;
        return all;
      });
      yield { name, upTo, count: row[COUNT] as number, seconds: row[SUM] as number };
    }
  }

  clear(): void {
    this.#rows.clear();
  }
}
