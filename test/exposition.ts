import assert from "node:assert/strict";

/** One metric as it was printed. */
export interface Printed {
  readonly type: string;
  readonly help: string;
  /** By name and labels as they stand there, `name{code="3001"}`, the labels in alphabetical order. */
  readonly samples: ReadonlyMap<string, number>;
}

/**
 * Reads the text form of Prometheus, naively: each metric has its HELP, its TYPE and its samples in a row, and no sample is
 * there twice. Fails for what is none of it.
 */
export function parseExposition(text: string): Map<string, Printed> {
  assert.ok(text.endsWith("\n"), "the last line must end with a line feed");
  const metrics = new Map<string, { type: string; help: string; samples: Map<string, number> }>();
  let help: readonly [name: string, text: string] | undefined;
  let current: readonly [name: string, samples: Map<string, number>] | undefined;
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const helps = /^# HELP ([a-z_:][\w:]*) (.+)$/.exec(line);
    const types = /^# TYPE ([a-z_:][\w:]*) (counter|gauge|histogram)$/.exec(line);
    const sample = /^([a-z_:][\w:]*)(?:\{(.*)\})? (-?\d+(?:\.\d+)?(?:e[+-]\d+)?)$/.exec(line);
    if (helps) help = [helps[1] as string, helps[2] as string];
    else if (types) {
      const [, name = "", type = ""] = types;
      assert.equal(help?.[0], name, line);
      assert.ok(!metrics.has(name), `${name} is there twice`);
      current = [name, new Map()];
      metrics.set(name, { type, help: help?.[1] ?? "", samples: current[1] });
    } else if (sample) {
      const [, name = "", inside = "", value = ""] = sample;
      const pairs = inside === "" ? [] : inside.split(",");
      for (const pair of pairs) assert.match(pair, /^[a-z_]+="[^"\\\n]*"$/, line);
      const key = pairs.length === 0 ? name : `${name}{${pairs.sort().join(",")}}`;
      const of = current?.[0] as string;
      assert.ok(name === of || [`${of}_bucket`, `${of}_sum`, `${of}_count`].includes(name), `${line} is not of ${of}`);
      assert.ok(!current?.[1].has(key), `${key} is there twice`);
      current?.[1].set(key, Number(value));
    } else assert.fail(`not understood: ${line}`);
  }
  return metrics;
}

/** All samples of a text, by name and labels. */
export function samplesOf(text: string): Map<string, number> {
  return new Map([...parseExposition(text).values()].flatMap(({ samples }) => [...samples]));
}

/** What has changed from one text to the next, without what always does: times, memory, what the process takes. */
export function changes(before: string, after: string): Record<string, number> {
  const old = samplesOf(before);
  const changed: Record<string, number> = {};
  for (const [name, value] of samplesOf(after)) {
    const by = value - (old.get(name) ?? 0);
    if (by !== 0 && !/_size|process_|lag|_bucket|_sum|worker_pool/.test(name))
      changed[name.replace("belfry_", "")] = by;
  }
  return changed;
}
