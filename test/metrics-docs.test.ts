import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parse } from "yaml";
import { Crew } from "../src/cli/crew.ts";
import { loadConfig } from "../src/push/index.ts";
import { metricRows, PREFIX } from "../src/push/vitals/rows.ts";
import { parseExposition } from "./exposition.ts";
import { ProtocolClient, serve } from "./protocol-client.ts";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const document = read("docs/metrics.md");

/** The table of docs/metrics.md: name, type, labels, meaning. */
const documented = Array.from(
  document.matchAll(/^\| `(belfry_\w+)` +\| (\w+) +\| (.*?) *\| (.*?) *\|$/gm),
  ([, name = "", type = "", labels = "", meaning = ""]) => {
    return { name, type, labels: Array.from(labels.matchAll(/`(\w+)`/g), ([, label]) => label), meaning };
  },
);

test("docs/metrics.md: the table is what /metrics prints, in its order, with the crew's behind it", async (t) => {
  const { server, port } = await serve(t, { metrics: true });
  const { client } = await ProtocolClient.connect(t, port);
  await client.ask({ id: 2, subscribe: { channel: "a" } });
  const own = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const all = [...parseExposition(own), ...parseExposition(await new Crew(2, 2).metrics())];
  assert.deepEqual(
    documented.map(({ name, type, meaning }) => [name, type, meaning]),
    all.map(([name, { type, help }]) => [name, type, help]),
  );
  for (const [name, { samples }] of all) {
    const labels = documented.find((row) => row.name === name)?.labels ?? [];
    for (const sample of samples.keys()) {
      const printed = Array.from(sample.matchAll(/(\w+)="/g), ([, label]) => label).filter((label) => label !== "le");
      assert.deepEqual(printed, [...labels].sort(), sample);
    }
  }
  assert.ok(server.vitals);
});

test("docs/metrics.md: the labels of a metric are those of its row, also of one that has no sample yet", () => {
  for (const { name, labels } of metricRows) {
    assert.deepEqual(documented.find((row) => row.name === PREFIX + name)?.labels, labels, name);
  }
});

test("docs/metrics.md: its configuration is one", () => {
  const [yaml = ""] = Array.from(document.matchAll(/```yaml\n(server:[\s\S]*?)```/g), ([, block]) => block);
  const { server, metrics, health } = parse(yaml) as Parameters<typeof loadConfig>[0]["flags"] & object;
  const config = loadConfig({ env: {}, flags: { server, metrics, health } });
  assert.deepEqual([config.server.internalPort, config.metrics.enabled, config.health.enabled], [9000, true, true]);
  const off = loadConfig({ env: {} });
  assert.deepEqual([off.server.internalPort, off.metrics.enabled, off.health.enabled], [0, false, false]);
});

test("deploy/prometheus-alerts.yaml: each rule is about metrics that are there, with labels that they have", () => {
  const { groups } = parse(read("deploy/prometheus-alerts.yaml")) as {
    groups: { rules: { alert: string; expr: string; for: string; annotations: { summary: string } }[] }[];
  };
  const rules = groups.flatMap((group) => group.rules);
  assert.ok(rules.length >= 3);
  for (const { alert, expr, for: time, annotations } of rules) {
    assert.match(time, /^\d+m$/, alert);
    assert.ok(annotations.summary.length > 10, alert);
    const used = Array.from(expr.matchAll(/\b(belfry_\w+)(?:\{(\w+)=)?/g));
    assert.ok(used.length > 0 || expr.startsWith("up{"), alert);
    for (const [, name, label] of used) {
      const row = documented.find((one) => one.name === name);
      assert.ok(row, `${alert}: ${name} is not there`);
      if (label !== undefined) assert.ok(row.labels.includes(label), `${alert}: ${name} has no ${label}`);
    }
  }
});
