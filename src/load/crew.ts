import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Latencies, type Percentiles } from "./latencies.ts";
import { type Plan, shares } from "./plan.ts";
import type { Report } from "./tally.ts";
import type { Order, Told } from "./worker-main.ts";

/** In less time a process that starts is busy with itself. */
const BUSY_SECONDS_MIN = 0.5;
const WORKER = fileURLToPath(new URL("./worker-main.js", import.meta.url));

/** What all processes have seen together. */
export interface Sight {
  readonly connections: number;
  readonly opened: number;
  readonly failed: number;
  readonly lost: number;
  readonly received: number;
  readonly errors: Readonly<Record<string, number>>;
  /** From the beginning of a connection until it was ready. */
  readonly openingMs: Percentiles | undefined;
  readonly latencyMs: Percentiles | undefined;
  /** The greatest part of a core that one of the processes has used since the sight before. */
  readonly busiest: number;
}

/** Several processes that carry out one plan, each with descriptors of its own. */
export class Crew {
  readonly #children: ChildProcess[];
  readonly #told = new Map<ChildProcess, Told>();
  /** The report from which the CPU is counted. */
  readonly #before = new Map<ChildProcess, Report>();
  #latencies = new Latencies();
  readonly #openings = new Latencies();
  #waiting: { readonly state: Told["state"]; readonly done: () => void } | undefined;
  readonly #errors: Record<string, number> = {};

  constructor(plan: Plan, processes: number) {
    const own = shares(plan, processes);
    this.#children = own.map((share) => {
      const child = fork(WORKER, { serialization: "advanced", execArgv: [] });
      child.on("message", (told: Told) => this.#hear(child, told));
      child.on("exit", () => this.#gone(child));
      child.send({ share } satisfies Order);
      return child;
    });
  }

  /** Resolves when the processes run, and wait to be told to open. */
  waiting(): Promise<void> {
    return this.#until("waiting");
  }

  /** Opens the connections; resolves when each is ready or has failed. */
  open(): Promise<void> {
    this.#say("open");
    return this.#until("arrived");
  }

  /** Has the scenario begin; latencies are those of from now on. */
  start(): void {
    this.forget();
    this.#say("start");
  }

  /** Latencies are those of from now on. */
  forget(): void {
    this.#latencies = new Latencies();
  }

  /** Nanoseconds of CPU that all processes have used, as they told last. */
  get cpuNs(): number {
    return [...this.#told.values()].reduce((total, { report }) => total + report.cpuSeconds * 1e9, 0);
  }

  /** Ends all processes, and with them their connections; resolves when the last one has reported. */
  async end(): Promise<void> {
    const over = this.#until("ended");
    this.#say("end");
    await over;
  }

  /** What has been seen so far. */
  look(): Sight {
    const reports = [...this.#told.values()].map(({ report }) => report);
    const sum = (name: "connections" | "opened" | "failed" | "lost" | "received") =>
      reports.reduce((total, report) => total + report[name], 0);
    const errors = { ...this.#errors };
    for (const report of reports) {
      for (const [kind, count] of Object.entries(report.errors)) errors[kind] = (errors[kind] ?? 0) + count;
    }
    return {
      ...{ connections: sum("connections"), opened: sum("opened"), failed: sum("failed"), lost: sum("lost") },
      ...{ received: sum("received"), errors },
      openingMs: this.#openings.percentiles(),
      latencyMs: this.#latencies.percentiles(),
      busiest: this.#busiest(),
    };
  }

  #busiest(): number {
    let busiest = 0;
    for (const [child, { report }] of this.#told) {
      const before = this.#before.get(child);
      const seconds = report.seconds - (before?.seconds ?? 0);
      if (seconds < BUSY_SECONDS_MIN) continue;
      busiest = Math.max(busiest, (report.cpuSeconds - (before?.cpuSeconds ?? 0)) / seconds);
      this.#before.set(child, report);
    }
    return busiest;
  }

  #until(state: Told["state"]): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting = { state, done: resolve };
      this.#look();
    });
  }

  #look(): void {
    if (!this.#waiting || !this.#children.every((child) => this.#told.get(child)?.state === this.#waiting?.state))
      return;
    const { done } = this.#waiting;
    this.#waiting = undefined;
    done();
  }

  #hear(child: ChildProcess, told: Told): void {
    this.#told.set(child, told);
    this.#latencies.add(told.report.latencies);
    this.#openings.add(told.report.openings);
    this.#look();
  }

  /** A process that was not told to end: what it held is lost, and nobody waits for it. */
  #gone(child: ChildProcess): void {
    const told = this.#told.get(child);
    if (told?.state === "ended") return;
    const { exitCode, signalCode } = child;
    const kind = `a process of the load ended (${signalCode ?? exitCode})`;
    this.#errors[kind] = (this.#errors[kind] ?? 0) + 1;
    this.#children.splice(this.#children.indexOf(child), 1);
    this.#told.delete(child);
    this.#look();
  }

  #say(what: "open" | "start" | "end"): void {
    for (const child of this.#children) if (child.connected) child.send({ do: what } satisfies Order);
  }
}
