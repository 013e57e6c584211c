import type { Readable } from "node:stream";

/** Where a command reads and writes. */
export interface Terminal {
  readonly input: Readable;
  out(line: string): void;
  error(line: string): void;
  /** The process is to end with this code, when it has nothing more to do. */
  exit(code: number): void;
}

/** The process's own. */
export const terminal: Terminal = {
  get input() {
    return process.stdin;
  },
  out: (line) => console.log(line),
  error: (line) => console.error(line),
  exit: (code) => {
    process.exitCode = code;
  },
};
