import { binary, type Case, continuation, ends, type Frame, more, numbered, ping, pong, text, well } from "./cases.ts";

/** Section 2, pings and pongs. */

const LENGTHS = [0, 1, 2, 4, 5, 124, 125];
const TOO_LONG = [126, 127, 128, 65_535, 65_536];
const TEN = Array.from({ length: 10 }, (_, i) => ping(`payload ${i}`));
const everyByte = Uint8Array.from({ length: 125 }, (_, i) => i * 2 + 5);

/** All cases of section 2. */
export const section2: readonly Case[] = [
  ...numbered("2.1", [
    ...LENGTHS.map((bytes) =>
      well(`a ping of ${bytes} bytes is answered with a pong of the same payload`, "RFC 6455 5.5.2", [
        ping({ fill: "ascii", bytes }),
      ]),
    ),
    well("a ping's payload need not be UTF-8", "RFC 6455 5.5.2", [ping(Buffer.from("00fffefdfcfb00ff", "hex"))]),
    well("a ping of 125 different bytes is answered with them", "RFC 6455 5.5.2", [ping(everyByte)]),
    ...TOO_LONG.map((bytes) =>
      ends(1002, `a ping of ${bytes} bytes is refused`, "RFC 6455 5.5", [ping({ fill: "ascii", bytes })]),
    ),
    ...TOO_LONG.map((bytes) =>
      ends(1002, `a pong of ${bytes} bytes is refused`, "RFC 6455 5.5", [pong({ fill: "ascii", bytes })]),
    ),
    ends(1002, "a ping that is too long is refused before its payload", "RFC 6455 5.5", [
      ping("", { announced: 126n }),
    ]),
  ]),
  ...numbered("2.2", [
    well("an unsolicited pong without payload is ignored", "RFC 6455 5.5.3", [pong()]),
    well("an unsolicited pong with payload is ignored", "RFC 6455 5.5.3", [pong("unsolicited")]),
    well("an unsolicited pong of 125 bytes is ignored", "RFC 6455 5.5.3", [pong(everyByte)]),
    well("a ping after an unsolicited pong is answered", "RFC 6455 5.5.3", [pong("unsolicited"), ping("ping")]),
    well("a pong that repeats a ping's payload is ignored all the same", "RFC 6455 5.5.3", [ping("a"), pong("a")]),
    well("a message after unsolicited pongs is echoed", "RFC 6455 5.5.3", [pong(), pong("b"), text("c"), pong("d")]),
  ]),
  ...numbered("2.3", [
    well("ten pings are answered each, in order", "RFC 6455 5.5.2", TEN),
    well("ten pings, each sent after the last one's pong, are answered", "RFC 6455 5.5.2", [
      ...TEN.flatMap((frame, i) => [frame, { untilReplies: i + 1 }]),
    ]),
    well("pings between messages are answered in their turn", "RFC 6455 5.5.2", [
      text("one"),
      ping("1"),
      binary("two"),
      ping("2"),
      ping(""),
      text(""),
    ]),
    well("fifty pings in one write are answered each", "RFC 6455 5.5.2", pings(50)),
    well("a ping before the first fragment, in the midst, and after the last is answered", "RFC 6455 5.4", [
      ping("before"),
      text("Hel", more),
      ping("amidst"),
      continuation("lo"),
      ping("after"),
    ]),
  ]),
];

function pings(count: number): Frame[] {
  return Array.from({ length: count }, (_, i) => ping(`${i}`));
}
