/**
 * Channels as subjects, and back: every name has a subject of its own. Dots stay dots, so that wildcards reach what
 * belongs together (`mail.*`); what a subject cannot hold (spaces, `*`, `>`, a dot that would leave a token empty) is
 * written as in a URL, `%20`, and so is `%`.
 */
const NEEDS_ESCAPE = /[\s\p{Cc}*>%]|^\.|\.$|\.(?=\.)/gu;

/** The subject of a channel, below a prefix that ends with a dot. */
export function subjectOf(prefix: string, channel: string): string {
  return prefix + channel.replace(NEEDS_ESCAPE, escaped);
}

/** The channel of a subject that `subjectOf` gave, or could have given; undefined for any other. */
export function channelOf(prefix: string, subject: string): string | undefined {
  if (!subject.startsWith(prefix)) return undefined;
  try {
    return decodeURIComponent(subject.slice(prefix.length));
  } catch {
    return undefined;
  }
}

function escaped(character: string): string {
  const hex = (byte: number) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  return [...Buffer.from(character)].map(hex).join("");
}
