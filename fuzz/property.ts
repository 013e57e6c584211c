import type fc from "fast-check";

/**
 * Something that must hold for every input. Each has a file of its own in properties/, and a row in properties.ts.
 *
 * Inputs are plain data: bytes, numbers, strings, truth values, and lists and records of these. So a find can be
 * printed as a row of test/regression-fuzz.test.ts, and `check` be called with it again.
 */
export interface Property<Input = unknown> {
  /** Short and unique: what `--only` takes. */
  readonly name: string;
  /** What holds, in one sentence. */
  readonly proves: string;
  /** How many of a run's cases it gets, compared with the others. */
  readonly share: number;
  readonly inputs: fc.Arbitrary<Input>;
  /** Throws for an input for which it does not hold. Works at once: what it starts has ended when it returns. */
  check(input: Input): void;
}
