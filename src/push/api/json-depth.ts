const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Whether arrays and objects of a JSON text nest deeper than `depthMax`. Does not recurse, and holds no stack. Of a
 * text that is no JSON it says the same of the part before its fault at least.
 */
export function nestsDeeper(text: string, depthMax: number): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = endOfString(text, at + 1);
        break;
      case 0x5b: // [
      case 0x7b: // {
        if (++depth > depthMax) return true;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth--;
    }
  }
  return false;
}

/** Where the quote stands that ends a string whose first character is at `from`; the text's end when none does. */
function endOfString(text: string, from: number): number {
  for (let quote = text.indexOf('"', from); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let before = quote;
    while (before > from && text.charCodeAt(before - 1) === BACKSLASH) before--;
    // An odd number of backslashes escapes the quote; an even one are escaped backslashes.
    if ((quote - before) % 2 === 0) return quote;
  }
  return text.length;
}
