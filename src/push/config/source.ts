import type { Path } from "./tree.ts";

/** A configuration as one source has it, before anything of it is checked. */
export interface Source {
  /** Undefined when the source cannot be read, so that nothing is known of what it says. */
  readonly tree: unknown;
  /** Where the value at a path came from, or its key if there is one: `belfry.yaml, line 3` say. */
  where(path: Path): string;
  /** What is wrong with the source itself, as whole sentences. */
  readonly mistakes: readonly string[];
}

/** The configuration that the flags of a command make. */
export function fromFlags(flags: object): Source {
  return { tree: flags, where: () => "a flag", mistakes: [] };
}
