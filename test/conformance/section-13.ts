import { type Case, type Compressed, numbered, op, type Step, text, well } from "./cases.ts";
import type { Terms } from "./door.ts";
import { parseExtensions } from "./handshake.ts";
import type { Filler } from "./payloads.ts";

/** Section 13, permessage-deflate under all combinations of its four parameters (RFC 7692, 7.1). */

const windows = ["", "server_max_window_bits=9", "server_max_window_bits=12", "server_max_window_bits=15"];
const clientWindows = ["", "client_max_window_bits", "client_max_window_bits=9", "client_max_window_bits=15"];
const takeovers = [
  [],
  ["server_no_context_takeover"],
  ["client_no_context_takeover"],
  ["server_no_context_takeover", "client_no_context_takeover"],
];

/** Offers of one, with each combination; and a list of which the first that suits is to be taken. */
export const allTerms: readonly Terms[] = [
  ...takeovers.flatMap((takeover) =>
    windows.flatMap((server) => clientWindows.map((client) => termsOf([...takeover, server, client]))),
  ),
  termsOf(["server_max_window_bits=8"]),
  termsOf(["client_max_window_bits=8"]),
  termsOf(["server_max_window_bits=10", "client_max_window_bits=11"]),
  {
    ...termsOf(["server_no_context_takeover", "server_max_window_bits=9"]),
    offers: [
      "permessage-deflate; server_no_context_takeover; server_max_window_bits=9, " +
        "permessage-deflate; server_no_context_takeover, permessage-deflate",
    ],
  },
];

/** What browsers offer. */
export const usualTerms: Terms = termsOf(["client_max_window_bits"]);
/** The same with nothing kept between messages. */
export const frugalTerms: Terms = termsOf([
  "client_max_window_bits",
  "server_no_context_takeover",
  "client_no_context_takeover",
]);

/** What is offered by a tester that plays the client is what it answers as a server, as far as it was offered. */
export function termsOf(parameters: readonly string[]): Terms {
  const present = parameters.filter((parameter) => parameter !== "");
  const list = (of: readonly string[]) => ["permessage-deflate", ...of].join("; ");
  return {
    offers: [list(present)],
    answer(offer) {
      const offered = parseExtensions(offer ?? "").find(({ name }) => name === "permessage-deflate");
      if (!offered) throw new Error(`the client does not offer permessage-deflate: ${offer}`);
      const isOffered = (parameter: string) => offered.parameters.some(([name]) => name === parameter);
      const bounded = isOffered("client_max_window_bits");
      const owed = "server_no_context_takeover";
      const own = present.includes(owed) || !isOffered(owed) ? present : [owed, ...present];
      // An answer names a window, and names the client's only if the client said that it knows the parameter.
      return list(own.filter((one) => !one.startsWith("client_max_window_bits") || (bounded && one.includes("="))));
    },
  };
}

const kinds: readonly [opcode: number, fill: Filler["fill"]][] = [
  [op.TEXT, "json"],
  [op.BINARY, "random"],
];

function roundTrips(opcode: number, fill: Filler["fill"], bytes: number, extra: Partial<Compressed> = {}): Step[] {
  return Array.from({ length: 3 }, (_, i) => ({ compress: { fill, bytes, from: i * 61 }, opcode, ...extra }));
}

const CLAUSE = "RFC 7692 7.1";

/** All cases of section 13. Each is run under all terms, so they are few and short, and chopped in one way. */
export const section13: readonly Case[] = [
  ...kinds.flatMap(([opcode, fill], i) =>
    numbered(
      `13.${i + 1}`,
      [0, 16, 300, 2000, 10_000].map((bytes) =>
        well(`three messages of ${bytes} bytes of ${fill} are echoed`, CLAUSE, roundTrips(opcode, fill, bytes), {
          chops: [{ seed: bytes }],
        }),
      ),
    ),
  ),
  ...numbered("13.3", [
    well(
      "the same message again and again, with plain ones between, is echoed",
      CLAUSE,
      [
        { compress: { fill: "unicode", bytes: 600 }, opcode: op.TEXT },
        { compress: { fill: "unicode", bytes: 600 }, opcode: op.TEXT },
        text({ fill: "unicode", bytes: 600 }),
        { compress: { fill: "unicode", bytes: 600 }, opcode: op.TEXT },
        { compress: "", opcode: op.TEXT },
        { compress: { fill: "unicode", bytes: 600 }, opcode: op.TEXT },
      ],
      { chops: ["whole"] },
    ),
    well(
      "messages larger than any window, in fragments, are echoed",
      CLAUSE,
      roundTrips(op.TEXT, "json", 40_000, { fragmentBytes: 1000 }),
      { chops: ["whole"] },
    ),
  ]),
];
