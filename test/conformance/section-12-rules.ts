import {
  binary,
  type Case,
  close,
  continuation,
  ends,
  type Frame,
  inPieces,
  MESSAGE_BYTES_MAX,
  more,
  numbered,
  op,
  ping,
  pong,
  type Reply,
  text,
  type Unnumbered,
  well,
} from "./cases.ts";
import { backReference } from "./deflate-bits.ts";

/** Section 12, the rules of RFC 7692: blocks of every kind, fragments, RSV1, and what is no message. */

const hex = (digits: string) => Buffer.from(digits.replaceAll(" ", ""), "hex");
const rsv1 = { rsv: 4 } as const;
const hello: Reply = { opcode: op.TEXT, payload: "Hello" };
const HELLO = hex("f2 48 cd c9 c9 07 00");

/** A text whose compressed payload is given, in one frame. */
function deflated(name: string, clause: string, pieces: readonly string[], replies: readonly Reply[]): Unnumbered {
  return { name, clause, send: pieces.map((piece) => text(hex(piece), rsv1)), expect: { replies, end: "clean" } };
}

/** The RFC's own examples, and blocks that zlib does not make. */
const blocks: readonly Case[] = numbered("12.7", [
  deflated("Hello in a block of fixed codes is Hello", "RFC 7692 7.2.3.1", ["f2 48 cd c9 c9 07 00"], [hello]),
  {
    ...deflated("the same in two fragments", "RFC 7692 7.2.3.1", [], [hello]),
    send: [text(hex("f2 48 cd"), { ...rsv1, fin: false }), continuation(hex("c9 c9 07 00"))],
  },
  {
    ...deflated("Hello twice, the second by reference to the first", "RFC 7692 7.2.3.2", [], [hello, hello]),
    send: [text(HELLO, rsv1), text(hex("f2 00 11 00 00"), rsv1)],
    needs: "own takeover",
  },
  {
    ...ends([1002, 1007], "a reference to a message before, without takeover, is refused", "RFC 7692 7.1.1.2", [
      text(HELLO, rsv1),
      text(hex("f2 00 11 00 00"), rsv1),
    ]),
    expect: { replies: [hello], end: [1002, 1007] },
    needs: "no own takeover",
  },
  deflated("Hello in a block of no compression", "RFC 7692 7.2.3.3", ["00 05 00 fa ff 48 65 6c 6c 6f 00"], [hello]),
  deflated("Hello in a final block", "RFC 7692 7.2.3.4", ["f3 48 cd c9 c9 07 00 00"], [hello]),
  deflated(
    "a message goes on after a final block",
    "RFC 7692 7.2.3.4",
    ["f3 48 cd c9 c9 07 00 f2 48 cd c9 c9 07 00"],
    [{ opcode: op.TEXT, payload: "HelloHello" }],
  ),
  deflated(
    "messages go on after one that ends with a final block",
    "RFC 7692 7.2.3.4",
    ["f3 48 cd c9 c9 07 00 00", "f2 48 cd c9 c9 07 00", "f3 48 cd c9 c9 07 00 00"],
    [hello, hello, hello],
  ),
  {
    ...deflated("the window outlives a final block", "RFC 7692 7.2.3.4", [], [hello, hello]),
    send: [text(hex("f3 48 cd c9 c9 07 00 00"), rsv1), text(hex("f2 00 11 00 00"), rsv1)],
    needs: "own takeover",
  },
  deflated("Hello in two blocks", "RFC 7692 7.2.3.5", ["f2 48 05 00 00 00 ff ff ca c9 c9 07 00"], [hello]),
  deflated("an empty message is the octet 0", "RFC 7692 7.2.3.6", ["00"], [{ opcode: op.TEXT, payload: "" }]),
  deflated(
    "an empty block of fixed codes is an empty message",
    "RFC 7692 7.2.1",
    ["02 00"],
    [{ opcode: op.TEXT, payload: "" }],
  ),
  deflated(
    "empty blocks around the text are allowed",
    "RFC 7692 7.2.1",
    ["00 00 00 ff ff 02 00 00 00 ff ff f2 48 cd c9 c9 07 00 00 00 ff ff 00"],
    [hello],
  ),
  {
    ...deflated("fragments are cut at every octet, and some are empty", "RFC 7692 6.1", [], [hello]),
    send: inPieces(op.TEXT, [new Uint8Array(0), ...Array.from(HELLO, (octet) => Uint8Array.of(octet)), ""]).map(
      (frame, i) => (i === 0 ? { ...frame, ...rsv1 } : frame),
    ),
  },
  {
    name: "a reference to the far edge of a window of 32,768 bytes is followed, over messages",
    clause: "RFC 7692 7.1.2",
    send: [
      { compress: { fill: "random", bytes: 32_768 }, opcode: op.BINARY, level: 0 },
      binary(backReference(3, 32_768), rsv1),
    ],
    expect: {
      replies: [
        { opcode: op.BINARY, payload: { fill: "random", bytes: 32_768 } },
        { opcode: op.BINARY, payload: { fill: "random", bytes: 3 } },
      ],
      end: "clean",
    },
    needs: "own window 15",
  },
]);

const mixed: readonly Case[] = numbered("12.8", [
  well("messages that are not compressed are echoed on a connection that compresses", "RFC 7692 6", [
    text("plain"),
    binary("plain"),
    text(""),
    ...inPieces(op.TEXT, ["pla", "in"]),
    text({ fill: "unicode", bytes: 70_000 }),
  ]),
  well("compressed and plain messages take turns, and the window knows the compressed ones alone", "RFC 7692 7.2.2", [
    { compress: "Hello, Hello", opcode: op.TEXT },
    text("plain, plain"),
    { compress: "Hello, Hello", opcode: op.TEXT },
    binary({ fill: "random", bytes: 40_000 }),
    { compress: "Hello, Hello", opcode: op.TEXT },
  ]),
  ...Object.entries({ ping: ping("p"), pong: pong("p") }).map(([name, between]): Unnumbered => {
    const replies: Reply[] =
      name === "ping" ? Array.from({ length: 6 }, () => ({ opcode: op.PONG, payload: "p" })) : [];
    return {
      name: `a ${name} between all fragments of a compressed message is taken by itself`,
      clause: "RFC 7692 6.1",
      send: inPieces(
        op.TEXT,
        Array.from(HELLO, (octet) => Uint8Array.of(octet)),
      ).flatMap((frame, i): Frame[] => (i === 0 ? [{ ...frame, ...rsv1 }] : [between, frame])),
      expect: { replies: [...replies, hello], end: "clean" },
    };
  }),
  {
    name: "pongs between the fragments of large compressed messages are ignored",
    clause: "RFC 7692 6.1",
    send: [0, 137, 274].map((from) => {
      return {
        compress: { fill: "unicode", bytes: 50_000, from },
        opcode: op.TEXT,
        fragmentBytes: 700,
        between: pong("p"),
      };
    }),
    expect: {
      replies: [0, 137, 274].map((from) => ({ opcode: op.TEXT, payload: { fill: "unicode", bytes: 50_000, from } })),
      end: "clean",
    },
  },
  ends(1000, "a close between the fragments of a compressed message ends the connection", "RFC 6455 5.4", [
    text(hex("f2 48 cd"), { ...rsv1, fin: false }),
    close(1000),
    continuation(hex("c9 c9 07 00")),
  ]),
  well("pings and pongs on a connection that compresses are not compressed", "RFC 7692 6.1", [
    ping({ fill: "stars", bytes: 125 }),
    { compress: "Hello", opcode: op.TEXT },
    ping(""),
  ]),
]);

/** 5.2: what RSV1 may not be set in, and that no other bit means anything. */
const bits: readonly Case[] = numbered("12.9", [
  ...[1, 2, 3, 5, 6, 7].map((rsv) =>
    ends(1002, `a compressed text with the reserved bits ${rsv.toString(2)} is refused`, "RFC 7692 6", [
      text(HELLO, { rsv }),
    ]),
  ),
  ends(1002, "RSV1 in a continuation of a compressed message is refused", "RFC 7692 6.1", [
    text(hex("f2 48 cd"), { ...rsv1, fin: false }),
    continuation(hex("c9 c9 07 00"), rsv1),
  ]),
  ends(1002, "RSV1 in a continuation of a plain message is refused", "RFC 7692 6.1", [
    text("Hel", more),
    continuation("lo", rsv1),
  ]),
  ends(1002, "RSV1 in a middle fragment is refused", "RFC 7692 6.1", [
    text(hex("f2 48 cd"), { ...rsv1, fin: false }),
    continuation(hex("c9 c9"), { ...rsv1, fin: false }),
    continuation(hex("07 00")),
  ]),
  ends(1002, "RSV1 in a ping is refused", "RFC 7692 6.1", [ping("p", rsv1)]),
  ends(1002, "RSV1 in a pong is refused", "RFC 7692 6.1", [pong("p", rsv1)]),
  ends(1002, "RSV1 in a close is refused", "RFC 7692 6.1", [close(1000, "", rsv1)]),
  ends(1002, "RSV1 in a ping between fragments is refused", "RFC 7692 6.1", [
    text(hex("f2 48 cd"), { ...rsv1, fin: false }),
    ping("p", rsv1),
  ]),
  ends(1002, "RSV1 with a reserved opcode is refused", "RFC 6455 5.2", [{ opcode: 3, payload: HELLO, ...rsv1 }]),
  ends(1002, "a compressed message in the midst of another is refused", "RFC 6455 5.4", [
    text(hex("f2 48 cd"), { ...rsv1, fin: false }),
    text(HELLO, rsv1),
  ]),
]);

const NOT_DEFLATE = [1007, 1002];

const refused: readonly Case[] = numbered("12.10", [
  ...(
    [
      ["a block of the reserved type", "ff ff ff ff"],
      ["a stored block whose length and complement differ", "00 05 00 00 00 48 65 6c 6c 6f 00"],
      ["a reference before the first byte", "f2 00 11 00 00"],
      ["a block with an impossible code of lengths", "04 00 fe ff 00"],
      ["a good block, then a block of the reserved type", "f2 48 cd c9 c9 07 00 00 00 ff ff 06"],
    ] as [string, string][]
  ).map(([name, octets]) =>
    ends(NOT_DEFLATE, `${name} is no DEFLATE and is refused`, "RFC 1951 3.2.3", [text(hex(octets), rsv1), ping()]),
  ),
  ends(
    NOT_DEFLATE,
    "what is no DEFLATE after a good message is refused after its echo",
    "RFC 7692 7.2.2",
    [text(HELLO, rsv1), text(hex("ff ff ff ff"), rsv1)],
    [hello],
  ),
  ends(NOT_DEFLATE, "what is no DEFLATE, in fragments, is refused", "RFC 7692 7.2.2", [
    text(hex("f2 48"), { ...rsv1, fin: false }),
    continuation(hex("ff ff ff"), more),
    continuation(hex("ff ff ff")),
  ]),
  ends(1007, "a compressed text that is not UTF-8 is refused", "RFC 6455 8.1", [
    { compress: Buffer.from("ceba edA080 61".replaceAll(" ", ""), "hex"), opcode: op.TEXT },
  ]),
  ends(1007, "a compressed text in fragments that ends within a character is refused", "RFC 6455 8.1", [
    { compress: hex("61 e2 82"), opcode: op.TEXT, fragmentBytes: 1 },
  ]),
  well("a compressed binary need not be UTF-8", "RFC 6455 5.6", [
    { compress: hex("ce ba ed a0 80"), opcode: op.BINARY },
  ]),
  ...["one frame", "fragments"].map((how) =>
    ends(
      1009,
      `a message that unfolds to more than is allowed, in ${how}, is refused`,
      "RFC 6455 7.4.1",
      [
        {
          compress: { fill: "stars", bytes: MESSAGE_BYTES_MAX + 1 },
          opcode: op.BINARY,
          level: 9,
          ...(how === "fragments" ? { fragmentBytes: 1000 } : {}),
        },
      ],
      [],
      { chops: ["whole"] },
    ),
  ),
]);

/** The cases of section 12 that are about rules. */
export const section12rules: readonly Case[] = [...blocks, ...mixed, ...bits, ...refused];
