import {
  binary,
  type Case,
  close,
  continuation,
  ends,
  type Frame,
  more,
  numbered,
  op,
  ping,
  pong,
  type Reply,
  text,
} from "./cases.ts";

/** Section 3, reserved bits: on a connection without extensions each of them, anywhere, fails the connection (5.2). */

const BITS = [1, 2, 3, 4, 5, 6, 7];
const hello: Reply = { opcode: op.TEXT, payload: "Hello" };
const one: Reply = { opcode: op.PONG, payload: "1" };

/** Where the bits are set; what follows the frame must not be looked at any more. */
const places: readonly [name: string, send: (rsv: number) => Frame[], replies: Reply[]][] = [
  ["a text", (rsv) => [text("Hello", { rsv })], []],
  ["an empty text", (rsv) => [text("", { rsv })], []],
  ["a binary", (rsv) => [binary("Hello", { rsv })], []],
  ["a ping", (rsv) => [ping("Hello", { rsv })], []],
  ["a pong", (rsv) => [pong("Hello", { rsv })], []],
  ["a close", (rsv) => [close(1000, "", { rsv })], []],
  ["a first fragment", (rsv) => [text("Hel", { fin: false, rsv }), continuation("lo")], []],
  ["a middle fragment", (rsv) => [text("H", more), continuation("el", { fin: false, rsv }), continuation("lo")], []],
  ["a last fragment", (rsv) => [text("Hel", more), continuation("lo", { rsv })], []],
  ["a ping amid fragments", (rsv) => [text("Hel", more), ping("1", { rsv }), continuation("lo")], []],
  ["a text after a good one", (rsv) => [text("Hello"), text("again", { rsv }), ping("1")], [hello]],
  ["a binary after a good message and ping", (rsv) => [text("Hello"), ping("1"), binary("", { rsv })], [hello, one]],
];

/** All cases of section 3. */
export const section3: readonly Case[] = places.flatMap(([name, send, replies], i) =>
  numbered(
    `3.${i + 1}`,
    BITS.map((rsv) =>
      ends(1002, `${name} with the reserved bits ${bits(rsv)} is refused`, "RFC 6455 5.2", send(rsv), replies),
    ),
  ),
);

function bits(rsv: number): string {
  return rsv.toString(2).padStart(3, "0");
}
