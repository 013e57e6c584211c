import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HandshakeError } from "../src/errors.ts";
import { ascii, CookieCursor, cookie, ListCursor, unquote } from "../src/ws/index.ts";

function latin1(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "latin1"));
}

type Parameter = readonly [name: string, value?: string];
type Element = readonly [token: string, ...parameters: Parameter[]];

/** What the cursor says of a list; around it stand bytes that would change its meaning if they were looked at. */
function list(text: string): Element[] {
  const bytes = latin1(`a;b="${text}",";`);
  const cursor = new ListCursor();
  cursor.start(bytes, 5, 5 + text.length);
  const elements: Element[] = [];
  while (cursor.next()) {
    const parameters: Parameter[] = [];
    const token = ascii(bytes, cursor.itemFrom, cursor.itemTo);
    while (cursor.nextParameter()) {
      const { nameFrom, nameTo, valueFrom, valueTo, quoted } = cursor;
      const name = ascii(bytes, nameFrom, nameTo);
      const read = quoted ? unquote : ascii;
      parameters.push(valueFrom < 0 ? [name] : [name, read(bytes, valueFrom, valueTo)]);
    }
    elements.push([token, ...parameters]);
  }
  assert.equal(cursor.next(), false, "a list that is over stays over");
  assert.equal(cursor.nextParameter(), false);
  return elements;
}

function refused(work: () => unknown, what: string): void {
  assert.throws(work, (error) => error instanceof HandshakeError && error.status === 400, what);
}

// ---- Lists ----------------------------------------------------------------------------------------------------------------

for (const [text, ...elements] of [
  [""],
  [" \t"],
  [","],
  [" , ,\t,"],
  ["chat", ["chat"]],
  ["chat, superchat", ["chat"], ["superchat"]],
  ["chat,superchat", ["chat"], ["superchat"]],
  [",, chat\t, ,superchat ,", ["chat"], ["superchat"]],
  ["!#$%&'*+-.^_`|~09AZaz", ["!#$%&'*+-.^_`|~09AZaz"]],
  ["permessage-deflate", ["permessage-deflate"]],
  ["permessage-deflate; client_max_window_bits", ["permessage-deflate", ["client_max_window_bits"]]],
  ["permessage-deflate;client_max_window_bits=10", ["permessage-deflate", ["client_max_window_bits", "10"]]],
  ['permessage-deflate\t;  client_max_window_bits="10"', ["permessage-deflate", ["client_max_window_bits", "10"]]],
  ["a; b; c=1; d, e; b, f", ["a", ["b"], ["c", "1"], ["d"]], ["e", ["b"]], ["f"]],
  ["a; b, a; b", ["a", ["b"]], ["a", ["b"]]],
  ['a; b=""', ["a", ["b", ""]]],
  ['a; b="c, d; e"; f="=", g', ["a", ["b", "c, d; e"], ["f", "="]], ["g"]],
  ['a; b="\\"\\\\\\c"', ["a", ["b", '"\\c']]],
  ['a; b="\t \x80\xff\\\xff"', ["a", ["b", "\t \x80\xff\xff"]]],
] as readonly (readonly [string, ...Element[]])[]) {
  test(`ListCursor reads ${JSON.stringify(text)}`, () => assert.deepEqual(list(text), elements));
}

for (const text of [
  "a b",
  "a/b",
  "a; b c",
  "a;",
  "a; ",
  "a;,b",
  "a;; b",
  "; a",
  "a; =b",
  "a; b=",
  "a; b=, c",
  "a; b =c",
  "a; b= c",
  'a; b= "c"',
  "a=b",
  '"a"',
  '"a',
  'a; "b"',
  'a; b="',
  'a; b="c',
  'a; b="c\\"',
  'a; b="c"d',
  'a; b="c" d',
  'a; b="c\0"',
  'a; b="\\\n"',
  'a; b="\x7f"',
  "a; b=c=d",
  "a; b=c\\d",
  "a\0",
  "\xe4",
  "a, b(c)",
]) {
  test(`ListCursor refuses ${JSON.stringify(text)} with 400, and is over then`, () => {
    refused(() => list(text), text);
    const bytes = latin1(text);
    const cursor = new ListCursor();
    cursor.start(bytes, 0, bytes.length);
    refused(() => {
      while (cursor.next());
    }, "parameters that nobody asks for are judged too");
    assert.equal(cursor.next(), false);
    assert.equal(cursor.nextParameter(), false);
  });
}

test("ListCursor passes over the parameters that nobody asks for", () => {
  const bytes = latin1('a; b="c, d"; e, f; g, h');
  const cursor = new ListCursor();
  cursor.start(bytes, 0, bytes.length);
  assert.equal(cursor.nextParameter(), false, "there is no element yet");
  const items: string[] = [];
  while (cursor.next()) items.push(ascii(bytes, cursor.itemFrom, cursor.itemTo));
  assert.deepEqual(items, ["a", "f", "h"]);
});

test("ListCursor begins anew with another list, in the midst of one", () => {
  const cursor = new ListCursor();
  const [first, second] = [latin1("a; b=c; d, e"), latin1("f, g; h")];
  cursor.start(first, 0, first.length);
  assert.ok(cursor.next() && cursor.nextParameter());
  cursor.start(second, 0, second.length);
  assert.equal(cursor.nextParameter(), false);
  assert.ok(cursor.next());
  assert.equal(ascii(second, cursor.itemFrom, cursor.itemTo), "f");
  assert.equal(cursor.nextParameter(), false);
  assert.ok(cursor.next() && cursor.nextParameter());
  assert.deepEqual([cursor.valueFrom, cursor.valueTo, cursor.quoted], [-1, -1, false]);
});

test("ListCursor.nextToken gives the tokens of a list, and refuses one with parameters", () => {
  const bytes = latin1(",chat , superchat");
  const cursor = new ListCursor();
  cursor.start(bytes, 0, bytes.length);
  const tokens: string[] = [];
  while (cursor.nextToken()) tokens.push(ascii(bytes, cursor.itemFrom, cursor.itemTo));
  assert.deepEqual(tokens, ["chat", "superchat"]);
  const other = latin1("chat; version=2, superchat");
  cursor.start(other, 0, other.length);
  refused(() => cursor.nextToken(), "a parameter");
  assert.equal(cursor.nextToken(), false);
});

/** The grammar of RFC 9110, 5.6, as expressions; what a list says, undefined when it is malformed. */
const T = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const Q = '"(?:[\\t !#-\\[\\]-~\\x80-\\xff]|\\\\[\\t -~\\x80-\\xff])*"';
const PARAMETER = `[\\t ]*;[\\t ]*(${T})(?:=(${T}|${Q}))?`;
function naiveList(text: string): Element[] | undefined {
  const elements: Element[] = [];
  const element = new RegExp(`^(${T})((?:${PARAMETER})*)[\\t ]*(?=,|$)`);
  for (let rest = text.replace(/^[\t ,]+/, ""); rest !== ""; rest = rest.replace(/^[\t ,]+/, "")) {
    const match = element.exec(rest);
    if (!match) return undefined;
    const parameters = Array.from((match[2] as string).matchAll(new RegExp(PARAMETER, "g")), ([, name, value]) => {
      if (value === undefined) return [name as string] as const;
      const isQuoted = value.startsWith('"');
      return [name as string, isQuoted ? value.slice(1, -1).replace(/\\(.)/g, "$1") : value] as const;
    });
    elements.push([match[1] as string, ...parameters]);
    rest = rest.slice(match[0].length);
  }
  return elements;
}

const token = fc.string({ unit: fc.constantFrom(..."!*-.^_`|~09AZaz"), minLength: 1, maxLength: 6 });
const blanks = fc.constantFrom("", "", " ", "\t", " \t ");
const quoted = fc
  .array(fc.constantFrom(...'ab ,;=\t\x80\xff"\\'), { maxLength: 8 })
  .map((characters) => `"${characters.map((c) => (c === '"' || c === "\\" ? `\\${c}` : c)).join("")}"`);
const parameter = fc
  .tuple(blanks, blanks, token, fc.option(fc.oneof(token, quoted)))
  .map(([before, after, name, value]) => `${before};${after}${name}${value === null ? "" : `=${value}`}`);
const element = fc
  .tuple(blanks, token, fc.array(parameter, { maxLength: 4 }), blanks)
  .map(([before, token, parameters, after]) => `${before}${token}${parameters.join("")}${after}`);
const lists = fc
  .array(fc.oneof({ weight: 4, arbitrary: element }, { weight: 1, arbitrary: blanks }), { maxLength: 6 })
  .map((elements) => elements.join(","));

/** A text with up to three of its characters replaced, left out or added to. */
function mutated(texts: fc.Arbitrary<string>, pieces: string): fc.Arbitrary<string> {
  const change = fc.tuple(fc.nat(), fc.nat(2), fc.constantFrom("", ...pieces));
  return fc.tuple(texts, fc.array(change, { maxLength: 3 })).map(([text, changes]) =>
    changes.reduce((text, [where, count, piece]) => {
      const at = where % (text.length + 1);
      return text.slice(0, at) + piece + text.slice(at + count);
    }, text),
  );
}

/** Every cut of a text: its beginnings and its ends. */
function* cuts(text: string): Generator<string> {
  for (let at = 0; at <= text.length; at++) {
    yield text.slice(0, at);
    yield text.slice(at);
  }
}

function judged(text: string): Element[] | undefined {
  try {
    return list(text);
  } catch (error) {
    assert.ok(error instanceof HandshakeError && error.status === 400, String(error));
    return undefined;
  }
}

test("ListCursor says of well-formed lists what the grammar says", () => {
  fc.assert(
    fc.property(lists, (text) => {
      const naive = naiveList(text);
      assert.ok(naive, `the generator and the oracle differ: ${JSON.stringify(text)}`);
      assert.deepEqual(list(text), naive);
    }),
    { numRuns: 1000 },
  );
});

test("ListCursor takes of mutated lists, in every cut, exactly those that the grammar takes", () => {
  fc.assert(
    fc.property(mutated(lists, ',;="\\ \ta\0\x80/'), (text) => {
      for (const part of cuts(text)) assert.deepEqual(judged(part), naiveList(part), JSON.stringify(part));
    }),
    { numRuns: 1000 },
  );
});

test("ListCursor ends on any bytes: each next uses up at least one", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.infiniteStream(fc.boolean()), (bytes, choices) => {
      const cursor = new ListCursor();
      cursor.start(bytes, 0, bytes.length);
      let steps = 0;
      try {
        for (;;) {
          steps++;
          const goesOn = choices.next().value ? cursor.next() : cursor.nextParameter() || cursor.next();
          if (!goesOn) break;
        }
      } catch (error) {
        assert.ok(error instanceof HandshakeError);
        assert.equal(cursor.next(), false);
      }
      assert.ok(steps <= bytes.length + 1, `${steps} steps for ${bytes.length} bytes`);
    }),
    { numRuns: 2000 },
  );
});

// ---- Cookies --------------------------------------------------------------------------------------------------------------

function cookies(text: string): [string, string][] {
  const bytes = latin1(`a=b${text}; c=d`);
  const cursor = new CookieCursor();
  cursor.start(bytes, 3, 3 + text.length);
  const pairs: [string, string][] = [];
  while (cursor.next()) {
    const { nameFrom, nameTo, valueFrom, valueTo } = cursor;
    pairs.push([ascii(bytes, nameFrom, nameTo), ascii(bytes, valueFrom, valueTo)]);
  }
  assert.equal(cursor.next(), false);
  return pairs;
}

for (const [text, ...pairs] of [
  [""],
  [";"],
  ["; ; "],
  ["SID=31d4d96e407aad42", ["SID", "31d4d96e407aad42"]],
  ["SID=31d4d96e407aad42; lang=en-US", ["SID", "31d4d96e407aad42"], ["lang", "en-US"]],
  ["a=1;b=2", ["a", "1"], ["b", "2"]],
  ["a=1 ;\tb=2\t", ["a", "1"], ["b", "2"]],
  [" a = 1 ", ["a", "1"]],
  ["a=1;;b=2;", ["a", "1"], ["b", "2"]],
  ["a=1; a=2", ["a", "1"], ["a", "2"]],
  ["a=; b=2", ["a", ""], ["b", "2"]],
  ["a; b=2", ["b", "2"]],
  ["=1; b=2", ["b", "2"]],
  [" =1; b=2", ["b", "2"]],
  ["a=b=c", ["a", "b=c"]],
  ['a="1"', ["a", "1"]],
  ['a=""', ["a", ""]],
  ['a="', ["a", '"']],
  ['a="1', ["a", '"1']],
  ['a=1"', ["a", '1"']],
  ['a="1;2"', ["a", '"1']],
  ['a={"b":1, "c":[2]}', ["a", '{"b":1, "c":[2]}']],
  ["a=\xe4\x80; b=2", ["a", "\xe4\x80"], ["b", "2"]],
  ["a/b@c=1", ["a/b@c", "1"]],
] as readonly (readonly [string, ...(readonly [string, string])[]])[]) {
  test(`CookieCursor reads ${JSON.stringify(text)}`, () => assert.deepEqual(cookies(text), pairs));
}

function naiveCookies(text: string): [string, string][] {
  const trim = (part: string) => part.replace(/^[\t ]+|[\t ]+$/g, "");
  return text.split(";").flatMap((pair): [string, string][] => {
    const at = pair.indexOf("=");
    const name = trim(pair.slice(0, Math.max(0, at)));
    if (name === "") return [];
    const value = trim(pair.slice(at + 1));
    return [[name, value.length > 1 && value.startsWith(`"`) && value.endsWith(`"`) ? value.slice(1, -1) : value]];
  });
}

const cookieHeaders = fc.string({ unit: fc.constantFrom(...'ab=;" \t,\x80'), maxLength: 30 });

test("CookieCursor says of any text, in every cut, what splitting it says", () => {
  fc.assert(
    fc.property(cookieHeaders, (text) => {
      for (const part of cuts(text)) assert.deepEqual(cookies(part), naiveCookies(part), JSON.stringify(part));
    }),
    { numRuns: 1000 },
  );
});

test("cookie gives the value of the first cookie of a name", () => {
  const bytes = latin1('x=0; sid="12 3"; SID=4; sid=5; sidecar=6; e=');
  const of = (name: string) => cookie(bytes, 0, bytes.length, name);
  assert.deepEqual(
    [of("sid"), of("SID"), of("sidecar"), of("e"), of("side"), of("")],
    ["12 3", "4", "6", "", undefined, undefined],
  );
  assert.equal(cookie(bytes, 5, bytes.length, "x"), undefined, "what lies before is not looked at");
  assert.equal(cookie(bytes, 0, 3, "sid"), undefined, "nor what lies behind");
});

test("cookie agrees with the first pair of that name", () => {
  fc.assert(
    fc.property(cookieHeaders, fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 3 }), (text, name) => {
      const naive = naiveCookies(text).find(([other]) => other === name)?.[1];
      assert.equal(cookie(latin1(text), 0, text.length, name), naive);
    }),
    { numRuns: 1000 },
  );
});
