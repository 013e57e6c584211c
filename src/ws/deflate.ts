import { HandshakeError } from "../errors.ts";
import { equalsIgnoringCase } from "./characters.ts";
import { ListCursor } from "./head-list.ts";
import type { RequestHead } from "./http-head.ts";
import { known } from "./known-headers.ts";

/** RFC 7692, section 7.1: what both ends of a connection agree on for permessage-deflate. */
export interface DeflateAgreement {
  /** Whether the server begins each message with an empty window (7.1.1.1). */
  readonly serverNoContextTakeover: boolean;
  /** Whether the client does (7.1.1.2). */
  readonly clientNoContextTakeover: boolean;
  /** The base-2 logarithm of the largest window that the server may compress with, 8 to 15 (7.1.2.1). */
  readonly serverMaxWindowBits: number;
  /** The same of the client; 15 where a client did not say that it can do with less (7.1.2.2). */
  readonly clientMaxWindowBits: number;
}

/** What an end asks for by itself. With these an idle connection costs nothing for compression. */
export const deflateDefaults: DeflateAgreement = {
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  serverMaxWindowBits: 15,
  clientMaxWindowBits: 15,
};

/** An agreement, with the extension that the server's answer holds for it. */
export interface DeflateAnswer extends DeflateAgreement {
  /** The whole line of the header Sec-WebSocket-Extensions, with its line end; nobody changes it. */
  readonly headerLine: Uint8Array;
}

const NAME = "permessage-deflate";
const BITS_MIN = 8;
const BITS_MAX = 15;
/** A parameter that is not there, and one without a value. */
const ABSENT = 0;
const NO_VALUE = 1;

/** Walks over the elements of all lists; used within one call only. */
const list = new ListCursor();

/** One offer or answer, overwritten for each. */
class Parameters {
  serverNoContextTakeover = ABSENT;
  clientNoContextTakeover = ABSENT;
  serverMaxWindowBits = ABSENT;
  clientMaxWindowBits = ABSENT;

  /** Reads the parameters of the list's current element; false for an unknown or repeated one, or a wrong value. */
  read(bytes: Uint8Array): boolean {
    this.serverNoContextTakeover = ABSENT;
    this.clientNoContextTakeover = ABSENT;
    this.serverMaxWindowBits = ABSENT;
    this.clientMaxWindowBits = ABSENT;
    let isGood = true;
    while (list.nextParameter()) isGood = this.#take(bytes) && isGood;
    return isGood;
  }

  #take(bytes: Uint8Array): boolean {
    const value = bitsOf(bytes);
    if (isNamed(bytes, "server_no_context_takeover")) {
      if (value !== NO_VALUE || this.serverNoContextTakeover !== ABSENT) return false;
      this.serverNoContextTakeover = NO_VALUE;
    } else if (isNamed(bytes, "client_no_context_takeover")) {
      if (value !== NO_VALUE || this.clientNoContextTakeover !== ABSENT) return false;
      this.clientNoContextTakeover = NO_VALUE;
    } else if (isNamed(bytes, "server_max_window_bits")) {
      if (value < BITS_MIN || this.serverMaxWindowBits !== ABSENT) return false;
      this.serverMaxWindowBits = value;
    } else if (isNamed(bytes, "client_max_window_bits")) {
      if (value === ABSENT || this.clientMaxWindowBits !== ABSENT) return false;
      this.clientMaxWindowBits = value;
    } else {
      return false;
    }
    return true;
  }
}

const parameters = new Parameters();

/**
 * Chooses among the offers of a request, in the client's order, and gives the answer; undefined when none can be
 * accepted, or permessage-deflate is not offered. Throws {@link HandshakeError} 400 for a malformed list. It allocates
 * nothing but the first of each of the few answers there can be.
 */
export function acceptDeflate(
  head: RequestHead,
  wishes: DeflateAgreement = deflateDefaults,
): DeflateAnswer | undefined {
  const first = head.known[known.EXTENSIONS] as number;
  if (first < 0) return undefined;
  if (wishes === lastWishes && isLastOffer(head.bytes, head.valueFrom(first), head.valueTo(first))) return lastAnswer;
  for (let i = first; i >= 0; i = head.find("sec-websocket-extensions", i + 1)) {
    list.start(head.bytes, head.valueFrom(i), head.valueTo(i));
    while (list.next()) {
      if (!equalsIgnoringCase(head.bytes, list.itemFrom, list.itemTo, NAME) || !parameters.read(head.bytes)) continue;
      const answer = answerTo(parameters, wishes);
      if (i === first) remember(head.bytes, head.valueFrom(i), head.valueTo(i), wishes, answer);
      return answer;
    }
  }
  return undefined;
}

// Browsers all offer the same, letter by letter: the last offer is remembered, with its answer.
const lastOffer = new Uint8Array(128);
let lastLength = -1;
let lastWishes: DeflateAgreement | undefined;
let lastAnswer: DeflateAnswer | undefined;

function remember(bytes: Uint8Array, from: number, to: number, wishes: DeflateAgreement, answer: DeflateAnswer): void {
  if (to - from > lastOffer.length) return;
  lastLength = to - from;
  for (let i = 0; i < lastLength; i++) lastOffer[i] = bytes[from + i] as number;
  lastWishes = wishes;
  lastAnswer = answer;
}

function isLastOffer(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from !== lastLength) return false;
  for (let i = 0; from < to; from++, i++) if (bytes[from] !== lastOffer[i]) return false;
  return true;
}

const answers = new Map<number, DeflateAnswer>();

function answerTo(offer: Parameters, wishes: DeflateAgreement): DeflateAnswer {
  const serverNo = wishes.serverNoContextTakeover || offer.serverNoContextTakeover !== ABSENT ? 1 : 0;
  const clientNo = wishes.clientNoContextTakeover || offer.clientNoContextTakeover !== ABSENT ? 1 : 0;
  const serverBits = Math.min(wishes.serverMaxWindowBits, offer.serverMaxWindowBits || BITS_MAX);
  // Only a client that names the parameter may be told to use less than the largest window.
  const offeredBits = offer.clientMaxWindowBits === NO_VALUE ? BITS_MAX : offer.clientMaxWindowBits;
  const clientBits = offeredBits === ABSENT ? BITS_MAX : Math.min(wishes.clientMaxWindowBits, offeredBits);
  const isServerBitsTold = offer.serverMaxWindowBits !== ABSENT || serverBits < BITS_MAX ? 1 : 0;
  const key = serverNo | (clientNo << 1) | (isServerBitsTold << 2) | (serverBits << 3) | (clientBits << 7);
  const known = answers.get(key);
  if (known) return known;
  const extension = extensionText(
    serverNo,
    clientNo,
    isServerBitsTold * serverBits,
    clientBits < BITS_MAX ? clientBits : 0,
  );
  const answer = {
    serverNoContextTakeover: serverNo === 1,
    clientNoContextTakeover: clientNo === 1,
    serverMaxWindowBits: serverBits,
    clientMaxWindowBits: clientBits,
    headerLine: new TextEncoder().encode(`Sec-WebSocket-Extensions: ${extension}\r\n`),
  };
  answers.set(key, answer);
  return answer;
}

/** A client's offer. It always says that it can do with a smaller window, so that the server may ask for one. */
export function deflateOffer(wishes: DeflateAgreement = deflateDefaults): string {
  const { serverMaxWindowBits, clientMaxWindowBits } = wishes;
  const client = clientMaxWindowBits < BITS_MAX ? clientMaxWindowBits : NO_VALUE;
  const server = serverMaxWindowBits < BITS_MAX ? serverMaxWindowBits : 0;
  return extensionText(+wishes.serverNoContextTakeover, +wishes.clientNoContextTakeover, server, client);
}

/**
 * What a server's answer to {@link deflateOffer} means: the value of its Sec-WebSocket-Extensions, "" when there is
 * none. Undefined when it did not accept. Throws {@link HandshakeError} 502 for an answer that 7.1 does not allow.
 */
export function readDeflateAnswer(
  extensions: string,
  wishes: DeflateAgreement = deflateDefaults,
): DeflateAgreement | undefined {
  const bytes = new TextEncoder().encode(extensions);
  list.start(bytes, 0, bytes.length);
  if (!list.next()) return undefined;
  if (!equalsIgnoringCase(bytes, list.itemFrom, list.itemTo, NAME)) refused("it was not offered", extensions);
  const isGood = parameters.read(bytes);
  const clientBits = parameters.clientMaxWindowBits;
  const serverBits = parameters.serverMaxWindowBits || BITS_MAX;
  const isServerNo = parameters.serverNoContextTakeover !== ABSENT;
  if (!isGood || clientBits === NO_VALUE) refused("its parameters are malformed", extensions);
  if (wishes.serverNoContextTakeover && !isServerNo) refused("server_no_context_takeover is missing", extensions);
  if (serverBits > wishes.serverMaxWindowBits) refused("server_max_window_bits is missing or too large", extensions);
  if (list.next()) refused("it was offered once", extensions);
  return {
    serverNoContextTakeover: isServerNo,
    clientNoContextTakeover: wishes.clientNoContextTakeover || parameters.clientNoContextTakeover !== ABSENT,
    serverMaxWindowBits: serverBits,
    clientMaxWindowBits: Math.min(wishes.clientMaxWindowBits, clientBits || BITS_MAX),
  };
}

function refused(why: string, extensions: string): never {
  throw new HandshakeError(502, `the server answered with the extension "${extensions}": ${why}`);
}

/** The extension with its parameters; bits of 0 are left out, NO_VALUE stands for the parameter without a value. */
function extensionText(serverNo: number, clientNo: number, serverBits: number, clientBits: number): string {
  let text = NAME;
  if (serverNo !== 0) text += "; server_no_context_takeover";
  if (clientNo !== 0) text += "; client_no_context_takeover";
  if (serverBits !== 0) text += `; server_max_window_bits=${serverBits}`;
  if (clientBits === NO_VALUE) text += "; client_max_window_bits";
  else if (clientBits !== 0) text += `; client_max_window_bits=${clientBits}`;
  return text;
}

function isNamed(bytes: Uint8Array, name: string): boolean {
  return equalsIgnoringCase(bytes, list.nameFrom, list.nameTo, name);
}

/** The parameter's value as window bits: NO_VALUE without one, ABSENT for one that is not a number from 8 to 15. */
function bitsOf(bytes: Uint8Array): number {
  const from = list.valueFrom;
  if (from < 0) return NO_VALUE;
  const first = (bytes[from] as number) - 48;
  if (list.valueTo - from === 1) return first >= BITS_MIN && first <= 9 ? first : ABSENT;
  const second = (bytes[from + 1] as number) - 48;
  return list.valueTo - from === 2 && first === 1 && second >= 0 && second <= 5 ? 10 + second : ABSENT;
}
