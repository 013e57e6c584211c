import { chartStyle } from "./charts.ts";
import { Markup } from "./markup.ts";
import { dark, light, type Palette } from "./palette.ts";

const variables = (palette: Palette) =>
  Object.entries(palette)
    .map(([name, colour]) => `--${name}: ${colour};`)
    .join(" ");

/** The style of a page of reports, that of the example's mailbox: by day and by night, from a phone to a wide screen. */
export const pageStyle =
  new Markup(`:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; ${variables(light)} }
@media (prefers-color-scheme: dark) { :root { ${variables(dark)} } }
*, *::before, *::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--ink); overflow-wrap: break-word; }
header { background: var(--card); border-bottom: 1px solid var(--line); }
header, main { padding: 1.25rem max(1rem, calc((100% - 64rem) / 2)); }
h1, h2, h3 { margin: 0; line-height: 1.25; }
h1 { font-size: 1.625rem; }
h2 { font-size: 1.25rem; }
h3 { font-size: 1.0625rem; }
a { color: var(--accent); text-underline-offset: 0.15em; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
code { font: 0.875rem/1.5 ui-monospace, monospace; }
small, caption, figcaption, dt, .soft { color: var(--soft); }
small { font-size: 0.8125rem; font-weight: 400; }
.facts { display: grid; gap: 0.25rem; margin: 0.75rem 0 0; font-size: 0.9375rem; }
.facts div { display: grid; grid-template-columns: 5.5rem 1fr; gap: 0.75rem; }
.facts dd { margin: 0; }
nav ul { margin: 0.75rem 0 0; padding-left: 1.25rem; }
article + article { margin-top: 2.5rem; }
article > .facts { margin-bottom: 1rem; }
section { margin: 0 0 1.25rem; padding: 1.25rem; border: 1px solid var(--line); border-radius: 0.75rem; background: var(--card); overflow-x: auto; }
section > p { max-width: 46rem; margin: 0.5rem 0 0; }
.bounds { margin: 0.5rem 0 0; padding: 0; list-style: none; }
.verdict { font-weight: 600; white-space: nowrap; }
.reached { color: var(--reached); }
.missed { color: var(--missed); }
figure { margin: 1.25rem 0; }
figcaption { margin-top: 0.5rem; font-size: 0.875rem; }
.chart { display: block; overflow: visible; }
${chartStyle((name) => `var(--${name})`)}
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.9375rem; }
section table { margin-top: 1.25rem; }
caption { padding-bottom: 0.375rem; text-align: left; font-size: 0.875rem; }
th, td { padding: 0.5rem 0.625rem; border-top: 1px solid var(--line); text-align: right; vertical-align: top; }
thead th { border-top: 0; color: var(--soft); font-size: 0.8125rem; font-weight: 600; vertical-align: bottom; }
th:first-child { padding-left: 0; text-align: left; }
tbody th { font-weight: 400; }
td small, th small { display: block; }
.ours, .strong { color: var(--ink); font-weight: 700; }
td.ours { background: var(--ours); }
td[colspan] { text-align: left; }
@media (min-width: 60rem) {
  th, td { white-space: nowrap; }
  thead th, th:first-child, td[colspan] { white-space: normal; }
  .measure { display: grid; grid-template-columns: minmax(0, 5fr) minmax(0, 7fr); column-gap: 2.5rem; }
  .measure > * { grid-column: 1 / -1; }
  .measure > figure { grid-column: 1; margin-bottom: 0; }
  .measure > table { grid-column: 2; align-self: start; }
}
@media (max-width: 59.99rem) {
  main { padding-inline: 0.5rem; }
  section { padding: 1rem; }
  h1 { font-size: 1.375rem; }
  .facts div { grid-template-columns: 1fr; gap: 0; }
  dt { font-size: 0.8125rem; }
  table, caption, tbody { display: block; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
  tbody tr { display: grid; grid-template-columns: repeat(auto-fill, minmax(6rem, 1fr)); gap: 0.375rem; padding: 0.625rem 0; border-top: 1px solid var(--line); }
  .measure tbody tr { grid-template-columns: 11fr 15fr 10fr 8fr; }
  tbody th, tbody td { display: block; padding: 0; border: 0; text-align: left; }
  tbody th, td[colspan] { grid-column: 1 / -1; }
  td.ours { background: none; }
  td[data-head]::before { content: attr(data-head); display: block; color: var(--soft); font-size: 0.75rem; font-weight: 400; }
  .verdict { white-space: normal; }
}
`);
