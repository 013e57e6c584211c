/** The colours of a scheme: text and marks on a card on the page. Text keeps a contrast of 4.5, marks one of 3. */
export interface Palette {
  readonly page: string;
  readonly card: string;
  readonly line: string;
  readonly ink: string;
  readonly soft: string;
  readonly accent: string;
  /** The bars of the others. */
  readonly other: string;
  /** Behind what is ours in a table. */
  readonly ours: string;
  readonly reached: string;
  readonly missed: string;
}

/** By day. */
export const light: Palette = {
  page: "#f4f5f8",
  card: "#ffffff",
  line: "#dcdfe6",
  ink: "#1b1f2a",
  soft: "#5b6374",
  accent: "#3b5bdb",
  other: "#868e9f",
  ours: "#eef2fe",
  reached: "#226d31",
  missed: "#b82121",
};

/** By night. */
export const dark: Palette = {
  page: "#12141a",
  card: "#1b1e26",
  line: "#2e333f",
  ink: "#e8eaf0",
  soft: "#a0a8b8",
  accent: "#91a7ff",
  other: "#717a8c",
  ours: "#232a40",
  reached: "#69db7c",
  missed: "#ff8787",
};
