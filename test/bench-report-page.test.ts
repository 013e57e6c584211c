import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Page } from "playwright-core";
import { dark, light } from "../bench/report/palette.ts";
import { reported, results } from "./bench-results.ts";
import { launchChromium } from "./chromium.ts";

// What a reader has before them: the page of a report and its charts, in Chromium.

describe("page of a report in Chromium", () => {
  for (const width of [360, 1200]) {
    it(`fits into ${width} px with texts of enough contrast that do not touch, by day and by night`, async (t) => {
      const browser = await launchChromium(t);
      if (!browser) return;
      const html = reported(t)("bench.html");
      for (const colorScheme of ["light", "dark"] as const) {
        const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme });
        const asked: string[] = [];
        page.on("request", (request) => asked.push(request.url()));
        await page.setContent(html);
        assert.equal(await page.evaluate("document.documentElement.scrollWidth"), width);
        assert.deepEqual(await page.evaluate(sticksOut), []);
        assert.deepEqual(await page.evaluate(touching), []);
        const texts = await page.evaluate<Text[]>(textsShown);
        assert.ok(texts.length > 150, `${texts.length} texts`);
        const faint = texts.filter(({ ink, ground }) => contrast(ink, ground) < 4.5);
        assert.deepEqual(faint, [], colorScheme);
        assert.equal(luminance(texts[0]?.ground ?? "") > 0.5, colorScheme === "light", "the scheme that was asked for");
        assert.deepEqual(asked, []);
        await page.close();
      }
    });

    it(`tells its headings, figures and tables to those who cannot see it, at ${width} px`, async (t) => {
      const browser = await launchChromium(t);
      if (!browser) return;
      const page = await browser.newPage({ viewport: { width, height: 800 } });
      await page.setContent(reported(t)("bench.html"));
      const nodes = await accessible(page);
      const names = (role: string) => nodes.filter((node) => node.role === role).map(({ name }) => name);
      const titles = results.measures.map(({ title }) => title);
      assert.deepEqual(names("heading"), [results.title, "Summary", ...titles]);
      assert.equal(names("figure").length, titles.length);
      const pictures = nodes.filter(({ role }) => role === "image" || role === "img");
      assert.equal(pictures.length, titles.length);
      assert.equal(pictures[0]?.name, "Memory of an idle connection (bytes, less is better)");
      assert.match(pictures[0]?.description ?? "", /ws: 9,812 bytes, 87\.5×\./);
      assert.equal(names("table").length, titles.length + 3);
      assert.ok(names("table").includes("CPU of an echo, 32 B: figures (µs)"));
      assert.equal(names("columnheader").filter((name) => name === "Least–most").length, titles.length);
      assert.ok(names("rowheader").includes("Bun.serve") && names("cell").some((name) => name.includes("121,000")));
    });
  }
});

describe("charts of a report as files", () => {
  it("are small, stand alone, and tell ours from others in both schemes", (t) => {
    const read = reported(t, { charts: ["idle", "growth"] });
    for (const [id, ours, emphasised] of [
      ["idle", "belfry", 'class="strong">belfry<'],
      ["growth", "50,000", 'class="soft">1,000<'],
    ] as const) {
      const [day, night] = [read(`bench-${id}.svg`), read(`bench-${id}-dark.svg`)];
      for (const svg of [day, night]) {
        assert.ok(svg.length < 4096, `${svg.length} characters`);
        assert.ok(svg.includes(emphasised) && svg.includes(`${ours}`), svg);
        assert.deepEqual(svg.match(/https?:[^"]*/g), ["http://www.w3.org/2000/svg"]);
        assert.ok(!/<script|var\(|class=""/.test(svg));
      }
      assert.notEqual(day, night);
    }
    for (const palette of [light, dark]) {
      for (const text of [palette.ink, palette.soft]) assert.ok(contrast(rgb(text), rgb(palette.card)) >= 4.5, text);
      for (const mark of [palette.accent, palette.other]) assert.ok(contrast(rgb(mark), rgb(palette.card)) >= 3, mark);
    }
  });

  it("are drawn in Chromium as XML", async (t) => {
    const browser = await launchChromium(t);
    if (!browser) return;
    const read = reported(t, { charts: ["idle", "growth"] });
    const page = await browser.newPage();
    for (const file of ["bench-idle.svg", "bench-growth-dark.svg"]) {
      const url = `data:image/svg+xml,${encodeURIComponent(read(file))}`;
      await page.setContent(`<img src="${url}">`);
      assert.equal(await page.evaluate("document.images[0].decode().then(() => document.images[0].width)"), 600);
    }
  });
});

interface Text {
  readonly text: string;
  readonly ink: string;
  readonly ground: string;
}

/** Runs in the page: each text with its colour and the ground it stands on; of a cell the head before it too. */
const textsShown = `(() => {
  const clear = "rgba(0, 0, 0, 0)";
  const groundOf = (one) => {
    const ground = getComputedStyle(one).backgroundColor;
    return ground === clear && one.parentElement ? groundOf(one.parentElement) : ground;
  };
  const texts = [];
  for (const one of document.body.querySelectorAll("*")) {
    const own = [...one.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data).join("").trim();
    if (own === "" || ["title", "desc"].includes(one.localName)) continue;
    const { color, fill } = getComputedStyle(one);
    texts.push({ text: own, ink: one.localName === "text" ? fill : color, ground: groundOf(one) });
    const head = getComputedStyle(one, "::before");
    if (head.content !== "none") texts.push({ text: head.content, ink: head.color, ground: groundOf(one) });
  }
  return texts;
})()`;

/** Runs in the page: what is wider than it, or than its own box; heads that a phone hides do not count. */
const sticksOut = `[...document.body.querySelectorAll("*")]
  .filter((one) => !one.closest("thead") || innerWidth > 960)
  .filter((one) => {
    const { left, right, width } = one.getBoundingClientRect();
    return width > 0 && (left < -1 || right > innerWidth + 1);
  })
  .map((one) => one.outerHTML)`;

/** Runs in the page: texts of a chart that lie over each other. */
const touching = `[...document.querySelectorAll(".chart")].flatMap((chart) => {
  const texts = [...chart.querySelectorAll("text")].map((one) => [one.textContent, one.getBoundingClientRect()]);
  return texts.flatMap(([one, a], index) => texts.slice(index + 1)
    .filter(([, b]) => a.left < b.right && b.left < a.right && a.top + 4 < b.bottom && b.top + 4 < a.bottom)
    .map(([other]) => one + " and " + other));
})`;

/** What Chromium tells to a screen reader. */
async function accessible(page: Page): Promise<{ role: string; name: string; description: string }[]> {
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send("Accessibility.getFullAXTree");
  return nodes
    .filter(({ ignored }) => !ignored)
    .map(({ role, name, description }) => ({
      role: String(role?.value),
      name: String(name?.value ?? ""),
      description: String(description?.value ?? ""),
    }));
}

/** The contrast of two colours, `rgb(27, 31, 42)`, by WCAG 2.2. */
function contrast(one: string, other: string): number {
  const [low = 0, high = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

function luminance(colour: string): number {
  const parts = /^rgb\((\d+), (\d+), (\d+)\)$/.exec(colour);
  assert.ok(parts, `${colour} is no plain colour`);
  const [red = 0, green = 0, blue = 0] = parts.slice(1).map((part) => {
    const value = Number(part) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function rgb(hex: string): string {
  return `rgb(${[1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)).join(", ")})`;
}
