import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { type Extension, parseExtensions } from "./handshake.ts";

/**
 * RFC 7692, the plain way: no stream is kept. What went before is given to zlib as a dictionary, which for raw DEFLATE
 * is the same as having it in the window.
 */

/** How one side compresses. */
export interface Direction {
  readonly windowBits: number;
  /** Whether messages may refer to those before them. */
  readonly takeover: boolean;
}

/** What both sides agreed on: how the tester compresses, and how the endpoint does. */
export interface Agreement {
  readonly own: Direction;
  readonly peer: Direction;
}

/** The tester's side of one connection. */
export class Deflate {
  readonly #agreement: Agreement;
  #sent: Buffer = Buffer.alloc(0);
  #received: Buffer = Buffer.alloc(0);

  constructor(agreement: Agreement) {
    this.#agreement = agreement;
  }

  get agreement(): Agreement {
    return this.#agreement;
  }

  /** 7.2.1: flushed, and without the last four octets. */
  compress(bytes: Buffer, level = 6, strategy: number = constants.Z_DEFAULT_STRATEGY): Buffer {
    const { own } = this.#agreement;
    const options = { ...dictionary(this.#sent), windowBits: Math.max(own.windowBits, 9) };
    // zlib compresses with no window of 256 bytes: without back-references any window is large enough.
    const how = own.windowBits === 8 ? constants.Z_HUFFMAN_ONLY : strategy;
    const out = deflateRawSync(bytes, { ...options, level, strategy: how, finishFlush: constants.Z_SYNC_FLUSH });
    this.#sent = windowAfter(this.#sent, bytes, own);
    return out.subarray(0, out.length - 4);
  }

  /** 7.2.2. Throws zlib's error for what is not DEFLATE, or refers to more than was agreed on. */
  decompress(bytes: Buffer): Buffer {
    const { peer } = this.#agreement;
    const out = inflateRawSync(Buffer.concat([bytes, Buffer.from("0000ffff", "hex")]), {
      ...dictionary(this.#received),
      windowBits: peer.windowBits,
      finishFlush: constants.Z_SYNC_FLUSH,
      // zlib lets a reference reach back over all it put out in one go: small steps keep it to the window.
      chunkSize: peer.windowBits < 15 ? 64 : 65_536,
    });
    this.#received = windowAfter(this.#received, out, peer);
    return out;
  }
}

function dictionary(window: Buffer): { dictionary?: Buffer } {
  return window.length > 0 ? { dictionary: window } : {};
}

function windowAfter(before: Buffer, message: Buffer, { takeover, windowBits }: Direction): Buffer {
  if (!takeover) return Buffer.alloc(0);
  return Buffer.from(Buffer.concat([before, message]).subarray(-(2 ** windowBits)));
}

/** The parameters that permessage-deflate has (7.1), and whether their values are right for who says them. */
const PARAMETERS: Readonly<Record<string, (value: string | true, inAnswer: boolean) => boolean>> = {
  server_no_context_takeover: (value) => value === true,
  client_no_context_takeover: (value) => value === true,
  server_max_window_bits: isWindow,
  client_max_window_bits: (value, inAnswer) => (value === true ? !inAnswer : isWindow(value)),
};

function isWindow(value: string | true): boolean {
  return value !== true && /^([89]|1[0-5])$/.test(value);
}

/** What is wrong with a permessage-deflate by itself, or undefined. */
export function malformed({ name, parameters }: Extension, inAnswer: boolean): string | undefined {
  if (name !== "permessage-deflate") return `the extension ${name}`;
  const names = parameters.map(([parameter]) => parameter);
  const twice = names.find((parameter, i) => names.indexOf(parameter) !== i);
  if (twice !== undefined) return `${twice} twice`;
  const bad = parameters.find(([parameter, value]) => !PARAMETERS[parameter]?.(value, inAnswer));
  return bad && `the parameter ${bad.join("=")}`;
}

/** What an answer means for the tester, which `plays` the client or the server. The answer must be well-formed. */
export function agreementOf(answer: string, plays: "client" | "server"): Agreement {
  const parameters = new Map(parseExtensions(answer)[0]?.parameters);
  const direction = (who: string): Direction => ({
    windowBits: Number(parameters.get(`${who}_max_window_bits`) ?? 15),
    takeover: !parameters.has(`${who}_no_context_takeover`),
  });
  const [client, server] = [direction("client"), direction("server")];
  return plays === "client" ? { own: client, peer: server } : { own: server, peer: client };
}

/** Why an answer cannot be one to these offers (5.1, 7.1), or undefined. */
export function wrongAnswer(offers: string, answer: string): string | undefined {
  const answers = parseExtensions(answer);
  const [one] = answers;
  if (!one || answers.length > 1) return `${answers.length} extensions in the answer`;
  const wrong = malformed(one, true);
  if (wrong) return wrong;
  const offered = parseExtensions(offers).filter((offer) => malformed(offer, false) === undefined);
  return offered.some((offer) => fits(offer, one)) ? undefined : "no offer that it would be an answer to";
}

function fits(offer: Extension, answer: Extension): boolean {
  const offered = new Map(offer.parameters);
  const answered = new Map(answer.parameters);
  if (offered.has("server_no_context_takeover") && !answered.has("server_no_context_takeover")) return false;
  const server = offered.get("server_max_window_bits");
  if (server !== undefined && !(Number(answered.get("server_max_window_bits")) <= Number(server))) return false;
  const client = answered.get("client_max_window_bits");
  if (client === undefined) return true;
  const most = offered.get("client_max_window_bits");
  return most !== undefined && (most === true || Number(client) <= Number(most));
}
