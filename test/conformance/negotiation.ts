/** The negotiation of permessage-deflate (RFC 7692, 5 and 7.1): offers to a server, answers to a client. */

/** An offer, and whether a server that compresses takes it. */
export interface Offer {
  readonly lines: readonly string[];
  /** "refused" is an offer that breaks the grammar: the handshake may fail, too (RFC 6455, 9.1). */
  readonly outcome: "taken" | "declined" | "refused";
}

const takes = (...lines: string[]): Offer => ({ lines, outcome: "taken" });
const declines = (...lines: string[]): Offer => ({ lines, outcome: "declined" });
const refuses = (...lines: string[]): Offer => ({ lines, outcome: "refused" });
const PMD = "permessage-deflate";

/** What a server makes of an offer. */
export const offers: readonly Offer[] = [
  takes(PMD),
  takes(`${PMD}; server_no_context_takeover`),
  takes(`${PMD}; client_no_context_takeover`),
  takes(`${PMD}; client_max_window_bits`),
  ...[9, 10, 11, 12, 13, 14, 15].map((bits) => takes(`${PMD}; client_max_window_bits=${bits}`)),
  ...[9, 10, 11, 12, 13, 14, 15].map((bits) => takes(`${PMD}; server_max_window_bits=${bits}`)),
  takes(`${PMD};server_no_context_takeover;client_no_context_takeover`),
  takes(`${PMD} ; client_max_window_bits ; server_max_window_bits=10`),
  takes(`${PMD}; server_max_window_bits="10"`),
  takes(`${PMD}; client_max_window_bits="15"; client_no_context_takeover`),
  takes(`x-unknown, ${PMD}`),
  takes(`x-unknown; with=parameters; quoted="no", ${PMD}`),
  takes("x-unknown", PMD),
  takes(PMD, "x-unknown; a=1"),
  takes(`${PMD}; unknown_parameter, ${PMD}`),
  takes(`${PMD}; server_max_window_bits=7`, PMD),
  takes(`${PMD}; server_max_window_bits=9; server_no_context_takeover, ${PMD}; server_no_context_takeover, ${PMD}`),
  declines("x-unknown"),
  declines("x-webkit-deflate-frame"),
  declines("permessage-bzip2"),
  declines("permessage-deflated"),
  declines("deflate"),
  declines(`${PMD}; unknown_parameter`),
  declines(`${PMD}; unknown_parameter=1`),
  declines(`${PMD}; window_bits=10`),
  declines(`${PMD}; server_no_context_takeover=1`),
  declines(`${PMD}; server_no_context_takeover=true`),
  declines(`${PMD}; client_no_context_takeover=1`),
  declines(`${PMD}; client_no_context_takeover="false"`),
  declines(`${PMD}; server_no_context_takeover; server_no_context_takeover`),
  declines(`${PMD}; client_no_context_takeover; client_no_context_takeover`),
  declines(`${PMD}; server_max_window_bits=10; server_max_window_bits=10`),
  declines(`${PMD}; client_max_window_bits; client_max_window_bits=10`),
  declines(`${PMD}; server_max_window_bits`),
  ...["0", "1", "7", "16", "17", "100", "08", "010", "015", "9.5", "1e1", "0x9", "nine", "-9", "+9"].flatMap((bits) => [
    declines(`${PMD}; server_max_window_bits=${bits}`),
    declines(`${PMD}; client_max_window_bits=${bits}`),
  ]),
  declines(`${PMD}; server_max_window_bits=7, ${PMD}; client_max_window_bits=16`),
  refuses(`${PMD};`),
  refuses(`${PMD}; =10`),
  refuses(`${PMD}; server_max_window_bits=`),
  refuses(`${PMD}; server_max_window_bits="10`),
  refuses(`${PMD}; server_max_window_bits=1 0`),
  refuses(`; ${PMD}`),
  refuses(`${PMD} server_no_context_takeover`),
  refuses(`${PMD}; server_max_window_bits=""`),
  refuses(`"${PMD}"`),
];

/** Answers that break RFC 7692 or RFC 6455, 9.1, whatever a client has offered: it fails the connection. */
export const wrongAnswers: readonly string[] = [
  "x-unknown",
  "permessage-bzip2",
  `${PMD}, ${PMD}`,
  `${PMD}, x-unknown`,
  `${PMD}; unknown_parameter`,
  `${PMD}; server_no_context_takeover=1`,
  `${PMD}; client_no_context_takeover=1`,
  `${PMD}; server_no_context_takeover; server_no_context_takeover`,
  `${PMD}; client_no_context_takeover; client_no_context_takeover`,
  `${PMD}; server_max_window_bits=10; server_max_window_bits=10`,
  `${PMD}; server_max_window_bits`,
  `${PMD}; client_max_window_bits`,
  ...["0", "7", "16", "08", "nine", "-9"].flatMap((bits) => [
    `${PMD}; server_max_window_bits=${bits}`,
    `${PMD}; client_max_window_bits=${bits}`,
  ]),
  `${PMD};`,
  `${PMD}; =10`,
  `${PMD} server_no_context_takeover`,
];
