import { existsSync } from "node:fs";
import type { TestContext } from "node:test";
import { type Browser, chromium } from "playwright-core";

/** Where a Chromium is looked for if the variable CHROMIUM does not name one. */
const places = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

const quiet = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/**
 * Starts a Chromium with a fresh profile that ends with the test. Where there is none the test is skipped and undefined
 * is returned; with CI=true, or with a CHROMIUM that does not exist, that is a failure.
 */
export async function launchChromium(t: TestContext): Promise<Browser | undefined> {
  const executablePath = findChromium();
  if (!executablePath) {
    const missing = `No Chromium: CHROMIUM does not name one, and none of these exists: ${places.join(", ")}`;
    if (process.env.CI === "true") throw new Error(missing);
    t.skip(missing);
    return undefined;
  }
  const browser = await chromium.launch({ executablePath, headless: true, args: quiet });
  t.after(() => browser.close());
  return browser;
}

function findChromium(): string | undefined {
  const named = process.env.CHROMIUM;
  if (!named) return places.find((place) => existsSync(place));
  if (existsSync(named)) return named;
  throw new Error(`CHROMIUM=${named} does not exist`);
}
