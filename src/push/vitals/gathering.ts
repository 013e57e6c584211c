import { AggregatorRegistry, type Registry } from "prom-client";
import { type MetricJson, registryOf } from "./registry.ts";
import { PREFIX } from "./rows.ts";

/** What the parent of several processes knows by itself. */
export interface CrewStats {
  /** How many there shall be, how many have answered, and how often one was started again. */
  readonly workers: number;
  readonly answered: number;
  readonly restarts: number;
}

/** The metrics of the parent alone. */
export function crewMetrics({ workers, answered, restarts }: CrewStats): MetricJson[] {
  const metric = (name: string, type: MetricJson["type"], help: string, value: number): MetricJson => {
    return { name: PREFIX + name, type, help, aggregator: "first", values: [{ labels: {}, value }] };
  };
  return [
    metric("workers", "gauge", "Processes that there shall be (server.workers)", workers),
    metric("workers_answered", "gauge", "Those of them whose gauges are in this scrape", answered),
    metric("worker_restarts_total", "counter", "How often one was started again", restarts),
  ];
}

/**
 * The metrics of several processes as those of one. Counters never go back: those of a process that has ended, or does
 * not answer, are there as they were last, since a sum that falls looks like a start to Prometheus, and all of it like
 * new events. Gauges are those of the processes that answer.
 */
export class Gathering<Member> {
  readonly #last = new Map<Member, readonly MetricJson[]>();
  #gone: (readonly MetricJson[])[] = [];

  /** A process has ended. */
  left(member: Member): void {
    const last = this.#last.get(member);
    if (last) this.#gone.push(last.filter(isCounted));
    this.#last.delete(member);
  }

  /** All together in the text form of Prometheus; `answers` are those that came. */
  async text(answers: ReadonlyMap<Member, readonly MetricJson[]>, crew: CrewStats): Promise<string> {
    for (const [member, metrics] of answers) this.#last.set(member, metrics);
    if (this.#gone.length > 1) this.#gone = [await jsonOf(aggregate(this.#gone))];
    const late = [...this.#last].flatMap(([member, last]) => (answers.has(member) ? [] : [last.filter(isCounted)]));
    // Those that answered come first: they have the metrics that the others have not, in their place.
    const together = await jsonOf(aggregate([...answers.values(), ...late, ...this.#gone]));
    return await registryOf([...together, ...crewMetrics(crew)].map((metric) => () => metric)).metrics();
  }
}

function isCounted({ type }: MetricJson): boolean {
  return type !== "gauge";
}

function aggregate(all: readonly (readonly MetricJson[])[]): Registry {
  return AggregatorRegistry.aggregate([...all]);
}

async function jsonOf(registry: Registry): Promise<readonly MetricJson[]> {
  return (await registry.getMetricsAsJSON()) as unknown as readonly MetricJson[];
}
