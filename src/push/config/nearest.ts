/**
 * The candidate that somebody probably meant: the one with the fewest mistyped, missing, surplus or swapped letters, if
 * these are at most one, or a quarter of the word. Upper case, `_` and `-` make no difference, so that other habits of
 * writing are known.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const wanted = plain(word);
  let best: string | undefined;
  let fewest = Math.max(1, Math.floor(wanted.length / 4)) + 1;
  for (const candidate of candidates) {
    const other = plain(candidate);
    if (Math.abs(other.length - wanted.length) >= fewest) continue;
    const count = mistakesBetween(wanted, other);
    // A word of one letter that is wrong is no hint.
    if (count >= fewest || count >= other.length) continue;
    best = candidate;
    fewest = count;
  }
  return best;
}

function plain(word: string): string {
  return word.replace(/[-_]/g, "").toLowerCase();
}

/** The distance of Damerau and Levenshtein (optimal string alignment), by rows. */
function mistakesBetween(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row[j] = Math.min(
        at(last, j) + 1,
        at(row, j - 1) + 1,
        at(last, j - 1) + (isSame ? 0 : 1),
        isSwapped ? at(before, j - 2) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    before = last;
    last = row;
  }
  return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] as number;
}
