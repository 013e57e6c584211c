import {
  binary,
  type Case,
  close,
  continuation,
  ends,
  fragments,
  inPieces,
  more,
  numbered,
  op,
  ping,
  pong,
  type Reply,
  text,
  well,
} from "./cases.ts";

/** Section 5, fragmentation (5.4): what may lie between fragments, and what may not begin, go on or end a message. */

const fragmented: readonly Case[] = numbered("5.1", [
  well("a text in two fragments is echoed", "RFC 6455 5.4", inPieces(op.TEXT, ["fragment1", "fragment2"])),
  well("a binary in two fragments is echoed", "RFC 6455 5.4", inPieces(op.BINARY, ["fragment1", "fragment2"])),
  well("an empty first fragment is allowed", "RFC 6455 5.4", inPieces(op.TEXT, ["", "Hello"])),
  well("an empty last fragment is allowed", "RFC 6455 5.4", inPieces(op.TEXT, ["Hello", ""])),
  well("empty fragments in the middle are allowed", "RFC 6455 5.4", inPieces(op.TEXT, ["Hel", "", "", "lo"])),
  well("a message of empty fragments is an empty message", "RFC 6455 5.4", inPieces(op.BINARY, ["", "", ""])),
  well("a message in fragments of one byte is echoed", "RFC 6455 5.4", fragments(op.TEXT, "Hello, κόσμε", 1)),
  ...[125, 126, 127, 65_535, 65_536].map((bytes) =>
    well(`fragments of ${bytes} bytes are joined`, "RFC 6455 5.4", [
      binary({ fill: "random", bytes }, more),
      continuation({ fill: "ascii", bytes }, more),
      continuation({ fill: "random", bytes }),
    ]),
  ),
  well("fragments of mixed lengths are joined", "RFC 6455 5.4", [
    binary({ fill: "random", bytes: 1 }, more),
    continuation({ fill: "random", bytes: 70_000 }, more),
    continuation("", more),
    continuation({ fill: "random", bytes: 126 }, more),
    continuation({ fill: "random", bytes: 3 }),
  ]),
  well("fragmented messages follow each other, text after binary after text", "RFC 6455 5.4", [
    ...inPieces(op.TEXT, ["a", "b"]),
    ...inPieces(op.BINARY, ["c", "d", ""]),
    ...inPieces(op.TEXT, ["e", "f"]),
    text("g"),
  ]),
  ...[2, 3, 100, 1000].map((count) =>
    well(`a message in ${count} fragments is echoed`, "RFC 6455 5.4", fragments(op.BINARY, "b".repeat(count), 1)),
  ),
]);

const amid: readonly Case[] = numbered("5.2", [
  well("a ping between two fragments is answered before the message", "RFC 6455 5.4", [
    text("fragment1", more),
    ping("ping"),
    continuation("fragment2"),
  ]),
  well("the pong is not held back until the message ends", "RFC 6455 5.5.3", [
    text("fragment1", more),
    ping("ping"),
    { untilReplies: 1 },
    continuation("fragment2"),
  ]),
  well("pings between all of five fragments are answered", "RFC 6455 5.4", [
    text("1", more),
    ping("a"),
    continuation("2", more),
    ping("b"),
    continuation("3", more),
    ping("c"),
    continuation("4", more),
    ping("d"),
    continuation("5"),
  ]),
  well("pongs between fragments are ignored", "RFC 6455 5.4", [text("1", more), pong("a"), pong(), continuation("2")]),
  well("a ping of 125 bytes between fragments does not touch the message", "RFC 6455 5.4", [
    binary({ fill: "random", bytes: 300 }, more),
    ping({ fill: "random", bytes: 125 }),
    continuation({ fill: "random", bytes: 301 }),
  ]),
  well("a ping between two empty fragments is answered", "RFC 6455 5.4", [text("", more), ping("a"), continuation("")]),
  ends([1000], "a close between fragments ends the connection, and the message is never whole", "RFC 6455 5.4", [
    text("fragment1", more),
    close(1000),
    continuation("fragment2"),
  ]),
]);

const hello: Reply = { opcode: op.TEXT, payload: "Hello" };

const controls = (["ping", "pong", "close"] as const).flatMap((name) => {
  const opcode = { ping: op.PING, pong: op.PONG, close: op.CLOSE }[name];
  const payload = name === "close" ? Buffer.from([3, 232]) : "frag";
  return [
    ends(1002, `a fragmented ${name} is refused`, "RFC 6455 5.5", [
      { opcode, payload, fin: false },
      continuation("ment"),
    ]),
    ends(1002, `an empty ${name} that is not final is refused`, "RFC 6455 5.5", [{ opcode, payload: "", fin: false }]),
    ends(1002, `a ${name} that is not final, amid the fragments of a message, is refused`, "RFC 6455 5.5", [
      text("Hel", more),
      { opcode, payload, fin: false },
      continuation("lo"),
    ]),
  ];
});

const disorder: readonly Case[] = numbered("5.4", [
  ...[true, false].flatMap((fin) => [
    ends(1002, `a continuation without a message is refused, fin ${fin}`, "RFC 6455 5.4", [continuation("a", { fin })]),
    ends(1002, `an empty continuation without a message is refused, fin ${fin}`, "RFC 6455 5.4", [
      continuation("", { fin }),
    ]),
    ends(
      1002,
      `a continuation after a whole message is refused, fin ${fin}`,
      "RFC 6455 5.4",
      [text("Hello"), continuation("a", { fin }), text("b")],
      [hello],
    ),
    ends(
      1002,
      `a continuation after a fragmented message has ended is refused, fin ${fin}`,
      "RFC 6455 5.4",
      [text("Hel", more), continuation("lo"), continuation("a", { fin }), text("b")],
      [hello],
    ),
    ends(
      1002,
      `a continuation after a ping is refused, fin ${fin}`,
      "RFC 6455 5.4",
      [ping("p"), continuation("a", { fin })],
      [{ opcode: op.PONG, payload: "p" }],
    ),
    ends(1002, `a text in the midst of a text is refused, fin ${fin}`, "RFC 6455 5.4", [
      text("a", more),
      text("b", { fin }),
      continuation("c"),
    ]),
    ends(1002, `a binary in the midst of a text is refused, fin ${fin}`, "RFC 6455 5.4", [
      text("a", more),
      binary("b", { fin }),
      continuation("c"),
    ]),
    ends(1002, `a text in the midst of a binary is refused, fin ${fin}`, "RFC 6455 5.4", [
      binary("a", more),
      continuation("b", more),
      text("c", { fin }),
    ]),
    ends(
      1002,
      `a new message after a first fragment and a ping is refused, fin ${fin}`,
      "RFC 6455 5.4",
      [text("a", more), ping("p"), text("b", { fin })],
      [{ opcode: op.PONG, payload: "p" }],
    ),
  ]),
  ends(1002, "a second message in the midst of the first is refused at its header", "RFC 6455 5.4", [
    text("a", more),
    text("", { announced: 100n }),
  ]),
]);

const reserved: readonly Case[] = numbered("5.5", [
  ...[1, 2, 3, 4, 5, 6, 7].map((rsv) =>
    ends(1002, `reserved bits ${rsv.toString(2)} in an empty continuation are refused`, "RFC 6455 5.2", [
      text("a", more),
      continuation("", { rsv }),
    ]),
  ),
  ...[1, 2, 4].map((rsv) =>
    ends(1002, `a continuation without a message, with reserved bits ${rsv.toString(2)}, is refused`, "RFC 6455 5.4", [
      continuation("a", { rsv }),
    ]),
  ),
]);

/** All cases of section 5. */
export const section5: readonly Case[] = [
  ...fragmented,
  ...amid,
  ...numbered("5.3", controls),
  ...disorder,
  ...reserved,
];
