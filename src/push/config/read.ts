import * as v from "valibot";
import { nearest } from "./nearest.ts";
import { holdsSecret, type Leaf, leavesOf, meaningOf, shapeOf, unwrapped } from "./shape.ts";
import { isTree, type Path } from "./tree.ts";

/** What is wrong at a path, and what would be right: both are parts of the sentence that {@link sentence} makes. */
export interface Fault {
  readonly path: Path;
  readonly fault: string;
  readonly hint: string;
}

/** The sentence about a fault; `where` says where the value came from. */
export function sentence({ path, fault, hint }: Fault, where: string): string {
  return `${path.length === 0 ? "(all)" : path.join(".")}: ${fault} (${where}); ${hint}`;
}

/**
 * Reads a value that somebody wrote: keeps what the schema allows, as it is and without defaults, and tells everything
 * that it does not. What is faulty is left out, a list as a whole. Values of secrets are not told.
 */
export function read(schema: v.GenericSchema, value: unknown, path: Path, tell: (fault: Fault) => void): unknown {
  return new Reader(leavesOf(schema), tell).read(schema, value, path);
}

/** A value as people may see it: one line, and nothing of a secret. */
export function shown(schema: v.GenericSchema, value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (holdsSecret(schema)) return "***";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object") return "an object";
  const line = typeof value === "string" ? JSON.stringify(value) : String(value);
  // A URL's password comes before its last @.
  const safe = line.replace(/\/\/[^/\s]*@/g, "//***@");
  return safe.length > SHOWN_MAX ? `${safe.slice(0, SHOWN_MAX)}…` : safe;
}

const SHOWN_MAX = 80;

class Reader {
  readonly #leaves: readonly Leaf[];
  readonly #tell: (fault: Fault) => void;

  constructor(leaves: readonly Leaf[], tell: (fault: Fault) => void) {
    this.#leaves = leaves;
    this.#tell = tell;
  }

  read(schema: v.GenericSchema, value: unknown, path: Path): unknown {
    const shape = shapeOf(schema);
    if (shape.kind === "value") return this.#checked(schema, value, path);
    // In YAML a key with nothing behind it, all keys below it being comments, is null.
    if (shape.kind === "object") {
      return isTree(value ?? {}) ? this.#object(shape.entries, value ?? {}, path) : this.#refuse(schema, value, path);
    }
    if (shape.kind === "record") {
      if (!isTree(value)) return this.#refuse(schema, value, path);
      return this.#record(shape.name, shape.value, value, path);
    }
    if (!Array.isArray(value)) return this.#refuse(schema, value, path);
    const items = Array.from(value, (item, i) => this.read(shape.item, item, [...path, i]));
    return items.includes(undefined) ? undefined : this.#checked(schema, items, path);
  }

  #object(entries: Readonly<Record<string, v.GenericSchema>>, value: object, path: Path): object | undefined {
    const tree: Record<string, unknown> = {};
    let isWhole = true;
    for (const name of Object.keys(value)) {
      if (!Object.hasOwn(entries, name)) this.#tell(this.#unknown(name, Object.keys(entries), path));
    }
    for (const [name, entry] of Object.entries(entries)) {
      const given = Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
      const isOptional = entry.type === "optional";
      if (given === undefined && isOptional) continue;
      const read = given === undefined ? this.#miss(entry, [...path, name]) : this.read(entry, given, [...path, name]);
      if (read !== undefined) tree[name] = read;
      else if (!isOptional) isWhole = false;
    }
    return isWhole ? tree : undefined;
  }

  #record(name: v.GenericSchema, entry: v.GenericSchema, value: object, path: Path): object {
    const read = Object.entries(value).flatMap(([key, item]) => {
      if (!v.is(name, key)) {
        const hint = `allowed is ${meaningOf(name).allowed}`;
        this.#tell({ path: [...path, key], fault: `the name ${shown(name, key)}`, hint });
        return [];
      }
      const entryRead = this.read(entry, item, [...path, key]);
      return entryRead === undefined ? [] : [[key, entryRead] as const];
    });
    return Object.fromEntries(read);
  }

  #checked(schema: v.GenericSchema, value: unknown, path: Path): unknown {
    return v.is(unwrapped(schema), value) ? value : this.#refuse(schema, value, path);
  }

  #refuse(schema: v.GenericSchema, value: unknown, path: Path): undefined {
    const allowed = meaningOf(schema).allowed ?? "an object";
    this.#tell({ path, fault: shown(schema, value), hint: `allowed is ${allowed}` });
  }

  #miss(schema: v.GenericSchema, path: Path): undefined {
    this.#tell({ path, fault: "missing", hint: `needed is ${meaningOf(schema).allowed}` });
  }

  /** What was meant may be the name of a neighbour, or, spelled right, a key of another part. */
  #unknown(name: string, neighbours: readonly string[], path: Path): Fault {
    const near = nearest(name, neighbours);
    const far = this.#leaves.find((leaf) => leaf.path.at(-1) === name)?.path;
    const meant = near === undefined ? far : [...path, near];
    const hint = meant ? `did you mean ${meant.join(".")}?` : "belfry config --defaults shows all keys";
    return { path: [...path, name], fault: "there is no such key", hint };
  }
}
