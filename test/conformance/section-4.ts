import { type Case, continuation, ends, type Frame, more, numbered, op, ping, type Reply, text } from "./cases.ts";

/** Section 4, opcodes: 3 to 7 and 11 to 15 are reserved, and fail the connection (5.2). */

const kinds: readonly [name: string, opcodes: number[]][] = [
  ["non-control", [3, 4, 5, 6, 7]],
  ["control", [11, 12, 13, 14, 15]],
];
const hello: Reply = { opcode: op.TEXT, payload: "Hello" };

const places: readonly [name: string, send: (opcode: number) => Frame[], replies: Reply[]][] = [
  ["empty", (opcode) => [{ opcode, payload: "" }], []],
  ["with a payload", (opcode) => [{ opcode, payload: "reserved" }], []],
  [
    "after a good message, with a ping behind it",
    (opcode) => [text("Hello"), { opcode, payload: "" }, ping()],
    [hello],
  ],
  ["amid fragments", (opcode) => [text("Hel", more), { opcode, payload: "x" }, continuation("lo")], []],
  ["that is not final", (opcode) => [{ opcode, payload: "x", fin: false }, continuation("y")], []],
  ["before its payload", (opcode) => [{ opcode, payload: "", announced: 100n }], []],
];

/** All cases of section 4. */
export const section4: readonly Case[] = kinds.flatMap(([kind, opcodes], i) =>
  numbered(
    `4.${i + 1}`,
    places.flatMap(([place, send, replies]) =>
      opcodes.map((opcode) =>
        ends(
          1002,
          `the reserved ${kind} opcode ${opcode}, ${place}, is refused`,
          "RFC 6455 5.2",
          send(opcode),
          replies,
        ),
      ),
    ),
  ),
);
