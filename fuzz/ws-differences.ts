import type { Conclusion } from "./conclusion.ts";
import type { NaiveHeader } from "./naive-frames.ts";

/** Two readings of one stream. */
export interface Dispute {
  readonly ours: Conclusion;
  readonly theirs: Conclusion;
  /** The header of the frame in which ours ended; undefined when it ended within a header or between frames. */
  readonly last: NaiveHeader | undefined;
}

/** A difference that is known, and the clause of RFC 6455 that lets or makes Belfry do as it does. */
export interface Difference {
  readonly name: string;
  readonly clause: string;
  /** A server's stream that shows it, in hexadecimal digits, for a client that takes two fragments. */
  readonly example: string;
  readonly explains: (dispute: Dispute) => boolean;
}

const refused = {
  PROTOCOL: "refused with 1002",
  TEXT: "refused with 1007",
  MANY: "refused with 1008",
  BIG: "refused with 1009",
};

/** All differences between MessageReader and the receiver of the package ws. What none of them explains is a find. */
export const differences: readonly Difference[] = [
  {
    name: "a length that is not minimal: ws reads it",
    clause: '5.2: "the minimal number of bytes MUST be used to encode the length"',
    example: "817e000161",
    explains: ({ ours, theirs, last }) =>
      ours.end === refused.PROTOCOL &&
      last !== undefined &&
      last.form === (last.length < 126n ? last.form : 64) &&
      last.form !== 0 &&
      last.length < 65536n &&
      theirs.events.startsWith(ours.events),
  },
  {
    name: "the top bit of a length: ws says 1009",
    clause: '5.2: "the most significant bit MUST be 0", which makes it a protocol error and no question of size',
    example: "827f8000000000000000",
    explains: ({ ours, theirs, last }) =>
      ours.end === refused.PROTOCOL &&
      theirs.end === refused.BIG &&
      (last?.length ?? 0n) >= 2n ** 63n &&
      sameEvents(ours, theirs),
  },
  {
    name: "2^53 bytes or more in a frame that breaks a rule besides: ws says 1002",
    clause: "7.4.1: both statuses are true, and no clause says which of two broken rules is told",
    example: "837f0020000000000000",
    explains: ({ ours, theirs, last }) =>
      ours.end === refused.BIG &&
      theirs.end === refused.PROTOCOL &&
      (last?.length ?? 0n) >= 2n ** 53n &&
      sameEvents(ours, theirs),
  },
  {
    name: "the stream ends within a header that is wrong already: ws does not wait for the rest of it",
    clause: "5.2: a header is one unit; no clause says at which of its bytes, 14 at most, it is to be judged",
    example: "837e",
    explains: ({ ours, theirs, last }) =>
      ours.end === "more" &&
      last === undefined &&
      (theirs.end === refused.PROTOCOL || theirs.end === refused.BIG) &&
      sameEvents(ours, theirs),
  },
  {
    name: "a text is not UTF-8 and not at its end: ws goes on to its end",
    clause:
      '8.1: when the byte stream is not valid UTF-8 an endpoint MUST fail the connection, which "at once" serves best',
    example: "0101ff",
    explains: ({ ours, theirs }) =>
      ours.end === refused.TEXT &&
      theirs.events.startsWith(ours.events) &&
      /^(?: ?(?:9|10):[0-9a-f]*)*$/.test(theirs.events.slice(ours.events.length)),
  },
  {
    name: "one fragment too many: ws waits for its payload",
    clause: "10.4: an implementation may have limits, and says itself when they are passed",
    example: "020000000001",
    explains: ({ ours, theirs }) => ours.end === refused.MANY && theirs.end === "more" && sameEvents(ours, theirs),
  },
  {
    name: "a close frame of one byte, which is still to come: ws does not wait for it",
    clause: "5.5.1: a body begins with two bytes of status; no clause says at which byte it is to be judged",
    example: "8801",
    explains: ({ ours, theirs, last }) =>
      ours.end === "more" &&
      theirs.end === refused.PROTOCOL &&
      last?.opcode === 8 &&
      last.length === 1n &&
      sameEvents(ours, theirs),
  },
];

function sameEvents(ours: Conclusion, theirs: Conclusion): boolean {
  return ours.events === theirs.events;
}
