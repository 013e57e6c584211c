import { type Metric, Registry } from "prom-client";
import { type Durations, durationBounds } from "./durations.ts";
import { type MetricRow, metricRows, PREFIX } from "./rows.ts";
import type { MetricsSource, ProcessStats } from "./source.ts";

/** One number of a metric, in the form of prom-client; a histogram's have names of their own. */
export interface MetricValue {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** A metric with its numbers, as JSON: what `getMetricsAsJSON` gives, and what its aggregation takes. */
export interface MetricJson {
  readonly name: string;
  readonly help: string;
  readonly type: MetricRow["type"];
  readonly aggregator: MetricRow["together"];
  readonly values: readonly MetricValue[];
}

/**
 * A registry of its own with all metrics of a process. They are no counters of prom-client, which would have to be
 * told of each event: they have their numbers from the source, at a scrape, as its own aggregation has its.
 */
export function makeRegistry(source: MetricsSource): Registry {
  const once = { ...source, process: oncePerTurn(source.process) };
  return registryOf(metricRows.map((row) => () => read(row, once)));
}

/** A registry of metrics that are read each time they are asked for. */
export function registryOf(metrics: readonly (() => MetricJson)[]): Registry {
  const registry = new Registry();
  for (const get of metrics) registry.registerMetric({ ...get(), get: async () => get() } as unknown as Metric);
  return registry;
}

function read(row: MetricRow, source: MetricsSource): MetricJson {
  const name = PREFIX + row.name;
  const { type, help, together: aggregator, labels } = row;
  const values =
    type === "histogram"
      ? bucketsOf(name, row.durations(source))
      : Array.from(row.samples(source), ([given, value]) => ({ labels: named(labels, given), value }));
  return { name, help, type, aggregator, values };
}

function named(names: readonly string[], values: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name, i) => [name, values[i] as string]));
}

function bucketsOf(name: string, durations: Durations): MetricValue[] {
  return [...durations.rows()].flatMap(({ name: method, upTo, count, seconds }) => [
    ...upTo.map((value, i) => ({
      metricName: `${name}_bucket`,
      labels: { le: durationBounds[i] as number, method },
      value,
    })),
    { metricName: `${name}_bucket`, labels: { le: "+Inf", method }, value: count },
    { metricName: `${name}_sum`, labels: { method }, value: seconds },
    { metricName: `${name}_count`, labels: { method }, value: count },
  ]);
}

/** Several metrics of one scrape tell of the same look at the process. */
function oncePerTurn(look: () => ProcessStats): () => ProcessStats {
  let seen: ProcessStats | undefined;
  return () => {
    if (!seen) {
      setImmediate(() => {
        seen = undefined;
      });
    }
    seen ??= look();
    return seen;
  };
}
