import { classed, type Markup, markup } from "./markup.ts";

/** A cell: what is in it, and how it looks (`ours`, `strong`, `soft`). */
export interface Cell {
  readonly content: Markup | string;
  readonly kind?: string;
  /** Over how many columns it goes. */
  readonly columns?: number;
}

/** A heading of a level from 1 to 6. */
export function heading(level: number, content: Markup | string): Markup {
  return level === 2
    ? markup`<h2>${content}</h2>`
    : level === 3
      ? markup`<h3>${content}</h3>`
      : markup`<h4>${content}</h4>`;
}

/**
 * A table whose first column names the rows. On a phone each row is a block with its cells side by side, each below the
 * head of its column: the roles are said outright, as that layout takes them from the elements.
 */
export function table(caption: string, head: readonly Cell[], rows: readonly (readonly Cell[])[]): Markup {
  const heads = head.map(
    ({ content, kind }) => markup`<th scope="col" role="columnheader"${classed(kind ?? "")}>${content}</th>`,
  );
  return markup`<table role="table">
<caption>${caption}</caption>
<thead role="rowgroup"><tr role="row">${heads}</tr></thead>
<tbody role="rowgroup">
${rows.map((cells) => rowOf(cells, head))}</tbody>
</table>
`;
}

function rowOf([first, ...cells]: readonly Cell[], head: readonly Cell[]): Markup {
  let column = 0;
  const rest = cells.map(({ content, kind, columns = 1 }) => {
    column += columns;
    const place =
      columns > 1 ? markup` colspan="${columns}"` : markup` data-head="${String(head[column]?.content ?? "")}"`;
    return markup`<td role="cell"${classed(kind ?? "")}${place}>${content}</td>`;
  });
  const { content = "", kind = "" } = first ?? {};
  return markup`<tr role="row"><th scope="row" role="rowheader"${classed(kind)}>${content}</th>${rest}</tr>\n`;
}
