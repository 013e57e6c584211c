// Builds the addon when the package brings no binary for this platform. A failed build is no failed install: the
// portable driver serves then, and says so when it starts.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";

const bin = createRequire(import.meta.url).resolve("node-gyp-build/bin.js");
const { status } = spawnSync(process.execPath, [bin], { stdio: "inherit" });
if (status !== 0) {
  console.warn("belfry: the netpoll addon could not be built (it needs Python 3, make and a C compiler).");
  console.warn("belfry: the portable driver over node:net will serve instead; run `npm rebuild belfry` to try again.");
}
