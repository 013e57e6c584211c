import {
  binary,
  type Case,
  continuation,
  ends,
  fragments,
  inPieces,
  more,
  numbered,
  op,
  ping,
  type Reply,
  text,
  type Unnumbered,
  well,
} from "./cases.ts";
import { invalid, readSequence, valid } from "./utf8-sequences.ts";

/** Section 6, UTF-8 (8.1): texts are judged over their fragments, and refused at the octet that breaks them. */

const KOSME = Buffer.from("Hello-µ@ßöäüàá-κόσμε-€-𝄞");

const empties: readonly Case[] = numbered("6.1", [
  well("an empty text is valid", "RFC 6455 5.6", [text("")]),
  well("a text of three empty fragments is valid", "RFC 6455 5.6", inPieces(op.TEXT, ["", "", ""])),
  well("a text with empty fragments around is valid", "RFC 6455 5.6", inPieces(op.TEXT, ["", "κόσμε", ""])),
  well(
    "empty fragments within a character are valid",
    "RFC 6455 5.6",
    inPieces(op.TEXT, [Buffer.from("e2", "hex"), "", "", Buffer.from("82ac", "hex")]),
  ),
]);

const cuts: readonly Case[] = numbered("6.2", [
  well("a text of characters of 1 to 4 octets is echoed", "RFC 6455 5.6", [text(KOSME)]),
  well("the same in fragments of one octet", "RFC 6455 5.6", fragments(op.TEXT, KOSME, 1)),
  well("the same in fragments of whole characters", "RFC 6455 5.6", inPieces(op.TEXT, [...KOSME.toString()])),
  ...Array.from({ length: KOSME.length - 1 }, (_, i) =>
    well(
      `the same in two fragments cut behind octet ${i + 1}`,
      "RFC 6455 5.6",
      inPieces(op.TEXT, [KOSME.subarray(0, i + 1), KOSME.subarray(i + 1)]),
    ),
  ),
  well("a ping within a character does not touch the text", "RFC 6455 5.4", [
    text(Buffer.from("f09d", "hex"), more),
    ping(Buffer.from("ff80", "hex")),
    continuation(Buffer.from("849e", "hex")),
  ]),
  ...[125, 126, 65_535, 65_536].map((bytes) =>
    well(`a text of ${bytes} octets of many alphabets is echoed`, "RFC 6455 5.6", [text({ fill: "unicode", bytes })]),
  ),
  well("a character at the end of a fragment of 65,536 octets may go on in the next", "RFC 6455 5.6", [
    text(Buffer.concat([Buffer.alloc(65_534, "a"), Buffer.from("f09d", "hex")]), more),
    continuation(Buffer.from("849e", "hex")),
  ]),
]);

const spoilt = Buffer.concat([Buffer.from("κόσμε"), Buffer.from("eda080", "hex"), Buffer.from("edited")]);

const fragmented: readonly Case[] = numbered("6.3", [
  ends(1007, "a text with half of a pair in it is refused", "RFC 6455 8.1", [text(spoilt)]),
  ends(1007, "the same in fragments of one octet", "RFC 6455 8.1", fragments(op.TEXT, spoilt, 1)),
  ends(1007, "a character may not begin in one message and end in the next", "RFC 6455 8.1", [
    text(Buffer.from("e282", "hex")),
    text(Buffer.from("ac", "hex")),
  ]),
  ends(1007, "the last fragment, being empty, does not complete a character", "RFC 6455 8.1", [
    text(Buffer.from("e282", "hex"), more),
    continuation(""),
  ]),
  ends(1007, "a character that the next fragment does not go on with is refused", "RFC 6455 8.1", [
    text(Buffer.from("e282", "hex"), more),
    continuation("a"),
  ]),
  well("binary in fragments is not judged as text", "RFC 6455 5.6", fragments(op.BINARY, spoilt, 1)),
  well("binary between texts is not judged as text", "RFC 6455 5.6", [text("κόσμε"), binary(spoilt), text("κόσμε")]),
  ends(
    1007,
    "a broken text behind a good one is refused, and what follows it is not looked at",
    "RFC 6455 7.1.7",
    [text("good"), text(spoilt), text("after"), ping()],
    [{ opcode: op.TEXT, payload: "good" }],
  ),
  ends(1007, "a broken octet at the end of a text of 65,536 octets is refused", "RFC 6455 8.1", [
    text(Buffer.concat([Buffer.alloc(65_535, "a"), Buffer.from("ff", "hex")])),
  ]),
]);

/** What can be asked with a broken text: at once, in fragments, and with the end held back. */
function failFast(picture: string): Unnumbered[] {
  const { octets, wrongAt } = readSequence(picture);
  if (wrongAt === octets.length) return [];
  const sent = octets.subarray(0, wrongAt + 1);
  const rest = octets.subarray(wrongAt + 1);
  return [
    ends(
      1007,
      `${picture}: a fragment that ends with the wrong octet is refused, no final one needed`,
      "RFC 6455 8.1",
      [text(sent, more)],
      [],
      {
        rest: [continuation(rest)],
      },
    ),
    ends(
      1007,
      `${picture}: a frame of which no more has come than the wrong octet is refused`,
      "RFC 6455 8.1",
      [text(sent, { announced: BigInt(sent.length + 4) })],
      [],
      { rest: [{ octets: Buffer.alloc(4) }] },
    ),
  ];
}

function broken(heading: string, picture: string): Unnumbered[] {
  const { octets } = readSequence(picture);
  return [
    ends(1007, `${picture}: ${heading} is refused`, "RFC 3629 4", [text(octets)]),
    ends(1007, `${picture}: ${heading} is refused in fragments of one octet`, "RFC 3629 4", [
      ...fragments(op.TEXT, octets, 1),
    ]),
  ];
}

function fine(heading: string, point: number): Unnumbered {
  const name = `U+${point.toString(16).toUpperCase().padStart(4, "0")}`;
  const bytes = Buffer.from(String.fromCodePoint(point));
  return well(`${name}, of ${heading}, is valid, alone, amid text and in fragments`, "RFC 3629 4", [
    text(bytes),
    text(Buffer.concat([Buffer.from("hello"), bytes, Buffer.from("world"), bytes])),
    ...fragments(op.TEXT, bytes, 1),
  ]);
}

const pictures = Object.entries(invalid).flatMap(([heading, list]) => list.map((picture) => ({ heading, picture })));

const ok: Reply = { opcode: op.TEXT, payload: "κόσμε" };

/** All cases of section 6. */
export const section6: readonly Case[] = [
  ...empties,
  ...cuts,
  ...fragmented,
  ...numbered(
    "6.4",
    pictures.flatMap(({ picture }) => failFast(picture)),
  ),
  ...Object.entries(valid).flatMap(([heading, points], i) =>
    numbered(
      `6.${i + 5}`,
      points.map((point) => fine(heading, point)),
    ),
  ),
  ...Object.entries(invalid).flatMap(([heading, list], i) =>
    numbered(
      `6.${i + 5 + Object.keys(valid).length}`,
      list.flatMap((picture) => broken(heading, picture)),
    ),
  ),
  ...numbered("6.40", [
    ends(1007, "text is judged anew in each message", "RFC 6455 8.1", [text("κόσμε"), text(spoilt)], [ok]),
  ]),
];
