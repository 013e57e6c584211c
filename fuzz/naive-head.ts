import { limits } from "../src/limits.ts";

/** RFC 9112, sections 2 to 5, on a string and line by line: what readHead is compared with. */

/** A head that is whole. */
export interface NaiveHead {
  readonly size: number;
  readonly method: string;
  readonly target: string;
  readonly minor: number;
  /** Names as they came, and values without the white space around. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** What a text that may be a head is: whole, refused with one of these statuses, or in need of more. */
export type NaiveVerdict =
  | { readonly head: NaiveHead }
  | { readonly statuses: readonly number[]; readonly more: boolean };

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const TARGET = "[\\x21\\x22\\x24-\\x7e\\x80-\\xff]+";
const requestLine = new RegExp(`^(${TOKEN}) (${TARGET}) HTTP/1\\.(\\d)$`);
const otherVersion = new RegExp(`^${TOKEN} ${TARGET} HTTP/(?!1\\.)`);
const headerLine = new RegExp(`^(${TOKEN}):[\\t ]*([\\t\\x20-\\x7e\\x80-\\xff]*?)[\\t ]*$`);
const requestLineBegins = new RegExp(
  `^(?:${TOKEN}(?: (?:${TARGET}(?: (?:H|HT|HTT|HTTP|HTTP/|HTTP/1|HTTP/1\\.|HTTP/1\\.\\d\\r?)?)?)?)?)?$`,
);
const headerLineBegins = new RegExp(`^(?:\\r|${TOKEN}(?::[\\t\\x20-\\x7e\\x80-\\xff]*\\r?)?)?$`);

/** Headers of which a request has one (RFC 9112, 3.2 and 6.3; RFC 6455, 11.3; RFC 6454, 7). */
const single = ["host", "origin", "content-length", "transfer-encoding", "sec-websocket-key", "sec-websocket-version"];

/** What a text is that begins a connection. One empty line before the request is none of it (RFC 9112, 2.2). */
export function naiveHead(text: string): NaiveVerdict {
  if (text === "\r") return { statuses: [400], more: true };
  if (!text.startsWith("\r\n")) return naiveRequest(text);
  const verdict = naiveRequest(text.slice(2));
  return "head" in verdict ? { head: { ...verdict.head, size: verdict.head.size + 2 } } : verdict;
}

function naiveRequest(text: string): NaiveVerdict {
  const lines = text.split("\r\n");
  const rest = lines.pop() as string;
  const first = lines[0];
  if (first === undefined) return begun(rest, requestLineBegins, otherVersion.test(rest) ? [400, 505] : [400]);
  const request = requestLine.exec(first);
  if (!request) {
    // A version is judged with as many bytes as a right one has; for a shorter one it is waited for what follows.
    const version = text.length - (first.indexOf(" ", first.indexOf(" ") + 1) + 1);
    return { statuses: [otherVersion.test(first) ? 505 : 400], more: version < "HTTP/1.1\r\n".length };
  }
  const headers: [string, string][] = [];
  const names = new Set<string>();
  for (const line of lines.slice(1)) {
    if (line === "") return { head: headOf(text, request, headers) };
    const header = headerLine.exec(line);
    if (!header) return { statuses: [400], more: false };
    if (headers.length === limits.headerCountMax) return { statuses: [431], more: false };
    const name = (header[1] as string).toLowerCase();
    if (single.includes(name) && names.has(name)) return { statuses: [400], more: false };
    names.add(name);
    headers.push([header[1] as string, header[2] as string]);
  }
  return begun(rest, headerLineBegins, [400]);
}

/** A line that is not whole: one that can still become right must be waited for, another may be. */
function begun(line: string, right: RegExp, statuses: readonly number[]): NaiveVerdict {
  return right.test(line) ? { statuses: [], more: true } : { statuses, more: true };
}

function headOf(text: string, [, method, target, minor]: RegExpExecArray, headers: [string, string][]): NaiveHead {
  return {
    size: text.indexOf("\r\n\r\n") + 4,
    method: method as string,
    target: target as string,
    minor: minor === "0" ? 0 : 1,
    headers,
  };
}
