const ITEMS_MAX = 16;

/** What the article uses a channel of Go's for: a bounded queue, and one who waits for what comes. */
export class Queue<Item> {
  readonly #items: Item[] = [];
  #wake: ((item: Item) => void) | undefined;

  /** False when it is full. */
  put(item: Item): boolean {
    if (this.#items.length === ITEMS_MAX) return false;
    const wake = this.#wake;
    this.#wake = undefined;
    if (wake) wake(item);
    else this.#items.push(item);
    return true;
  }

  take(): Promise<Item> {
    return new Promise((resolve) => {
      if (this.#items.length > 0) resolve(this.#items.shift() as Item);
      else this.#wake = resolve;
    });
  }
}
