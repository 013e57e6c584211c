import { Latencies } from "./latencies.ts";

/** What a process has to report, as it goes to the one that asked: counts are of the whole time, latencies new ones. */
export interface Report {
  /** Connections that are ready: open, and subscribed where the scenario wants it. */
  readonly connections: number;
  /** Those that became ready, at some time. */
  readonly opened: number;
  readonly failed: number;
  /** Those that were ready and are over, without having been told to. */
  readonly lost: number;
  readonly received: number;
  /** By kind. */
  readonly errors: Readonly<Record<string, number>>;
  /** Histograms of {@link Latencies}: from the beginning of a connection until it was ready, and of messages. */
  readonly openings: string;
  readonly latencies: string;
  /** CPU that the process has used, and how long it has run. */
  readonly cpuSeconds: number;
  readonly seconds: number;
}

/** What servers say may be of many kinds: those beyond so many are counted together. */
const KINDS_MAX = 40;

/** What a process has seen. */
export class Tally {
  connections = 0;
  opened = 0;
  failed = 0;
  lost = 0;
  received = 0;
  readonly openings = new Latencies();
  readonly latencies = new Latencies();
  readonly #errors = new Map<string, number>();

  error(kind: string): void {
    const name = this.#errors.size < KINDS_MAX || this.#errors.has(kind) ? kind : "of other kinds";
    this.#errors.set(name, (this.#errors.get(name) ?? 0) + 1);
  }

  /** What there is to report; the latencies begin anew. */
  take(): Report {
    const { connections, opened, failed, lost, received } = this;
    const { user, system } = process.cpuUsage();
    return {
      ...{ connections, opened, failed, lost, received },
      errors: Object.fromEntries(this.#errors),
      openings: this.openings.take(),
      latencies: this.latencies.take(),
      cpuSeconds: (user + system) / 1e6,
      seconds: performance.now() / 1000,
    };
  }
}
