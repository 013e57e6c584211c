/** The words that the configuration's schema is written in; each says in its metadata what it allows, for people. */

import * as v from "valibot";

/** What people are told of a value: `allowed` ends the sentence "allowed is …"; a secret is never shown. */
export interface Meaning {
  readonly allowed?: string;
  readonly secret?: boolean;
}

/** A key: how its value must be, what it is when nobody says, and what it means, as whole sentences. */
export function key<const Schema extends v.GenericSchema>(schema: Schema, fallback: v.InferInput<Schema>, doc: string) {
  return v.optional(v.pipe(schema, v.description(doc)), () => fallback);
}

/** A key that has no default: who writes what is around it writes it too. */
export function requiredKey<const Schema extends v.GenericSchema>(schema: Schema, doc: string) {
  return v.pipe(schema, v.description(doc));
}

/** What is allowed of a key that allows everything of its type. */
export const anyText = "a string (in quotes where it looks like a number)";
/** The same, of a boolean. */
export const anyBoolean = "true or false";

/** True or false. */
export const yesOrNo = v.pipe(v.boolean(), v.metadata({ allowed: anyBoolean } satisfies Meaning));

/** A whole number, both ends included. */
export function whole(min: number, max: number) {
  const allowed = `a whole number from ${min} to ${max}`;
  return v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max), v.metadata({ allowed } satisfies Meaning));
}

/** A number of seconds, both ends included. */
export function seconds(min: number, max: number) {
  const allowed = `a number of seconds from ${min} to ${max}`;
  return v.pipe(v.number(), v.minValue(min), v.maxValue(max), v.metadata({ allowed } satisfies Meaning));
}

/** One of a few words. */
export function oneOf<const Words extends readonly string[]>(words: Words) {
  const quoted = words.map((word) => JSON.stringify(word));
  const allowed = quoted.length === 1 ? `${quoted[0]}` : `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
  return v.pipe(v.picklist(words), v.metadata({ allowed } satisfies Meaning));
}

/** Text of which `isGood` is true. */
export function text(isGood: (text: string) => boolean = () => true, allowed = anyText) {
  return v.pipe(v.string(), v.check(isGood), v.metadata({ allowed } satisfies Meaning));
}

/** Text that is never shown. */
export function secret(isGood: (text: string) => boolean = () => true, allowed = anyText) {
  return v.pipe(v.string(), v.check(isGood), v.metadata({ allowed, secret: true } satisfies Meaning));
}

/** A list; `allowed` says of what. */
export function listOf<const Item extends v.GenericSchema>(item: Item, allowed: string) {
  return v.pipe(v.array(item), v.metadata({ allowed } satisfies Meaning));
}

/** Values by names that are the user's own. */
export function byName<const Name extends v.GenericSchema<string, string>, const Value extends v.GenericSchema>(
  name: Name,
  value: Value,
  allowed: string,
) {
  return v.pipe(v.record(name, value), v.metadata({ allowed } satisfies Meaning));
}

/** The address of an HTTP service; credentials in it are refused, since `fetch` takes none there. "" for none. */
export const httpUrl = text(
  (address) => address === "" || isHttpUrl(address),
  'an http:// or https:// URL without a user and password, or "" for none',
);

function isHttpUrl(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const url = new URL(address);
  return /^https?:$/.test(url.protocol) && url.username === "" && url.password === "";
}
