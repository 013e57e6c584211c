import { join, naiveMask } from "../test/ws-bits.ts";

/**
 * RFC 6455 read word for word, all bytes at once and with BigInt: what src/ws is compared with. It says what a stream
 * of frames means, up to the first broken rule.
 */

/** A frame header as 5.2 draws it. */
export interface NaiveHeader {
  readonly fin: boolean;
  readonly rsv: number;
  readonly opcode: number;
  readonly key: readonly number[] | undefined;
  readonly length: bigint;
  /** Bits of its extended length: 0, 16 or 64. */
  readonly form: 0 | 16 | 64;
  readonly size: number;
  /** The close status that its length is refused with; 0 when it is well formed. */
  readonly refusal: number;
}

/** The header that the bytes begin with; undefined when more are needed. */
export function naiveHeader(bytes: Uint8Array): NaiveHeader | undefined {
  const [first = 0, second = 0] = bytes;
  const short = second % 128;
  const form = short === 127 ? 64 : short === 126 ? 16 : 0;
  const masked = second >= 128;
  const size = 2 + form / 8 + (masked ? 4 : 0);
  if (bytes.length < size || bytes.length < 2) return undefined;
  const extended = Buffer.from(bytes.subarray(2, 2 + form / 8)).toString("hex");
  const length = form === 0 ? BigInt(short) : BigInt(`0x${extended}`);
  return {
    fin: first >= 128,
    rsv: Math.floor(first / 16) % 8,
    opcode: first % 16,
    key: masked ? [...bytes.subarray(size - 4, size)] : undefined,
    length,
    form,
    size,
    refusal: refusalOf(length, form),
  };
}

function refusalOf(length: bigint, form: number): number {
  if (length >= 2n ** 63n) return 1002;
  if (length >= 2n ** 53n) return 1009;
  const minimal = length < 126n ? 0 : length < 65536n ? 16 : 64;
  return form === minimal ? 0 : 1002;
}

/** What a reader is told. */
export interface NaiveRules {
  readonly server: boolean;
  readonly messageBytesMax: number;
  readonly fragmentsMax: number;
}

/** A message or control frame. */
export interface Event {
  readonly opcode: number;
  readonly payload: Uint8Array;
}

/** What came of a stream. */
export interface Reading {
  readonly events: readonly Event[];
  /** The close status that it is refused with behind the events; 0 when all is well so far. */
  readonly failure: number;
  /** How many bytes it takes to know of the failure; those of the stream when there is none. */
  readonly at: number;
  /** The header of the frame that it ended in, if it is whole. */
  readonly header: NaiveHeader | undefined;
  /** Whether it ended between frames and messages. */
  readonly idle: boolean;
}

/** Reads a whole stream: the messages and control frames up to the first broken rule. */
export function naiveRead(stream: Uint8Array, rules: NaiveRules): Reading {
  const events: Event[] = [];
  let message: Message | undefined;
  for (let at = 0; ; ) {
    const header = naiveHeader(stream.subarray(at));
    if (!header) return { events, failure: 0, at: stream.length, header, idle: at === stream.length && !message };
    const end = at + header.size;
    const refusal = header.refusal || judged(header, rules, message);
    if (refusal) return { events, failure: refusal, at: end, header, idle: false };
    const payload = naiveMask(
      stream.subarray(end, Math.min(stream.length, end + Number(header.length))),
      header.key ?? [0, 0, 0, 0],
      0,
    );
    const whole = payload.length === Number(header.length);
    if (header.opcode >= 8) {
      if (whole) events.push({ opcode: header.opcode, payload });
    } else {
      message ??= { opcode: header.opcode, fragments: [] };
      message.fragments.push(payload);
      const broken = message.opcode === 1 ? brokenAt(join(...message.fragments), whole && header.fin) : -1;
      if (broken >= 0) {
        const before = message.fragments.slice(0, -1).reduce((sum, { length }) => sum + length, 0);
        return { events, failure: 1007, at: end + broken - before, header, idle: false };
      }
      if (whole && header.fin) {
        events.push({ opcode: message.opcode, payload: join(...message.fragments) });
        message = undefined;
      }
    }
    if (!whole) return { events, failure: 0, at: stream.length, header, idle: false };
    at = end + payload.length;
  }
}

interface Message {
  readonly opcode: number;
  readonly fragments: Uint8Array[];
}

/** The rules of 5.1 to 5.5, and the two limits. */
function judged(header: NaiveHeader, rules: NaiveRules, message: Message | undefined): number {
  const { fin, rsv, opcode, key, length } = header;
  const known = [0, 1, 2, 8, 9, 10].includes(opcode);
  if (rsv !== 0 || !known || (key !== undefined) !== rules.server) return 1002;
  if (opcode >= 8) return fin && length <= 125n ? 0 : 1002;
  if ((opcode === 0) !== (message !== undefined)) return 1002;
  const before = message?.fragments.reduce((sum, fragment) => sum + fragment.length, 0) ?? 0;
  if (BigInt(before) + length > BigInt(rules.messageBytesMax)) return 1009;
  return (message?.fragments.length ?? 0) >= rules.fragmentsMax ? 1008 : 0;
}

const TAIL = "[\\x80-\\xbf]";
/** RFC 3629, section 4: each character is one of these rows, a lead and its tails. */
const rows: readonly (readonly [lead: string, ...tails: string[]])[] = [
  ["[\\x00-\\x7f]"],
  ["[\\xc2-\\xdf]", TAIL],
  ["\\xe0", "[\\xa0-\\xbf]", TAIL],
  ["[\\xe1-\\xec\\xee\\xef]", TAIL, TAIL],
  ["\\xed", "[\\x80-\\x9f]", TAIL],
  ["\\xf0", "[\\x90-\\xbf]", TAIL, TAIL],
  ["[\\xf1-\\xf3]", TAIL, TAIL, TAIL],
  ["\\xf4", "[\\x80-\\x8f]", TAIL, TAIL],
];
const wholes = rows.map((row) => row.join("")).join("|");
const beginnings = rows.slice(1).map(([lead, ...tails]) => {
  return lead + tails.slice(0, -1).reduceRight((rest, tail) => `(?:${tail}${rest})?`, "");
});
const characters = new RegExp(`^(?:${wholes})*`);
const charactersAndBeginning = new RegExp(`^(?:${wholes})*(?:${beginnings.join("|")})?`);

/**
 * How many bytes of a text it takes to know that it is not UTF-8; -1 when it is, or may become it. A text that is
 * `whole` and ends within a character takes all of them.
 */
export function brokenAt(bytes: Uint8Array, whole: boolean): number {
  const text = Buffer.from(bytes).toString("latin1");
  const good = charactersAndBeginning.exec(text)?.[0].length ?? 0;
  if (good < text.length) return good + 1;
  return whole && characters.exec(text)?.[0].length !== text.length ? text.length : -1;
}

/** The status of a close payload, or the negative status that it is refused with (5.5.1 and 7.4). */
export function naiveClose(payload: Uint8Array): number {
  if (payload.length === 0) return 1005;
  if (payload.length === 1) return -1002;
  const code = Number.parseInt(Buffer.from(payload.subarray(0, 2)).toString("hex"), 16);
  const listed = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];
  if (!listed.includes(code) && !/^[34]\d{3}$/.test(String(code))) return -1002;
  return brokenAt(payload.subarray(2), true) < 0 ? code : -1007;
}

/** Events as one line of text, quick to compare and to read. */
export function told(events: readonly Event[]): string {
  return events.map(({ opcode, payload }) => `${opcode}:${Buffer.from(payload).toString("hex")}`).join(" ");
}
