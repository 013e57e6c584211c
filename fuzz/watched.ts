import assert from "node:assert/strict";

/** Thrown when a parser reaches beyond its bytes, or takes too much work for them. */
export class OutOfBounds extends Error {
  override readonly name = "OutOfBounds";
}

/**
 * Bytes that count every access, and throw {@link OutOfBounds} at one outside `[from, to)` and at the access number
 * `accessesMax`: so a loop without end ends. Of the methods only `indexOf`, `subarray` and `slice` may be called, and
 * count what they touch; words made of `buffer` are not seen.
 */
export function watch(all: Uint8Array, from: number, to: number, accessesMax: number): Uint8Array {
  let touched = 0;
  const touch = (at: number) => {
    if (at < from || at >= to) throw new OutOfBounds(`byte ${at} was touched, which is not in [${from}, ${to})`);
    if (++touched > accessesMax) throw new OutOfBounds(`more than ${accessesMax} accesses to ${to - from} bytes`);
  };
  const span = (begin: number, end: number) => {
    if (begin < end) touch(begin);
    if (begin + 1 < end) touch(end - 1);
  };
  const methods: Readonly<Record<string, unknown>> = {
    indexOf: (byte: number, begin = 0) => {
      for (let at = begin; at < all.length; at++) {
        touch(at);
        if (all[at] === byte) return at;
      }
      return -1;
    },
    subarray: (begin = 0, end = all.length) => {
      span(begin, end);
      return all.subarray(begin, end);
    },
    slice: (begin = 0, end = all.length) => {
      span(begin, end);
      return all.slice(begin, end);
    },
  };
  return new Proxy(all, {
    get(target, name) {
      if (typeof name === "string" && /^\d/.test(name)) touch(Number(name));
      const value: unknown = methods[name as string] ?? Reflect.get(target, name, target);
      assert.ok(
        typeof value !== "function" || Object.values(methods).includes(value),
        `${String(name)} is not watched`,
      );
      return value;
    },
    set(target, name, value) {
      touch(Number(name));
      return Reflect.set(target, name, value, target);
    },
  });
}
