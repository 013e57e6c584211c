import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, it, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { launchChromium } from "./chromium.ts";

// What the documents say is what the code does: their examples are files that run, their links lead somewhere.

const root = fileURLToPath(new URL("../../", import.meta.url));
const documents = [
  "README.md",
  "ARCHITECTURE.md",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  "PROTOCOL.md",
  "SECURITY.md",
  ...readdirSync(join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];
const proseCharsMax = 130;

/** A file that docs/ws.md shows, with what it says that it prints. */
interface Example {
  readonly file: string;
  readonly code: string;
  readonly prints: string;
}

const library = read("docs/ws.md");
const examples = examplesIn(library);

describe("docs/ws.md", { timeout: 120_000 }, () => {
  it("shows each file of examples/ws once, and no other code in TypeScript", () => {
    const shown = examples.map(({ file }) => file);
    assert.deepEqual([...shown].sort(), readdirSync(join(root, "examples/ws")).sort());
    assert.equal(library.match(/^```ts$/gm)?.length, shown.length, "a block has no link to its file right before it");
  });

  for (const { file, code, prints } of examples) {
    it(`shows examples/ws/${file} as it is, which prints ${prints === "" ? "nothing" : "what it says"}`, async () => {
      assert.equal(code, read(`examples/ws/${file}`));
      const { stdout } = await promisify(execFile)(process.execPath, [compiled(file)], { timeout: 30_000 });
      assert.equal(stdout, prints);
    });
  }

  it("has examples that print the same in a browser, where they import belfry/ws alone", async (t) => {
    const pure = examples.filter(({ code, prints }) => prints !== "" && importsOf(code).every(isPure));
    assert.ok(pure.length >= 5, String(pure.map(({ file }) => file)));
    const browser = await launchChromium(t);
    if (!browser) return;
    const page = await browser.newPage();
    await page.route("**/*", (route) => {
      const { pathname } = new URL(route.request().url());
      if (pathname === "/") return route.fulfill({ contentType: "text/html", body: PAGE });
      return route.fulfill({ contentType: "text/javascript", body: read(`dist${pathname}`) });
    });
    await page.goto("http://localhost/");
    for (const { file, prints } of pure) {
      const printed = await page.evaluate(`printedBy("/examples/ws/${file.replace(/ts$/, "js")}")`);
      assert.equal(printed, prints, file);
    }
  });
});

test("README.md: the server in ten lines is examples/server.ts, which compiles", () => {
  const server = /^## A server in ten lines\n\n```ts\n([\s\S]*?)^```/m.exec(read("README.md"))?.[1];
  assert.equal(server, read("examples/server.ts"));
  assert.ok(existsSync(join(root, "dist/examples/server.js")));
});

test("README.md has at most 150 lines", () => {
  assert.ok(read("README.md").split("\n").length <= 151);
});

for (const document of documents) {
  test(`${document}: every link leads to a file, or to a heading that is there`, () => {
    const links = [...withoutCode(read(document)).matchAll(/\]\(([^)]+)\)/g)].map(([, to = ""]) => to);
    const broken = links.filter((to) => !/^(?:https?|mailto):/.test(to) && !leadsSomewhere(document, to));
    assert.deepEqual(broken, []);
  });

  test(`${document}: a line of prose has at most ${proseCharsMax} characters`, () => {
    const lines = withoutCode(read(document)).split("\n");
    assert.deepEqual(
      lines.filter((line) => line.length > proseCharsMax && !line.startsWith("|")),
      [],
    );
  });
}

/** Resolves the one package that the examples in a browser import, and runs them. */
const PAGE = `
<script type="importmap">{ "imports": { "belfry/ws": "/src/ws/index.js" } }</script>
<script>
  async function printedBy(module) {
    let printed = "";
    console.log = (...parts) => { printed += parts.join(" ") + "\\n"; };
    await import(module);
    return printed;
  }
</script>`;

/** `[file](../examples/ws/file)`, the block, and what it prints if it prints something. */
function examplesIn(markdown: string): Example[] {
  const pattern =
    /^\[([\w-]+\.ts)\]\(\.\.\/examples\/ws\/\1\)\n\n```ts\n([\s\S]*?)^```\n(?:\nprints\n\n```text\n([\s\S]*?)^```\n)?/gm;
  return Array.from(markdown.matchAll(pattern), ([, file = "", code = "", prints = ""]) => ({ file, code, prints }));
}

function importsOf(code: string): string[] {
  return Array.from(code.matchAll(/ from "([^"]+)";$/gm), ([, specifier = ""]) => specifier);
}

function isPure(specifier: string): boolean {
  return specifier === "belfry/ws";
}

/** The file in dist/ that an example was compiled to. */
function compiled(file: string): string {
  return join(root, "dist/examples/ws", file.replace(/ts$/, "js"));
}

function leadsSomewhere(document: string, link: string): boolean {
  const [path = "", heading] = link.split("#");
  const target = path === "" ? document : relative(root, join(root, dirname(document), path));
  if (!existsSync(join(root, target))) return false;
  return heading === undefined || headingsOf(read(target)).includes(heading);
}

/** The headings of a document as GitHub names them in links. */
function headingsOf(markdown: string): string[] {
  const headings = withoutCode(markdown).matchAll(/^#+ (.+)$/gm);
  return Array.from(headings, ([, text = ""]) =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

/** Fenced blocks become nothing. */
function withoutCode(markdown: string): string {
  return markdown.replace(/^```[\s\S]*?^```$/gm, "");
}

function read(path: string): string {
  return readFileSync(join(root, path), "utf8").replaceAll("\r\n", "\n");
}
test("docs/reliability.md names tests that are there, and a promise for each fault", () => {
  const [faults = ""] = read("docs/reliability.md").split("## Reconnect storms");
  const rows = faults
    .split("\n")
    .filter((line) => line.startsWith("| ") && !line.startsWith("| --- "))
    .map((line) => line.split(" | ").map((cell) => cell.replaceAll(/^\| | \|$/g, "").trim()))
    .filter((cells) => cells.length === 5 && cells[0] !== "fault" && !/^-+$/.test(cells[0] ?? ""));
  assert.ok(rows.length >= 25, `${rows.length} rows`);
  for (const [fault = "", how, promise, , tests = ""] of rows) {
    assert.ok(how !== "" && promise !== "", fault);
    const names = [...tests.matchAll(/`([\w-]+)`/g)].map(([, name]) => name);
    assert.ok(names.length > 0, fault);
    for (const name of names) assert.ok(existsSync(join(root, `test/${name}.test.ts`)), `${fault}: ${name}`);
  }
});
