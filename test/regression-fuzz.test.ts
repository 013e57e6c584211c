import { test } from "node:test";
import { hex } from "../fuzz/bytes.ts";
import { properties } from "../fuzz/properties.ts";

/** What `npm run fuzz` has found, as it printed it: a property, what was wrong, and the input that shows it. */
const finds: readonly [property: string, what: string, input: unknown][] = [
  [
    "release",
    "a reader that is released amid a message counts what it had of it into the next one, and refuses that with 1009",
    {
      server: false,
      abandoned: hex("020161"),
      stream: hex("82026161"),
      cuts: [],
      guard: hex(""),
      messageBytesMax: 2,
      fragmentsMax: 4096,
    },
  ],
  [
    "bounds",
    "findHeadEnd looks for a line feed up to the end of the array",
    { parser: "findHeadEnd", bytes: hex(""), guard: hex("00") },
  ],
  [
    "bounds",
    "ListCursor looks for a quote behind the last byte of `a;b=`",
    { parser: "ListCursor", bytes: hex("613b623d"), guard: hex("") },
  ],
];

for (const [name, what, input] of finds) {
  test(`${name}: ${what}`, () => {
    const property = properties.find((property) => property.name === name);
    if (!property) throw new Error(`there is no property ${name}`);
    property.check(input);
  });
}
