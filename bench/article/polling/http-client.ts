import { connect, type Socket } from "node:net";
import type { Tally } from "./tally.ts";

const STATUS_AT = "HTTP/1.1 ".length;
const [THREE, LINE_FEED, BRACE] = [..."3\n}"].map((letter) => letter.charCodeAt(0));
const INPUT_BYTES = 64 * 1024;
/** One for all: what comes is read before the next comes. */
const input = Buffer.alloc(INPUT_BYTES);

/** What a client has of its mailbox: the version, and when it came to be. */
export interface Seen {
  readonly version: string;
  readonly at: string;
}

/** Connects; what comes is given to `heard`, and is the socket's no longer than that. A connection that breaks ends all. */
export function open(port: number, heard: (bytes: Buffer) => void): Socket {
  const callback = (count: number) => {
    heard(input.subarray(0, count));
    return true;
  };
  const socket = connect({ port, host: "127.0.0.1", noDelay: true, onread: { buffer: input, callback } });
  socket.once("error", (error) => {
    console.error(`a client: ${error.message}`);
    process.exit(1);
  });
  return socket;
}

/** A request for a mailbox, with little besides: a browser's would be longer. */
export function request(mailbox: number, version: string | undefined, more = ""): Buffer {
  const condition = version === undefined ? "" : `If-None-Match: "${version}"\r\n`;
  return Buffer.from(
    `GET /mailboxes/${mailbox} HTTP/1.1\r\nHost: mail.example.com\r\nAccept: application/json\r\n` +
      `Cookie: session=31d4d96e407aad42\r\n${condition}${more}\r\n`,
  );
}

/**
 * Looks at an answer, which the server writes at once and which therefore comes at once: undefined for 304. Throws when
 * it is something else, or half of one.
 */
export function readAnswer(bytes: Buffer, tally: Tally): Seen | undefined {
  tally.bytesDown += bytes.length;
  tally.answered++;
  const last = bytes[bytes.length - 1];
  if (bytes[STATUS_AT] === THREE && last === LINE_FEED) {
    tally.unchanged++;
    return undefined;
  }
  const text = bytes.toString("latin1");
  const [, version, at] = /^HTTP\/1\.1 200 .*"version":(\d+),"at":"(\d+)"/s.exec(text) ?? [];
  if (version === undefined || at === undefined || last !== BRACE) throw new Error(`not an answer: ${text}`);
  return { version, at };
}
