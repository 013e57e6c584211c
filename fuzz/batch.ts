import { createContext, Script } from "node:vm";
import fc from "fast-check";
import type { Property } from "./property.ts";

/** An input for which a property does not hold, as small as it could be made. */
export interface Find {
  readonly property: Property;
  /** With the path, what makes the input again. */
  readonly seed: number;
  readonly path: string;
  readonly input: unknown;
  /** The error, with its stack. */
  readonly error: string;
}

/** What became of a batch: it ends at its first find. */
export interface Batch {
  readonly cases: number;
  readonly find: Find | undefined;
}

/** How a batch is run. */
export interface BatchOptions {
  readonly seed: number;
  readonly cases: number;
  /** Begins with the input that a find names, and makes that smaller. */
  readonly path?: string | undefined;
  /** A batch that takes longer is in a loop without end, and the input it is at is a find. */
  readonly secondsMax?: number;
}

/** Longest batch: a hundred times what the slowest property takes, for a machine that is busy with other things. */
const BATCH_SECONDS_MAX = 60;

// Only code that node:vm runs can be stopped from outside, so a batch is called from a script.
const scope: { work: () => void } = { work: () => {} };
const script = new Script("work()");
const context = createContext(scope);

/** Runs cases of one property: the same seed makes the same cases. */
export function runBatch(property: Property, options: BatchOptions): Batch {
  const { seed, path = "", secondsMax = BATCH_SECONDS_MAX } = options;
  let current: unknown;
  let held = 0;
  let failed = false;
  let details: fc.RunDetails<[unknown]> | undefined;
  const cases = fc.property(property.inputs, (input) => {
    current = input;
    try {
      property.check(input);
      if (!failed) held++;
    } catch (error) {
      failed = true;
      throw error;
    }
  });
  scope.work = () => {
    // To make an input smaller may take long; half of the time is for that, and the best so far is told.
    const interruptAfterTimeLimit = (secondsMax * 1000) / 2;
    details = fc.check(cases, { seed, path, numRuns: path === "" ? options.cases : 1, interruptAfterTimeLimit });
  };
  // Refusals are thrown all the time, and their stacks would be most of the work.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    script.runInContext(context, { timeout: secondsMax * 1000 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
    const what = `it did not return within ${secondsMax} seconds`;
    return { cases: held, find: { property, seed, path: path || String(held), input: current, error: what } };
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
  if (!details?.failed || !details.counterexample) return { cases: details?.numRuns ?? 0, find: undefined };
  const [input] = details.counterexample;
  const find = { property, seed, path: details.counterexamplePath ?? "", input, error: errorOf(property, input) };
  return { cases: details.numRuns, find };
}

/** Checks once more, for the stack, and to see that it depends on nothing but the input. */
function errorOf(property: Property, input: unknown): string {
  try {
    property.check(input);
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  return "it failed, and held when it was checked again: the check depends on more than its input";
}
