import { grouped } from "./report.ts";

/** What a line of progress is written to: a terminal, or what stands in for it. */
export interface Screen {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** Tells how far a run is: a line that is redrawn on a terminal, and a new line every ten seconds elsewhere. */
export class Progress {
  readonly #screen: Screen;
  readonly #goal: string;
  readonly #now: () => number;
  readonly #begun: number;
  #told: number;
  #drawn = 0;

  /** `goal` says where the run ends, such as "1,000,000 cases"; `now` tells the time in milliseconds. */
  constructor(screen: Screen, goal: string, now = () => performance.now()) {
    this.#screen = screen;
    this.#goal = goal;
    this.#now = now;
    this.#begun = now();
    this.#told = this.#begun;
  }

  /** Tells of it, unless it did so just now. */
  show(cases: number, name: string): void {
    const now = this.#now();
    if (now - this.#told < (this.#screen.isTTY ? 200 : 10_000)) return;
    this.#told = now;
    const rate = Math.round(cases / ((now - this.#begun) / 1000));
    const line = `${grouped(cases)} of ${this.#goal}, ${grouped(rate)} cases/s, ${name}`;
    this.#screen.write(this.#screen.isTTY ? `\r${line.padEnd(this.#drawn)}` : `${line}\n`);
    this.#drawn = line.length;
  }

  /** Takes the line away. */
  end(): void {
    if (this.#screen.isTTY && this.#drawn > 0) this.#screen.write(`\r${" ".repeat(this.#drawn)}\r`);
  }
}
