import assert from "node:assert/strict";

/** A JSON Schema of the few kinds that the document of the HTTP API is made of. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema;
  readonly maxProperties?: number;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly anyOf?: readonly Schema[];
  readonly const?: unknown;
  readonly contentEncoding?: string;
  readonly contentMediaType?: string;
  readonly description?: string;
  readonly $ref?: string;
}

const known = new Set(
  `type properties required additionalProperties maxProperties items minItems maxItems minLength maxLength minimum maximum
  anyOf const contentEncoding contentMediaType description $ref`.split(/\s+/),
);

/** How a schema is applied. */
export interface Options {
  /** The document in which `$ref` points. */
  readonly root: unknown;
  /** Refuses fields that the schema does not name, as nothing may be answered that is not written down. */
  readonly closed?: boolean;
}

/** Whether a value is as a schema says; slow and plain. Throws for a schema with a keyword that it does not know. */
export function accepts(schema: Schema, value: unknown, options: Options): boolean {
  for (const keyword of Object.keys(schema)) assert.ok(known.has(keyword), `unknown keyword ${keyword}`);
  if (schema.$ref !== undefined) return accepts(target(schema.$ref, options.root), value, options);
  if (schema.anyOf) return schema.anyOf.some((one) => accepts(one, value, options));
  if ("const" in schema && schema.const !== value) return false;
  if (schema.type !== undefined && ![schema.type].flat().some((type) => isOf(type, value))) return false;
  if (typeof value === "string") return acceptsText(schema, value);
  if (typeof value === "number") return value >= (schema.minimum ?? -Infinity) && value <= (schema.maximum ?? Infinity);
  if (Array.isArray(value)) return acceptsList(schema, value, options);
  return typeof value !== "object" || value === null || acceptsObject(schema, value, options);
}

function acceptsText({ minLength = 0, maxLength = Infinity, contentEncoding }: Schema, text: string): boolean {
  if ([...text].length < minLength || [...text].length > maxLength) return false;
  if (contentEncoding === undefined || text === "") return true;
  assert.equal(contentEncoding, "base64");
  try {
    JSON.parse(atob(text));
    return true;
  } catch {
    return false;
  }
}

function acceptsList({ items = {}, minItems = 0, maxItems = Infinity }: Schema, list: unknown[], options: Options) {
  return list.length >= minItems && list.length <= maxItems && list.every((one) => accepts(items, one, options));
}

function acceptsObject(schema: Schema, object: object, options: Options): boolean {
  const { properties = {}, required = [], additionalProperties, maxProperties = Infinity } = schema;
  const entries = Object.entries(object);
  if (entries.length > maxProperties || required.some((name) => !Object.hasOwn(object, name))) return false;
  const isOpen = !options.closed || schema.properties === undefined;
  return entries.every(([name, value]) => {
    const own = Object.hasOwn(properties, name) ? properties[name] : additionalProperties;
    return own ? accepts(own, value, options) : isOpen;
  });
}

function isOf(type: string, value: unknown): boolean {
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  if (type === "integer") return Number.isInteger(value);
  if (type === "object") return typeof value === "object" && value !== null && !Array.isArray(value);
  return typeof value === type;
}

function target(ref: string, root: unknown): Schema {
  let found = root;
  for (const name of ref.replace(/^#\//, "").split("/")) found = (found as Record<string, unknown>)[name];
  assert.ok(found, ref);
  return found as Schema;
}
