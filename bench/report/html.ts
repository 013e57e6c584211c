import { type Digest, digest } from "./digest.ts";
import { type Markup, markup } from "./markup.ts";
import { measureSection } from "./measure-html.ts";
import type { Results } from "./results.ts";
import { pageStyle } from "./style.ts";
import { factsOf, summaryOf } from "./summary.ts";
import { summarySection } from "./summary-html.ts";

/** Results with the word that their links begin with. */
export interface NamedResults {
  readonly name: string;
  readonly results: Results;
}

/**
 * A page that needs nothing but itself, neither network nor script. Several results stand one below the other, with a
 * navigation on top; their names must differ.
 */
export function htmlPage(all: readonly NamedResults[]): string {
  const [first] = all;
  const single = first && all.length === 1;
  const title = single ? first.results.title : "Benchmarks of Belfry";
  const page = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>
${pageStyle}</style>
</head>
<body>
<header>
<h1>${title}</h1>
${single ? facts(first.results) : navigation(all)}
</header>
<main>
${single ? body(first, 2) : all.map((one) => article(one))}</main>
</body>
</html>
`;
  return String(page);
}

function navigation(all: readonly NamedResults[]): Markup {
  const links = all.map(
    ({ name, results }) =>
      markup`<li><a href="#${name}">${results.title}</a>: ${results.measures.map(({ title }) => title).join("; ")}</li>\n`,
  );
  return markup`<nav aria-label="Benchmarks"><ul>\n${links}</ul></nav>`;
}

function article(named: NamedResults): Markup {
  const { name, results } = named;
  return markup`<article aria-labelledby="${name}"><h2 id="${name}">${results.title}</h2>
${facts(results)}
${body(named, 3)}</article>
`;
}

function body({ name, results }: NamedResults, level: number): Markup {
  const digests = results.measures.map(digest);
  const place = (one: Digest) => `${name}-${one.measure.id}`;
  return markup`${summarySection(summaryOf(digests), level, place)}
${digests.map((one) => measureSection(one, level, place(one)))}`;
}

function facts(results: Results): Markup {
  const rows = factsOf(results).map(({ term, value }) => {
    const shown = term === "Command" ? markup`<code>${value}</code>` : value;
    return markup`<div><dt>${term}</dt><dd>${shown}</dd></div>\n`;
  });
  return markup`<dl class="facts">\n${rows}</dl>`;
}
