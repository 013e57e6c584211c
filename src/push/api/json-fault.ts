const SPACE = /[ \t\n\r]*/y;
const WORD = /true|false|null/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

/**
 * Where a text stops being JSON (RFC 8259): the index of the token that may not stand there, or the text's length
 * when it ends too early; -1 when it is JSON. For messages: JSON.parse does not always say. Recurses as deep as the
 * text nests.
 */
export function jsonFault(text: string): number {
  const scan = new Scan(text);
  return scan.value() && scan.isAtEnd() ? -1 : scan.at;
}

/** Each method moves on over what it is named after, or returns false and stands at the fault. */
class Scan {
  readonly #text: string;
  at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(): boolean {
    this.#take(SPACE);
    switch (this.#text[this.at]) {
      case "{":
        return this.#members("}", () => this.#name() && this.value());
      case "[":
        return this.#members("]", () => this.value());
      case '"':
        return this.#string();
      default:
        return this.#take(WORD) || this.#take(NUMBER);
    }
  }

  isAtEnd(): boolean {
    this.#take(SPACE);
    return this.at === this.#text.length;
  }

  #members(end: string, member: () => boolean): boolean {
    this.at++;
    if (this.#character(end)) return true;
    do if (!member()) return false;
    while (this.#character(","));
    return this.#character(end);
  }

  #name(): boolean {
    this.#take(SPACE);
    return this.#text[this.at] === '"' && this.#string() && this.#character(":");
  }

  #string(): boolean {
    this.at++;
    do this.#plain();
    while (this.#take(ESCAPE));
    if (this.#text[this.at] !== '"') return false;
    this.at++;
    return true;
  }

  /** Characters that stand for themselves in a string. */
  #plain(): void {
    for (let code = this.#text.charCodeAt(this.at); code >= 0x20 && code !== 0x22 && code !== 0x5c; ) {
      code = this.#text.charCodeAt(++this.at);
    }
  }

  #character(character: string): boolean {
    this.#take(SPACE);
    if (this.#text[this.at] !== character) return false;
    this.at++;
    return true;
  }

  /** Whether the pattern fits here; it may fit nothing, as spaces do. */
  #take(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    if (!pattern.test(this.#text)) return false;
    this.at = pattern.lastIndex;
    return true;
  }
}
