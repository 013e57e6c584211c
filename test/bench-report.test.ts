import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { digest } from "../bench/report/digest.ts";
import { describeMachine } from "../bench/report/machine.ts";
import { writeBytes, writeRatio, writingOf } from "../bench/report/numbers.ts";
import type { Measure } from "../bench/report/results.ts";
import { judge, median, ratio, ratioOfMedians, spread } from "../bench/report/statistics.ts";
import { summaryOf } from "../bench/report/summary.ts";
import { saveResults, writeReport } from "../bench/report/write.ts";
import { named, reported, results, temporary } from "./bench-results.ts";

const main = fileURLToPath(new URL("../bench/report/main.js", import.meta.url));
describe("statistics of a report", () => {
  it("has a median that half of the values are above and half below", () => {
    const values = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(values, (all) => {
        const middle = median(all);
        const below = all.filter((value) => value < middle).length;
        const above = all.filter((value) => value > middle).length;
        assert.equal(all.length % 2 === 0 || all.includes(middle), true);
        assert.ok(below <= all.length / 2 && above <= all.length / 2, `${middle} of ${all}`);
        assert.deepEqual(spread(all), { least: Math.min(...all), most: Math.max(...all) });
      }),
    );
    assert.equal(median([4, 1, 3, 2]), 2.5);
    assert.equal(median([]), Number.NaN);
  });

  it("takes a ratio round by round, which a slow spell of the machine does not move", () => {
    const [one, other] = [
      [10, 10, 30, 40, 50],
      [5, 5, 15, 20, 25],
    ];
    assert.equal(ratio(one, other), 2);
    // The rounds in which the machine was slow are the same for both; the medians come from different rounds.
    assert.equal(ratio([10, 90, 14], [10, 45, 20]), 1);
    assert.equal(ratioOfMedians([10, 90, 14], [10, 45, 20]), 0.7);
    assert.equal(ratio([10, 20, 30], [10]), 2, "with more rounds than the other there is but the ratio of medians");
    for (const nothing of [ratio([1], [0]), ratio([], []), ratio([1], []), ratio([], [1])]) {
      assert.equal(nothing, undefined);
    }
  });

  it("judges a bound by both ratios, and does not judge who was not measured", () => {
    const rows = [
      { subject: "belfry", rounds: [10, 90, 14] },
      { subject: "ws", rounds: [10, 45, 20] },
      { subject: "gone", rounds: [], skipped: "it is not there" },
    ];
    const cases: readonly [string, string, number, string][] = [
      ["belfry", "ws", 1, "reached"],
      ["belfry", "ws", 0.99, "missed"],
      ["ws", "belfry", 1.5, "reached"],
      ["ws", "belfry", 1.2, "missed"],
      ["belfry", "gone", 9, "not measured"],
      ["nobody", "ws", 9, "not measured"],
    ];
    for (const [subject, of, most, verdict] of cases) {
      assert.equal(judge({ rows }, { subject, of, most }).verdict, verdict, `${subject} at most ${most} × ${of}`);
    }
  });
});

describe("numbers of a report", () => {
  it("are read by a person", () => {
    const cases: readonly [string, readonly number[], string, string][] = [
      ["bytes", [112, 61_240], "bytes", "112 61,240"],
      ["bytes", [20_480, 61_440], "KiB", "20 60"],
      ["bytes", [112.25, 61_240.4], "bytes", "112 61,240"],
      ["µs", [7.92, 30.4], "µs", "7.92 30.4"],
      ["µs", [12_000, 30_400], "ms", "12.0 30.4"],
      ["µs", [0.0123, 1.5], "µs", "0.0123 1.50"],
      ["1/s", [121_400, 0], "per second", "121,400 0"],
      ["%", [0.5, 99.25], "%", "0.5 99.3"],
    ];
    for (const [unit, values, shown, text] of cases) {
      const writing = writingOf(
        unit,
        values.map((value) => [value]),
      );
      assert.equal(writing.unit, shown);
      assert.equal(values.map((value) => writing.write(value)).join(" "), text, `${values} ${unit}`);
    }
    const ratios = [0.0114, 0.987, 1, 12.54, 546.8, undefined].map(writeRatio);
    assert.deepEqual(ratios, ["0.011×", "0.99×", "1.00×", "12.5×", "547×", "–"]);
    assert.equal(writeBytes(results.machine.memoryBytes), "15.6 GiB");
  });
});

describe("machine of a report", () => {
  it("is this one, with the versions of all who take part", () => {
    const machine = describeMachine({ ws: "8.23.0" });
    assert.ok(
      machine.cpu.length > 0 && machine.cores > 0 && machine.memoryBytes > 2 ** 20 && machine.kernel.length > 3,
    );
    const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
    assert.equal(machine.versions.node, process.versions.node);
    assert.equal(machine.versions.ws, "8.23.0");
    assert.match(String(machine.versions.belfry), /^\d+\.\d+\.\d+( \([0-9a-f]{7,}\))?$/);
    assert.ok(machine.versions.belfry?.startsWith(version));
  });
});

describe("report in Markdown", () => {
  it("has the figures of each, verdicts, who was skipped and why, and the charts that were asked for", (t) => {
    const text = reported(t, { charts: ["idle"] })("bench.md");
    const lines = text.split("\n");
    for (const line of [
      "# Belfry beside others",
      "- Machine: AMD EPYC 7763 64-Core Processor, 2 cores, 15.6 GiB, Linux 6.8.0-1021",
      "- Command: `npm run bench -- --rounds 5`",
      "| Medians | belfry | floor (C) | ws | Bun.serve | Socket.IO | uWebSockets.js | belfry (portable driver, TLS) |",
      "| CPU of an echo, 32 B: belfry at most 1.25 × floor (C) | 1.15× | 1.15× | ✓ reached |",
      "| CPU of an echo, 32 B: belfry at most 1.1 × uWebSockets.js | – | – | – not measured |",
      "| CPU of an echo, 16 KB: belfry at most 1.05 × floor (C) | 1.17× | 1.17× | ✗ missed |",
      "| CPU of a delivery, by subscribers: at 50,000 at most 1.2 × that at 1,000 | 1.09× | 1.09× | ✓ reached |",
      "| **belfry** | 112 | 110–118 | 1.00× | 112 · 115 · 110 · 112 · 118 |",
      "| ws | 9,812 | 9,770–10,122 | 87.5× | 9,812 · 9,770 · 10,122 · 9,801 · 9,833 |",
      "| uWebSockets.js | skipped | its package is not on the registry &lt;npm>; see bench/peers |  |  |",
      "| **belfry (portable driver, TLS)** | 5.30 | 5.10–7.90 | 1.27× | 5.20 · 5.60 · 5.10 · 7.90 · 5.30 |",
      "| 50,000 | 8.40 | 8.30–9.60 | 1.09× | 8.40 · 9.60 · 8.30 |",
      '  <source media="(prefers-color-scheme: dark)" srcset="bench-idle-dark.svg">',
      '  <img src="bench-idle.svg" alt="Memory of an idle connection (bytes, less is better)">',
    ]) {
      assert.ok(lines.includes(line), `${line}\nis not in\n${text}`);
    }
    const tables = lines.filter((line) => line.startsWith("|"));
    assert.ok(tables.length > 50 && text.match(/<picture>/g)?.length === 1);
  });

  it("shows names as they are, whatever is in them", (t) => {
    const text = reported(t, {}, named("<b>|*_`[x](y)&amp;"))("bench.md");
    assert.ok(text.includes("# &lt;b>\\|\\*\\_\\`\\[x\\](y)&amp;amp;\n"), text);
    assert.ok(text.includes("- Command: `` <b>|*_`[x](y)&amp; ``\n"), text);
    assert.equal(text.split("<b>").length, 2, "there, and nowhere else");
  });
});

describe("summary of a report", () => {
  it("has a table of its own for measures that share nobody with others but ours", () => {
    const of = (id: string, ...subjects: string[]) =>
      digest({ ...(results.measures[0] as Measure), id, rows: subjects.map((subject) => ({ subject, rounds: [1] })) });
    const { groups, growing } = summaryOf([
      of("echo", "belfry", "ws"),
      of("ways", "belfry", "pings", "keepalive"),
      of("fan-out", "belfry", "floor", "ws"),
      of("alone", "belfry", "belfry (portable)"),
      of("growth", "1,000", "15,000"),
    ]);
    assert.deepEqual(
      groups.map(({ digests }) => digests.map(({ measure }) => measure.id)),
      [["echo", "fan-out", "alone"], ["ways"]],
    );
    assert.deepEqual(groups[0]?.subjects, ["belfry", "ws", "floor", "belfry (portable)"]);
    assert.deepEqual(
      growing.map(({ measure }) => measure.id),
      ["growth"],
    );
  });
});

describe("report as a page", () => {
  it("has the figures of each in its tables", (t) => {
    const page = reported(t)("bench.html");
    for (const measure of results.measures) {
      const writing = writingOf(
        measure.unit,
        measure.rows.map(({ rounds }) => rounds),
      );
      const rows = rowsOf(sectionOf(page, measure));
      for (const { subject, rounds, skipped } of measure.rows) {
        const row = rows.find(([first]) => first === subject);
        const [least, most] = [Math.min(...rounds), Math.max(...rounds)].map(writing.write);
        const figures = [writing.write(median(rounds)), `${least}–${most}`, row?.[3], `${rounds.length}`];
        assert.deepEqual(row?.slice(1), skipped ? [`skipped: ${skipped}`] : figures, `${measure.id} of ${subject}`);
      }
    }
    const [summary = ""] = /<section>.*?<\/section>/s.exec(page) ?? [];
    const rows = rowsOf(summary);
    const idle = ["112", "32 0.29×", "9,812 87.5×", "2,215 20.0×", "61,240 546×", "skipped", "–"];
    assert.deepEqual(rows[0], ["Memory of an idle connection bytes, less is better", ...idle]);
    assert.deepEqual(rows.find(([first]) => first?.startsWith("CPU of a delivery"))?.slice(1), [
      ...["7.70 at 1,000", "8.40 at 50,000", "1.09×"],
    ]);
    assert.deepEqual(
      rows.filter(([first]) => / at most /.test(first ?? "")).map((row) => row.at(-1)),
      ["✓ reached", "✓ reached", "– not measured", "✗ missed", "✓ reached"],
    );
    assert.match(page, /Bounds: 3 of 5 bounds are reached\. 1 could not be judged/);
  });

  it("shows names as they are, needs no network and no script", (t) => {
    const page = reported(t, {}, named(`</title><script>alert("1")</script>&'`))("bench.html");
    assert.ok(!/<script|javascript:|\son\w+=|<link|<img|<iframe|@import|url\(|\ssrc(?:set)?=/i.test(page));
    assert.ok(page.includes("&lt;/title&gt;&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;"));
    const links = Array.from(page.matchAll(/href="([^"]*)"/g), ([, link]) => link as string);
    assert.ok(links.length > 5);
    for (const link of links) assert.ok(page.includes(`id="${link.slice(1)}"`), `${link} leads nowhere`);
  });
});

describe("npm run bench:report", () => {
  it("writes what is asked for, with all results on one page", (t) => {
    const folder = temporary(t);
    saveResults(results, folder, "bench");
    saveResults({ ...results, title: "Growth", measures: results.measures.slice(-1) }, folder, "growth");
    const files = ["bench.json", "growth.json"].map((name) => join(folder, name));
    const page = join(folder, "pages", "index.html");
    run([...files, "--charts", "echo-32", "--page", page]);
    const written = readdirSync(folder).sort();
    const charts = ["bench-echo-32-dark.svg", "bench-echo-32.svg"];
    const texts = ["html", "json", "md"].flatMap((end) => [`bench.${end}`, `growth.${end}`]);
    assert.deepEqual(written, [...charts, ...texts, "pages"].sort());
    const index = readFileSync(page, "utf8");
    for (const id of ["bench", "growth", "bench-growth", "growth-growth"]) {
      assert.equal(index.split(`id="${id}"`).length, 2, `${id} is there once`);
      assert.ok(index.includes(`href="#${id}"`));
    }
    const ids = Array.from(index.matchAll(/ id="([^"]*)"/g), ([, id]) => id);
    assert.equal(new Set(ids).size, ids.length);
    const levels = Array.from(index.matchAll(/<h([1-6])/g), ([, level]) => Number(level));
    assert.deepEqual([...new Set(levels)], [1, 2, 3]);
  });

  it("says what is wrong in a file, and which charts there are", (t) => {
    const folder = temporary(t);
    const [one, two] = results.measures as [Measure, Measure];
    const wrong: readonly [string, object, RegExp][] = [
      ["id", { measures: [{ ...one, id: "../x" }] }, /measures\.0\.id: a word of a-z/],
      ["twice", { measures: [one, { ...two, id: one.id }] }, /measures: two measures have the same id/],
      ["rows", { measures: [{ ...one, rows: [{ subject: "ws", rounds: [] }] }] }, /rows\.0: has rounds, or else why/],
      ["date", { date: "yesterday" }, /date\.json: date: /],
      ["more", { colour: "red" }, /more\.json: colour: /],
    ];
    for (const [name, change, message] of wrong) {
      saveResults({ ...results, ...change }, folder, name);
      assert.throws(() => run([join(folder, `${name}.json`)]), message);
    }
    writeFileSync(join(folder, "cut.json"), '{"title":');
    assert.throws(() => run([join(folder, "cut.json")]), /cut\.json: Invalid JSON/);
    saveResults(results, folder, "bench");
    assert.throws(
      () => run([join(folder, "bench.json"), "--charts", "idle,idel"]),
      /--charts idel: there are idle, echo-32/,
    );
    assert.throws(() => writeReport(results, folder, { name: "bench", charts: ["x"] }), /no measure x: idle, echo-32/);
    assert.deepEqual(
      readdirSync(folder).filter((file) => !file.endsWith(".json")),
      [],
      "and nothing was written",
    );
    assert.match(run(["--help"]), /npm run bench:report -- docs\/bench/);
  });
});

function sectionOf(page: string, { id }: Measure): string {
  const [section = ""] = new RegExp(`<section class="measure" id="bench-${id}">.*?</section>`, "s").exec(page) ?? [];
  return section;
}

/** The rows of the tables' bodies, as the texts of their cells. */
function rowsOf(html: string): string[][] {
  return Array.from(html.matchAll(/<tr role="row">(<th scope="row".*?)<\/tr>/gs), ([, row = ""]) =>
    Array.from(row.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gs), ([, cell = ""]) => textOf(cell)),
  );
}

function textOf(html: string): string {
  const text = html.replace(/<[^>]*>/g, "").replace(/\s+/g, " ");
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&").trim();
}

function run(args: readonly string[]): string {
  return execFileSync(process.execPath, [main, ...args], { encoding: "utf8", stdio: "pipe" });
}
