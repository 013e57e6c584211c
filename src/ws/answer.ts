import { BelfryError } from "../errors.ts";
import { ascii } from "./characters.ts";

/** RFC 9110, section 15: the phrases of the statuses with which a handshake is refused. */
const phrases: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  410: "Gone",
  413: "Content Too Large",
  414: "URI Too Long",
  421: "Misdirected Request",
  426: "Upgrade Required",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
};

const encoder = new TextEncoder();

/**
 * A whole HTTP answer that refuses a request and ends its connection; the reason is the body. One character for each
 * byte (latin1), so that its length is that of the answer. Throws BELFRY_BAD_OPTION for malformed headers.
 */
export function answerText(status: number, reason: string, headers: Readonly<Record<string, string>> = {}): string {
  const bytes = encoder.encode(`${reason}\n`);
  const body = ascii(bytes, 0, bytes.length);
  const lines = headerLines({
    ...headers,
    Connection: "close",
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": String(body.length),
  });
  return `HTTP/1.1 ${status} ${phrases[status] ?? "Refused"}\r\n${lines}\r\n${body}`;
}

/**
 * Header lines as text, checked: a name must be a token, a value hold no control character. Throws BELFRY_BAD_OPTION.
 */
export function headerLines(headers: Readonly<Record<string, string>>): string {
  let text = "";
  for (const [name, value] of Object.entries(headers)) {
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
      throw new BelfryError("BELFRY_BAD_OPTION", `the header ${JSON.stringify(name)} is malformed`);
    }
    text += `${name}: ${value}\r\n`;
  }
  return text;
}
