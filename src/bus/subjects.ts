/** Subjects of NATS: tokens between dots; in a pattern `*` stands for one token, and a final `>` for one or more. */

/** Whether one may publish to it: no empty token, no space, no wildcard. */
export function isSubject(text: string): boolean {
  return isPattern(text) && !text.split(".").some((token) => token === "*" || token === ">");
}

/** Whether one may subscribe to it. */
export function isPattern(text: string): boolean {
  const tokens = text.split(".");
  // Blanks and line ends would end the argument on the wire, and NUL is in no subject; all else may be.
  return tokens.every(
    (token, i) => token !== "" && !/[ \t\r\n\f\0]/.test(token) && (token !== ">" || i === tokens.length - 1),
  );
}

/** Whether a subject is among those of a pattern. */
export function matches(pattern: string, subject: string): boolean {
  const wanted = pattern.split(".");
  const tokens = subject.split(".");
  for (let i = 0; i < wanted.length; i++) {
    if (i >= tokens.length) return false;
    if (wanted[i] === ">" && i === wanted.length - 1) return true;
    if (wanted[i] !== "*" && wanted[i] !== tokens[i]) return false;
  }
  return wanted.length === tokens.length;
}

/** Whether some subject is among those of both patterns. */
export function overlap(one: string, other: string): boolean {
  const [a, b] = [one.split("."), other.split(".")];
  for (let i = 0; ; i++) {
    const [left, right] = [a[i], b[i]];
    if (left === undefined || right === undefined) return left === right;
    if (left === ">" || right === ">") return true;
    if (left !== right && left !== "*" && right !== "*") return false;
  }
}

interface Level<Value> {
  /** Whose pattern ends here. */
  readonly values: Set<Value>;
  readonly next: Map<string, Level<Value>>;
}

/** Values by pattern, and which of them a subject reaches: a tree with a level for each token. */
export class Subjects<Value> {
  readonly #root = level<Value>();

  /** Whether nothing is kept, not even a level. */
  get isEmpty(): boolean {
    return this.#root.values.size === 0 && this.#root.next.size === 0;
  }

  /** Adds a value; the pattern must be one. */
  add(pattern: string, value: Value): void {
    let at = this.#root;
    for (const token of pattern.split(".")) {
      let next = at.next.get(token);
      if (!next) {
        next = level<Value>();
        at.next.set(token, next);
      }
      at = next;
    }
    at.values.add(value);
  }

  /** Removes a value, and the levels that nobody needs any more. */
  remove(pattern: string, value: Value): void {
    remove(this.#root, pattern.split("."), 0, value);
  }

  /** Visits the values of all patterns that the subject is among. */
  each(subject: string, visit: (value: Value) => void): void {
    each(this.#root, subject.split("."), 0, visit);
  }
}

function level<Value>(): Level<Value> {
  return { values: new Set(), next: new Map() };
}

function remove<Value>(at: Level<Value>, tokens: readonly string[], i: number, value: Value): void {
  const token = tokens[i];
  if (token === undefined) {
    at.values.delete(value);
    return;
  }
  const next = at.next.get(token);
  if (!next) return;
  remove(next, tokens, i + 1, value);
  if (next.values.size === 0 && next.next.size === 0) at.next.delete(token);
}

function each<Value>(at: Level<Value>, tokens: readonly string[], i: number, visit: (value: Value) => void): void {
  const token = tokens[i];
  if (token === undefined) {
    at.values.forEach(visit);
    return;
  }
  at.next.get(">")?.values.forEach(visit);
  const own = at.next.get(token);
  if (own) each(own, tokens, i + 1, visit);
  const star = at.next.get("*");
  if (star && star !== own) each(star, tokens, i + 1, visit);
}
