/** A piece of HTML or SVG that may stand in another as it is. */
export class Markup {
  readonly #text: string;

  /** Of text that is markup already. */
  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

type Piece = string | number | Markup | undefined | readonly Piece[];

/** Markup of a template: what is put into it is text, and escaped, unless it is markup itself; undefined is nothing. */
export function markup(parts: TemplateStringsArray, ...pieces: readonly Piece[]): Markup {
  return new Markup(parts.map((part, index) => part + (index < pieces.length ? textOf(pieces[index]) : "")).join(""));
}

/** ` class="one other"`; nothing if all of them are empty. */
export function classed(...names: readonly string[]): Markup {
  const given = names.filter((name) => name !== "");
  return given.length > 0 ? markup` class="${given.join(" ")}"` : new Markup("");
}

function textOf(piece: Piece): string {
  if (piece === undefined) return "";
  if (Array.isArray(piece)) return piece.map(textOf).join("");
  return piece instanceof Markup ? String(piece) : escaped(String(piece));
}

function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}
