/** How often something happened, by labels of few values. It is not for the message path: it makes strings. */
export class Tally {
  readonly #counts = new Map<string, { readonly labels: readonly string[]; count: number }>();

  add(...labels: readonly string[]): void {
    const key = labels.join("\n");
    const entry = this.#counts.get(key);
    if (entry) entry.count++;
    else this.#counts.set(key, { labels, count: 1 });
  }

  *entries(): Generator<readonly [labels: readonly string[], count: number]> {
    for (const { labels, count } of this.#counts.values()) yield [labels, count];
  }

  clear(): void {
    this.#counts.clear();
  }
}
