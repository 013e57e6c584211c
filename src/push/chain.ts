/** A value, or the promise of one: what is there at once is used at once. */
export type Maybe<Value> = Value | Promise<Value>;

/** Goes on with a value, now if it is there. */
export function chain<Value, Next>(value: Maybe<Value>, next: (value: Value) => Maybe<Next>): Maybe<Next> {
  return value instanceof Promise ? value.then(next) : next(value);
}
