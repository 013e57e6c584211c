/**
 * RFC 3629, section 4, and what breaks it, after the plan of Markus Kuhn's decoder stress test. In a broken sequence
 * `!` stands before the first octet that no valid text can have there; without one the text ends within a character.
 */

/** Octets that are not UTF-8, under a heading. */
export const invalid: Readonly<Record<string, readonly string[]>> = {
  "a continuation octet without a lead": ["!80", "!bf", "!80 bf", "!80 bf 80", "61 !80", "c3 a9 !80", "e2 82 ac !bf"],
  "a lead of a sequence of 5 or 6 octets": [
    "!f8 88 80 80 80",
    "!fb bf bf bf bf",
    "!fc 84 80 80 80 80",
    "!fd bf bf bf bf bf",
  ],
  "an octet that never occurs": ["!fe", "!ff", "!fe fe ff ff", "61 !ff", "!c0", "!c1", "!f5", "!f6 80 80 80", "!f7"],
  "a lead followed by another character": [
    "c2 !20",
    "df !61",
    "e0 !20",
    "e0 a0 !20",
    "ef bf !61",
    "f0 90 !20",
    "f0 90 80 !20",
    "f4 8f bf !61",
    "c2 !c2 80",
    "e2 82 !e2 82 ac",
    "f0 90 80 !f0 90 80 80",
    "c2 !7f",
    "c2 !c0",
    "e1 !7f 80",
    "e1 80 !c0",
    "f1 80 80 !7f",
    "f1 80 80 !c0",
  ],
  "an ASCII character in more octets than it needs": [
    "!c0 af",
    "!c1 81",
    "e0 !80 af",
    "f0 !80 80 af",
    "!f8 80 80 80 af",
  ],
  "the most octets that are still too many": [
    "!c1 bf",
    "e0 !9f bf",
    "f0 !8f bf bf",
    "!f8 87 bf bf bf",
    "!fc 83 bf bf bf bf",
  ],
  "NUL in more octets than it needs": ["!c0 80", "e0 !80 80", "f0 !80 80 80", "!f8 80 80 80 80", "!fc 80 80 80 80 80"],
  "half of a UTF-16 pair": ["ed !a0 80", "ed !ad bf", "ed !ae 80", "ed !af bf", "ed !b0 80", "ed !be 80", "ed !bf bf"],
  "a UTF-16 pair": [
    "ed !a0 80 ed b0 80",
    "ed !a0 80 ed bf bf",
    "ed !ad bf ed b0 80",
    "ed !af bf ed bf bf",
    "ed !b0 80 ed a0 80",
  ],
  "a character beyond U+10FFFF": [
    "f4 !90 80 80",
    "f4 !bf bf bf",
    "!f5 80 80 80",
    "!f7 bf bf bf",
    "61 62 63 f4 !90 80 80 64",
  ],
  "an error behind valid text": [
    "ce ba e1 bd b9 cf 83 ce bc ce b5 ed !a0 80 65 64 69 74 65 64",
    "ce ba e1 bd b9 cf 83 ce bc ce b5 f4 !90 80 80 65 64 69 74 65 64",
    "61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 !80 61 61 61",
  ],
  "a text that ends within a character": [
    "c2",
    "df",
    "e0",
    "e0 a0",
    "e2 82",
    "ed 9f",
    "ef bf",
    "f0",
    "f0 90",
    "f0 90 80",
    "f4 8f bf",
    "61 62 c3",
    "ce ba e1",
    "ce ba e1 bd",
    "ce ba e1 bd b9 cf",
  ],
};

/** Code points of which each is a valid text, under a heading. */
export const valid: Readonly<Record<string, readonly number[]>> = {
  "the first and last characters of 1 octet": [0x0, 0x7f],
  "the first and last characters of 2 octets": [0x80, 0x7ff],
  "the first and last characters of 3 octets": [0x800, 0xffff],
  "the first and last characters of 4 octets": [0x10000, 0x10ffff],
  "the neighbours of the surrogates": [0xd7ff, 0xe000],
  "characters at the edges of a lead octet": [
    0xbf, 0xc0, 0xfff, 0x1000, 0xcfff, 0xd000, 0x3ffff, 0x40000, 0xfffff, 0x100000,
  ],
  "byte order marks and specials": [0xfeff, 0xfff9, 0xfffa, 0xfffb, 0xfffc, 0xfffd],
  "noncharacters of the first plane": [0xfdd0, 0xfdef, 0xfffe, 0xffff],
  "noncharacters of the other planes": Array.from({ length: 16 }, (_, i) => [
    (i + 1) * 0x10000 + 0xfffe,
    (i + 1) * 0x10000 + 0xffff,
  ]).flat(),
};

/** The octets of a broken sequence, and the place of the first wrong one: the length if it is the end that is wrong. */
export function readSequence(picture: string): { octets: Buffer; wrongAt: number } {
  const parts = picture.split(" ");
  const wrong = parts.findIndex((part) => part.startsWith("!"));
  const octets = Buffer.from(parts.map((part) => Number.parseInt(part.replace("!", ""), 16)));
  return { octets, wrongAt: wrong < 0 ? octets.length : wrong };
}
