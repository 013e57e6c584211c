import { constants } from "node:zlib";
import { type Case, type Compressed, MESSAGE_BYTES_MAX, numbered, op, type Step, well } from "./cases.ts";
import type { Filler } from "./payloads.ts";

/** Section 12, permessage-deflate (RFC 7692): data of all kinds and sizes, and all that zlib makes of it. */

/** What a text and a binary of the same material are. */
const materials: readonly [title: string, opcode: number, fill: Filler["fill"]][] = [
  ["JSON", op.TEXT, "json"],
  ["text of one alphabet", op.TEXT, "ascii"],
  ["text of many alphabets", op.TEXT, "unicode"],
  ["bytes that repeat", op.BINARY, "stars"],
  ["bytes that cannot be compressed", op.BINARY, "random"],
];
const SIZES = [0, 1, 16, 64, 256, 1024, 4096, 8192, 16_384, 32_768, 65_536, 131_072];
const FRAGMENTED: readonly [bytes: number, fragmentBytes: number][] = [
  [64, 1],
  [8192, 256],
  [65_536, 256],
  [131_072, 256],
  [131_072, 1024],
  [131_072, 4096],
  [131_072, 32_768],
];

/** Messages that differ, and yet have much in common: each begins a little later in the same material. */
function several(count: number, opcode: number, fill: Filler["fill"], bytes: number, extra: Partial<Compressed> = {}) {
  return Array.from({ length: count }, (_, i): Compressed => {
    return { compress: { fill, bytes, from: i * 137 }, opcode, ...extra };
  });
}

const sizes: readonly Case[] = materials.flatMap(([title, opcode, fill], i) =>
  numbered(`12.${i + 1}`, [
    ...SIZES.map((bytes) =>
      well(`three messages of ${bytes} bytes of ${title} are echoed`, "RFC 7692 7.2", several(3, opcode, fill, bytes)),
    ),
    ...FRAGMENTED.map(([bytes, fragmentBytes]) =>
      well(
        `three messages of ${bytes} bytes of ${title}, in fragments of ${fragmentBytes}, are echoed`,
        "RFC 7692 6.1",
        several(3, opcode, fill, bytes, { fragmentBytes }),
      ),
    ),
    well(
      `thirty messages of ${title}, each sent after the last one's echo, are echoed`,
      "RFC 7692 7.2.3.2",
      several(30, opcode, fill, 1024).flatMap((message, i): Step[] => [message, { untilReplies: i + 1 }]),
      { chops: ["whole"] },
    ),
  ]),
);

const { Z_FILTERED, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED } = constants;

const encodings: readonly Case[] = numbered("12.6", [
  ...[0, 1, 9].map((level) =>
    well(`what level ${level} of zlib makes is echoed`, "RFC 7692 7.2.1", [
      ...several(3, op.TEXT, "json", 10_000, { level }),
      ...several(3, op.BINARY, "random", 70_000, { level }),
    ]),
  ),
  ...Object.entries({ Z_FILTERED, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED }).map(([name, strategy]) =>
    well(`what the strategy ${name} of zlib makes is echoed`, "RFC 7692 7.2.1", [
      ...several(3, op.TEXT, "unicode", 10_000, { strategy }),
      ...several(3, op.BINARY, "stars", 10_000, { strategy }),
    ]),
  ),
  well("compressed texts and binaries take turns", "RFC 7692 7.2.3.2", [
    ...several(2, op.TEXT, "json", 300),
    ...several(2, op.BINARY, "json", 300),
    ...several(1, op.TEXT, "json", 300),
  ]),
]);

const largest: readonly Case[] = numbered("12.11", [
  well(
    "a message that unfolds to as much as is allowed is echoed",
    "RFC 7692 7.2.2",
    [{ compress: { fill: "stars", bytes: MESSAGE_BYTES_MAX }, opcode: op.BINARY }],
    { chops: ["whole"] },
  ),
]);

/** The cases of section 12 that are about data. */
export const section12data: readonly Case[] = [...sizes, ...encodings, ...largest];
