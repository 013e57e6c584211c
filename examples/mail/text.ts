const replacement = "\uFFFD";

/** The text without what SQLite or JSON would not carry faithfully: NUL (which ends a text there) and lone surrogates. */
export function cleanText(text: string): string {
  return text.replaceAll("\0", replacement).replace(/\p{Cs}/gu, replacement);
}

/** The text in one line of at most `charsMax`: no control character gets into a header, a log or a list. */
export function oneLine(text: string, charsMax: number): string {
  return clip(cleanText(text).replace(/\p{Cc}+/gu, " "), charsMax).trim();
}

/** The first `charsMax` UTF-16 units, never half of a surrogate pair. */
export function clip(text: string, charsMax: number): string {
  if (text.length <= charsMax) return text;
  const last = text.charCodeAt(charsMax - 1);
  const cutsPair = last >= 0xd800 && last <= 0xdbff;
  return text.slice(0, cutsPair ? charsMax - 1 : charsMax);
}
