import { limits } from "../limits.ts";
import {
  acceptDeflate,
  type DeflateAgreement,
  type DeflateAnswer,
  deflateDefaults,
  type MessageCodec,
  type MessageRules,
  type RequestHead,
} from "../ws/index.ts";
import { type CompressionOptions, compressionDefaults, windowBytes, zlibCodec } from "../zlib.ts";
import { type Columns, flags } from "./columns.ts";

/** Permessage-deflate (RFC 7692): what to ask for, and how to do it; see deflateDefaults and compressionDefaults. */
export type DeflateOptions = Partial<DeflateAgreement & CompressionOptions>;

/** The options of the server that {@link Compression} looks at. */
export interface CompressionParts {
  readonly deflate?: boolean | DeflateOptions;
  readonly messageBytesMax?: number;
  readonly fragmentsMax?: number;
}

/** A connection whose codec is its own, because its window outlives a message. */
interface Own {
  readonly rules: MessageRules;
  readonly windowBytes: number;
}

/**
 * Which connections have permessage-deflate, and by which rules their messages are read and written. Without context
 * takeover those with the same window share one codec, and a connection costs one bit.
 */
export class Compression {
  /** The shortest message that is compressed, in bytes. */
  readonly thresholdBytes: number;
  /** How many connections have it. */
  connections = 0;
  /** The rules of connections without it. */
  readonly plainRules: MessageRules;
  readonly #columns: Columns;
  readonly #options: CompressionOptions;
  readonly #wishes: DeflateAgreement | undefined;
  readonly #shared: MessageRules;
  readonly #own = new Map<number, Own>();
  #windowBytes = 0;

  /** `deflate` false: nobody gets it. */
  constructor(columns: Columns, parts: CompressionParts) {
    const { deflate = false, messageBytesMax = limits.messageBytesMax, fragmentsMax = limits.fragmentsMax } = parts;
    const options = typeof deflate === "object" ? deflate : {};
    this.#columns = columns;
    this.plainRules = { server: true, rsvAllowed: 0, messageBytesMax, fragmentsMax };
    this.#options = { ...compressionDefaults, ...options };
    this.#wishes = deflate === false ? undefined : { ...deflateDefaults, ...options };
    const serverMaxWindowBits = this.#wishes?.serverMaxWindowBits ?? deflateDefaults.serverMaxWindowBits;
    this.#shared = this.#rulesWith(zlibCodec({ ...deflateDefaults, serverMaxWindowBits }, "server", this.#options));
    this.thresholdBytes = this.#options.thresholdBytes;
  }

  /** The answer to a request's offers; undefined for none. Throws HandshakeError for a broken list. */
  answer(head: RequestHead): DeflateAnswer | undefined {
    if (!this.#wishes) return undefined;
    const answer = acceptDeflate(head, this.#wishes);
    if (!answer || this.#windowBytes + windowBytes(answer) <= limits.deflateWindowsBytesMax) return answer;
    return acceptDeflate(head, { ...this.#wishes, serverNoContextTakeover: true, clientNoContextTakeover: true });
  }

  /** A connection has it from now on. */
  begin(fd: number, answer: DeflateAnswer): void {
    this.#columns.flags[fd] = (this.#columns.flags[fd] as number) | flags.DEFLATED;
    this.connections++;
    const bytes = windowBytes(answer);
    if (bytes === 0 && answer.serverMaxWindowBits === this.#wishes?.serverMaxWindowBits) return;
    this.#own.set(fd, { rules: this.#rulesWith(zlibCodec(answer, "server", this.#options)), windowBytes: bytes });
    this.#windowBytes += bytes;
  }

  /** Drops what is kept for a connection. */
  forget(fd: number): void {
    if (!this.has(fd)) return;
    this.connections--;
    const own = this.#own.get(fd);
    if (!own) return;
    this.#own.delete(fd);
    this.#windowBytes -= own.windowBytes;
  }

  /** By which rules a connection's frames are judged. */
  rules(fd: number): MessageRules {
    if (!this.has(fd)) return this.plainRules;
    return this.#own.get(fd)?.rules ?? this.#shared;
  }

  /** Whether a connection has it. */
  has(fd: number): boolean {
    return ((this.#columns.flags[fd] as number) & flags.DEFLATED) !== 0;
  }

  /** Whether a connection has it and shares the codec: what is compressed for one is for all of these. */
  isShared(fd: number): boolean {
    return this.has(fd) && !this.#own.has(fd);
  }

  /** The codec that is shared. */
  get codec(): MessageCodec {
    return this.#shared.codec as MessageCodec;
  }

  #rulesWith(codec: MessageCodec): MessageRules {
    return { ...this.plainRules, rsvAllowed: 4, codec };
  }
}
