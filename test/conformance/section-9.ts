import {
  binary,
  type Case,
  type Chop,
  continuation,
  ends,
  fragments,
  MESSAGE_BYTES_MAX,
  more,
  numbered,
  op,
  type Step,
  text,
  well,
} from "./cases.ts";

/** Sections 9 and 10: large messages, many fragments, many pieces, many messages, and the largest message allowed. */

const MIB = 1024 * 1024;
const LIMIT = BigInt(MESSAGE_BYTES_MAX);

const large: readonly Case[] = [
  ...numbered(
    "9.1",
    [65_536, 262_144, MIB, 4 * MIB, 16 * MIB].map((bytes) =>
      well(`a text of ${bytes} bytes is echoed`, "RFC 6455 5.2", [text({ fill: "unicode", bytes })]),
    ),
  ),
  ...numbered(
    "9.2",
    [65_536, 262_144, MIB, 8 * MIB].map((bytes) =>
      well(`a binary of ${bytes} bytes is echoed`, "RFC 6455 5.2", [binary({ fill: "random", bytes })]),
    ),
  ),
];

/** How many bytes, in fragments of how many. */
const fragmentSizes: readonly [bytes: number, fragmentBytes: number][] = [
  [4 * MIB, 64],
  [4 * MIB, 256],
  [4 * MIB, 1024],
  [4 * MIB, 4096],
  [4 * MIB, 65_536],
  [4 * MIB, MIB],
  [4 * MIB, 4 * MIB],
];

/** Steps of large fragments are made when they are asked for, and not kept. */
function lazily(make: () => readonly Step[]): Pick<Case, "send"> {
  return {
    get send() {
      return make();
    },
  };
}

const fragmented: readonly Case[] = [
  { section: "9.3", opcode: op.TEXT, fill: "ascii" as const },
  { section: "9.4", opcode: op.BINARY, fill: "random" as const },
].flatMap(({ section, opcode, fill }) =>
  numbered(
    section,
    fragmentSizes.map(([bytes, fragmentBytes]) => ({
      name: `a message of ${bytes} bytes, opcode ${opcode}, in fragments of ${fragmentBytes} is echoed`,
      clause: "RFC 6455 5.4",
      expect: { replies: [{ opcode, payload: { fill, bytes } }], end: "clean" as const },
      ...lazily(() => fragments(opcode, { fill, bytes }, fragmentBytes)),
    })),
  ),
);

const pieces: readonly [bytes: number, chop: Chop][] = [
  [65_536, 64],
  [131_072, 128],
  [262_144, 256],
  [524_288, 512],
  [MIB, 1024],
  [MIB, 2048],
  [MIB, { seed: 95 }],
];

const chopped: readonly Case[] = [
  ...numbered(
    "9.5",
    pieces.map(([bytes, chop]) =>
      well(
        `a text of ${bytes} bytes, ${chopName(chop)}, is echoed`,
        "RFC 6455 5.2",
        [text({ fill: "unicode", bytes })],
        {
          chops: [chop],
        },
      ),
    ),
  ),
  ...numbered(
    "9.6",
    pieces.map(([bytes, chop]) =>
      well(
        `a binary of ${bytes} bytes, ${chopName(chop)}, is echoed`,
        "RFC 6455 5.2",
        [binary({ fill: "random", bytes })],
        {
          chops: [chop],
        },
      ),
    ),
  ),
];

const SIZES = [0, 16, 64, 256, 1024, 4096, 16_384, 65_536];

const many: readonly Case[] = [
  { section: "9.7", name: "texts", opcode: op.TEXT, fill: "unicode" as const },
  { section: "9.8", name: "binaries", opcode: op.BINARY, fill: "random" as const },
].flatMap(({ section, name, opcode, fill }) =>
  numbered(section, [
    ...SIZES.map((bytes) =>
      well(
        `100 ${name} of ${bytes} bytes, each sent after the last one's echo, are echoed`,
        "RFC 6455 5.4",
        Array.from({ length: 100 }, (_, i): Step[] => [
          { opcode, payload: { fill, bytes } },
          { untilReplies: i + 1 },
        ]).flat(),
        { chops: ["whole"] },
      ),
    ),
    ...SIZES.map((bytes) =>
      well(
        `${countOf(bytes)} ${name} of ${bytes} bytes in one write are echoed in order`,
        "RFC 6455 5.4",
        Array.from(
          { length: countOf(bytes) },
          (_, i): Step => ({ opcode, payload: bytes === 0 ? `${i}` : { fill, bytes } }),
        ),
        { chops: ["whole"] },
      ),
    ),
  ]),
);

/** So many that they are a few hundred KiB together, and a thousand at most. */
function countOf(bytes: number): number {
  return Math.min(1000, Math.ceil(524_288 / (bytes + 1)));
}

const tooLarge: readonly Case[] = numbered("9.9", [
  ends(1009, "a text of one byte more than is allowed is refused at its header", "RFC 6455 7.4.1", [
    text("", { announced: LIMIT + 1n }),
  ]),
  ends(1009, "a binary of one byte more than is allowed is refused at its header", "RFC 6455 7.4.1", [
    binary("", { announced: LIMIT + 1n }),
  ]),
  ends(1009, "a first fragment of one byte more than is allowed is refused at its header", "RFC 6455 7.4.1", [
    binary("", { announced: LIMIT + 1n, fin: false }),
  ]),
  ends(
    1009,
    "a fragment that would make the message larger than is allowed is refused at its header",
    "RFC 6455 7.4.1",
    [binary("abc", more), continuation("def", more), continuation("", { announced: LIMIT - 5n, fin: false })],
  ),
  ends(1009, "so is the last fragment", "RFC 6455 7.4.1", [
    text("abc", more),
    continuation("", { announced: LIMIT - 2n }),
  ]),
  ends(
    1009,
    "what came before a message that is too large is echoed",
    "RFC 6455 7.4.1",
    [text("small"), binary("", { announced: LIMIT * 2n })],
    [{ opcode: op.TEXT, payload: "small" }],
  ),
]);

function chopName(chop: Chop): string {
  return typeof chop === "number" ? `in pieces of ${chop}` : "in pieces of random size";
}

/** All cases of section 9. */
export const section9: readonly Case[] = [...large, ...fragmented, ...chopped, ...many, ...tooLarge];

/** All cases of section 10: a message as a sender of bounded frames sends it. */
export const section10: readonly Case[] = numbered(
  "10.1",
  [
    [65_536, 1300],
    [65_536, 125],
    [65_536, 126],
    [65_535, 65_535],
    [65_537, 65_536],
    [4000, 1],
    [262_144, 997],
    [1_000_000, 16_384],
  ].flatMap(([bytes = 0, fragmentBytes = 0]) =>
    [op.TEXT, op.BINARY].map((opcode) =>
      well(
        `a message of ${bytes} bytes, opcode ${opcode}, cut by its sender into frames of ${fragmentBytes} is echoed`,
        "RFC 6455 5.4",
        fragments(opcode, { fill: opcode === op.TEXT ? "unicode" : "random", bytes }, fragmentBytes),
      ),
    ),
  ),
);
