import {
  type Case,
  close,
  continuation,
  ends,
  type Frame,
  more,
  numbered,
  op,
  ping,
  type Reply,
  text,
  type Unnumbered,
} from "./cases.ts";

/** Section 7, the closing handshake (5.5.1, 7.1, 7.4). */

const hello: Reply = { opcode: op.TEXT, payload: "Hello" };

const order: readonly Case[] = numbered("7.1", [
  ends(1000, "a message before the close is echoed before it", "RFC 6455 5.5.1", [text("Hello"), close(1000)], [hello]),
  ends(1000, "a close on a connection that was never used is answered", "RFC 6455 5.5.1", [close(1000)]),
  ends(1000, "a second close frame is ignored", "RFC 6455 1.4", [close(1000), close(1001)]),
  ends(1000, "a ping after the close is not answered", "RFC 6455 5.5.2", [close(1000), ping("late")]),
  ends(1000, "a text after the close is ignored", "RFC 6455 5.5.1", [close(1000), text("late")]),
  ends(1000, "what breaks the rules after the close is ignored", "RFC 6455 5.5.1", [
    close(1000),
    { opcode: 11, payload: "late", rsv: 7 },
  ]),
  ends(1000, "a continuation after the close of a fragmented message is ignored", "RFC 6455 5.5.1", [
    text("Hel", more),
    close(1000),
    continuation("lo"),
  ]),
  ends(1000, "octets that are no frame are ignored after the close", "RFC 6455 5.5.1", [
    close(1000),
    { octets: Buffer.alloc(1000, 0xff) },
  ]),
  ends(
    1000,
    "a message of 256 KiB before the close, and a ping behind it: the message is echoed",
    "RFC 6455 5.5.1",
    [text({ fill: "ascii", bytes: 262_144 }), text("Hello"), close(1000), ping("late")],
    [{ opcode: op.TEXT, payload: { fill: "ascii", bytes: 262_144 } }, hello],
  ),
  ends(
    1000,
    "a ping before the close is answered before it",
    "RFC 6455 5.5.2",
    [ping("a"), close(1000)],
    [{ opcode: op.PONG, payload: "a" }],
  ),
]);

const structure: readonly Case[] = numbered("7.3", [
  ends(1005, "an empty close frame is answered with an empty one", "RFC 6455 5.5.1", [close()]),
  ends(1002, "a close frame of one octet is refused", "RFC 6455 5.5.1", [{ opcode: op.CLOSE, payload: "\x03" }]),
  ends(1000, "a close with a code and no reason is answered", "RFC 6455 5.5.1", [close(1000)]),
  ...[1, 2, 121, 122, 123].map((bytes) =>
    ends(1000, `a close with a reason of ${bytes} octets is answered`, "RFC 6455 5.5.1", [
      close(1000, { fill: "ascii", bytes }),
    ]),
  ),
  ...[124, 125, 126, 65_534].map((bytes) =>
    ends(1002, `a close with a reason of ${bytes} octets is refused`, "RFC 6455 5.5", [
      close(1000, { fill: "ascii", bytes }),
    ]),
  ),
  ends(1002, "a close frame of one octet is refused, although what follows it would make a code", "RFC 6455 5.5.1", [
    { opcode: op.CLOSE, payload: "\x03" },
    { octets: Buffer.from([0xe8, 0xe8]) },
  ]),
]);

const reasons: readonly Case[] = numbered("7.5", [
  ends(1000, "a reason of many alphabets is allowed", "RFC 6455 5.5.1", [close(1000, "Hello-µ@ßöäüàá-κόσμε-𝄞")]),
  ends(1000, "a reason of 123 octets of many alphabets is allowed", "RFC 6455 5.5.1", [
    close(1000, { fill: "unicode", bytes: 123 }),
  ]),
  ends(1000, "a reason that holds NUL is allowed", "RFC 6455 5.5.1", [close(1000, "a\0b")]),
  ...["80", "c2", "c080", "eda080", "f4908080", "e282", "ff", `${"61".repeat(122)}c3`].map((hex) =>
    ends(1007, `a reason of the octets ${hex.slice(-8)} is not UTF-8 and is refused`, "RFC 6455 8.1", [
      close(1000, Buffer.from(hex, "hex")),
    ]),
  ),
]);

const ALLOWED = [
  1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3001, 3999, 4000, 4001, 4999,
];
const FORBIDDEN = [0, 1, 500, 998, 999, 1004, 1005, 1006, 1015, 1016, 1099, 1100, 1999, 2000, 2998, 2999];
const UNDEFINED = [5000, 5001, 10_000, 32_768, 65_534, 65_535];

function codes(): Case[] {
  const withReason = (code: number): [string, Frame][] => [
    ["without a reason", close(code)],
    ["with a reason", close(code, "reason")],
  ];
  const of = (list: readonly number[], make: (code: number, how: string, frame: Frame) => Unnumbered) =>
    list.flatMap((code) => withReason(code).map(([how, frame]) => make(code, how, frame)));
  return [
    ...numbered(
      "7.7",
      of(ALLOWED, (code, how, frame) =>
        ends(code, `the close code ${code}, ${how}, is answered with itself`, "RFC 6455 5.5.1", [frame]),
      ),
    ),
    ...numbered(
      "7.9",
      of(FORBIDDEN, (code, how, frame) =>
        ends(1002, `the close code ${code}, ${how}, may not be sent and is refused`, "RFC 6455 7.4.2", [frame]),
      ),
    ),
    ...numbered(
      "7.13",
      of(UNDEFINED, (code, how, frame) =>
        ends(1002, `the close code ${code}, ${how}, belongs to no range and is refused`, "RFC 6455 7.4.2", [frame]),
      ),
    ),
  ];
}

/** All cases of section 7. */
export const section7: readonly Case[] = [...order, ...structure, ...reasons, ...codes()];
