import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { CrowdOrder, CrowdReport, CrowdWord } from "./main.ts";

const main = fileURLToPath(new URL("./main.js", import.meta.url));

/** Very many clients in a process of their own. */
export class Crowd {
  readonly child: ChildProcess;
  /** What it said last. */
  report: CrowdReport | undefined;

  constructor(order: CrowdOrder) {
    this.child = fork(main, [JSON.stringify(order)]);
    this.child.on("message", (report: CrowdReport) => {
      this.report = report;
    });
  }

  say(word: CrowdWord): void {
    this.child.send(word);
  }

  /** Resolves with the first report of which it holds. */
  async until(holds: (report: CrowdReport) => boolean): Promise<CrowdReport> {
    for (;;) {
      if (this.report && holds(this.report)) return this.report;
      await once(this.child, "message");
    }
  }

  /** The report of now. */
  async now(): Promise<CrowdReport> {
    this.say({ ask: "report" });
    const [report] = (await once(this.child, "message")) as [CrowdReport];
    return report;
  }

  close(): void {
    this.child.kill("SIGKILL");
  }
}
