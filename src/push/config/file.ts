import { readFileSync } from "node:fs";
import { type Document, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
import type { Source } from "./source.ts";
import type { Path } from "./tree.ts";

/**
 * Reads a file of YAML 1.2, with merge keys (`<<`), or of JSON if its name ends with `.json`. Nothing of the text is in
 * the mistakes: a secret may stand in it.
 */
export function fromFile(file: string): Source {
  let text: string;
  try {
    text = readFileSync(file, "utf8").replace(/^\uFEFF/, "");
  } catch (error) {
    const { code = "unknown error" } = error as NodeJS.ErrnoException;
    return { tree: undefined, where: () => file, mistakes: [`${file}: cannot be read: ${code}`] };
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, merge: true, prettyErrors: false });
  const at = (offset?: number) => (offset === undefined ? file : `${file}, line ${lines.linePos(offset).line}`);
  const where = (path: Path) => at(offsetOf(document, path));
  const mistakes = document.errors.map(({ message, pos }) => `${at(pos[0])}: ${withoutText(message)}`);
  if (file.endsWith(".json")) return { where, ...fromJson(text, mistakes, at) };
  if (mistakes.length > 0) return { tree: undefined, where, mistakes };
  try {
    return { tree: document.toJS(), where, mistakes };
  } catch (error) {
    return { tree: undefined, where, mistakes: [`${file}: ${withoutText((error as Error).message)}`] };
  }
}

/** JSON is YAML, but for the strictness: YAML's lines hold, and only what it finds wrong in good JSON is told. */
function fromJson(text: string, mistakes: readonly string[], at: (offset?: number) => string): Omit<Source, "where"> {
  try {
    return { tree: JSON.parse(text), mistakes };
  } catch (error) {
    const position = /at position (\d+)/.exec((error as Error).message)?.[1];
    return {
      tree: undefined,
      mistakes: [`${at(position === undefined ? undefined : Number(position))}: this is not JSON`],
    };
  }
}

/** What a parser says, without what it quotes. */
function withoutText(message: string): string {
  return message.replace(/\s*[:"].*/s, "");
}

/** Where the key or item at a path begins; for what is missing, where what is around it does. */
function offsetOf(document: Document.Parsed, path: Path): number | undefined {
  let node: unknown = document.contents;
  let offset: number | undefined;
  for (const step of path) {
    let key: unknown;
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      key = pair?.key;
      node = pair?.value;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      key = node;
    } else break;
    offset = (key as Node | undefined)?.range?.[0] ?? offset;
  }
  return offset;
}
