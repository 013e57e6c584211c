import { limits } from "../../limits.ts";

/**
 * Says a line when something happens, and counts what happens again within repeatedLogSeconds, to tell it then: what
 * fails for ten thousand clients a second fills no disk.
 */
export class RepeatLog {
  readonly #say: (line: string) => void;
  /** By kind: the last line of it, and how many were not said. */
  readonly #quiet = new Map<string, { line: string; count: number }>();

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  /** Says `line`, unless one of the same kind was said a moment ago. There must be few kinds. */
  tell(kind: string, line: string): void {
    const quiet = this.#quiet.get(kind);
    if (quiet) {
      quiet.line = line;
      quiet.count++;
    } else {
      this.#say(line);
      this.#keepQuiet(kind);
    }
  }

  #keepQuiet(kind: string): void {
    this.#quiet.set(kind, { line: "", count: 0 });
    setTimeout(() => this.#speak(kind), limits.repeatedLogSeconds * 1000).unref();
  }

  #speak(kind: string): void {
    const quiet = this.#quiet.get(kind);
    this.#quiet.delete(kind);
    if (!quiet || quiet.count === 0) return;
    this.#say(quiet.count === 1 ? quiet.line : `${quiet.line} (${quiet.count} times)`);
    this.#keepQuiet(kind);
  }
}
