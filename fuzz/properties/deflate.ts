import assert from "node:assert/strict";
import fc from "fast-check";
import { HandshakeError } from "../../src/errors.ts";
import {
  acceptDeflate,
  type DeflateAgreement,
  deflateOffer,
  RequestHead,
  readDeflateAnswer,
  readHead,
} from "../../src/ws/index.ts";
import { latin1, text } from "../bytes.ts";
import { anyLists } from "../lists.ts";
import { type NaiveElement, naiveList } from "../naive-list.ts";
import type { Property } from "../property.ts";

interface Input {
  /** The values of the lines of Sec-WebSocket-Extensions in the request. */
  readonly offers: readonly string[];
  readonly client: DeflateAgreement;
  readonly server: DeflateAgreement;
}

/** What may stand in the value of a header. */
const values = anyLists.map((value) => value.replace(/[^\t\x20-\x7e\x80-\xff]/g, ""));

const wishes = fc.record({
  serverNoContextTakeover: fc.boolean(),
  clientNoContextTakeover: fc.boolean(),
  serverMaxWindowBits: fc.integer({ min: 8, max: 15 }),
  clientMaxWindowBits: fc.integer({ min: 8, max: 15 }),
});

/** The negotiation of permessage-deflate, at both ends. */
export const deflate: Property<Input> = {
  name: "deflate",
  proves: "acceptDeflate answers the first offer that RFC 7692, 7.1, lets it; both ends agree on what its answer means",
  share: 6,
  inputs: fc.record({ offers: fc.array(values, { maxLength: 2 }), client: wishes, server: wishes }),
  check({ offers, client, server }) {
    checkAnswer(offers, server);
    const answer = acceptDeflate(headWith([deflateOffer(client)]), server);
    assert.ok(answer, "an offer of its own is not accepted");
    const { headerLine, ...agreed } = answer;
    assert.deepEqual(readDeflateAnswer(answered(headerLine), client), agreed, "the ends disagree");
    // Whatever a server says: it is refused, or means no more than was asked for.
    for (const value of offers) checkReading(value, client);
  },
};

function headWith(values: readonly string[]): RequestHead {
  const lines = values.map((value) => `Sec-WebSocket-Extensions: ${value}\r\n`).join("");
  const bytes = latin1(`GET / HTTP/1.1\r\n${lines}\r\n`);
  const head = new RequestHead();
  assert.equal(readHead(bytes, 0, bytes.length, head), bytes.length);
  return head;
}

function answered(headerLine: Uint8Array): string {
  const [, value] = /^Sec-WebSocket-Extensions: (.*)\r\n$/.exec(text(headerLine)) ?? [];
  return value ?? assert.fail(`the line is ${JSON.stringify(text(headerLine))}`);
}

function checkAnswer(offers: readonly string[], wishes: DeflateAgreement): void {
  let answer: ReturnType<typeof acceptDeflate>;
  try {
    answer = acceptDeflate(headWith(offers), wishes);
  } catch (error) {
    assert.ok(error instanceof HandshakeError && error.status === 400, String(error));
    assert.ok(
      offers.some((value) => naiveList(value).malformed),
      "well-formed lists are refused",
    );
    return;
  }
  const offer = firstGood(offers);
  if (!offer) return assert.equal(answer, undefined, "accepted, though nothing can be");
  assert.ok(answer, "not accepted");
  const { headerLine, ...agreed } = answer;
  const said = parametersOf(naiveList(answered(headerLine)).elements[0] as NaiveElement) as Parameters;
  checkParameters(offer, said, agreed, wishes);
}

/** RFC 7692, 7.1: what may be answered to an offer, and what an answer means. */
function checkParameters(
  offer: Parameters,
  said: Parameters,
  agreed: DeflateAgreement,
  wishes: DeflateAgreement,
): void {
  const serverNo = wishes.serverNoContextTakeover || offer.has("server_no_context_takeover");
  const clientNo = wishes.clientNoContextTakeover || offer.has("client_no_context_takeover");
  const serverBits = Math.min(wishes.serverMaxWindowBits, offer.get("server_max_window_bits") ?? 15);
  const isClientAble = offer.has("client_max_window_bits");
  const clientBits = isClientAble
    ? Math.min(wishes.clientMaxWindowBits, offer.get("client_max_window_bits") ?? 15)
    : 15;
  assert.deepEqual(agreed, {
    serverNoContextTakeover: serverNo,
    clientNoContextTakeover: clientNo,
    serverMaxWindowBits: serverBits,
    clientMaxWindowBits: clientBits,
  });
  assert.equal(said.has("server_no_context_takeover"), serverNo);
  assert.equal(said.has("client_no_context_takeover"), clientNo);
  assert.equal(said.get("server_max_window_bits") ?? 15, serverBits);
  assert.equal(said.get("client_max_window_bits") ?? 15, clientBits);
  if (offer.has("server_max_window_bits")) assert.ok(said.has("server_max_window_bits"), "7.1.2.1: it must be told");
  if (!isClientAble) assert.ok(!said.has("client_max_window_bits"), "7.1.2.2: it must not be told");
}

type Parameters = ReadonlyMap<string, number | undefined>;

/** The first offer with parameters that are known, there once and of allowed values. */
function firstGood(offers: readonly string[]): Parameters | undefined {
  const all = offers.flatMap((value) => naiveList(value).elements);
  const ours = all.filter(({ item }) => item.toLowerCase() === "permessage-deflate");
  return ours.map(parametersOf).find((parameters) => parameters !== undefined);
}

function parametersOf({ parameters }: NaiveElement): Parameters | undefined {
  const all = new Map<string, number | undefined>();
  for (const [name, value] of parameters) {
    const lower = name.toLowerCase();
    const isFlag = /^(?:server|client)_no_context_takeover$/.test(lower) && value === undefined;
    const isBits = /^(?:server|client)_max_window_bits$/.test(lower) && /^(?:[89]|1[0-5])$/.test(value ?? "");
    const isBare = lower === "client_max_window_bits" && value === undefined;
    if (all.has(lower) || !(isFlag || isBits || isBare)) return undefined;
    all.set(lower, value === undefined ? undefined : Number(value));
  }
  return all;
}

function checkReading(value: string, wishes: DeflateAgreement): void {
  try {
    const read = readDeflateAnswer(value, wishes);
    if (!read) return assert.deepEqual(naiveList(value), { elements: [], malformed: false });
    assert.ok(read.serverMaxWindowBits <= wishes.serverMaxWindowBits);
    assert.ok(read.clientMaxWindowBits <= wishes.clientMaxWindowBits);
    assert.ok(read.serverNoContextTakeover || !wishes.serverNoContextTakeover);
    assert.ok(read.clientNoContextTakeover || !wishes.clientNoContextTakeover);
    assert.equal(naiveList(value).elements.length, 1);
  } catch (error) {
    assert.ok(error instanceof HandshakeError, String(error));
  }
}
