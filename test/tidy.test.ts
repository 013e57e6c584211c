import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

// Rules about the code that are tests. The lists of exceptions may only shrink: an entry that is needed no more fails too.

const base = ["errors.ts", "limits.ts", "log.ts", "network.ts"];

/**
 * The house: what each part of src/, a folder or a file, may import besides itself. Upper parts know lower ones, never the
 * other way. `types` may be imported as types only.
 */
const layers: Readonly<Record<string, { imports: readonly string[]; types?: readonly string[] }>> = {
  cli: { imports: [...base, "options.ts", "push", "server.ts", "bus", "daemon", "dial", "doctor", "load", "ws"] },
  load: { imports: [...base, "connection", "ws", "netpoll"] },
  daemon: { imports: [...base, "options.ts", "bus", "connection", "netpoll"] },
  push: { imports: [...base, "options.ts", "server.ts", "bus", "ws", "pool"], types: ["netpoll"] },
  "index.ts": { imports: [...base, "server.ts", "options.ts", "zlib.ts", "connection", "ws"] },
  "server.ts": { imports: [...base, "core.ts", "options.ts", "connection", "ws", "netpoll"] },
  "core.ts": { imports: [...base, "connection", "ws", "pool", "netpoll"], types: ["options.ts"] },
  connection: { imports: [...base, "zlib.ts", "ws", "pool", "netpoll"] },
  "zlib.ts": { imports: [...base, "ws"] },
  dial: { imports: [...base, "ws", "netpoll"] },
  ws: { imports: base },
  pool: { imports: base },
  netpoll: { imports: base },
  bus: { imports: base },
  doctor: { imports: base },
  "options.ts": { imports: base, types: ["connection", "netpoll"] },
  "errors.ts": { imports: [] },
  "limits.ts": { imports: ["limits"] },
  limits: { imports: [] },
  "log.ts": { imports: [] },
  "network.ts": { imports: [] },
};

/** Imports that close a cycle. */
const cyclesKnown: readonly string[] = [];

const fileLinesMax = 300;
/** Longer files, and how long they may be. */
const longFiles: Readonly<Record<string, number>> = {
  // The composition root is one list of who gets what from whom.
  "core.ts": 340,
};

const lineCharsMax = 120;
/** Files with comments that are too wide, and how many lines of them. Biome sees to code, and leaves comments as they are. */
const wideComments: Readonly<Record<string, number>> = {};

interface Import {
  readonly line: number;
  readonly specifier: string;
  readonly typeOnly: boolean;
}

interface SourceFile {
  /** Below src/, `ws/frame.ts`. */
  readonly path: string;
  readonly lines: readonly string[];
  /** The same lines without comments. */
  readonly code: readonly string[];
  readonly imports: readonly Import[];
}

const root = fileURLToPath(new URL("../../src/", import.meta.url));
const files = readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => name.replaceAll("\\", "/"))
  .sort()
  .map(readSource);

test("tidy: src/ has files", () => assert.ok(files.length > 20, root));

test("tidy: parts import what the house allows, in one direction", () => {
  const problems: string[] = [];
  for (const { path, imports } of files) {
    const part = partOf(path);
    const layer = layers[part];
    if (!layer) problems.push(at(path, 1, `${part} is not in the table of layers of tidy.test.ts`));
    for (const { line, specifier, typeOnly } of imports) {
      const target = targetOf(path, specifier);
      if (target === undefined || !layer) continue;
      const other = partOf(target);
      const allowed = other === part || layer.imports.includes(other) || (typeOnly && layer.types?.includes(other));
      const how = layer.types?.includes(other) ? " but as a type" : "";
      if (!allowed) problems.push(at(path, line, `${part} may not import ${other}${how}`));
    }
  }
  none(problems);
});

test("tidy: imports have no cycle, types included", () => {
  const edges = new Map(files.map((file) => [file.path, targetsOf(file)]));
  const unused = new Set(cyclesKnown);
  const cycles: Cycle[] = [];
  const problems: string[] = [];
  for (const [from, targets] of edges) {
    for (const { line, target } of targets) {
      const name = `${from} → ${target}`;
      if (cyclesKnown.includes(name)) {
        if (wayBetween(edges, target, from, [])) unused.delete(name);
        continue;
      }
      const way = wayBetween(edges, target, from, cyclesKnown);
      if (way) cycles.push({ line, way: [from, ...way] });
    }
  }
  for (const { line, way } of shortestOf(cycles)) {
    problems.push(at(way[0] as string, line, `a cycle of imports: ${way.join(" → ")}`));
  }
  for (const name of unused) problems.push(`cyclesKnown: ${name} closes no cycle: remove it`);
  none(problems);
});

test("tidy: every exported declaration has a doc comment right before it", () => {
  const declaration =
    /^export (?:(?:declare|abstract|async|default) )*(?:const|let|var|function\*?|class|interface|type|enum|namespace) ([\w$]+)/;
  const problems: string[] = [];
  for (const { path, lines } of files) {
    for (const [i, line] of lines.entries()) {
      const name = declaration.exec(line)?.[1];
      if (name && !documented(lines, i)) problems.push(at(path, i + 1, `${name} is exported and has no doc comment`));
    }
  }
  none(problems);
});

test("tidy: no any, no default export, console in cli/ only, nothing of Node's in ws/", () => {
  const rules: readonly { rule: string; pattern: RegExp; where: (path: string) => boolean }[] = [
    {
      rule: "any is no type",
      pattern: /(?:[:<|&,(=]|\b(?:as|is|extends|satisfies))\s*any\b(?!\s*[:(.\w])/,
      where: () => true,
    },
    { rule: "no default exports", pattern: /^\s*export default\b|^\s*export \{.*\bas default\b/, where: () => true },
    { rule: "console is for cli/ only", pattern: /\bconsole\s*[.[]/, where: (path) => partOf(path) !== "cli" },
    { rule: "ws/ is bytes only: nothing of Node's", pattern: /["']node:/, where: (path) => partOf(path) === "ws" },
  ];
  const problems: string[] = [];
  for (const { path, code } of files) {
    for (const { rule, pattern } of rules.filter(({ where }) => where(path))) {
      for (const [i, line] of code.entries()) if (pattern.test(line)) problems.push(at(path, i + 1, rule));
    }
  }
  none(problems);
});

test("tidy: files and lines of comment have a bound", () => {
  const problems: string[] = [];
  for (const { path, lines, code } of files) {
    const length = lines.at(-1) === "" ? lines.length - 1 : lines.length;
    const max = longFiles[path] ?? fileLinesMax;
    if (length > max) problems.push(at(path, max + 1, `${length} lines; allowed are ${max}`));
    const wide = lines.flatMap((line, i) => (line.length > lineCharsMax && line !== code[i] ? [i + 1] : []));
    if (wide.length > (wideComments[path] ?? 0)) {
      const known = wideComments[path] === undefined ? "" : ` (${wideComments[path]} of these are known)`;
      problems.push(...wide.map((line) => at(path, line, `a comment over ${lineCharsMax} characters wide${known}`)));
    }
    if (length <= fileLinesMax && path in longFiles) problems.push(`longFiles: ${path} is short now: remove it`);
    if (wide.length < (wideComments[path] ?? 0))
      problems.push(`wideComments: ${path} has ${wide.length} now: lower it`);
  }
  const paths = new Set(files.map(({ path }) => path));
  for (const path of [...Object.keys(longFiles), ...Object.keys(wideComments)]) {
    if (!paths.has(path)) problems.push(`${path} is gone: remove it from the exceptions`);
  }
  none(problems);
});

test("tidy: netpoll/binding.ts alone loads the addon", () => {
  const problems: string[] = [];
  for (const { path, code } of files) {
    if (path === "netpoll/binding.ts") continue;
    for (const [i, line] of code.entries()) {
      if (/node-gyp-build|\bdlopen\b|\.node["'`]/.test(line))
        problems.push(at(path, i + 1, "only netpoll/binding.ts loads the addon"));
    }
  }
  none(problems);
});

function readSource(path: string): SourceFile {
  const text = readFileSync(posix.join(root, path), "utf8").replaceAll("\r\n", "\n");
  const bare = withoutComments(text);
  return { path, lines: text.split("\n"), code: bare.split("\n"), imports: importsOf(bare) };
}

/** Comments become nothing; every line keeps its number. A `//` counts where a space or nothing stands before it: not in a URL. */
function withoutComments(text: string): string {
  const blank = (comment: string) => comment.replace(/[^\n]/g, "");
  return text.replace(/^[ \t]*\/\*[\s\S]*?\*\//gm, blank).replace(/(?:^|[ \t])\/\/.*$/gm, blank);
}

/** Static imports, re-exports, and `import("…")` in code and types. */
function importsOf(text: string): Import[] {
  const statement = /^(?:import|export)\b([^;"']*?)\bfrom\s+"([^"]+)"|^import\s+"([^"]+)"|\bimport\(\s*"([^"]+)"/gm;
  return Array.from(text.matchAll(statement), (match) => ({
    line: text.slice(0, match.index).split("\n").length,
    specifier: match[2] ?? match[3] ?? match[4] ?? "",
    typeOnly: isTypeOnly(match[1]),
  }));
}

/** `type { A }`, or `{ type A, type B }`. */
function isTypeOnly(clause: string | undefined): boolean {
  if (clause === undefined) return false;
  if (/^\s+type\b/.test(clause)) return true;
  const names = /^\s*\{([^}]*)\}\s*$/.exec(clause)?.[1];
  if (names === undefined) return false;
  return names.split(",").every((name) => /^\s*(?:type\b|$)/.test(name));
}

/** A doc comment ends in the line above; lines that silence Biome may stand between. */
function documented(lines: readonly string[], declaration: number): boolean {
  let i = declaration - 1;
  while (lines[i]?.startsWith("// biome-ignore")) i--;
  if (!lines[i]?.endsWith("*/")) return false;
  while (i >= 0 && !lines[i]?.startsWith("/*")) i--;
  return /^\/\*\*(?!\*)/.test(lines[i] ?? "");
}

/** The folder right below src/ that a file lies in, or the file itself. */
function partOf(path: string): string {
  return path.split("/", 1)[0] as string;
}

/** The file below src/ that is imported; undefined for a package. */
function targetOf(path: string, specifier: string): string | undefined {
  return specifier.startsWith(".") ? posix.join(posix.dirname(path), specifier) : undefined;
}

interface Edge {
  readonly line: number;
  readonly target: string;
}

function targetsOf({ path, imports }: SourceFile): Edge[] {
  return imports.flatMap(({ line, specifier }) => {
    const target = targetOf(path, specifier);
    return target === undefined ? [] : [{ line, target }];
  });
}

/** The files on the shortest way from one to another, both included, that takes none of the edges `without`. */
function wayBetween(
  edges: ReadonlyMap<string, readonly Edge[]>,
  from: string,
  to: string,
  without: readonly string[],
): string[] | undefined {
  const before = new Map<string, string | undefined>([[from, undefined]]);
  for (const file of before.keys()) {
    if (file === to) return wayBack(before, file);
    for (const { target } of edges.get(file) ?? []) {
      if (!before.has(target) && !without.includes(`${file} → ${target}`)) before.set(target, file);
    }
  }
  return undefined;
}

interface Cycle {
  readonly line: number;
  readonly way: readonly string[];
}

/** One import may close very many cycles: of those that share an import only the shortest is worth telling. */
function shortestOf(cycles: readonly Cycle[]): Cycle[] {
  const told = new Set<string>();
  return [...cycles]
    .sort((one, other) => one.way.length - other.way.length)
    .filter(({ way }) => {
      const edges = way.slice(1).map((file, i) => `${way[i]} → ${file}`);
      const fresh = edges.every((edge) => !told.has(edge));
      for (const edge of edges) told.add(edge);
      return fresh;
    });
}

function wayBack(before: ReadonlyMap<string, string | undefined>, end: string): string[] {
  const way: string[] = [];
  for (let file: string | undefined = end; file !== undefined; file = before.get(file)) way.unshift(file);
  return way;
}

function at(path: string, line: number, rule: string): string {
  return `src/${path}:${line}: ${rule}`;
}

function none(problems: readonly string[]): void {
  assert.equal(problems.length, 0, `\n${problems.join("\n")}`);
}
