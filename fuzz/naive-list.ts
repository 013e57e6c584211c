/** RFC 9110, section 5.6, and RFC 6455, section 9.1, with RegExps on a string: what ListCursor is compared with. */

/** An element of a list. */
export interface NaiveElement {
  readonly item: string;
  /** Names and unquoted values; undefined for a parameter without one. */
  readonly parameters: readonly (readonly [name: string, value: string | undefined])[];
}

/** The elements up to the first that is malformed, and whether there is one. */
export interface NaiveList {
  readonly elements: readonly NaiveElement[];
  readonly malformed: boolean;
}

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const QUOTED = '"((?:[\\t\\x20\\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t\\x20-\\x7e\\x80-\\xff])*)"';
const PARAMETER = `[\\t ]*;[\\t ]*(${TOKEN})(?:=(?:(${TOKEN})|${QUOTED}))?`;
const element = new RegExp(`^(${TOKEN})((?:${PARAMETER})*)[\\t ]*(?:,|$)`);

/** What the value of a header says that is a list. */
export function naiveList(value: string): NaiveList {
  const elements: NaiveElement[] = [];
  for (let rest = value; ; ) {
    rest = rest.replace(/^[\t ,]+/, "");
    if (rest === "") return { elements, malformed: false };
    const match = element.exec(rest);
    if (!match) return { elements, malformed: true };
    const [all, item = "", parameters = ""] = match;
    elements.push({ item, parameters: Array.from(parameters.matchAll(new RegExp(PARAMETER, "g")), parameterOf) });
    rest = rest.slice(all.length);
  }
}

function parameterOf([, name = "", token, quoted]: RegExpMatchArray): readonly [string, string | undefined] {
  return [name, token ?? quoted?.replace(/\\([\s\S])/g, "$1")];
}
