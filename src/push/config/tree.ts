/** Where a value stands in a configuration; names of keys, and numbers of items of a list. */
export type Path = readonly (string | number)[];

/** Whether a value has keys: an object, and no list. */
export function isTree(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What stands at a path; undefined where there is nothing. */
export function valueAt(tree: unknown, path: Path): unknown {
  let value = tree;
  for (const step of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Readonly<Record<string | number, unknown>>)[step];
  }
  return value;
}

/** Puts a value at a path of the schema, which holds no name of a user's. */
export function put(tree: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [step = "", ...rest] = path;
  if (rest.length === 0) {
    tree[step] = value;
    return;
  }
  tree[step] ??= {};
  put(tree[step] as Record<string, unknown>, rest, value);
}
