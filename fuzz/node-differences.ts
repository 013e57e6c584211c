import { METHODS } from "node:http";
import { limits } from "../src/limits.ts";
import type { HeadReading } from "./node-peer.ts";

/** Two readings of what may be a head. */
export interface HeadDispute {
  readonly text: string;
  readonly ours: HeadReading;
  readonly theirs: HeadReading;
}

/** A difference that is known, and what lets or makes Belfry do as it does. */
export interface HeadDifference {
  readonly name: string;
  readonly clause: string;
  /** A text that shows it. */
  readonly example: string;
  readonly explains: (dispute: HeadDispute) => boolean;
}

/** All differences between readHead and the parser of node:http. What none of them explains is a find. */
export const headDifferences: readonly HeadDifference[] = [
  {
    name: "one of them refuses what the other still waits for",
    clause: "RFC 9112, 3: no clause says at which byte a head is to be refused; neither reads it",
    example: "foo",
    explains: ({ ours, theirs }) => typeof ours === "string" && typeof theirs === "string",
  },
  {
    name: "a method that node:http does not know",
    clause: "RFC 9110, 9.1: methods are a list that may grow; checkUpgrade takes GET alone",
    example: "FOO / HTTP/1.1\r\n\r\n",
    explains: ({ ours, theirs }) => isRead(ours) && theirs === "refused" && !METHODS.includes(ours.method),
  },
  {
    name: "HTTP/1.2 and higher",
    clause: "RFC 9110, 2.5: a higher minor version is processed as the highest that is known of the same major one",
    example: "GET / HTTP/1.2\r\n\r\n",
    explains: ({ text, ours, theirs }) => isRead(ours) && theirs === "refused" && / HTTP\/1\.[2-9]\r\n/.test(text),
  },
  {
    name: "a target that is neither a path nor an asterisk, or holds bytes of 0x80 and more",
    clause:
      "RFC 9112, 3.2: its form depends on the method, and is for the application to judge; it is a token in any case",
    example: "GET a HTTP/1.1\r\n\r\n",
    explains: ({ ours, theirs }) => isRead(ours) && theirs === "refused" && !/^(?:\/[!-~]*|\*)$/.test(ours.target),
  },
  {
    name: "a Content-Length that is no number, or one and a Transfer-Encoding",
    clause: "RFC 9112, 6.3: that is about bodies; checkUpgrade refuses every request with one",
    example: "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    explains: ({ ours, theirs }) =>
      isRead(ours) && theirs === "refused" && /(?:^|\n)(?:content-length|transfer-encoding)$/im.test(namesOf(ours)),
  },
  {
    name: "a header repeats that a request has once: node:http takes it",
    clause: "RFC 9112, 3.2 and 6.3, and RFC 6455, 11.3: refused with 400, for two readers may choose two of them",
    example: "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    explains: ({ ours, theirs }) => ours === "refused" && isRead(theirs) && repeats(namesOf(theirs)),
  },
  {
    name: "more header lines than headerCountMax: node:http was told to take any number",
    clause: "RFC 9112, 3 and RFC 6585, 5: a limit of the server's own, and 431 is its status",
    example: `GET / HTTP/1.1\r\n${"a: b\r\n".repeat(limits.headerCountMax + 1)}\r\n`,
    explains: ({ ours, theirs }) =>
      ours === "refused" && isRead(theirs) && theirs.headers.length / 2 > limits.headerCountMax,
  },
  {
    name: "no version, which is HTTP/0.9: node:http takes it",
    clause: "RFC 9112, 3: a request line has a version",
    example: "GET /\r\n\r\n",
    explains: ({ text, ours, theirs }) =>
      ours === "refused" && isRead(theirs) && !/^\s*\S+ +\S+ +HTTP\/\d\.\d\r\n/.test(text),
  },
  {
    name: "several blanks in the request line: node:http takes them",
    clause: "RFC 9112, 3: single spaces; a reader MAY be lenient, and is warned of the smuggling that comes of it",
    example: "GET  / HTTP/1.1\r\n\r\n",
    explains: ({ text, ours, theirs }) =>
      ours === "refused" && isRead(theirs) && /^[^\r\n]* {2,}[^\r\n]*\r\n/.test(text),
  },
  {
    name: "a target with a fragment: node:http takes it",
    clause: "RFC 9112, 3.2: a target is a path with a query at most; a client keeps the fragment to itself",
    example: "GET /#a HTTP/1.1\r\n\r\n",
    explains: ({ ours, theirs }) => ours === "refused" && isRead(theirs) && theirs.target.includes("#"),
  },
  {
    name: "CR or LF before the request line, other than one empty line: node:http passes over them",
    clause: "RFC 9112, 2.2: a server SHOULD ignore at least one empty line; readHead ignores one",
    example: "\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    explains: ({ text, ours, theirs }) => ours === "refused" && isRead(theirs) && /^[\r\n]/.test(text),
  },
];

function isRead(reading: HeadReading): reading is Exclude<HeadReading, string> {
  return typeof reading !== "string";
}

function namesOf({ headers }: Exclude<HeadReading, string>): string {
  return headers
    .filter((_, i) => i % 2 === 0)
    .join("\n")
    .toLowerCase();
}

function repeats(names: string): boolean {
  const single = [
    "host",
    "origin",
    "content-length",
    "transfer-encoding",
    "sec-websocket-key",
    "sec-websocket-version",
  ];
  const list = names.split("\n");
  return single.some((name) => list.indexOf(name) !== list.lastIndexOf(name));
}
