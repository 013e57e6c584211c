/** The headers that a handshake itself looks at (RFC 6455, 4.1 and 4.2), found without making text of their names. */

/** Where each stands in {@link HttpHead.known}. */
export const known = {
  HOST: 0,
  UPGRADE: 1,
  CONNECTION: 2,
  KEY: 3,
  VERSION: 4,
  PROTOCOL: 5,
  EXTENSIONS: 6,
  CONTENT_LENGTH: 7,
  TRANSFER_ENCODING: 8,
  ORIGIN: 9,
} as const;

/** In the order of {@link known}. */
const names = [
  "host",
  "upgrade",
  "connection",
  "sec-websocket-key",
  "sec-websocket-version",
  "sec-websocket-protocol",
  "sec-websocket-extensions",
  "content-length",
  "transfer-encoding",
  "origin",
];

/** How many there are. */
export const KNOWN_COUNT: number = names.length;
/** Their lengths. */
export const knownLengths: Uint8Array = padded(names.map((name) => name.length));

const COLON = 58;
const NONE = 255;
const letters = padded(new TextEncoder().encode(names.join("")));
const starts = padded(names.map((_, i) => names.slice(0, i).join("").length));
const lower = Uint8Array.from({ length: 256 }, (_, byte) => (byte >= 65 && byte <= 90 ? byte | 32 : byte));
// Those with the same first letter, by that letter in lower case.
const firstOfLetter = new Uint8Array(256).fill(NONE);
const nextOfLetter = new Uint8Array(256).fill(NONE);
for (const [i, name] of names.entries()) {
  nextOfLetter[i] = firstOfLetter[name.charCodeAt(0)] as number;
  firstOfLetter[name.charCodeAt(0)] = i;
}

/** Which of {@link known} begins at `bytes[at]`, whatever its case, with its colon behind it; -1 for none. */
export function knownNameAt(bytes: Uint8Array, at: number, to: number): number {
  let which = firstOfLetter[lower[bytes[at] as number] as number] as number;
  for (; which !== NONE; which = nextOfLetter[which] as number) {
    const end = at + (knownLengths[which] as number);
    // Their lengths tell those apart that begin alike: only one has its colon in the right place.
    if (end < to && bytes[end] === COLON && isNamed(bytes, at, end, starts[which] as number)) return which;
  }
  return -1;
}

function isNamed(bytes: Uint8Array, from: number, to: number, start: number): boolean {
  for (; from < to; from++, start++) if (lower[bytes[from] as number] !== letters[start]) return false;
  return true;
}

/** Arrays of more than 64 bytes lie outside the heap, where the compiler knows their place. */
function padded(values: ArrayLike<number>): Uint8Array {
  const array = new Uint8Array(256);
  array.set(values);
  return array;
}
