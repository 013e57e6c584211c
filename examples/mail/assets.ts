import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** A file of the page, in memory. */
export interface Asset {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly type: string;
  readonly etag: string;
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** The folders of the page as seen from the compiled file: its sources, and what tsc made of its scripts. */
const sources = fileURLToPath(new URL("../../../examples/mail/web/", import.meta.url));
const scripts = fileURLToPath(new URL("./web/", import.meta.url));

/** Reads the page's files, by the path that they are served under. Throws an error that says what to do. */
export function loadAssets(): ReadonlyMap<string, Asset> {
  const assets = new Map<string, Asset>();
  for (const folder of [sources, scripts]) {
    for (const name of readdirSync(folder)) addAsset(assets, `/${name}`, join(folder, name));
  }
  addAsset(assets, "/centrifuge.js", browserSdk());
  addAsset(assets, "/", join(sources, "index.html"));
  if (!assets.has("/page.js")) throw new Error(`${scripts}page.js is not there: run npm run build`);
  return assets;
}

function addAsset(assets: Map<string, Asset>, path: string, file: string): void {
  const type = types[extname(file)];
  if (!type) return;
  const body = new Uint8Array(readFileSync(file));
  const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
  assets.set(path, { body, type, etag });
}

/** The SDK's build for browsers. Its package exports only the build for bundlers, next to which it lies. */
function browserSdk(): string {
  const build = dirname(createRequire(import.meta.url).resolve("centrifuge"));
  return join(build, "../dist/centrifuge.js");
}
