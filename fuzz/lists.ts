import fc from "fast-check";
import { latin1, mutated, text } from "./bytes.ts";

/** Values of headers that are lists, right and wrong in a few places; offers of permessage-deflate among them. */

const tokens = fc.oneof(
  fc.string({ unit: fc.constantFrom(..."!#$%&'*+-.^_`|~09AZaz"), minLength: 1, maxLength: 4 }),
  fc.constantFrom("chat", "permessage-deflate", "Permessage-Deflate", "x-webkit-deflate-frame"),
);
const quoted = fc
  .array(fc.constantFrom("a", "1", " ", "\t", ",", ";", "=", "\\a", '\\"', "\\\\", "\x80", "é"), { maxLength: 4 })
  .map((parts) => `"${parts.join("")}"`);
const bits = fc.constantFrom(
  "",
  "=8",
  "=9",
  "=10",
  "=15",
  "=7",
  "=16",
  "=08",
  "=1",
  '="10"',
  "=0",
  "=+9",
  "=1O",
  '=":"',
);
const ofDeflate = fc.oneof(
  fc.constantFrom("server_no_context_takeover", "client_no_context_takeover", "Client_No_Context_Takeover"),
  fc.tuple(fc.constantFrom("server_max_window_bits", "client_max_window_bits"), bits).map((parts) => parts.join("")),
);
const parameters = fc.oneof(
  { weight: 3, arbitrary: ofDeflate },
  tokens,
  fc.tuple(tokens, fc.oneof(tokens, quoted)).map((parts) => parts.join("=")),
);
const blanks = fc.constantFrom("", "", " ", " \t");
const elements = fc
  .tuple(
    fc.oneof(fc.constant("permessage-deflate"), tokens),
    fc.array(fc.tuple(blanks, blanks, parameters), { maxLength: 4 }),
  )
  .map(([item, list]) => item + list.map(([before, behind, parameter]) => `${before};${behind}${parameter}`).join(""));
const separators = fc.constantFrom(", ", ",", " ,\t", ", ,", ",,");

/** Lists of tokens with parameters. */
export const rightLists: fc.Arbitrary<string> = fc
  .array(fc.tuple(elements, separators), { maxLength: 4 })
  .map((list) => list.flat().slice(0, -1).join(""));

/** These and what is nearly one, in Latin-1. */
export const anyLists: fc.Arbitrary<string> = fc
  .oneof(
    rightLists.map(latin1),
    mutated(rightLists.map(latin1), 2),
    fc.string({ unit: fc.constantFrom(...'a=;, \t"\\'), maxLength: 12 }).map(latin1),
  )
  .map(text);
