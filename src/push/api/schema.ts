import * as v from "valibot";
import { type Fields, isObject } from "../protocol.ts";

/** A JSON Schema (draft 2020-12), as OpenAPI 3.1 has it. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** What people are told of a schema. */
interface Description {
  /** Completes the sentence "allowed is …". */
  readonly allowed: string;
  readonly json: JsonSchema;
}

/**
 * Beside the schemas and not in them: what describes a field must not cost the requests anything. All schemas of the
 * API are made by the functions of this file, so each has its entry.
 */
const descriptions = new WeakMap<v.GenericSchema, Description>();

function described<Schema extends v.GenericSchema>(schema: Schema, allowed: string, json: JsonSchema): Schema {
  descriptions.set(schema, { allowed, json });
  return schema;
}

/** The JSON Schema of a schema that was made here. */
export function jsonSchemaOf(schema: v.GenericSchema): JsonSchema {
  return descriptions.get(schema)?.json ?? {};
}

/** What is asked of a value. */
export interface Demand {
  /** Completes the sentence "allowed is …" of error 107. */
  readonly allowed: string;
  /** The same for programs, as far as JSON Schema has words for it. */
  readonly json: JsonSchema;
  is(value: unknown): boolean;
}

/** One value; `what` says what it is for, in the document. */
export function value<T>(what: string, { allowed, json, is }: Demand) {
  return described(v.custom<T>(is, allowed), allowed, { ...json, description: `${what}: ${allowed}` });
}

/** Any JSON value, which may be absent. */
export function anything(what: string) {
  return described(v.optional(v.unknown()), "any JSON", { description: what });
}

/** A list in an answer. */
export function list<Item extends v.GenericSchema>(what: string, item: Item) {
  return described(v.array(item), "a list", { type: "array", items: jsonSchemaOf(item), description: what });
}

/** An object in an answer, with names that are not known beforehand. */
export function map<Value extends v.GenericSchema>(what: string, of: Value) {
  const json = { type: "object", additionalProperties: jsonSchemaOf(of), description: what };
  return described(v.record(v.string(), of), "an object", json);
}

/** An object with these fields; unknown ones are dropped. */
export function object<Entries extends v.ObjectEntries>(entries: Entries) {
  const allowed = "a JSON object";
  type Whole = v.ObjectSchema<Entries, undefined>;
  // An array is an object to JavaScript, and would pass where no field must be there.
  const isOne = v.custom<v.InferInput<Whole>>(isObject, allowed);
  const fields = v.object(entries, ({ path }) => allowedIn(entries, path?.[0].key));
  const schema = v.pipe(isOne, fields as v.GenericSchema<v.InferInput<Whole>, v.InferOutput<Whole>>);
  return described(schema, allowed, jsonOf(entries));
}

/** Judges the elements of a list in one loop; the error names the index of the first that is wrong. */
export function eachOf<Item>(
  schema: v.GenericSchema<readonly Item[]>,
  { allowed, is }: Pick<Demand, "allowed" | "is">,
) {
  const check = v.rawCheck<readonly Item[]>(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const input = dataset.value;
    const key = input.findIndex((item) => !is(item));
    if (key < 0) return;
    addIssue({
      message: allowed,
      input: input[key],
      path: [{ type: "array", origin: "value", input, key, value: input[key] }],
    });
  });
  return described(v.pipe(schema, check), allowedBy(schema), jsonSchemaOf(schema));
}

/** A field that may be absent, or null, which is the same: languages with empty fields send it. */
export function optional<Schema extends v.GenericSchema>(schema: Schema) {
  return nullable(v.nullish(schema), schema);
}

/** The same with what stands for an absent field, as the protocol omits zeros and empty texts. */
export function orElse<Schema extends v.GenericSchema, const Default extends v.InferInput<Schema>>(
  schema: Schema,
  otherwise: Default,
) {
  return nullable(
    v.nullish(schema, () => otherwise),
    schema,
  );
}

/** A field of an answer that is left out when there is nothing to say. */
export function leftOut<Schema extends v.GenericSchema>(schema: Schema) {
  return described(v.optional(schema), allowedBy(schema), jsonSchemaOf(schema));
}

function nullable<Schema extends v.GenericSchema>(schema: Schema, wrapped: v.GenericSchema): Schema {
  const json = jsonSchemaOf(wrapped);
  return described(schema, allowedBy(wrapped), { ...json, type: [json["type"], "null"] });
}

function allowedBy(schema: v.GenericSchema | undefined): string {
  return (schema && descriptions.get(schema)?.allowed) ?? "";
}

/** What is allowed in the field that is missing. */
function allowedIn(entries: v.ObjectEntries, key: unknown): string {
  return allowedBy(entries[String(key)] as v.GenericSchema | undefined);
}

function jsonOf(entries: v.ObjectEntries): JsonSchema {
  const fields = Object.entries(entries as Readonly<Record<string, v.GenericSchema>>);
  const required = fields.filter(([, { type }]) => type !== "nullish" && type !== "optional").map(([name]) => name);
  const properties: Fields = Object.fromEntries(fields.map(([name, schema]) => [name, jsonSchemaOf(schema)]));
  return { type: "object", properties, ...(required.length > 0 ? { required } : {}) };
}
