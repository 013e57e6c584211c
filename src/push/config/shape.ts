/** What the schema of the configuration looks like from outside: for those who walk it to read and to print. */

import * as v from "valibot";
import type { Path } from "./tree.ts";
import type { Meaning } from "./words.ts";

/** What a schema is made of. An object has entries; a record values by name; a list items; a value is itself. */
export type Shape =
  | { readonly kind: "object"; readonly entries: Readonly<Record<string, v.GenericSchema>> }
  | { readonly kind: "record"; readonly name: v.GenericSchema; readonly value: v.GenericSchema }
  | { readonly kind: "list"; readonly item: v.GenericSchema }
  | { readonly kind: "value"; readonly isText: boolean };

/** The parts of valibot's schemas that are looked at, whichever of them a schema has. */
interface Parts {
  readonly wrapped: v.GenericSchema;
  readonly entries: Readonly<Record<string, v.GenericSchema>>;
  readonly key: v.GenericSchema;
  readonly value: v.GenericSchema;
  readonly item: v.GenericSchema;
}

/** The schema inside an optional one. */
export function unwrapped(schema: v.GenericSchema): v.GenericSchema {
  return schema.type === "optional" ? partsOf(schema).wrapped : schema;
}

/** What a schema is made of, be it optional or not. */
export function shapeOf(schema: v.GenericSchema): Shape {
  const inner = unwrapped(schema);
  const { entries, key, value, item } = partsOf(inner);
  switch (inner.type) {
    case "strict_object":
      return { kind: "object", entries };
    case "record":
      return { kind: "record", name: key, value };
    case "array":
      return { kind: "list", item };
    default:
      return { kind: "value", isText: inner.type === "string" || inner.type === "picklist" };
  }
}

/** What people are told of a schema's values. */
export function meaningOf(schema: v.GenericSchema): Meaning {
  return v.getMetadata(unwrapped(schema)) as Meaning;
}

/** What a key is for, as whole sentences. */
export function docOf(schema: v.GenericSchema): string {
  return v.getDescription(unwrapped(schema)) ?? "";
}

/** Whether a secret is anywhere in the schema's values. */
export function holdsSecret(schema: v.GenericSchema): boolean {
  const shape = shapeOf(schema);
  if (shape.kind === "object") return Object.values(shape.entries).some(holdsSecret);
  if (shape.kind === "record") return holdsSecret(shape.value);
  if (shape.kind === "list") return holdsSecret(shape.item);
  return meaningOf(schema).secret === true;
}

/** The schema of the value at a path, which must be one of the schema's. */
export function schemaAt(schema: v.GenericSchema, [step, ...rest]: Path): v.GenericSchema {
  if (step === undefined) return schema;
  const shape = shapeOf(schema);
  if (shape.kind === "record") return schemaAt(shape.value, rest);
  if (shape.kind === "list") return schemaAt(shape.item, rest);
  const entry = shape.kind === "object" ? shape.entries[step] : undefined;
  if (!entry) throw new RangeError(`the configuration has no key ${step}`);
  return schemaAt(entry, rest);
}

/** A key whose value is taken as a whole from one source: no group of further keys, but possibly a list or record. */
export interface Leaf {
  readonly path: readonly string[];
  readonly schema: v.GenericSchema;
  /** The environment variable that sets it. */
  readonly variable: string;
}

/** All leaves below a schema, in their order. */
export function leavesOf(schema: v.GenericSchema, path: readonly string[] = []): Leaf[] {
  const shape = shapeOf(schema);
  if (shape.kind !== "object") return [{ path, schema, variable: variableOf(path) }];
  return Object.entries(shape.entries).flatMap(([name, entry]) => leavesOf(entry, [...path, name]));
}

/** `["client", "allowAnonymous"]` is BELFRY_CLIENT_ALLOW_ANONYMOUS. */
function variableOf(path: readonly string[]): string {
  return ["belfry", ...path].map((name) => name.replace(/(?<=[a-z0-9])(?=[A-Z])/g, "_").toUpperCase()).join("_");
}

function partsOf(schema: v.GenericSchema): Parts {
  return schema as v.GenericSchema & Parts;
}
