/** One way to do a job, to be compared with others. */
export interface Contender {
  readonly name: string;
  /** Prepares the work, and gives a function that does it `times` times. */
  prepare(): (times: number) => void | Promise<void>;
}

/** A job, with those who do it; Belfry is the first. */
export interface Contest {
  readonly name: string;
  /** What one time is: "upgrade", "KiB". */
  readonly unit: string;
  /** Bytes that one time goes over, where a rate says more than a time. */
  readonly bytes?: number;
  /** How often the job is done for one measurement. */
  readonly times: number;
  readonly contenders: readonly Contender[];
}

/** What one process measured. */
export interface Measurement {
  /** Nanoseconds for each time: the best of several runs, the machine's noise only adds. */
  readonly ns: number;
  /** Bytes of heap that each time left behind, over a million times or for two seconds. */
  readonly heapBytes: number;
}

const RUNS = 7;
const HEAP_TIMES = 1_000_000;
const HEAP_MS = 2000;

/** Measures a contender in this process, which does nothing else: what the compiler learns of one is not another's. */
export async function measure(contest: Contest, contender: Contender): Promise<Measurement> {
  const work = contender.prepare();
  await work(contest.times);
  await work(contest.times);
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < RUNS; run++) {
    const begin = process.hrtime.bigint();
    await work(contest.times);
    best = Math.min(best, Number(process.hrtime.bigint() - begin) / contest.times);
  }
  const times = Math.max(1000, Math.min(HEAP_TIMES, Math.floor((HEAP_MS * 1e6) / best)));
  return { ns: best, heapBytes: await heapGrowth(work, times) };
}

/** Without a collection in between (the young generation is larger than what is expected), growth is allocation. */
async function heapGrowth(work: (times: number) => void | Promise<void>, times: number): Promise<number> {
  const { gc } = globalThis as { gc?: () => void };
  if (!gc) throw new Error("run node with --expose-gc");
  let allocated = 0;
  const step = Math.max(1, Math.floor(times / 100));
  for (let done = 0; done < times; done += step) {
    gc();
    const before = process.memoryUsage().heapUsed;
    await work(step);
    allocated += Math.max(0, process.memoryUsage().heapUsed - before);
  }
  return allocated / times;
}
