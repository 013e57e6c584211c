import type { Markup } from "./markup.ts";

/** What a chart draws: it is as wide as its place, all that lies across is in per cent, and text keeps its size. */
export interface Drawing {
  readonly marks: Markup;
  readonly heightPx: number;
}
