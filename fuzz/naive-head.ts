import { limits } from "../src/limits.ts";

/** RFC 9112, sections 2 to 5, on a string and line by line: what readHead and readResponseHead are compared with. */

/** What a text that may be a head is: whole, refused with one of these statuses, or in need of more. */
export type NaiveVerdict<Head> =
  | { readonly head: Head }
  | { readonly statuses: readonly number[]; readonly more: boolean };

/** What is the same in all heads that are whole. */
export interface NaiveHead {
  readonly size: number;
  readonly minor: number;
  /** Names as they came, and values without the white space around. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** The head of a request. */
export interface NaiveRequest extends NaiveHead {
  readonly method: string;
  readonly target: string;
}

/** The head of a response. */
export interface NaiveResponse extends NaiveHead {
  readonly status: number;
  readonly reason: string;
}

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const TARGET = "[\\x21\\x22\\x24-\\x7e\\x80-\\xff]+";
const FIELD = "[\\t\\x20-\\x7e\\x80-\\xff]*";
const requestLine = new RegExp(`^(${TOKEN}) (${TARGET}) HTTP/1\\.(\\d)$`);
const requestBegins = beginningOf(TOKEN, " ", TARGET, " ", ..."HTTP/1", "\\.", "\\d", "\\r");
const otherVersion = new RegExp(`^${TOKEN} ${TARGET} HTTP/(?!1\\.)`);
const statusLine = new RegExp(`^HTTP/1\\.(\\d) ([1-9]\\d\\d)(?: (${FIELD}))?$`);
const statusBegins = beginningOf(..."HTTP/1", "\\.", "\\d", " ", "[1-9]", "\\d", "\\d", `(?: ${FIELD})?`, "\\r");
const headerLine = new RegExp(`^(${TOKEN}):[\\t ]*(${FIELD}?)[\\t ]*$`);
const headerBegins = new RegExp(`^\\r$|${beginningOf(TOKEN, ":", FIELD, "\\r").source}`);

/** Headers of which there is one (RFC 9112, 3.2 and 6.3; RFC 6455, 11.3; RFC 6454, 7). */
const single = ["host", "origin", "content-length", "transfer-encoding", "sec-websocket-key", "sec-websocket-version"];

/** What a text is that begins a client's connection. */
export function naiveRequest(text: string): NaiveVerdict<NaiveRequest> {
  // RFC 9112, 2.2: one empty line before the request line is passed over.
  if (text.startsWith("\r\n")) return shifted(naiveLine(text.slice(2)), 2);
  return text === "\r" ? { statuses: [], more: true } : naiveLine(text);
}

function naiveLine(text: string): NaiveVerdict<NaiveRequest> {
  const [first, ...lines] = text.split("\r\n") as [string, ...string[]];
  const status = otherVersion.test(first) ? 505 : 400;
  if (lines.length === 0) return begun(first, requestBegins, status === 505 ? [400, 505] : [400]);
  const line = requestLine.exec(first);
  if (!line) {
    // A version is judged with as many bytes as a right one has; for a shorter one it is waited for what follows.
    const version = text.length - (first.indexOf(" ", first.indexOf(" ") + 1) + 1);
    return { statuses: [status], more: version < "HTTP/1.1\r\n".length };
  }
  const [, method = "", target = "", minor] = line;
  return withLines(text, lines, 400, 431, { method, target, minor: minor === "0" ? 0 : 1 });
}

/** What a text is that begins a server's answer. */
export function naiveResponse(text: string): NaiveVerdict<NaiveResponse> {
  const [first, ...lines] = text.split("\r\n") as [string, ...string[]];
  if (lines.length === 0) return begun(first, statusBegins, [502]);
  const line = statusLine.exec(first);
  if (!line) return { statuses: [502], more: text.length < "HTTP/1.1 101\r".length };
  const [, minor, status, reason = ""] = line;
  return withLines(text, lines, 502, 502, { status: Number(status), reason, minor: minor === "0" ? 0 : 1 });
}

function withLines<First extends object>(
  text: string,
  lines: readonly string[],
  malformed: number,
  tooLarge: number,
  first: First,
): NaiveVerdict<First & Pick<NaiveHead, "size" | "headers">> {
  const headers: [string, string][] = [];
  const names = new Set<string>();
  for (const line of lines.slice(0, -1)) {
    if (line === "") return { head: { ...first, size: text.indexOf("\r\n\r\n") + 4, headers } };
    const [, name, value] = headerLine.exec(line) ?? [];
    if (name === undefined || value === undefined) return { statuses: [malformed], more: false };
    if (headers.length === limits.headerCountMax) return { statuses: [tooLarge], more: false };
    const lower = name.toLowerCase();
    if (single.includes(lower) && names.has(lower)) return { statuses: [malformed], more: false };
    names.add(lower);
    headers.push([name, value]);
  }
  return begun(lines.at(-1) as string, headerBegins, [malformed]);
}

/** A line that is not whole: one that can still become right must be waited for, another may be. */
function begun(line: string, right: RegExp, statuses: readonly number[]): NaiveVerdict<never> {
  return right.test(line) ? { statuses: [], more: true } : { statuses, more: true };
}

function shifted<Head extends NaiveHead>(verdict: NaiveVerdict<Head>, by: number): NaiveVerdict<Head> {
  return "head" in verdict ? { head: { ...verdict.head, size: verdict.head.size + by } } : verdict;
}

/** Matches what the parts, one behind the other, can begin with. */
function beginningOf(...parts: readonly string[]): RegExp {
  return new RegExp(`^${parts.reduceRight((rest, part) => `(?:${part}${rest})?`, "")}$`);
}
