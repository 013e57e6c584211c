import { mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { parseArgs } from "node:util";
import { htmlPage } from "./html.ts";
import { readResults } from "./read.ts";
import { writeReport } from "./write.ts";

const help = `Reports of what benchmarks measured: of each file of results a table (.md), a page (.html), and charts (.svg).

  npm run bench:report -- docs/bench/bench.json

All of them on one page too:

  npm run bench:report -- docs/bench/*.json --page docs/bench/index.html

The charts of two measures as files, by day and by night, which the table then shows:

  npm run bench:report -- docs/bench/bench.json --charts idle,echo-32
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    charts: { type: "string", default: "" },
    page: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (values.help || positionals.length === 0) process.stdout.write(help);
else {
  try {
    report(positionals, values.charts.split(",").filter(Boolean), values.page);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  }
}

function report(files: readonly string[], charts: readonly string[], page: string | undefined): void {
  const all = files.map((file) => ({ file, name: basename(file, ".json"), results: readResults(file) }));
  const known = new Set(all.flatMap(({ results }) => results.measures.map(({ id }) => id)));
  const unknown = charts.filter((id) => !known.has(id));
  if (unknown.length > 0) throw new Error(`--charts ${unknown}: there are ${[...known].join(", ")}`);
  for (const { file, name, results } of all) {
    const own = charts.filter((chart) => results.measures.some(({ id }) => id === chart));
    for (const written of writeReport(results, dirname(file), { name, charts: own })) console.log(written);
  }
  if (page === undefined) return;
  mkdirSync(dirname(page), { recursive: true });
  writeFileSync(page, htmlPage(all));
  console.log(page);
}
