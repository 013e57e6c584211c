/** The same fields; those that may be undefined may be absent instead. */
export type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** An object without the fields that are undefined. */
export function defined<T extends object>(fields: T): Defined<T> {
  const rest: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) rest[name] = value;
  return rest as Defined<T>;
}
