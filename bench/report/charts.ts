import { bars } from "./bars.ts";
import { type Digest, scaleOf, writeLine } from "./digest.ts";
import type { Drawing } from "./drawing.ts";
import { growth } from "./growth.ts";
import { type Markup, markup } from "./markup.ts";
import type { Palette } from "./palette.ts";

const FILE_WIDTH_PX = 600;
const FILE_MARGIN_PX = 16;
const FILE_HEAD_PX = 62;

/** How a chart looks, with colours that are variables (`var(--ink)`) or of a palette. */
export function chartStyle(colour: (name: keyof Palette) => string): string {
  return [
    `.chart text{font:14px system-ui,sans-serif;fill:${colour("ink")}}`,
    `.chart .soft{fill:${colour("soft")}}`,
    ".chart .strong{font-weight:700}",
    ".chart .end{text-anchor:end}",
    ".chart .middle{text-anchor:middle}",
    `.chart .axis{stroke:${colour("line")}}`,
    `.chart .other{fill:${colour("other")}}`,
    `.chart .ours{fill:${colour("accent")}}`,
    `.chart .curve{stroke:${colour("accent")};stroke-width:2.5}`,
    `.chart .halo{stroke:${colour("card")};stroke-width:5}`,
    `.chart .spread{stroke:${colour("ink")};stroke-width:1.5}`,
  ].join("");
}

/** A chart for a page that has its style; `id` is the page's, for its title and what it tells a reader who cannot see it. */
export function inlineChart(digest: Digest, id: string): Markup {
  const { marks, heightPx } = drawingOf(digest);
  return markup`<svg class="chart" width="100%" height="${heightPx}" role="img" aria-labelledby="${id}-title" aria-describedby="${id}-desc">\
<title id="${id}-title">${titleOf(digest)}</title><desc id="${id}-desc">${describe(digest)}</desc>${marks}</svg>`;
}

/** A chart as a file, for a document that shows it as a picture; it brings its title and its background. */
export function chartFile(digest: Digest, palette: Palette): string {
  const { marks, heightPx } = drawingOf(digest);
  const [width, height] = [FILE_WIDTH_PX, FILE_HEAD_PX + heightPx + FILE_MARGIN_PX];
  const inner = width - 2 * FILE_MARGIN_PX;
  const svg = markup`<svg xmlns="http://www.w3.org/2000/svg" class="chart" width="${width}" height="${height}" \
viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="t" aria-describedby="d">
<title id="t">${titleOf(digest)}</title><desc id="d">${describe(digest)}</desc>
<style>${chartStyle((name) => palette[name])}</style>
<rect width="100%" height="100%" rx="10" fill="${palette.card}"/>
<text x="${FILE_MARGIN_PX}" y="27" class="strong">${digest.measure.title}</text>\
<text x="${FILE_MARGIN_PX}" y="46" class="soft">${scaleOf(digest)}</text>
<svg x="${FILE_MARGIN_PX}" y="${FILE_HEAD_PX}" width="${inner}" height="${heightPx}" overflow="visible">${marks}</svg>
</svg>
`;
  return String(svg);
}

function drawingOf(digest: Digest): Drawing {
  return digest.growth ? growth(digest) : bars(digest);
}

function titleOf(digest: Digest): string {
  return `${digest.measure.title} (${scaleOf(digest)})`;
}

function describe(digest: Digest): string {
  return digest.lines.map((line) => `${writeLine(digest, line)}.`).join(" ");
}
