import * as v from "valibot";
import { Document, isMap, isScalar, type Scalar, type YAMLMap } from "yaml";
import { type Config, configSchema } from "./schema.ts";
import { docOf, holdsSecret, meaningOf, schemaAt, shapeOf } from "./shape.ts";
import { isTree, type Path } from "./tree.ts";
import { anyBoolean, anyText } from "./words.ts";

const COMMENT_CHARS = 96;

const header = ` All that "belfry serve" can be told, with what holds when nobody says otherwise. As a file, leave out what you
 do not change. Each key is an environment variable too: client.allowAnonymous is BELFRY_CLIENT_ALLOW_ANONYMOUS,
 and what is no text is JSON there. What holds is, first, the command line, then the environment, the file, and this.
`;

/** All keys with their defaults, as YAML that can be used as a file; a comment says what each key means and allows. */
export function printDefaults(): string {
  const document = new Document(v.parse(configSchema, {}));
  document.commentBefore = header;
  comment(document.contents as YAMLMap, configSchema, new Set());
  return document.toString({ lineWidth: 0 });
}

/** A configuration as YAML; secrets are "***", and comments say where what is no default came from. */
export function printConfig(config: Config, where: (path: Path) => string): string {
  const document = new Document(masked(configSchema, config));
  annotate(document.contents as YAMLMap, configSchema, [], where);
  return document.toString({ lineWidth: 0 });
}

/** Writes the comments of a map's keys. Keys that were told once, as those of a namespace, are not told again. */
function comment(map: YAMLMap, schema: v.GenericSchema, told: Set<object>): void {
  const shape = shapeOf(schema);
  if (shape.kind !== "object") return;
  told.add(shape.entries);
  for (const [i, { key, value }] of (map.items as { key: Scalar<string>; value: unknown }[]).entries()) {
    const entry = schemaAt(schema, [key.value]);
    key.commentBefore = [...linesOf(entry, ""), ...linesOfItems(entry, told)].join("\n");
    const isGroup = isMap(value) && shapeOf(entry).kind === "object";
    key.spaceBefore = isGroup && i > 0;
    if (isGroup) comment(value, entry, told);
  }
}

/** What the keys of a list's or record's items mean, since there are none that could be printed. */
function linesOfItems(schema: v.GenericSchema, told: ReadonlySet<object>): string[] {
  const shape = shapeOf(schema);
  const item = shape.kind === "list" ? shape.item : shape.kind === "record" ? shape.value : undefined;
  const inner = item && shapeOf(item);
  if (inner?.kind !== "object" || told.has(inner.entries)) return [];
  return Object.entries(inner.entries).flatMap(([name, entry]) => linesOf(entry, "  ", `${name}: `));
}

function linesOf(schema: v.GenericSchema, indent: string, start = ""): string[] {
  const { allowed } = meaningOf(schema);
  const isPlain = allowed === undefined || allowed === anyBoolean || allowed === anyText;
  const sentence = isPlain ? "" : ` ${allowed.charAt(0).toUpperCase()}${allowed.slice(1)}.`;
  return wrap(`${start}${docOf(schema)}${sentence}`, ` ${indent}`);
}

function wrap(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line.length + word.length > COMMENT_CHARS) {
      lines.push(indent + line);
      line = "";
    }
    line += line === "" ? word : ` ${word}`;
  }
  return [...lines, indent + line];
}

function annotate(map: YAMLMap, schema: v.GenericSchema, path: readonly string[], where: (path: Path) => string): void {
  for (const { key, value } of map.items as { key: Scalar<string>; value: unknown }[]) {
    const here = [...path, key.value];
    const entry = schemaAt(schema, [key.value]);
    if (isMap(value) && shapeOf(entry).kind === "object") annotate(value, entry, here, where);
    else if (where(here) === "default") continue;
    else if (isScalar(value)) value.comment = ` ${where(here)}`;
    else key.commentBefore = ` ${where(here)}`;
  }
}

function masked(schema: v.GenericSchema, value: unknown): unknown {
  const shape = shapeOf(schema);
  if (shape.kind === "value") return holdsSecret(schema) && value !== "" ? "***" : value;
  if (Array.isArray(value)) return value.map((item, i) => masked(schemaAt(schema, [i]), item));
  if (!isTree(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, masked(schemaAt(schema, [name]), item)]),
  );
}
