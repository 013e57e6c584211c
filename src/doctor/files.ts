import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Files below a folder that stands for the root of a machine. What is missing, or may not be read, is undefined. */
export class Files {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** The text of a file. */
  text(path: string): string | undefined {
    return this.bytes(path)?.toString();
  }

  /** The bytes of a file. */
  bytes(path: string): Buffer | undefined {
    try {
      return readFileSync(join(this.#root, path));
    } catch {
      return undefined;
    }
  }

  /** All whole numbers of a file, in order; undefined if there are fewer than `count`, 1 by default. */
  numbers(path: string, count = 1): readonly number[] | undefined {
    const numbers = this.text(path)?.match(/-?\d+/g)?.map(Number);
    return numbers !== undefined && numbers.length >= count ? numbers : undefined;
  }

  /** The first number of a file. */
  number(path: string): number | undefined {
    return this.numbers(path)?.[0];
  }

  /** The number that the first group of a pattern finds. */
  found(path: string, pattern: RegExp): number | undefined {
    const digits = pattern.exec(this.text(path) ?? "")?.[1];
    return digits === undefined ? undefined : Number(digits);
  }
}
