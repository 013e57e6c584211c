import { BelfryError } from "../errors.ts";
import { headerLines } from "./answer.ts";
import { ascii, equalsIgnoringCase, latin1Bytes, tokenEnd } from "./characters.ts";
import { ListCursor, unquote } from "./head-list.ts";
import type { HttpHead } from "./header-lines.ts";
import { known } from "./known-headers.ts";

/** How a server chooses among the subprotocols and extensions that a client offers. */
export interface NegotiationOptions {
  /** The subprotocols spoken here, or a function that is asked for each; the client's first match is taken. */
  readonly protocols?: readonly string[] | ((name: string) => boolean);
  /**
   * Asked for each extension offered but permessage-deflate; returns the accepted form for the answer, `name; a=1` say,
   * or nothing.
   */
  readonly extension?: (name: string, parameters: ReadonlyMap<string, string>) => string | undefined;
}

const list = new ListCursor();
const NOTHING: Uint8Array = new Uint8Array(0);
const EXTENSIONS = "Sec-WebSocket-Extensions";

/** RFC 6455, section 4.2.2, points 5 and 6: what goes into the answer for what was offered. */
export class Negotiation {
  /** The subprotocol chosen, "" for none. */
  protocol = "";
  /** The header lines of the answer, with their line ends; empty for none. */
  protocolLine = NOTHING;
  extensionLine = NOTHING;
  readonly #accepts: ((name: string) => boolean) | undefined;
  readonly #extension: NegotiationOptions["extension"];
  /** The protocols by name, with the line that answers each. */
  readonly #protocols: readonly Named[];

  /** Throws BELFRY_BAD_OPTION for a protocol that is not a token. */
  constructor({ protocols = [], extension }: NegotiationOptions) {
    this.#extension = extension;
    this.#accepts = typeof protocols === "function" ? protocols : undefined;
    this.#protocols = typeof protocols === "function" ? [] : protocols.map(named);
  }

  /**
   * Chooses for a request; `deflated` says that permessage-deflate has been accepted already. Throws
   * {@link HandshakeError} 400 for malformed lists.
   */
  negotiate(head: HttpHead, deflated: boolean): void {
    this.protocol = "";
    this.protocolLine = NOTHING;
    this.extensionLine = NOTHING;
    if (this.#accepts || this.#protocols.length > 0) this.#chooseProtocol(head);
    if (this.#extension) this.#chooseExtensions(head, this.#extension, deflated);
  }

  #chooseProtocol(head: HttpHead): void {
    for (let i = head.known[known.PROTOCOL] as number; i >= 0; i = head.find("sec-websocket-protocol", i + 1)) {
      const from = head.valueFrom(i);
      const to = head.valueTo(i);
      // Mostly one protocol is offered, and it is one of these.
      if (this.#take(this.#listed(head.bytes, from, to))) return;
      list.start(head.bytes, from, to);
      while (list.nextToken()) if (this.#take(this.#choose(head.bytes))) return;
    }
  }

  #choose(bytes: Uint8Array): Named | undefined {
    if (!this.#accepts) return this.#listed(bytes, list.itemFrom, list.itemTo);
    const name = ascii(bytes, list.itemFrom, list.itemTo);
    return this.#accepts(name) ? named(name) : undefined;
  }

  #take(chosen: Named | undefined): boolean {
    if (!chosen) return false;
    this.protocol = chosen.name;
    this.protocolLine = chosen.line;
    return true;
  }

  #listed(bytes: Uint8Array, from: number, to: number): Named | undefined {
    for (let i = 0; i < this.#protocols.length; i++) {
      const protocol = this.#protocols[i] as Named;
      if (equals(bytes, from, to, protocol.name)) return protocol;
    }
    return undefined;
  }

  #chooseExtensions(head: HttpHead, extension: NonNullable<NegotiationOptions["extension"]>, deflated: boolean): void {
    const accepted: string[] = [];
    for (let i = head.known[known.EXTENSIONS] as number; i >= 0; i = head.find("sec-websocket-extensions", i + 1)) {
      list.start(head.bytes, head.valueFrom(i), head.valueTo(i));
      while (list.next()) {
        if (deflated && equalsIgnoringCase(head.bytes, list.itemFrom, list.itemTo, "permessage-deflate")) continue;
        const form = extension(ascii(head.bytes, list.itemFrom, list.itemTo), parametersOf(head.bytes));
        if (form !== undefined) accepted.push(form);
      }
    }
    if (accepted.length > 0) this.extensionLine = latin1Bytes(headerLines({ [EXTENSIONS]: accepted.join(", ") }));
  }
}

function parametersOf(bytes: Uint8Array): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  while (list.nextParameter()) {
    const name = ascii(bytes, list.nameFrom, list.nameTo).toLowerCase();
    parameters.set(name, list.valueFrom < 0 ? "" : unquote(bytes, list.valueFrom, list.valueTo));
  }
  return parameters;
}

/** A protocol, and the header line that accepts it. */
interface Named {
  readonly name: string;
  readonly line: Uint8Array;
}

function named(name: string): Named {
  const bytes = latin1Bytes(name);
  if (name === "" || tokenEnd(bytes, 0, bytes.length) !== bytes.length) {
    throw new BelfryError("BELFRY_BAD_OPTION", `the protocol ${JSON.stringify(name)} is not a token`);
  }
  return { name, line: latin1Bytes(`Sec-WebSocket-Protocol: ${name}\r\n`) };
}

/** Subprotocols are compared with their case (RFC 6455, 4.1, point 10). */
function equals(bytes: Uint8Array, from: number, to: number, text: string): boolean {
  if (to - from !== text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[from + i] !== text.charCodeAt(i)) return false;
  return true;
}
