import {
  binary,
  type Case,
  continuation,
  ends,
  type Frame,
  more,
  numbered,
  op,
  ping,
  text,
  type Unnumbered,
  well,
} from "./cases.ts";
import type { Filler } from "./payloads.ts";

/** Section 1, framing: the three forms of the length, in both kinds of message, however the octets arrive. */

const CLAUSE = "RFC 6455 5.2";
const LENGTHS = [0, 1, 2, 3, 124, 125, 126, 127, 128, 129, 255, 256, 32_768, 65_534, 65_535, 65_536, 65_537];
const CHOPPED = [125, 126, 127, 65_535, 65_536];

const kinds: readonly [name: string, opcode: number, fill: Filler["fill"]][] = [
  ["text", op.TEXT, "unicode"],
  ["binary", op.BINARY, "random"],
];

function lengths([name, opcode, fill]: (typeof kinds)[number]): Unnumbered[] {
  const whole = LENGTHS.map((bytes) =>
    well(`a ${name} message of ${bytes} bytes is echoed`, CLAUSE, [{ opcode, payload: { fill, bytes } }]),
  );
  const chopped = CHOPPED.map((bytes) =>
    well(
      `a ${name} message of ${bytes} bytes is echoed however it is chopped`,
      CLAUSE,
      [{ opcode, payload: { fill, bytes } }],
      { chops: [997, 1460, { seed: bytes }, { seed: bytes + 1 }] },
    ),
  );
  return [...whole, ...chopped];
}

/** 5.2: "the minimal number of bytes MUST be used to encode the length". */
const wasteful: readonly [bytes: number, lengthBits: 16 | 64][] = [
  [0, 16],
  [1, 16],
  [125, 16],
  [0, 64],
  [125, 64],
  [126, 64],
  [65_535, 64],
];

const wastefulData = wasteful.flatMap(([bytes, lengthBits]) =>
  [
    { name: "text", send: [text({ fill: "ascii", bytes }, { lengthBits })] },
    { name: "continuation", send: [text("a", more), continuation({ fill: "ascii", bytes }, { lengthBits })] },
  ].map(({ name, send }) =>
    ends(1002, `a ${name} of ${bytes} bytes whose length is written in ${lengthBits} bits is refused`, CLAUSE, send),
  ),
);

const wastefulPings = wasteful
  .filter(([bytes]) => bytes <= 125)
  .map(([bytes, lengthBits]) =>
    ends(1002, `a ping of ${bytes} bytes whose length is written in ${lengthBits} bits is refused`, CLAUSE, [
      ping({ fill: "ascii", bytes }, { lengthBits }),
    ]),
  );

const MASKS: readonly (readonly number[])[] = [
  [0, 0, 0, 0],
  [255, 255, 255, 255],
  [1, 0, 0, 0],
  [0, 1, 0, 0],
  [0, 0, 1, 0],
  [0, 0, 0, 1],
  [0x80, 0x80, 0x80, 0x80],
  [0x37, 0xfa, 0x21, 0x3d],
];

const masks = MASKS.flatMap((key): Unnumbered[] => [
  well(
    `frames under the masking key ${key.join(" ")} are unmasked, whatever their length modulo 4`,
    "RFC 6455 5.3",
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 126, 1021].flatMap((bytes) => [
      binary({ fill: "random", bytes }, { key }),
      text({ fill: "unicode", bytes }, { key }),
    ]),
    { role: "server" },
  ),
]);

const unmasked: Unnumbered[] = (
  [
    ["a text", [text("Hello", { wronglyMasked: true })]],
    ["an empty text", [text("", { wronglyMasked: true })]],
    ["a binary", [binary("Hello", { wronglyMasked: true })]],
    ["a ping", [ping("Hello", { wronglyMasked: true })]],
    ["a close", [{ opcode: op.CLOSE, payload: Buffer.from([3, 232]), wronglyMasked: true }]],
    ["a continuation", [text("Hel", more), continuation("lo", { wronglyMasked: true })]],
  ] as [string, Frame[]][]
).map(([name, send]) =>
  ends(1002, `${name} that a client does not mask, or a server masks, is refused`, "RFC 6455 5.1", send),
);

const sequences: Unnumbered[] = [
  well("messages in one write are echoed each, in order", "RFC 6455 5.4", [
    text("one"),
    binary("two"),
    text(""),
    binary(""),
    text({ fill: "unicode", bytes: 130 }),
    text("six"),
  ]),
  well(
    "a hundred small messages in one write are echoed each, in order",
    "RFC 6455 5.4",
    Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? text(`${i}`) : binary(`${i}`))),
  ),
  well("text may hold NUL and other control characters", "RFC 6455 5.6", [text("\0\u0001\r\n\u007f\u0085")]),
  well("binary may hold what is no UTF-8", "RFC 6455 5.6", [binary(Uint8Array.from({ length: 256 }, (_, i) => i))]),
  ends(1002, "a 64-bit length whose highest bit is set is refused", CLAUSE, [binary("", { announced: 1n << 63n })]),
  ends(1009, "a length of 2^63-1 is refused before its payload", "RFC 6455 7.4.1", [
    binary("", { announced: (1n << 63n) - 1n }),
  ]),
  ends(1009, "a length of 2^53 is refused before its payload", "RFC 6455 7.4.1", [
    binary("", { announced: 1n << 53n }),
  ]),
  ends(1009, "a length of 2^32 is refused before its payload", "RFC 6455 7.4.1", [
    binary("", { announced: 1n << 32n }),
  ]),
];

/** All cases of section 1. */
export const section1: readonly Case[] = [
  ...kinds.flatMap((kind, i) => numbered(`1.${i + 1}`, lengths(kind))),
  ...numbered("1.3", sequences),
  ...numbered("1.4", wastefulData),
  ...numbered("1.5", masks),
  ...numbered("1.6", unmasked),
  ...numbered("1.7", wastefulPings),
];
