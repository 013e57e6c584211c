import { type Expectation, op, type Reply } from "./cases.ts";
import { bytesOf } from "./payloads.ts";
import type { Seen } from "./tester.ts";

/** Compares what was seen with what must be, and draws both. */

const SHOWN_MAX = 8;
const OCTETS_SHOWN_MAX = 24;

/** What is wrong, in lines, with a picture of both sides; undefined if all is well. */
export function judge(expect: Expectation, seen: Seen, compressesAll: boolean): string | undefined {
  const problems = [
    ...seen.violations.map((violation) => `the endpoint sent ${violation}`),
    ...wrongReplies(expect.replies, seen.replies),
    ...wrongEnd(expect, seen),
    ...(compressesAll ? uncompressed(seen) : []),
  ];
  if (problems.length === 0) return undefined;
  return [
    ...problems.map((problem) => `    ${problem}`),
    `    wanted  ${drawReplies(expect.replies)} · ${drawEnd(expect)}`,
    `    came    ${drawReplies(seen.replies)} · ${drawClose(seen)}`,
  ].join("\n");
}

function wrongReplies(wanted: readonly Reply[], came: readonly Reply[]): string[] {
  const wrong = wanted.findIndex((reply, i) => !same(reply, came[i]));
  if (wrong >= 0) return [`reply ${wrong + 1} of ${wanted.length} ${difference(wanted[wrong] as Reply, came[wrong])}`];
  return came.length > wanted.length ? [`${came.length - wanted.length} replies more than there must be`] : [];
}

function same(wanted: Reply, came: Reply | undefined): boolean {
  return came?.opcode === wanted.opcode && bytesOf(wanted.payload).equals(bytesOf(came.payload));
}

function difference(wanted: Reply, came: Reply | undefined): string {
  if (!came) return "did not come";
  if (came.opcode !== wanted.opcode) return `has opcode ${came.opcode}, not ${wanted.opcode}`;
  const [one, other] = [bytesOf(wanted.payload), bytesOf(came.payload)];
  if (one.length !== other.length) return `has ${other.length} bytes, not ${one.length}`;
  return `differs at byte ${one.findIndex((byte, i) => byte !== other[i])}`;
}

function wrongEnd({ end }: Expectation, { close, end: how }: Seen): string[] {
  const codes = end === "clean" ? [1000] : end;
  const problems: string[] = [];
  if (!close) problems.push("no close frame came");
  else if (!codes.includes(close.code)) problems.push(`the close code is ${close.code}`);
  if (how === "silence") problems.push("nothing more came, not even the end of the stream");
  if (how === "reset") problems.push("the connection was reset");
  return problems;
}

function uncompressed({ replies }: Seen): string[] {
  return replies.some(({ opcode, compressed }) => opcode < op.CLOSE && !compressed)
    ? ["a message came uncompressed, by an endpoint that compresses all"]
    : [];
}

function drawReplies(replies: readonly Reply[]): string {
  const drawn = replies.slice(0, SHOWN_MAX).map(({ opcode, payload }) => {
    const bytes = bytesOf(payload);
    const name = Object.entries(op).find(([, code]) => code === opcode)?.[0] ?? `opcode ${opcode}`;
    return bytes.length === 0 ? name : `${name} ${drawBytes(bytes)}`;
  });
  if (replies.length > SHOWN_MAX) drawn.push(`${replies.length - SHOWN_MAX} more`);
  return drawn.join(" · ") || "nothing";
}

function drawBytes(bytes: Buffer): string {
  const shown = bytes.subarray(0, OCTETS_SHOWN_MAX);
  const printable = shown.every((byte) => byte >= 0x20 && byte < 0x7f);
  const picture = printable ? JSON.stringify(shown.toString()) : shown.toString("hex");
  return bytes.length > shown.length ? `${picture}… (${bytes.length} bytes)` : picture;
}

function drawEnd({ end }: Expectation): string {
  return `close ${end === "clean" ? "1000, in answer to the tester's" : end.join(" or ")} · fin`;
}

function drawClose({ close, end }: Seen): string {
  const frame = close ? `close ${close.code} ${JSON.stringify(close.reason)}` : "no close";
  return `${frame} · ${end ?? "cut by the tester"}`;
}
