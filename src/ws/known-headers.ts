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

// One behind another: a name is told by its length first, then compared byte by byte with those of its length.
const letters = new TextEncoder().encode(names.join("").padEnd(256));
const starts = Int32Array.from(names, (_, i) => names.slice(0, i).join("").length);
const LENGTH_MAX = 64;
const firstOfLength = new Int8Array(LENGTH_MAX).fill(-1);
const nextOfLength = new Int8Array(LENGTH_MAX).fill(-1);
for (const [i, name] of names.entries()) {
  nextOfLength[i] = firstOfLength[name.length] as number;
  firstOfLength[name.length] = i;
}
const lower = Uint8Array.from({ length: 256 }, (_, byte) => (byte >= 65 && byte <= 90 ? byte | 32 : byte));

/** Which of {@link known} the name `bytes[from, to)` is, whatever its case; -1 for none. */
export function knownName(bytes: Uint8Array, from: number, to: number): number {
  if (to - from >= LENGTH_MAX) return -1;
  let which = firstOfLength[to - from] as number;
  while (which >= 0 && !isNamed(bytes, from, to, starts[which] as number)) which = nextOfLength[which] as number;
  return which;
}

function isNamed(bytes: Uint8Array, from: number, to: number, start: number): boolean {
  for (; from < to; from++, start++) if (lower[bytes[from] as number] !== letters[start]) return false;
  return true;
}
